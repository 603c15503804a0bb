// RUN: fleet-opt %s --optim-append-backward | FileCheck %s
// RUN: fleet-opt %s --optim-append-backward --fleet-distribute-ps='pservers=h:1,h:2 trainers=2 min-block-size=2' --fleet-verify-job | FileCheck %s --check-prefix=SYNC
// RUN: fleet-opt %s --optim-append-backward --fleet-distribute-ps='pservers=h:1,h:2 trainers=2 sync=half_async min-block-size=2' --fleet-verify-job | FileCheck %s --check-prefix=ALONE
// RUN: fleet-opt %s --optim-append-backward --fleet-distribute-ps='pservers=h:1,h:2 trainers=2 sync=async min-block-size=2' --fleet-verify-job | FileCheck %s --check-prefix=ALONE
// RUN: fleet-opt %s --fleet-distribute='mode=ps pservers=h:1,h:2' --fleet-compile | FileCheck %s --check-prefix=PLAN

// All gradients of the minimize are clipped together, then regularized.
// CHECK-LABEL: func.func @main
// CHECK: %[[C:.*]]:2 = optim.clip_by_global_norm %[[DW:.*]], %[[DB:.*]] max = 3.000000e+00 : tensor<4x1xf32>, tensor<1xf32>
// CHECK: optim.sgd @w, %[[C]]#0 learning_rate = 5.000000e-01 {gradient_rules = [#optim.l2<2.500000e-01>]}
// CHECK: optim.sgd @b, %[[C]]#1 learning_rate = 5.000000e-01 {gradient_rules = [#optim.l2<2.500000e-01>]}
// CHECK-LABEL: func.func @evaluate
// CHECK-NOT: clip

// In a synchronous job servers clip what they have averaged.
// SYNC-LABEL: module @trainer
// SYNC-LABEL: func.func @main
// SYNC-NOT: clip
// SYNC: %[[DW:.*]] = nn.matmul
// SYNC: %[[DB:.*]] = nn.sum_to
// SYNC: fleet.send %[[DW]] rows 0 count 2 to @pserver_[[A:[01]]] as "w.block0@GRAD"
// SYNC: fleet.send %[[DW]] rows 2 count 2 to @pserver_[[B:[01]]] as "w.block1@GRAD"
// SYNC: fleet.send %[[DB]] to @pserver_[[C:[01]]] as "b@GRAD"
// SYNC-NEXT: fleet.send_barrier
// SYNC-NEXT: fleet.agree ["w.block0@GRAD", "w.block1@GRAD", "b@GRAD"] at [@pserver_[[A]], @pserver_[[B]], @pserver_[[C]]]
// SYNC-NEXT: fleet.recv
// SYNC-LABEL: func.func @startup
// SYNC-NOT: fleet.agree
// SYNC-LABEL: module @pserver_0
// SYNC: func.func @part_w.block0(%[[G:.*]]: tensor<2x1xf32>) -> (tensor<f32> {fleet.name = "part"})
// SYNC-NEXT: %[[S:.*]] = nn.square %[[G]]
// SYNC-NEXT: %[[N:.*]] = nn.reduce sum %[[S]] dims = [0, 1]
// SYNC-NEXT: return %[[N]]
// SYNC: func.func @update_w.block0(%[[G:.*]]: tensor<2x1xf32>, %[[SUM:.*]]: tensor<f32>) {
// SYNC: nn.sqrt %[[SUM]]
// SYNC: %[[G1:.*]] = nn.mul %[[G]],
// SYNC: optim.sgd @w.block0, %[[G1]] {{.*}} {gradient_rules = [#optim.l2<2.500000e-01>]}
// SYNC: fleet.on "w.block0@GRAD" part @part_w.block0 update @update_w.block0 serve @w.block0 as "w.block0"

// Where servers apply each push by itself, a trainer clips its own gradients.
// ALONE-LABEL: module @trainer
// ALONE: %[[C:.*]]:2 = optim.clip_by_global_norm
// ALONE: fleet.send %[[C]]#0 rows 0 count 2 to
// ALONE-NOT: fleet.agree
// ALONE-LABEL: module @pserver_0
// ALONE-NOT: part

// PLAN-LABEL: plan.program @trainer
// PLAN: plan.send_barrier
// PLAN-NEXT: plan.agree [{{[01]}}, {{[01]}}] blocks [{{[01]}}, {{[01]}}]
// PLAN-LABEL: plan.program @pserver_0
// PLAN: plan.handler 0 state @{{.}} part @part_{{.}} update @update_{{.}}
// PLAN: plan.function @part_{{.}}
// PLAN: plan.output "part"
optim.parameter @w : tensor<4x1xf32> init = #optim.ones
optim.parameter @b : tensor<1xf32> init = #optim.zeros
func.func @main(%x: tensor<?x4xf32>) -> tensor<f32> {
  %w = optim.read @w : tensor<4x1xf32>
  %b = optim.read @b : tensor<1xf32>
  %0 = nn.linear %x, %w, %b : (tensor<?x4xf32>, tensor<4x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %loss = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.5>
    clip = #optim.clip_by_global_norm<max = 3.0> regularizer = #optim.l2<0.25>
  return %loss : tensor<f32>
}
