// RUN: fleet-opt --allow-unregistered-dialect %s | FileCheck %s
// RUN: fleet-opt --allow-unregistered-dialect %s | fleet-opt --allow-unregistered-dialect | FileCheck %s
// RUN: fleet-opt --allow-unregistered-dialect %s --mlir-print-op-generic | fleet-opt --allow-unregistered-dialect | FileCheck %s

// CHECK: #optim.exponential_decay<steps = 10, rate = 5.000000e-01>
"test.op"() {a = #optim.exponential_decay<steps = 10, rate = 0.5>} : () -> ()
// CHECK: #optim.natural_exp_decay<steps = 10, rate = 5.000000e-01, staircase = true>
"test.op"() {a = #optim.natural_exp_decay<steps = 10, rate = 0.5, staircase = true>} : () -> ()
// CHECK: #optim.inverse_time_decay<steps = 10, rate = 5.000000e-01>
"test.op"() {a = #optim.inverse_time_decay<steps = 10, rate = 0.5, staircase = false>} : () -> ()
// CHECK: #optim.polynomial_decay<steps = 10>
"test.op"() {a = #optim.polynomial_decay<steps = 10>} : () -> ()
// CHECK: #optim.polynomial_decay<steps = 10, end = 5.000000e-01, power = 2.000000e+00, cycle = true>
"test.op"() {a = #optim.polynomial_decay<steps = 10, end = 0.5, power = 2.0, cycle = true>} : () -> ()
// CHECK: #optim.piecewise_decay<boundaries = [10, 20], factors = [1.000000e+00, 5.000000e-01, 0.000000e+00]>
"test.op"() {a = #optim.piecewise_decay<boundaries = [10, 20], factors = [1.0, 0.5, 0.0]>} : () -> ()
// CHECK: #optim.cosine_decay<steps_per_epoch = 5, epochs = 10>
"test.op"() {a = #optim.cosine_decay<steps_per_epoch = 5, epochs = 10>} : () -> ()
// CHECK: #optim.variable_rate
"test.op"() {a = #optim.variable_rate} : () -> ()
// CHECK: #optim.noam_decay<d_model = 512, warmup_steps = 4000>
"test.op"() {a = #optim.noam_decay<d_model = 512, warmup_steps = 4000>} : () -> ()
// CHECK: #optim.linear_warmup<steps = 10, start = 1.000000e-01, after = #optim.cosine_decay<steps_per_epoch = 5, epochs = 10>>
"test.op"() {a = #optim.linear_warmup<steps = 10, start = 0.1, after = #optim.cosine_decay<steps_per_epoch = 5, epochs = 10>>} : () -> ()

optim.parameter @w : tensor<2xf32> init = #optim.zeros
optim.state @"w/count" of @w slot = "count" : tensor<f32> init = #optim.zeros
func.func @scheduled(%loss: tensor<f32>, %g: tensor<2xf32>) {
  // CHECK: optim.minimize %{{.*}} : tensor<f32> with #optim.sgd<learning_rate = 1.000000e-01> schedule = #optim.linear_warmup<steps = 10> clip = #optim.clip_by_norm<max = 1.000000e+00> parameters = [@w]
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.1> schedule = #optim.linear_warmup<steps = 10>
    clip = #optim.clip_by_norm<max = 1.0> parameters = [@w]
  // CHECK: optim.sgd @w, %{{.*}} learning_rate = 1.000000e-01 {count = @"w/count", schedule = #optim.linear_warmup<steps = 10>} : tensor<2xf32>
  optim.sgd @w, %g learning_rate = 0.1 {count = @"w/count", schedule = #optim.linear_warmup<steps = 10>} : tensor<2xf32>
  return
}
