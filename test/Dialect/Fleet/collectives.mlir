// RUN: fleet-opt %s | fleet-opt | FileCheck %s

// CHECK: fleet.group @world size = 4
fleet.group @world size = 4
optim.parameter @w : tensor<13x1xf32> init = #optim.zeros

// CHECK-LABEL: func.func @startup
func.func @startup() {
  // CHECK: fleet.connect @world
  fleet.connect @world
  // CHECK: fleet.broadcast @w from 3 in @world
  fleet.broadcast @w from 3 in @world
  return
}

// CHECK-LABEL: func.func @main
func.func @main(%dw: tensor<13x1xf32>, %db: tensor<f32>) {
  // CHECK: %{{.*}} = fleet.examples share : tensor<f32>
  %0 = fleet.examples share : tensor<f32>
  // CHECK: %{{.*}} = fleet.examples own : tensor<f64>
  %1 = fleet.examples own : tensor<f64>
  // CHECK: %{{.*}} = fleet.examples all : tensor<1xf32>
  %2 = fleet.examples all : tensor<1xf32>
  // CHECK: %[[T:.*]] = fleet.all_reduce_start %{{.*}}, %{{.*}} in @world : tensor<13x1xf32>, tensor<f32>
  %t = fleet.all_reduce_start %dw, %db in @world : tensor<13x1xf32>, tensor<f32>
  // CHECK: %{{.*}}:2 = fleet.all_reduce_wait %[[T]] : tensor<13x1xf32>, tensor<f32>
  %sums:2 = fleet.all_reduce_wait %t : tensor<13x1xf32>, tensor<f32>
  return
}

// CHECK: fleet.group @neighbours size = 2 stride = 1
fleet.group @neighbours size = 2 stride = 1

// CHECK-LABEL: func.func @parts
func.func @parts(%dw: tensor<13x1xf32>, %db: tensor<1xf32>) {
  // CHECK: %[[T:.*]] = fleet.reduce_scatter_start %{{.*}}, %{{.*}} in @neighbours : tensor<13x1xf32>, tensor<1xf32>
  %t = fleet.reduce_scatter_start %dw, %db in @neighbours : tensor<13x1xf32>, tensor<1xf32>
  // CHECK: %[[P:.*]]:2 = fleet.reduce_scatter_wait %[[T]] : tensor<7xf32>, tensor<1xf32>
  %p:2 = fleet.reduce_scatter_wait %t : tensor<7xf32>, tensor<1xf32>
  // CHECK: %[[U:.*]] = fleet.all_gather_start %[[P]]#0, %[[P]]#1 in @neighbours : tensor<7xf32>, tensor<1xf32>
  %u = fleet.all_gather_start %p#0, %p#1 in @neighbours : tensor<7xf32>, tensor<1xf32>
  // CHECK: %{{.*}}:2 = fleet.all_gather_wait %[[U]] : tensor<13x1xf32>, tensor<1xf32>
  %w:2 = fleet.all_gather_wait %u : tensor<13x1xf32>, tensor<1xf32>
  // CHECK: %{{.*}} = fleet.own_part %{{.*}} in @world : tensor<13x1xf32> -> tensor<4xf32>
  %own = fleet.own_part %dw in @world : tensor<13x1xf32> -> tensor<4xf32>
  return
}

optim.parameter @t : tensor<100x4xf32> init = #optim.zeros rows = sparse

// CHECK-LABEL: func.func @rows
func.func @rows(%ids: tensor<?x1xi64>, %dr: tensor<?x4xf32>) {
  // CHECK: %[[G:.*]] = optim.row_gradient @t
  %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<100x4xf32>
  // CHECK: %[[ALL:.*]] = fleet.all_gather_rows %[[G]] in @world : tensor<100x4xf32>
  %all = fleet.all_gather_rows %g in @world : tensor<100x4xf32>
  // CHECK: optim.sgd @t, %[[ALL]]
  optim.sgd @t, %all learning_rate = 1.0 : tensor<100x4xf32>
  return
}
