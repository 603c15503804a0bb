// RUN: fleet-opt %s | FileCheck %s
// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --emit-bytecode | fleet-opt | FileCheck %s

// CHECK: optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
// CHECK: optim.parameter @table : tensor<100x8xf64> init = #optim.normal<stddev = 2.000000e-02> frozen
optim.parameter @table : tensor<100x8xf64> init = #optim.normal<stddev = 2.0e-2> frozen
// CHECK: optim.parameter @w.block1 : tensor<6x1xf32> init = #optim.he_normal origin = <name = "w", shape = [13, 1], row_offset = 7>
optim.parameter @w.block1 : tensor<6x1xf32> init = #optim.he_normal
  origin = #optim.origin<name = "w", shape = [13, 1], row_offset = 7>
// CHECK: optim.parameter @private_0 : tensor<f32> init = #optim.ones frozen origin = <name = "private", shape = []>
optim.parameter @private_0 : tensor<f32> init = #optim.ones frozen origin = #optim.origin<name = "private", shape = []>
// CHECK: optim.parameter @"a b/\22c\22@GRAD.block0" : tensor<2xf32> init = #optim.zeros {note = "kept"}
optim.parameter @"a b/\22c\22@GRAD.block0" : tensor<2xf32> init = #optim.zeros {note = "kept"}

// CHECK: optim.parameter @i0 : tensor<2xf32> init = #optim.constant<5.000000e-01>
optim.parameter @i0 : tensor<2xf32> init = #optim.constant<0.5>
// CHECK: optim.parameter @i1 : tensor<2xf32> init = #optim.uniform<low = -1.000000e-01, high = 1.000000e-01>
optim.parameter @i1 : tensor<2xf32> init = #optim.uniform<high = 0.1, low = -0.1>
// CHECK: optim.parameter @i2 : tensor<2xf32> init = #optim.truncated_normal<mean = 1.000000e+00, stddev = 5.000000e-01>
optim.parameter @i2 : tensor<2xf32> init = #optim.truncated_normal<mean = 1.0, stddev = 0.5>
// CHECK: optim.parameter @i3 : tensor<2xf32> init = #optim.normal<>
optim.parameter @i3 : tensor<2xf32> init = #optim.normal<mean = 0.0, stddev = 1.0>
// CHECK: optim.parameter @i4 : tensor<2xf32> init = #optim.xavier_normal
optim.parameter @i4 : tensor<2xf32> init = #optim.xavier_normal
// CHECK: optim.parameter @i5 : tensor<2xf32> init = #optim.he_uniform
optim.parameter @i5 : tensor<2xf32> init = #optim.he_uniform
// A value that six digits do not hold survives.
// CHECK: optim.parameter @i6 : tensor<2xf32> init = #optim.constant<0.33333333333333331>
optim.parameter @i6 : tensor<2xf32> init = #optim.constant<0.33333333333333331>

// CHECK: optim.state @"w/velocity" of @w slot = "velocity" : tensor<13x1xf32> init = #optim.zeros
optim.state @"w/velocity" of @w slot = "velocity" : tensor<13x1xf32> init = #optim.zeros
// CHECK: optim.state @"w/moment1" of @w slot = "moment1" : tensor<13x1xf32> init = #optim.zeros origin = <name = "w", shape = [20, 1], row_offset = 7>
optim.state @"w/moment1" of @w slot = "moment1" : tensor<13x1xf32> init = #optim.zeros
  origin = #optim.origin<name = "w", shape = [20, 1], row_offset = 7>
optim.state @"w/moment2" of @w slot = "moment2" : tensor<13x1xf32> init = #optim.zeros
optim.state @"w/beta1_power" of @w slot = "beta1_power" : tensor<f32> init = #optim.ones
optim.state @"w/beta2_power" of @w slot = "beta2_power" : tensor<f32> init = #optim.ones

