// RUN: fleet-opt %s --split-input-file --fleet-merge-gradients="steps=4" | FileCheck %s --check-prefixes=CHECK,MEAN
// RUN: fleet-opt %s --split-input-file --fleet-merge-gradients="steps=4 average=false" | FileCheck %s --check-prefixes=CHECK,SUM
// RUN: fleet-opt %s --split-input-file --fleet-merge-gradients="steps=4" --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-verify-job | FileCheck %s --check-prefix=ALL
// RUN: fleet-opt %s --split-input-file --fleet-merge-gradients="steps=4" --fleet-distribute-local --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,MEAN

// A step adds up, weighted by its rows; what is done with gradients happens
// every so many steps.
// CHECK: optim.state @"w/gradient_sum" of @w slot = "gradient_sum" : tensor<2xf32> init = #optim.constant<0.000000e+00> transient
// CHECK: func.func @main
// MEAN: %[[WEIGHT:.*]] = fleet.examples own : tensor<f32>
// SUM: %[[WEIGHT:.*]] = fleet.examples share : tensor<f32>
// CHECK: %[[G:.*]] = nn.mul %{{.*}}, %[[WEIGHT]]
// CHECK-NOT: optim.sgd
// CHECK: %[[OLD:.*]] = optim.read @"w/gradient_sum"
// CHECK: %[[NEW:.*]] = nn.add %[[OLD]], %[[G]]
// CHECK: optim.assign @"w/gradient_sum", %[[NEW]]
// CHECK: func.func @update() attributes {fleet.every = 4 : i64}
// CHECK: %[[S:.*]] = optim.read @"w/gradient_sum"
// MEAN: %[[ROWS:.*]] = fleet.examples all : tensor<f32>
// MEAN: %[[MEAN:.*]] = nn.div %[[S]], %[[ROWS]]
// MEAN: optim.sgd @w, %[[MEAN]]
// SUM-NEXT: optim.sgd @w, %[[S]]
// CHECK: %[[ZERO:.*]] = nn.constant dense<0.000000e+00> : tensor<2xf32>
// CHECK: optim.assign @"w/gradient_sum", %[[ZERO]]

// Trainers add what they have, and nothing in a step.
// ALL: func.func @main
// ALL-NOT: fleet.all_reduce
// ALL: func.func @update() attributes {fleet.every = 4 : i64}
// ALL: %[[PART:.*]] = nn.div
// ALL: %[[T:.*]] = fleet.all_reduce_start %[[PART]] in @world
// ALL: %[[ALL:.*]] = fleet.all_reduce_wait %[[T]]
// ALL: optim.sgd @w, %[[ALL]]
// ALL: func.func @startup
// ALL-NEXT: fleet.connect
// ALL-NEXT: fleet.broadcast @w from 0
// ALL-NEXT: return
module @program {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%x: tensor<2xf32>) {
    %seed = optim.loss_gradient : tensor<f32>
    %g = nn.mul %x, %seed : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

// Gradients that are changed together are, when they have been merged; what is
// no gradient stays in the step; a parameter called update keeps its name in
// checkpoints.
// CHECK: optim.parameter @[[NAMED:update_[0-9]+]]
// CHECK-SAME: origin = <name = "update"
// CHECK: func.func @main
// CHECK: optim.take_average @mean
// CHECK: func.func @update()
// CHECK: %[[CLIPPED:.*]]:2 = optim.clip_by_global_norm
// CHECK: optim.sgd @[[NAMED]], %[[CLIPPED]]#0
// CHECK: optim.sgd @w, %[[CLIPPED]]#1
// ALL: func.func @main
// ALL: fleet.all_reduce_start
// ALL: optim.take_average @mean
// ALL: func.func @update()
// ALL: fleet.all_reduce_wait
// ALL: optim.clip_by_global_norm
module @joint {
  optim.parameter @update : tensor<2xf32> init = #optim.ones
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  optim.parameter @mean : tensor<2xf32> init = #optim.zeros frozen
  func.func @main(%x: tensor<2xf32>) {
    %0:2 = optim.clip_by_global_norm %x, %x max = 1.0 : tensor<2xf32>, tensor<2xf32>
    optim.take_average @mean, %x : tensor<2xf32>
    optim.sgd @update, %0#0 learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @w, %0#1 learning_rate = 1.0 : tensor<2xf32>
    return
  }
}
