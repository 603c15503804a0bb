// RUN: fleet-opt %s --optim-append-backward | FileCheck %s
// RUN: fleet-opt %s --fleet-distribute="mode=ps trainers=2 pservers=h:1" | FileCheck %s --check-prefix=PS

// Every parameter counts its updates, beside its other state.
// CHECK: optim.state @"w/velocity" of @w slot = "velocity" : tensor<3x1xf32>
// CHECK: optim.state @"w/count" of @w slot = "count" : tensor<f32> init = #optim.constant<0.000000e+00>
// CHECK: optim.momentum @w, %{{.*}} velocity = @"w/velocity" learning_rate = 1.000000e+00 momentum = 5.000000e-01 {count = @"w/count", schedule = #optim.linear_warmup<steps = 5>}

// The count moves with the update, so that it counts global steps.
// PS-LABEL: module @trainer
// PS-NOT: w/count
// PS-LABEL: module @pserver_0
// PS: optim.state @"w/count" of @w slot = "count" : tensor<f32>
// PS: optim.momentum @w, %{{.*}} {count = @"w/count", schedule = #optim.linear_warmup<steps = 5>}
optim.parameter @w : tensor<3x1xf32> init = #optim.ones lr_multiplier = 2.0
func.func @main(%x: tensor<?x3xf32>) -> tensor<f32> {
  %w = optim.read @w : tensor<3x1xf32>
  %0 = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
  %loss = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
  optim.minimize %loss : tensor<f32> with #optim.momentum<learning_rate = 0.5, momentum = 0.5> schedule = #optim.linear_warmup<steps = 5>
  return %loss : tensor<f32>
}
