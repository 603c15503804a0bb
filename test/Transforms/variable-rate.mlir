// RUN: fleet-opt %s --optim-append-backward | FileCheck %s
// RUN: fleet-opt %s --fleet-distribute="mode=collective trainers=2" | FileCheck %s --check-prefix=JOB

// A factor that is set from outside: a state beside each parameter, which no
// checkpoint has and which the update reads where others count.
// CHECK: optim.parameter @w
// CHECK-NEXT: optim.state @"w/rate_factor" of @w slot = "rate_factor" : tensor<f32> init = #optim.constant<1.000000e+00> transient
// CHECK-NOT: w/count
// CHECK: optim.sgd @w, %{{.*}} learning_rate = 5.000000e-01 {count = @"w/rate_factor", schedule = #optim.variable_rate}

// Trainers have one each.
// JOB-LABEL: module @trainer
// JOB: optim.state @"w/rate_factor"
// JOB: optim.sgd @w, %{{.*}} {count = @"w/rate_factor", schedule = #optim.variable_rate}
optim.parameter @w : tensor<3x1xf32> init = #optim.ones
func.func @main(%x: tensor<?x3xf32>) -> tensor<f32> {
  %w = optim.read @w : tensor<3x1xf32>
  %0 = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
  %loss = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.5> schedule = #optim.variable_rate
  return %loss : tensor<f32>
}
