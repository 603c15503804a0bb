// RUN: fleet-opt %s --optim-append-backward --fleet-distribute-local --optim-split-joint-rows | FileCheck %s
// RUN: fleet-opt %s --optim-append-backward --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --optim-split-joint-rows --fleet-verify-job | FileCheck %s --check-prefix=ALL
// RUN: fleet-opt %s --fleet-distribute --fleet-compile | FileCheck %s --check-prefix=PLAN

// A table is clipped together with a dense parameter: by the rows of a step.
// CHECK: func.func @t_part(%[[R:.*]]: tensor<?x2xf32>{{.*}}) -> (tensor<f32> {fleet.name = "part"})
// CHECK-NEXT: %[[S:.*]] = nn.square %[[R]]
// CHECK-NEXT: %[[N:.*]] = nn.reduce sum %[[S]] dims = [0, 1]
// CHECK-NEXT: return %[[N]]
// CHECK: func.func @t_change(%[[R:.*]]: tensor<?x2xf32>, %[[SUM:.*]]: tensor<f32>) -> tensor<?x2xf32>
// CHECK: nn.sqrt %[[SUM]]
// CHECK: nn.mul %[[R]]
// CHECK: func.func @main
// CHECK-DAG: %[[ROWS:.*]] = optim.row_gradient @t
// CHECK-DAG: %[[PART:.*]] = optim.row_part %[[ROWS]] by @t_part : tensor<8x2xf32> -> tensor<f32>
// CHECK: %[[TOTAL:.*]] = nn.add {{.*}}%[[PART]]
// CHECK: %[[CHANGED:.*]] = optim.row_change %[[ROWS]], %[[TOTAL]] by @t_change : tensor<8x2xf32>, tensor<f32>
// CHECK-NOT: optim.clip
// CHECK: optim.sgd @t, %[[CHANGED]]

// In a collective job, by the rows of all trainers.
// ALL: fleet.all_reduce_wait
// ALL: %[[ROWS:.*]] = fleet.all_gather_rows
// ALL: optim.row_part %[[ROWS]] by @t_part
// ALL: %[[CHANGED:.*]] = optim.row_change %[[ROWS]]
// ALL: optim.sgd @t, %[[CHANGED]]

// PLAN: plan.table "t" placement = "sparse" : memref<8x2xf32> init = {{.*}} part = @t_part update = @t_update {
// PLAN-NOT: plan.function @t_change
// PLAN: plan.function @t_part
// PLAN: plan.output "part"
// PLAN: plan.function @t_update
// PLAN-DAG: plan.input 0 "gradients" : memref<?x2xf32>
// PLAN-DAG: plan.input 1 "values" : memref<?x2xf32>
// PLAN-DAG: plan.input 2 "sum" : memref<f32>
// PLAN: plan.function @main
// PLAN: plan.merge_rows 0 ids(%{{.*}}) gradients(%{{.*}}) padding_idx = [-1] :
// PLAN: plan.rows_part 0 to %[[PART:.*]] : memref<f32>
// PLAN: plan.update_rows 0 with %{{.*}} : memref<f32>
module @job {
  optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
  optim.parameter @w : tensor<2x1xf32> init = #optim.ones
  func.func @main(%ids: tensor<?x1xi64>) -> tensor<f32> {
    %r = optim.lookup @t[%ids] : (tensor<?x1xi64>) -> tensor<?x2xf32>
    %w = optim.read @w : tensor<2x1xf32>
    %p = nn.matmul %r, %w : (tensor<?x2xf32>, tensor<2x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %p : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> clip = #optim.clip_by_global_norm<max = 1.0>
    return %loss : tensor<f32>
  }
}
