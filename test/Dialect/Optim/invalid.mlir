// RUN: fleet-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{stddev must not be negative}}
optim.parameter @w : tensor<2xf32> init = #optim.normal<stddev = -1.0>

// -----

// expected-error @+1 {{low must not be greater than high}}
optim.parameter @w : tensor<2xf32> init = #optim.uniform<low = 1.0, high = 0.0>

// -----

// 0x7FF0000000000000 is infinity.
// expected-error @+1 {{value must be a finite number}}
optim.parameter @w : tensor<2xf32> init = #optim.constant<0x7FF0000000000000>

// -----

// expected-error @+1 {{invalid kind of attribute specified}}
optim.parameter @w : tensor<2xf32> init = 1.0

// -----

// expected-error @+1 {{statically shaped tensor of 32-bit float or 64-bit float values}}
optim.parameter @w : tensor<?xf32> init = #optim.zeros

// -----

// expected-error @+1 {{has no elements: 'tensor<0x2xf32>'}}
optim.parameter @w : tensor<0x2xf32> init = #optim.zeros

// -----

// expected-error @+1 {{of type 'tensor<7x1xf32>' does not lie in rows of its origin}}
optim.parameter @w : tensor<7x1xf32> init = #optim.zeros
  origin = #optim.origin<name = "w", shape = [13, 1], row_offset = 7>

// -----

// expected-error @+1 {{does not lie in rows of its origin}}
optim.parameter @w : tensor<6x2xf32> init = #optim.zeros
  origin = #optim.origin<name = "w", shape = [13, 1], row_offset = 7>

// -----

optim.parameter @w : tensor<6x2xf32> init = #optim.zeros
  // expected-error @+1 {{an origin needs a name}}
  origin = #optim.origin<name = "", shape = [13, 1]>

// -----

optim.parameter @w : tensor<6x2xf32> init = #optim.zeros
  // expected-error @+1 {{row_offset must not be negative}}
  origin = #optim.origin<name = "w", shape = [13, 1], row_offset = -1>

// -----

// expected-error @+1 {{is state of @w, which is no optim.parameter}}
optim.state @s of @w slot = "velocity" : tensor<2xf32> init = #optim.zeros

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
// expected-error @+1 {{needs a slot, such as "velocity"}}
optim.state @s of @w slot = "" : tensor<2xf32> init = #optim.zeros

// -----

// expected-note @+1 {{it is declared here}}
func.func @f() {
  // expected-error @+1 {{reads @f, which is no optim.parameter or optim.state}}
  %0 = optim.read @f : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{it is 'tensor<2xf32>'}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @f() {
  // expected-error @+1 {{reads @w as 'tensor<3xf32>'}}
  %0 = optim.read @w : tensor<3xf32>
  return
}

// -----

// expected-note @+1 {{it is 'tensor<2xf32>'}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @f(%v: tensor<3xf32>) {
  // expected-error @+1 {{assigns @w as 'tensor<3xf32>'}}
  optim.assign @w, %v : tensor<3xf32>
  return
}

// -----

func.func @f(%loss: tensor<?x1xf32>) {
  // expected-error @+1 {{minimizes 'tensor<?x1xf32>', expected a scalar; reduce the loss first, e.g. with nn.mean}}
  optim.minimize %loss : tensor<?x1xf32> with #optim.sgd<learning_rate = 1.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{lists no parameters; leave the list out to train all that the loss depends on}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> parameters = []
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{lists @w twice}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> parameters = [@w, @w]
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{lists @w, which is no optim.parameter}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> parameters = [@w]
  return
}

// -----

// expected-note @+1 {{it is declared here}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros frozen
func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{lists @w, which is frozen}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> parameters = [@w]
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{learning_rate must not be negative}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = -1.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{momentum must be at least 0 and less than 1}}
  optim.minimize %loss : tensor<f32> with #optim.momentum<learning_rate = 1.0, momentum = 1.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{beta2 must be at least 0 and less than 1}}
  optim.minimize %loss : tensor<f32> with #optim.adam<learning_rate = 1.0, beta2 = 1.5>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{epsilon must be greater than 0}}
  optim.minimize %loss : tensor<f32> with #optim.adam<learning_rate = 1.0, epsilon = 0.0>
  return
}

// -----

func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{updates @w, which is no optim.parameter}}
  optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{it is declared here}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros frozen
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{updates @w, which is frozen}}
  optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{the parameter is 'tensor<2xf32>'}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @f(%g: tensor<3xf32>) {
  // expected-error @+1 {{updates @w by a gradient of type 'tensor<3xf32>'}}
  optim.sgd @w, %g learning_rate = 1.0 : tensor<3xf32>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
optim.parameter @b : tensor<2xf32> init = #optim.zeros
// expected-note @+1 {{it is declared here}}
optim.state @s of @b slot = "velocity" : tensor<2xf32> init = #optim.zeros
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{keeps state in @s, which is no optim.state of @w}}
  optim.momentum @w, %g velocity = @s learning_rate = 1.0 momentum = 0.5 : tensor<2xf32>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
optim.state @m1 of @w slot = "moment1" : tensor<2xf32> init = #optim.zeros
optim.state @m2 of @w slot = "moment2" : tensor<2xf32> init = #optim.zeros
// expected-note @+1 {{it is 'tensor<2xf32>'}}
optim.state @b1 of @w slot = "beta1_power" : tensor<2xf32> init = #optim.ones
optim.state @b2 of @w slot = "beta2_power" : tensor<f32> init = #optim.ones
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{needs 'tensor<f32>' as state @b1}}
  optim.adam @w, %g moment1 = @m1 moment2 = @m2 beta1_power = @b1 beta2_power = @b2
    learning_rate = 1.0 beta1 = 0.9 beta2 = 0.9 epsilon = 1.0e-8 : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{it is 'tensor<4x2xf32>'}}
optim.parameter @w : tensor<4x2xf32> init = #optim.zeros
func.func @f(%v: tensor<2x2xf32>) {
  // expected-error @+1 {{assigns rows of @w from 3 on by 'tensor<2x2xf32>'}}
  optim.assign @w row 3, %v : tensor<2x2xf32>
  return
}

// -----

// expected-note @+1 {{it is 'tensor<4x2xf32>'}}
optim.parameter @w : tensor<4x2xf32> init = #optim.zeros
func.func @f(%v: tensor<2x3xf32>) {
  // expected-error @+1 {{assigns rows of @w from 0 on by 'tensor<2x3xf32>'}}
  optim.assign @w row 0, %v : tensor<2x3xf32>
  return
}

// -----

// expected-error @+1 {{of type 'tensor<3037000500x3037000500xf32>' is larger than 64 TiB, the most that a tensor may be}}
optim.parameter @w : tensor<3037000500x3037000500xf32> init = #optim.zeros

// -----

// expected-error @+1 {{of type 'tensor<4294967296x4294967296xf64>' is larger than 64 TiB, the most that a tensor may be}}
optim.parameter @w : tensor<4294967296x4294967296xf64> init = #optim.zeros

// -----

func.func @gradient_of_many() {
  // expected-error @+1 {{is of type 'tensor<2xf32>', expected a scalar, as losses are}}
  %0 = optim.loss_gradient : tensor<2xf32>
  return
}
