// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-distribute-ps='pservers=h:1 trainers=2'

// Only servers have averaged gradients, so only updates can use them.

optim.parameter @w : tensor<2xf32> init = #optim.ones
func.func @main(%g: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{changes gradient 0 on servers, where one optimizer may use it and nothing else}}
  %c = optim.clip_by_global_norm %g max = 1.0 : tensor<2xf32>
  optim.sgd @w, %c learning_rate = 1.0 : tensor<2xf32>
  // expected-note @+1 {{it is used here}}
  return %c : tensor<2xf32>
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.ones
func.func @main(%g: tensor<2xf32>, %h: tensor<2xf32>) {
  // expected-error @+1 {{changes gradient 1, which no optimizer uses; servers would not have it}}
  %c:2 = optim.clip_by_global_norm %g, %h max = 1.0 : tensor<2xf32>, tensor<2xf32>
  optim.sgd @w, %c#0 learning_rate = 1.0 : tensor<2xf32>
  return
}
