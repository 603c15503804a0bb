// RUN: fleet-opt %s --optim-append-backward --verify-diagnostics

// expected-note @+1 {{it is declared here}}
optim.parameter @t : tensor<100x4xf32> init = #optim.ones rows = sparse
func.func @main(%a: tensor<?x1xi64>) -> tensor<f32> {
  // expected-error @+1 {{'optim.read' op reads @t, a table; run optim-lookup-rows first}}
  %t = optim.read @t : tensor<100x4xf32>
  %x = nn.embedding %t, %a : (tensor<100x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  %loss = nn.mean %x : tensor<?x4xf32> -> tensor<f32>
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.1>
  return %loss : tensor<f32>
}
