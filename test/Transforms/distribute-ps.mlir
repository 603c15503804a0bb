// RUN: fleet-opt %s --fleet-distribute-ps="pservers=127.0.0.1:6170,[::1]:6171 trainers=3 dispatcher=round_robin" --fleet-verify-job | FileCheck %s

// Three parameters on two servers, round robin in the order of updates; state
// goes with its parameter; what is not updated stays with the trainers.

// CHECK: module @program attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 3>}
module @program {
  optim.parameter @table : tensor<8xf32> init = #optim.normal<> frozen
  optim.parameter @unused : tensor<3xf32> init = #optim.he_normal
  optim.parameter @w : tensor<4x1xf32> init = #optim.xavier_uniform
  optim.state @"w/velocity" of @w slot = "velocity" : tensor<4x1xf32> init = #optim.zeros
  optim.parameter @b : tensor<1xf32> init = #optim.zeros
  optim.parameter @c : tensor<2xf64> init = #optim.zeros

  func.func @main(%x: tensor<?x4xf32>, %dw: tensor<4x1xf32>, %db: tensor<1xf32>, %dc: tensor<2xf64>) -> tensor<?x1xf32> {
    %w = optim.read @w : tensor<4x1xf32>
    %p = nn.matmul %x, %w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    optim.sgd @b, %db learning_rate = 1.0 : tensor<1xf32>
    optim.momentum @w, %dw velocity = @"w/velocity" learning_rate = 1.0 momentum = 0.5 : tensor<4x1xf32>
    optim.sgd @c, %dc learning_rate = 2.0 : tensor<2xf64>
    return %p : tensor<?x1xf32>
  }
  func.func @evaluate(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
    %w = optim.read @w : tensor<4x1xf32>
    %p = nn.matmul %x, %w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    return %p : tensor<?x1xf32>
  }
}

// CHECK-NEXT: module @trainer attributes {fleet.role = #fleet.role<trainer>}
// CHECK-NEXT: fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
// CHECK-NEXT: fleet.peer @pserver_1 endpoint = "[::1]:6171"
// CHECK-NEXT: optim.parameter @table {{.*}} frozen
// CHECK-NEXT: optim.parameter @unused
// CHECK-NEXT: optim.parameter @w
// CHECK-NEXT: optim.parameter @b
// CHECK-NEXT: optim.parameter @c
// CHECK-NOT: optim.state
// CHECK: func.func @main(%{{.*}}: tensor<?x4xf32>, %[[DW:.*]]: tensor<4x1xf32>, %[[DB:.*]]: tensor<1xf32>, %[[DC:.*]]: tensor<2xf64>)
// CHECK: nn.matmul
// CHECK-NEXT: fleet.send %[[DB]] to @pserver_0 as "b@GRAD" : tensor<1xf32>
// CHECK-NEXT: fleet.send %[[DW]] to @pserver_1 as "w@GRAD" : tensor<4x1xf32>
// CHECK-NEXT: fleet.send %[[DC]] to @pserver_0 as "c@GRAD" : tensor<2xf64>
// CHECK-NEXT: fleet.send_barrier
// CHECK-NEXT: %[[B:.*]] = fleet.recv "b" from @pserver_0 : tensor<1xf32>
// CHECK-NEXT: %[[W:.*]] = fleet.recv "w" from @pserver_1 : tensor<4x1xf32>
// CHECK-NEXT: %[[C:.*]] = fleet.recv "c" from @pserver_0 : tensor<2xf64>
// CHECK-NEXT: fleet.fetch_barrier
// CHECK-NEXT: optim.assign @b, %[[B]]
// CHECK-NEXT: optim.assign @w, %[[W]]
// CHECK-NEXT: optim.assign @c, %[[C]]
// CHECK-NEXT: return
// CHECK: func.func @evaluate
// CHECK-NOT: fleet.
// CHECK: func.func @startup() {
// CHECK-NEXT: %[[B0:.*]] = fleet.recv "b" from @pserver_0
// CHECK-NEXT: %[[W0:.*]] = fleet.recv "w" from @pserver_1
// CHECK-NEXT: %[[C0:.*]] = fleet.recv "c" from @pserver_0
// CHECK-NEXT: fleet.fetch_barrier
// CHECK-NEXT: optim.assign @b, %[[B0]]
// CHECK-NEXT: optim.assign @w, %[[W0]]
// CHECK-NEXT: optim.assign @c, %[[C0]]
// CHECK-NEXT: return

// CHECK: module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>}
// CHECK-NEXT: optim.parameter @b
// CHECK-NEXT: optim.parameter @c
// CHECK-NEXT: func.func @update_b(%[[G:.*]]: tensor<1xf32>) {
// CHECK-NEXT: optim.sgd @b, %[[G]] learning_rate = 1.000000e+00
// CHECK-NEXT: return
// CHECK: func.func @update_c(%[[G:.*]]: tensor<2xf64>) {
// CHECK-NEXT: optim.sgd @c, %[[G]] learning_rate = 2.000000e+00
// CHECK: func.func @main() {
// CHECK-NEXT: fleet.serve endpoint = "127.0.0.1:6170", trainers = 3, sync {
// CHECK-NEXT: fleet.on "b@GRAD" update @update_b serve @b as "b"
// CHECK-NEXT: fleet.on "c@GRAD" update @update_c serve @c as "c"
// CHECK-NEXT: }
// CHECK-NEXT: return

// CHECK: module @pserver_1 attributes {fleet.role = #fleet.role<pserver, index = 1>}
// CHECK-NEXT: optim.parameter @w : tensor<4x1xf32> init = #optim.xavier_uniform
// CHECK-NEXT: optim.state @"w/velocity" of @w
// CHECK-NEXT: func.func @update_w(%[[G:.*]]: tensor<4x1xf32>) {
// CHECK-NEXT: optim.momentum @w, %[[G]] velocity = @"w/velocity"
// CHECK: fleet.serve endpoint = "[::1]:6171", trainers = 3, sync {
// CHECK-NEXT: fleet.on "w@GRAD" update @update_w serve @w as "w"
