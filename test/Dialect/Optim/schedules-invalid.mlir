// RUN: fleet-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

// expected-error @+1 {{steps must be at least 1}}
"test.op"() {a = #optim.exponential_decay<steps = 0, rate = 0.5>} : () -> ()

// -----

// expected-error @+1 {{rate must be a number greater than 0}}
"test.op"() {a = #optim.exponential_decay<steps = 1, rate = 0.0>} : () -> ()

// -----

// expected-error @+1 {{rate must be a number from 0 on}}
"test.op"() {a = #optim.natural_exp_decay<steps = 1, rate = -1.0>} : () -> ()

// -----

// expected-error @+1 {{rate must be a number from 0 on}}
"test.op"() {a = #optim.inverse_time_decay<steps = 1, rate = -1.0>} : () -> ()

// -----

// expected-error @+1 {{power must be a number greater than 0}}
"test.op"() {a = #optim.polynomial_decay<steps = 1, power = 0.0>} : () -> ()

// -----

// expected-error @+1 {{2 boundaries need one factor more, got 2}}
"test.op"() {a = #optim.piecewise_decay<boundaries = [1, 2], factors = [1.0, 2.0]>} : () -> ()

// -----

// expected-error @+1 {{boundaries must grow, from at least 1}}
"test.op"() {a = #optim.piecewise_decay<boundaries = [2, 2], factors = [1.0, 2.0, 3.0]>} : () -> ()

// -----

// expected-error @+1 {{factors must be numbers from 0 on}}
"test.op"() {a = #optim.piecewise_decay<boundaries = [2], factors = [1.0, -2.0]>} : () -> ()

// -----

// expected-error @+1 {{epochs must be at least 1}}
"test.op"() {a = #optim.cosine_decay<steps_per_epoch = 5, epochs = 0>} : () -> ()

// -----

// expected-error @+1 {{warmup_steps must be at least 1}}
"test.op"() {a = #optim.noam_decay<d_model = 5, warmup_steps = 0>} : () -> ()

// -----

// expected-error @+1 {{start must be a number from 0 on}}
"test.op"() {a = #optim.linear_warmup<steps = 5, start = -1.0>} : () -> ()

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{has a schedule but no count that it depends on}}
  optim.sgd @w, %g learning_rate = 0.1 {schedule = #optim.linear_warmup<steps = 10>} : tensor<2xf32>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
optim.state @"w/count" of @w slot = "count" : tensor<f32> init = #optim.zeros
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{has a count but no schedule that reads it}}
  optim.sgd @w, %g learning_rate = 0.1 {count = @"w/count"} : tensor<2xf32>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
// expected-note @+1 {{it is 'tensor<2xf32>'}}
optim.state @"w/count" of @w slot = "count" : tensor<2xf32> init = #optim.zeros
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{needs 'tensor<f32>' as state @"w/count"}}
  optim.sgd @w, %g learning_rate = 0.1 {count = @"w/count", schedule = #optim.linear_warmup<steps = 10>} : tensor<2xf32>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{invalid kind of attribute specified}}
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.1> schedule = #optim.l2<1.0>
  return
}
