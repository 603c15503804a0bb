// RUN: fleet-opt %s --fleet-distribute-collective="trainers=4" --fleet-all-reduce-gradients="bucket-size=1" --fleet-hierarchical-all-reduce="neighbours=2" --fleet-verify-job | FileCheck %s
// RUN: fleet-opt %s --fleet-distribute-collective="trainers=4" --fleet-all-reduce-gradients="bucket-size=1" --fleet-hierarchical-all-reduce="neighbours=1" --fleet-verify-job | FileCheck %s --check-prefix=ALONE
// ALONE: fleet.all_reduce_start %{{.*}} in @world
// RUN: not fleet-opt %s --fleet-distribute-collective="trainers=4" --fleet-all-reduce-gradients --fleet-hierarchical-all-reduce="neighbours=3" 2>&1 | FileCheck %s --check-prefix=THREE
// RUN: not fleet-opt %s --fleet-distribute-collective="trainers=4" --fleet-hierarchical-all-reduce="neighbours=2" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not fleet-opt %s --fleet-distribute-collective="trainers=4" --fleet-all-reduce-gradients --fleet-shard-updates --fleet-hierarchical-all-reduce="neighbours=2" 2>&1 | FileCheck %s --check-prefix=PARTS
// THREE: neighbours: 3 trainers of a machine do not divide the 4 of the job
// NONE: there is no all-reduce between all trainers; run fleet-all-reduce-gradients first
// PARTS: is no all-reduce; a job that has other calls, such as those of sharded updates, cannot be hierarchical

// Reduce-scatters begin where all-reduces did; the rest follows for all buckets
// where the first one was waited for.
// CHECK: fleet.group @world size = 4
// CHECK-NEXT: fleet.group @neighbours size = 2 stride = 1
// CHECK-NEXT: fleet.group @across size = 2 stride = 2
// CHECK: func.func @main
// CHECK: %[[A:.*]] = fleet.reduce_scatter_start %{{.*}} in @neighbours : tensor<3xf32>
// CHECK: %[[B:.*]] = fleet.reduce_scatter_start %{{.*}} in @neighbours : tensor<2xf32>
// CHECK: %[[A1:.*]] = fleet.reduce_scatter_wait %[[A]] : tensor<2xf32>
// CHECK: %[[A2:.*]] = fleet.all_reduce_start %[[A1]] in @across : tensor<2xf32>
// CHECK: %[[B1:.*]] = fleet.reduce_scatter_wait %[[B]] : tensor<1xf32>
// CHECK: %[[B2:.*]] = fleet.all_reduce_start %[[B1]] in @across : tensor<1xf32>
// CHECK: %[[A3:.*]] = fleet.all_reduce_wait %[[A2]] : tensor<2xf32>
// CHECK: %[[A4:.*]] = fleet.all_gather_start %[[A3]] in @neighbours : tensor<2xf32>
// CHECK: %[[B3:.*]] = fleet.all_reduce_wait %[[B2]] : tensor<1xf32>
// CHECK: %[[B4:.*]] = fleet.all_gather_start %[[B3]] in @neighbours : tensor<1xf32>
// CHECK: %[[A5:.*]] = fleet.all_gather_wait %[[A4]] : tensor<3xf32>
// CHECK: optim.sgd @a, %[[A5]]
// CHECK: %[[B5:.*]] = fleet.all_gather_wait %[[B4]] : tensor<2xf32>
// CHECK: optim.sgd @b, %[[B5]]
// CHECK: func.func @startup
// CHECK: fleet.connect @world
// CHECK-NEXT: fleet.connect @neighbours
// CHECK-NEXT: fleet.connect @across
module @program {
  optim.parameter @a : tensor<3xf32> init = #optim.ones
  optim.parameter @b : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<3xf32>, %h: tensor<2xf32>) {
    %seed = optim.loss_gradient : tensor<f32>
    %0 = nn.mul %g, %seed : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    %1 = nn.mul %h, %seed : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
    optim.sgd @a, %0 learning_rate = 1.0 : tensor<3xf32>
    optim.sgd @b, %1 learning_rate = 1.0 : tensor<2xf32>
    return
  }
}
