// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --pass-pipeline='builtin.module(plan.program(plan.function(plan-assign-buffers)))' | FileCheck %s --check-prefix=SLOTS

// CHECK: plan.program @trainer role = "trainer"
plan.program @trainer role = "trainer" {
  plan.state @"words/count" of "words" slot "count" : memref<f32> init = #optim.constant<0.0>
  // CHECK: plan.table "users" placement = "distributed" : memref<1099511627776x8xf32> init = #optim.normal<> {
  // CHECK-NEXT: plan.shard 0{{$}}
  // CHECK-NEXT: plan.shard 1{{$}}
  plan.table "users" placement = "distributed" : memref<1099511627776x8xf32> init = #optim.normal<> {
    plan.shard 0
    plan.shard 1
  }
  // CHECK: plan.table "words" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.000000e+00> update = @update advance = @advance {
  // CHECK-NEXT: plan.row_state "velocity" columns = 4 init = #optim.constant<0.000000e+00>
  // CHECK-NEXT: plan.shard 1 rows 0 count 60
  // CHECK-NEXT: plan.shard 0 rows 60 count 40
  plan.table "words" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> update = @update advance = @advance {
    plan.row_state "velocity" columns = 4 init = #optim.constant<0.0>
    plan.shard 1 rows 0 count 60
    plan.shard 0 rows 60 count 40
  }
  plan.kernel @k operands = 1 flops = 1 bytes = 4
  plan.kernel @k3 operands = 3 flops = 1 bytes = 4
  plan.kernel @k2 operands = 2 flops = 1 bytes = 4
  plan.function @update {
    %g = plan.input 0 "gradients" : memref<?x4xf32>
    %w = plan.input 1 "values" : memref<?x4xf32>
    %v = plan.input 2 "velocity" : memref<?x4xf32>
    plan.launch @k3(%g, %w, %v) outputs = 0 inplace = [1, 2] rows = -1 : memref<?x4xf32>, memref<?x4xf32>, memref<?x4xf32>
    plan.return
  }
  plan.function @advance {
    %c = plan.state_ref @"words/count" : memref<f32>
    plan.launch @k(%c) outputs = 0 inplace = [0] rows = 1 : memref<f32>
    plan.return
  }
  // SLOTS: plan.function @main slots = 3
  plan.function @main {
    %user = plan.input 0 "user" below 1099511627776 : memref<?x1xi64>
    %ids = plan.input 1 "ids" below 100 : memref<?x3xi32>
    // SLOTS: %[[U:.*]] = plan.temporary slot 0
    %u = plan.temporary : memref<?x8xf32>
    %w = plan.temporary : memref<?x3x4xf32>
    // What is pushed lives until the barrier.
    // SLOTS: plan.temporary slot 0 : memref<?x8xf32>
    %d = plan.temporary : memref<?x8xf32>
    // SLOTS: plan.temporary slot 2 : memref<?x8xf32>
    %other = plan.temporary : memref<?x8xf32>
    // CHECK: plan.pull_rows [0, 1] ids(%{{.*}}, %{{.*}}) to(%{{.*}}, %{{.*}}) padding_idx = [-1, 0] : memref<?x1xi64>, memref<?x3xi32>, memref<?x8xf32>, memref<?x3x4xf32>
    plan.pull_rows [0, 1] ids (%user, %ids) to (%u, %w) padding_idx = [-1, 0]
      : memref<?x1xi64>, memref<?x3xi32>, memref<?x8xf32>, memref<?x3x4xf32>
    plan.launch @k2(%u, %w) outputs = 0 inplace = [] rows = -1 : memref<?x8xf32>, memref<?x3x4xf32>
    plan.launch @k2(%w, %d) outputs = 1 inplace = [] rows = -1 : memref<?x3x4xf32>, memref<?x8xf32>
    // CHECK: plan.push_rows 0 ids(%{{.*}}) gradients(%{{.*}}) padding_idx = [-1] : memref<?x1xi64>, memref<?x8xf32>
    plan.push_rows 0 ids (%user) gradients (%d) padding_idx = [-1] : memref<?x1xi64>, memref<?x8xf32>
    plan.launch @k2(%w, %other) outputs = 1 inplace = [] rows = -1 : memref<?x3x4xf32>, memref<?x8xf32>
    plan.send_barrier
    plan.return
  }
}

// CHECK-LABEL: plan.program @collective
plan.program @collective role = "trainer" {
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> update = @update {
    plan.row_state "velocity" columns = 4 init = #optim.constant<0.0>
    plan.shard 0 rows 0 count 100
  }
  plan.group @world size = 2
  plan.function @update {
    %g = plan.input 0 "gradients" : memref<?x4xf32>
    %w = plan.input 1 "values" : memref<?x4xf32>
    %v = plan.input 2 "velocity" : memref<?x4xf32>
    plan.return
  }
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %d = plan.temporary : memref<?x4xf32>
    // CHECK: plan.merge_rows 0 ids(%{{.*}}) gradients(%{{.*}}) padding_idx = [0] in @world : memref<?x1xi64>, memref<?x4xf32>
    plan.merge_rows 0 ids (%ids) gradients (%d) padding_idx = [0] in @world : memref<?x1xi64>, memref<?x4xf32>
    // CHECK: plan.update_rows 0
    plan.update_rows 0
    plan.return
  }
  plan.function @startup {
    // CHECK: plan.broadcast_rows 0 component 1 from 0 in @world
    plan.broadcast_rows 0 component 1 from 0 in @world
    plan.return
  }
}
