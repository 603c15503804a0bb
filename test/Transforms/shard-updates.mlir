// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-shard-updates --fleet-verify-job | FileCheck %s

// A trainer keeps velocity for a part, 7 of 13 elements. What needs the whole
// gradient stays as it is.
// CHECK-LABEL: module @program
// CHECK: fleet.group @world size = 2
// CHECK: optim.parameter @w : tensor<13x1xf32>
// CHECK: optim.parameter @w.part : tensor<7xf32> init = #optim.constant<0.000000e+00> origin = <name = "w", shape = [13, 1], shards = 2> transient
// CHECK-NEXT: optim.state @"w/velocity" of @w.part slot = "velocity" : tensor<7xf32> {{.*}} origin = <name = "w", shape = [13, 1], shards = 2>
// CHECK: optim.parameter @n : tensor<2xf32>
// CHECK-NEXT: optim.state @"n/velocity" of @n slot = "velocity" : tensor<2xf32>
// CHECK: func.func @main
// CHECK: %[[T:.*]] = fleet.reduce_scatter_start %[[DW:.*]] in @world : tensor<13x1xf32>
// CHECK: %[[U:.*]] = fleet.all_reduce_start %[[DN:.*]] in @world : tensor<2xf32>
// CHECK: %[[PART:.*]] = fleet.reduce_scatter_wait %[[T]] : tensor<7xf32>
// CHECK: %[[SUM:.*]] = fleet.all_reduce_wait %[[U]] : tensor<2xf32>
// CHECK: optim.lars @n, %[[SUM]]
// CHECK: optim.momentum @w.part, %[[PART]] velocity = @"w/velocity" {{.*}} : tensor<7xf32>
// CHECK: %[[NEW:.*]] = optim.read @w.part
// CHECK: %[[V:.*]] = fleet.all_gather_start %[[NEW]] in @world : tensor<7xf32>
// CHECK: %[[WHOLE:.*]] = fleet.all_gather_wait %[[V]] : tensor<13x1xf32>
// CHECK: optim.assign @w, %[[WHOLE]]
// CHECK: func.func @startup
// CHECK: fleet.broadcast @w from 0
// CHECK-NOT: fleet.broadcast @"w/velocity"
// CHECK: fleet.broadcast @n from 0
// CHECK: fleet.broadcast @"n/velocity" from 0
// CHECK: %[[W:.*]] = optim.read @w
// CHECK: %[[P:.*]] = fleet.own_part %[[W]] in @world : tensor<13x1xf32> -> tensor<7xf32>
// CHECK: optim.assign @w.part, %[[P]]
module @program {
  optim.parameter @w : tensor<13x1xf32> init = #optim.ones
  optim.state @"w/velocity" of @w slot = "velocity" : tensor<13x1xf32> init = #optim.zeros
  optim.parameter @n : tensor<2xf32> init = #optim.ones
  optim.state @"n/velocity" of @n slot = "velocity" : tensor<2xf32> init = #optim.zeros
  func.func @main(%g: tensor<13x1xf32>, %h: tensor<2xf32>) {
    optim.momentum @w, %g velocity = @"w/velocity" learning_rate = 1.0 momentum = 0.5 : tensor<13x1xf32>
    optim.lars @n, %h velocity = @"n/velocity" learning_rate = 1.0 momentum = 0.5 coefficient = 1.0e-3 weight_decay = 5.0e-4 epsilon = 0.0 : tensor<2xf32>
    return
  }
}

// -----

// The norm of all gradients is that of all parts.
// CHECK-LABEL: module @joint
// CHECK: func.func @main
// CHECK: %[[PARTS:.*]]:2 = fleet.reduce_scatter_wait
// CHECK-NOT: optim.clip_by_global_norm
// CHECK: %[[T:.*]] = fleet.all_reduce_start %{{.*}} in @world : tensor<f32>
// CHECK: %[[SUM:.*]] = fleet.all_reduce_wait %[[T]] : tensor<f32>
// CHECK: optim.sgd @a.part, %{{.*}} : tensor<2xf32>
// CHECK: optim.sgd @b.part, %{{.*}} : tensor<1xf32>
// CHECK: fleet.all_gather_start
// CHECK: fleet.all_gather_wait
module @joint {
  optim.parameter @a : tensor<2x2xf32> init = #optim.ones
  optim.parameter @b : tensor<1xf32> init = #optim.ones
  func.func @main(%g: tensor<2x2xf32>, %h: tensor<1xf32>) {
    %0:2 = optim.clip_by_global_norm %g, %h max = 1.0 : tensor<2x2xf32>, tensor<1xf32>
    optim.sgd @a, %0#0 learning_rate = 1.0 : tensor<2x2xf32>
    optim.sgd @b, %0#1 learning_rate = 1.0 : tensor<1xf32>
    return
  }
}
