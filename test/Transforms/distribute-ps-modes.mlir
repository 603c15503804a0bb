// What a step of a trainer is in each mode.

// RUN: fleet-opt %s --fleet-distribute-ps='pservers=h:1,h:2 trainers=2 sync=sync min-block-size=2' --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,WAITS '-D$MODE'=sync
// RUN: fleet-opt %s --fleet-distribute-ps='pservers=h:1,h:2 trainers=2 sync=half_async min-block-size=2' --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,WAITS '-D$MODE'=half_async
// RUN: fleet-opt %s --fleet-distribute-ps='pservers=h:1,h:2 trainers=2 sync=async min-block-size=2 queue=8 merge=3' --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,ASYNC '-D$MODE'=async
// RUN: not fleet-opt %s --fleet-distribute-ps='pservers=h:1 sync=async queue=0' 2>&1 | FileCheck %s --check-prefix=QUEUE
// RUN: not fleet-opt %s --fleet-distribute-ps='pservers=h:1 sync=async merge=5000' 2>&1 | FileCheck %s --check-prefix=MERGE
// QUEUE: error: queue: expected 1 to 4096 steps, got 0
// MERGE: error: merge: expected 1 to 4096 steps, got 5000

optim.parameter @w : tensor<4xf32> init = #optim.ones
optim.parameter @b : tensor<f32> init = #optim.ones

// CHECK: fleet.job = #fleet.job<mode = ps, sync = [[$MODE]], trainers = 2>
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[DW:.*]]: tensor<4xf32>, %[[DB:.*]]: tensor<f32>)
func.func @main(%dw: tensor<4xf32>, %db: tensor<f32>) {
  optim.sgd @w, %dw learning_rate = 1.0 : tensor<4xf32>
  optim.sgd @b, %db learning_rate = 1.0 : tensor<f32>
  return
}
// CHECK-NEXT: fleet.send %[[DW]] rows 0 count 2 to @pserver_{{[01]}} as "w.block0@GRAD"
// CHECK-NEXT: fleet.send %[[DW]] rows 2 count 2 to @pserver_{{[01]}} as "w.block1@GRAD"
// CHECK-NEXT: fleet.send %[[DB]] to @pserver_{{[01]}} as "b@GRAD"
// WAITS-NEXT: fleet.send_barrier
// ASYNC-NEXT: fleet.submit queue = 8 merge = 3
// CHECK-NEXT: %[[W0:.*]] = fleet.recv "w.block0"
// CHECK-NEXT: %[[W1:.*]] = fleet.recv "w.block1"
// CHECK-NEXT: %[[B:.*]] = fleet.recv "b"
// WAITS-NEXT: fleet.fetch_barrier
// ASYNC-NEXT: fleet.fetch_latest
// CHECK-NEXT: optim.assign @w row 0, %[[W0]]
// CHECK-NEXT: optim.assign @w row 2, %[[W1]]
// CHECK-NEXT: optim.assign @b, %[[B]]
// CHECK-NEXT: return

// At the start everybody waits.
// CHECK-LABEL: func.func @startup() {
// CHECK-COUNT-3: fleet.recv
// CHECK-NEXT: fleet.fetch_barrier
// CHECK: fleet.serve endpoint = "h:1", trainers = 2, [[$MODE]] {
// CHECK: fleet.serve endpoint = "h:2", trainers = 2, [[$MODE]] {
