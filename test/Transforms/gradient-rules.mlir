// RUN: fleet-opt %s --optim-append-backward | FileCheck %s
// RUN: fleet-opt %s --fleet-distribute="mode=ps trainers=2 pservers=h:1" | FileCheck %s --check-prefix=PS

// Clipping comes first; the parameter's regularizer takes the place of the
// other; the learning rate is multiplied once, here.
// CHECK-LABEL: func.func @main
// CHECK: optim.sgd @w, %{{.*}} learning_rate = 1.000000e+00 {gradient_rules = [#optim.clip_by_norm<max = 3.000000e+00>, #optim.l1<5.000000e-01>]}
// CHECK: optim.sgd @b, %{{.*}} learning_rate = 5.000000e-01 {gradient_rules = [#optim.clip_by_norm<max = 3.000000e+00>, #optim.l2<2.500000e-01>]}

// All of it moves to the server, where gradients are averaged.
// PS-LABEL: module @trainer
// PS-NOT: gradient_rules
// PS-LABEL: module @pserver_0
// PS: func.func @update_w
// PS: optim.sgd @w, %{{.*}} {gradient_rules = [#optim.clip_by_norm<max = 3.000000e+00>, #optim.l1<5.000000e-01>]}
// PS: func.func @update_b
// PS: optim.sgd @b, %{{.*}} {gradient_rules = [#optim.clip_by_norm<max = 3.000000e+00>, #optim.l2<2.500000e-01>]}
optim.parameter @w : tensor<3x1xf32> init = #optim.ones lr_multiplier = 2.0 regularizer = #optim.l1<0.5>
optim.parameter @b : tensor<1xf32> init = #optim.zeros
func.func @main(%x: tensor<?x3xf32>) -> tensor<f32> {
  %w = optim.read @w : tensor<3x1xf32>
  %b = optim.read @b : tensor<1xf32>
  %0 = nn.linear %x, %w, %b : (tensor<?x3xf32>, tensor<3x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %loss = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.5>
    clip = #optim.clip_by_norm<max = 3.0> regularizer = #optim.l2<0.25>
  return %loss : tensor<f32>
}
