// RUN: fleet-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{has an lr_multiplier of 0.000000e+00, expected a number greater than 0; to keep a parameter as it is, declare it frozen}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros lr_multiplier = 0.0

// -----

// expected-error @+1 {{has an lr_multiplier of -1.000000e+00}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros lr_multiplier = -1.0

// -----

// 0x7FF8000000000000 is not a number.
// expected-error @+1 {{has an lr_multiplier of}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros lr_multiplier = 0x7FF8000000000000

// -----

// expected-error @+1 {{coefficient must not be negative}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros regularizer = #optim.l2<-1.0>

// -----

// expected-error @+1 {{coefficient must be finite}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros regularizer = #optim.l1<0x7FF0000000000000>

// -----

// expected-error @+1 {{regularizer, such as #optim.l2}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros regularizer = #optim.clip_by_norm<max = 1.0>

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{clipping, such as #optim.clip_by_norm}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> clip = #optim.l2<1.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{max must be greater than 0}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> clip = #optim.clip_by_norm<max = 0.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{min must not be greater than max}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> clip = #optim.clip_by_value<min = 1.0, max = 0.0>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{array of what is done to a gradient, such as #optim.l2}}
  optim.sgd @w, %g learning_rate = 1.0 {gradient_rules = [1]} : tensor<2xf32>
  return
}
