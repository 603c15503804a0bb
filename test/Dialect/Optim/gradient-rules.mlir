// RUN: fleet-opt %s | FileCheck %s
// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s

// CHECK: optim.parameter @w : tensor<2xf32> init = #optim.zeros lr_multiplier = 2.000000e+00 regularizer = #optim.l1<1.000000e-03>
optim.parameter @w : tensor<2xf32> init = #optim.zeros lr_multiplier = 2.0 regularizer = #optim.l1<1.0e-3>
optim.state @"w/velocity" of @w slot = "velocity" : tensor<2xf32> init = #optim.zeros

// CHECK-LABEL: func.func @rules
func.func @rules(%loss: tensor<f32>, %g: tensor<2xf32>) {
  // CHECK: optim.minimize %{{.*}} : tensor<f32> with #optim.sgd<learning_rate = 1.000000e-01> clip = #optim.clip_by_norm<max = 1.000000e+00> regularizer = #optim.l2<1.000000e-04> parameters = [@w]
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.1>
    clip = #optim.clip_by_norm<max = 1.0> regularizer = #optim.l2<1.0e-4> parameters = [@w]
  // CHECK: optim.sgd @w, %{{.*}} learning_rate = 1.000000e-01 {gradient_rules = [#optim.clip_by_value<min = -1.000000e+00, max = 2.000000e+00>, #optim.l2<1.000000e-04>]} : tensor<2xf32>
  optim.sgd @w, %g learning_rate = 0.1
    {gradient_rules = [#optim.clip_by_value<min = -1.0, max = 2.0>, #optim.l2<1.0e-4>]} : tensor<2xf32>
  // CHECK: optim.momentum @w, %{{.*}} learning_rate = 1.000000e-01 momentum = 5.000000e-01 nesterov {gradient_rules = [#optim.l1<1.000000e-04>]} : tensor<2xf32>
  optim.momentum @w, %g velocity = @"w/velocity" learning_rate = 0.1 momentum = 0.5 nesterov
    {gradient_rules = [#optim.l1<1.0e-4>]} : tensor<2xf32>
  return
}
