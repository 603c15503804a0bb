// RUN: fleet-opt %s --split-input-file --verify-diagnostics --optim-append-backward

optim.parameter @w : tensor<4xf32> init = #optim.ones
func.func @main(%x: tensor<f32>) {
  // expected-error @+1 {{has a loss that depends on no parameter that is trained}}
  optim.minimize %x : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  return
}

// -----

// Frozen parameters do not count, nor does what comes through an integer.

optim.parameter @w : tensor<1x4xf32> init = #optim.ones frozen
optim.parameter @v : tensor<1x4xf32> init = #optim.ones
func.func @main() {
  %w = optim.read @w : tensor<1x4xf32>
  %v = optim.read @v : tensor<1x4xf32>
  %0 = nn.argmax %v : tensor<1x4xf32> -> tensor<1x1xi64>
  %1 = nn.one_hot %0 : tensor<1x1xi64> -> tensor<1x4xf32>
  %2 = nn.mul %w, %1 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %loss = nn.mean %2 : tensor<1x4xf32> -> tensor<f32>
  // expected-error @+1 {{has a loss that depends on no parameter that is trained}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  return
}

// -----

optim.parameter @w : tensor<4xf32> init = #optim.ones
optim.parameter @v : tensor<4xf32> init = #optim.ones
func.func @main() {
  %w = optim.read @w : tensor<4xf32>
  %loss = nn.mean %w : tensor<4xf32> -> tensor<f32>
  // expected-error @+1 {{lists @v, which the loss does not depend on}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> parameters = [@w, @v]
  return
}

// -----

optim.parameter @w : tensor<f32> init = #optim.ones
func.func private @helper(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
func.func @main() {
  %w = optim.read @w : tensor<f32>
  // expected-error @+1 {{'func.call' op has no gradient, but a parameter reaches the loss through it}}
  %loss = func.call @helper(%w) : (tensor<f32>) -> tensor<f32>
  // expected-note @+1 {{the loss is minimized here}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  return
}

// -----

optim.parameter @w : tensor<4xf32> init = #optim.ones
func.func @main() {
  %w = optim.read @w : tensor<4xf32>
  %loss = nn.mean %w : tensor<4xf32> -> tensor<f32>
  // expected-note @+1 {{it is updated here}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  // expected-error @+1 {{updates @w, which is updated already}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  return
}

// -----

optim.parameter @w : tensor<4xf32> init = #optim.ones
func.func @main(%g: tensor<4xf32>) {
  %w = optim.read @w : tensor<4xf32>
  %loss = nn.mean %w : tensor<4xf32> -> tensor<f32>
  // expected-error @+1 {{updates @w, which is updated already}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  // expected-note @+1 {{it is updated here}}
  optim.sgd @w, %g learning_rate = 1.0 : tensor<4xf32>
  return
}

// -----

optim.parameter @w : tensor<4xf32> init = #optim.ones
func.func @main(%c: i1) {
  %w = optim.read @w : tensor<4xf32>
  %loss = nn.mean %w : tensor<4xf32> -> tensor<f32>
  scf.if %c {
    // expected-error @+1 {{must be directly in a function of the program whose body is one block}}
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  }
  return
}

// -----

optim.parameter @w : tensor<4xf32> init = #optim.ones
func.func @main(%c: i1) {
  %w = optim.read @w : tensor<4xf32>
  %loss = nn.mean %w : tensor<4xf32> -> tensor<f32>
  // expected-error @+1 {{must be directly in a function of the program whose body is one block}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  cf.cond_br %c, ^bb1, ^bb1
^bb1:
  return
}

// -----

optim.parameter @w : tensor<4xf32> init = #optim.ones
// expected-note @+1 {{by this, rename it}}
optim.parameter @"w/velocity" : tensor<4xf32> init = #optim.ones
func.func @main() {
  %w = optim.read @w : tensor<4xf32>
  %loss = nn.mean %w : tensor<4xf32> -> tensor<f32>
  // expected-error @+1 {{the state "velocity" of @w cannot be named @"w/velocity", the name is taken}}
  optim.minimize %loss : tensor<f32> with #optim.momentum<learning_rate = 1.0>
  return
}

// -----

// A gradient would have to be computed in a nested region.
optim.parameter @w : tensor<f32> init = #optim.ones
func.func @main(%c: i1) {
  %w = optim.read @w : tensor<f32>
  %none = nn.constant dense<0.0> : tensor<f32>
  // expected-error @+1 {{'scf.if' op has no gradient, but a parameter reaches the loss through it}}
  %loss = scf.if %c -> tensor<f32> {
    %0 = nn.square %w : tensor<f32>
    scf.yield %0 : tensor<f32>
  } else {
    scf.yield %none : tensor<f32>
  }
  // expected-note @+1 {{the loss is minimized here}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  return
}

// -----

// A gradient would have to be computed in half precision.
optim.parameter @w : tensor<4xf32> init = #optim.ones
func.func @main() {
  %w = optim.read @w : tensor<4xf32>
  %half = nn.cast %w : tensor<4xf32> to tensor<4xf16>
  // expected-error @+1 {{'nn.cast' op has no gradient in 'f16', in which nothing is computed}}
  %rounded = nn.cast %half : tensor<4xf16> to tensor<4xf32>
  %loss = nn.mean %rounded : tensor<4xf32> -> tensor<f32>
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  return
}
