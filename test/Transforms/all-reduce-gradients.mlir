// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,ONE
// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients="bucket-size=12" --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,MANY

// Gradients leave in the order in which they are computed; updates follow the
// bucket that they need, where the last update stood. The share of this trainer
// stands where the loss was differentiated.
// CHECK-LABEL: func.func @main
// CHECK: %[[W:.*]] = optim.read @w
// CHECK: %[[SEED:.*]] = fleet.examples share : tensor<f32>
// CHECK: %[[DV:.*]] = nn.mul %{{.*}}, %[[SEED]]
// MANY-NEXT: %[[T0:.*]] = fleet.all_reduce_start %[[DV]] in @world : tensor<2xf32>
// CHECK-NEXT: %[[DW:.*]] = nn.mul %[[DV]], %[[W]]
// MANY-NEXT: %[[T1:.*]] = fleet.all_reduce_start %[[DW]] in @world : tensor<2xf32>
// CHECK-NEXT: %[[DU:.*]] = nn.neg %[[DW]]
// MANY-NEXT: %[[T2:.*]] = fleet.all_reduce_start %[[DU]] in @world : tensor<2xf32>
// MANY-NEXT: %[[V:.*]] = fleet.all_reduce_wait %[[T0]] : tensor<2xf32>
// MANY-NEXT: optim.sgd @v, %[[V]]
// MANY-NEXT: %[[WW:.*]] = fleet.all_reduce_wait %[[T1]] : tensor<2xf32>
// MANY-NEXT: optim.sgd @w, %[[WW]]
// MANY-NEXT: %[[U:.*]] = fleet.all_reduce_wait %[[T2]] : tensor<2xf32>
// MANY-NEXT: optim.sgd @u, %[[U]]
// ONE-NEXT: %[[T:.*]] = fleet.all_reduce_start %[[DV]], %[[DW]], %[[DU]] in @world : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
// ONE-NEXT: %[[SUM:.*]]:3 = fleet.all_reduce_wait %[[T]]
// ONE-NEXT: optim.sgd @v, %[[SUM]]#0
// ONE-NEXT: optim.sgd @w, %[[SUM]]#1
// ONE-NEXT: optim.sgd @u, %[[SUM]]#2
// CHECK-NEXT: return
module @order {
  optim.parameter @u : tensor<2xf32> init = #optim.ones
  optim.parameter @v : tensor<2xf32> init = #optim.ones
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%x: tensor<2xf32>) {
    %w = optim.read @w : tensor<2xf32>
    %seed = optim.loss_gradient : tensor<f32>
    %dv = nn.mul %x, %seed : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
    %dw = nn.mul %dv, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %du = nn.neg %dw : tensor<2xf32>
    optim.sgd @u, %du learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @v, %dv learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @w, %dw learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

// Without a loss, each gradient counts by the share itself; element types do not
// mix; a gradient of two parameters travels once.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[G:.*]]: tensor<2xf32>, %[[H:.*]]: tensor<2xf64>)
// CHECK-DAG: %[[S:.*]] = fleet.examples share : tensor<f32>
// CHECK-DAG: %[[GS:.*]] = nn.mul %[[G]], %[[S]]
// CHECK-DAG: %[[S64:.*]] = fleet.examples share : tensor<f64>
// CHECK-DAG: %[[HS:.*]] = nn.mul %[[H]], %[[S64]]
// CHECK-DAG: %[[T0:.*]] = fleet.all_reduce_start %[[GS]] in @world : tensor<2xf32>
// CHECK-DAG: %[[T1:.*]] = fleet.all_reduce_start %[[HS]] in @world : tensor<2xf64>
// CHECK-DAG: %[[SUM:.*]] = fleet.all_reduce_wait %[[T0]] : tensor<2xf32>
// CHECK-DAG: optim.sgd @a, %[[SUM]]
// CHECK-DAG: optim.sgd @b, %[[SUM]]
// CHECK-DAG: %[[SUM64:.*]] = fleet.all_reduce_wait %[[T1]] : tensor<2xf64>
// CHECK-DAG: optim.sgd @c, %[[SUM64]]
module @given {
  optim.parameter @a : tensor<2xf32> init = #optim.ones
  optim.parameter @b : tensor<2xf32> init = #optim.ones
  optim.parameter @c : tensor<2xf64> init = #optim.ones
  func.func @main(%g: tensor<2xf32>, %h: tensor<2xf64>) {
    optim.sgd @a, %g learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @b, %g learning_rate = 2.0 : tensor<2xf32>
    optim.sgd @c, %h learning_rate = 1.0 : tensor<2xf64>
    return
  }
}

// -----

// What changes all gradients by one number does so when they have been added.
// CHECK-LABEL: func.func @main
// ONE: %[[SUM:.*]]:2 = fleet.all_reduce_wait
// ONE-NEXT: %[[CLIPPED:.*]]:2 = optim.clip_by_global_norm %[[SUM]]#1, %[[SUM]]#0
// MANY: %[[B:.*]] = fleet.all_reduce_wait
// MANY-NEXT: %[[A:.*]] = fleet.all_reduce_wait
// MANY-NEXT: %[[CLIPPED:.*]]:2 = optim.clip_by_global_norm %[[A]], %[[B]]
// CHECK-NEXT: optim.sgd @a, %[[CLIPPED]]#0
// CHECK-NEXT: optim.sgd @b, %[[CLIPPED]]#1
module @joint {
  optim.parameter @a : tensor<2xf32> init = #optim.ones
  optim.parameter @b : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>, %h: tensor<2xf32>) {
    %0:2 = optim.clip_by_global_norm %g, %h max = 1.0 : tensor<2xf32>, tensor<2xf32>
    optim.sgd @a, %0#0 learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @b, %0#1 learning_rate = 2.0 : tensor<2xf32>
    return
  }
}
