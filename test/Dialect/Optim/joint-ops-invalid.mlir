// RUN: fleet-opt %s --split-input-file --verify-diagnostics --optim-append-backward

func.func @f() {
  // expected-error @+1 {{clips nothing, expected at least one gradient}}
  "optim.clip_by_global_norm"() {max = 1.0 : f64} : () -> ()
  return
}

// -----

func.func @f(%a: tensor<2xf32>) {
  // expected-error @+1 {{has the max -1.000000e+00, expected a number greater than 0}}
  %c = optim.clip_by_global_norm %a max = -1.0 : tensor<2xf32>
  return
}

// -----

func.func @f(%a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error @+1 {{clips gradients of 'f32' and 'f64', which have no norm in common}}
  %c:2 = optim.clip_by_global_norm %a, %b max = 1.0 : tensor<2xf32>, tensor<2xf64>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{max must be greater than 0}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> clip = #optim.clip_by_global_norm<max = 0.0>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
optim.parameter @v : tensor<2xf64> init = #optim.zeros
func.func @main() {
  %w = optim.read @w : tensor<2xf32>
  %v = optim.read @v : tensor<2xf64>
  %0 = nn.cast %v : tensor<2xf64> to tensor<2xf32>
  %1 = nn.mul %w, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %loss = nn.mean %1 : tensor<2xf32> -> tensor<f32>
  // expected-error @+1 {{clips gradients of 'f32' and 'f64' by their global norm; use one optim.minimize for each type}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> clip = #optim.clip_by_global_norm<max = 1.0>
  return
}
