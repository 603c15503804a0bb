// RUN: fleet-opt %s --fleet-exchange-deltas --verify-diagnostics

// expected-note @+1 {{declare it without rows, or use another mode}}
optim.parameter @t : tensor<100x4xf32> init = #optim.ones rows = sparse
func.func @main(%a: tensor<?x1xi64>) {
  %x = optim.lookup @t[%a] : (tensor<?x1xi64>) -> tensor<?x4xf32>
  %g = optim.row_gradient @t [%a] %x : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<100x4xf32>
  // expected-error @+1 {{'optim.sgd' op updates @t, whose rows every step pulls and pushes; in mode geo a trainer trains by itself between exchanges, so it has to hold all of it}}
  optim.sgd @t, %g learning_rate = 0.1 : tensor<100x4xf32>
  return
}