// CHECK-LABEL: func.func @access
func.func @access() {
  // CHECK: %[[W:.*]] = optim.read @w : tensor<13x1xf32>
  %w = optim.read @w : tensor<13x1xf32>
  // CHECK: optim.assign @"w/velocity", %[[W]] : tensor<13x1xf32>
  optim.assign @"w/velocity", %w : tensor<13x1xf32>
  // CHECK: optim.assign @"w/velocity" row 0, %[[W]] : tensor<13x1xf32>
  optim.assign @"w/velocity" row 0, %w : tensor<13x1xf32>
  return
}

// CHECK-LABEL: func.func @minimize(
// CHECK-SAME: %[[LOSS:.*]]: tensor<f32>, %[[ONE:.*]]: tensor<1xf64>)
func.func @minimize(%loss: tensor<f32>, %one: tensor<1xf64>) {
  // CHECK: optim.minimize %[[LOSS]] : tensor<f32> with #optim.sgd<learning_rate = 1.000000e-02>
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
  // CHECK: optim.minimize %[[ONE]] : tensor<1xf64> with #optim.momentum<learning_rate = 1.000000e-01, nesterov = true> parameters = [@w]
  optim.minimize %one : tensor<1xf64> with #optim.momentum<learning_rate = 0.1, momentum = 0.9, nesterov = true> parameters = [@w]
  // CHECK: optim.minimize %[[LOSS]] : tensor<f32> with #optim.adam<learning_rate = 1.000000e-03, epsilon = 9.9999999999999995E-7>
  optim.minimize %loss : tensor<f32> with #optim.adam<learning_rate = 1.0e-3, epsilon = 1.0e-6>
  return
}

// CHECK-LABEL: func.func @updates(
// CHECK-SAME: %[[G:.*]]: tensor<13x1xf32>)
func.func @updates(%g: tensor<13x1xf32>) {
  // CHECK: optim.sgd @w, %[[G]] learning_rate = 1.000000e-02 : tensor<13x1xf32>
  optim.sgd @w, %g learning_rate = 1.0e-2 : tensor<13x1xf32>
  // CHECK: optim.momentum @w, %[[G]] velocity = @"w/velocity" learning_rate = 1.000000e-02 momentum = 9.000000e-01 nesterov : tensor<13x1xf32>
  optim.momentum @w, %g velocity = @"w/velocity" learning_rate = 1.0e-2 momentum = 0.9 nesterov : tensor<13x1xf32>
  // CHECK: optim.momentum @w, %[[G]] velocity = @"w/velocity" learning_rate = 1.000000e-02 momentum = 5.000000e-01 : tensor<13x1xf32>
  optim.momentum @w, %g velocity = @"w/velocity" learning_rate = 1.0e-2 momentum = 0.5 : tensor<13x1xf32>
  // CHECK: optim.adam @w, %[[G]] moment1 = @"w/moment1" moment2 = @"w/moment2" beta1_power = @"w/beta1_power" beta2_power = @"w/beta2_power" learning_rate = 1.000000e-03 beta1 = 9.000000e-01 beta2 = 0.99899999999999999 epsilon = 1.000000e-08 : tensor<13x1xf32>
  optim.adam @w, %g moment1 = @"w/moment1" moment2 = @"w/moment2"
    beta1_power = @"w/beta1_power" beta2_power = @"w/beta2_power"
    learning_rate = 1.0e-3 beta1 = 0.9 beta2 = 0.999 epsilon = 1.0e-8 : tensor<13x1xf32>
  // CHECK: optim.apply_delta @w, %[[G]] : tensor<13x1xf32>
  optim.apply_delta @w, %g : tensor<13x1xf32>
  return
}

// CHECK-LABEL: func.func @loss_gradient
func.func @loss_gradient() -> tensor<f32> {
  // CHECK: optim.loss_gradient : tensor<f32>
  %0 = optim.loss_gradient : tensor<f32>
  return %0 : tensor<f32>
}
