// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-share-assigned

optim.parameter @w : tensor<3xf32> init = #optim.ones
func.func @main(%g: tensor<3xf32>) {
  // expected-error @+1 {{assigns @w, which an optimizer updates too}}
  optim.assign @w, %g : tensor<3xf32>
  // expected-note @+1 {{it is updated here}}
  optim.sgd @w, %g learning_rate = 1.0 : tensor<3xf32>
  return
}

// -----

optim.parameter @m : tensor<3xf32> init = #optim.ones frozen
func.func @main(%g: tensor<3xf32>) {
  // expected-note @+1 {{the first time is here}}
  optim.assign @m, %g : tensor<3xf32>
  // expected-error @+1 {{assigns @m a second time in one step}}
  optim.assign @m, %g : tensor<3xf32>
  return
}

// -----

optim.parameter @m : tensor<3xf32> init = #optim.ones frozen
func.func @main(%g: tensor<1xf32>) {
  // expected-error @+1 {{assigns rows of @m; with parameter servers, assign all of it}}
  optim.assign @m row 2, %g : tensor<1xf32>
  return
}

// -----

optim.parameter @w : tensor<3xf32> init = #optim.ones
// expected-note @+1 {{it is declared here}}
optim.state @v of @w slot = "velocity" : tensor<3xf32> init = #optim.zeros
func.func @main(%g: tensor<3xf32>) {
  // expected-error @+1 {{assigns @v, which is state of an optimizer}}
  optim.assign @v, %g : tensor<3xf32>
  return
}

// -----

// What it takes is no gradient; an optimizer leaves what is frozen alone.
// expected-note @+1 {{it is declared here}}
optim.parameter @m : tensor<3xf32> init = #optim.ones frozen
func.func @main(%g: tensor<3xf32>) {
  optim.take_average @m, %g : tensor<3xf32>
  // expected-error @+1 {{updates @m, which is frozen}}
  optim.sgd @m, %g learning_rate = 1.0 : tensor<3xf32>
  return
}
