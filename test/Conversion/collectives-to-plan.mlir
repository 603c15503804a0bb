// RUN: fleet-opt %s --split-input-file --convert-programs-to-plan | FileCheck %s

// What computes a gradient writes it into its bucket; updates read it there.
// One that is needed as it was is copied, and one that is an input.
// CHECK-LABEL: plan.program @trainer
// CHECK: plan.group @world size = 2
// CHECK: plan.bucket @bucket_0 : memref<48xf32>
// CHECK: plan.bucket @bucket_1 : memref<16xf32>
// CHECK: plan.function @main
// CHECK-DAG: %[[W:.*]] = plan.state_ref @w
// CHECK-DAG: %[[V:.*]] = plan.state_ref @v
// CHECK-DAG: %[[A:.*]] = plan.in_bucket @bucket_0 at 0 : memref<20xf32>
// CHECK-DAG: %[[B:.*]] = plan.in_bucket @bucket_0 at 32 : memref<4xf32>
// CHECK-DAG: %[[C:.*]] = plan.in_bucket @bucket_1 at 0 : memref<4xf32>
// CHECK-DAG: %[[X:.*]] = plan.input 0 "x"
// CHECK: %[[SHARE:.*]] = plan.examples "share" : memref<f32>
// CHECK: %[[OLD:.*]] = plan.temporary : memref<4xf32>
// CHECK-NEXT: plan.launch @backward(%[[X]], %[[SHARE]], %[[A]], %[[OLD]])
// CHECK-NEXT: plan.copy %[[OLD]], %[[B]]
// CHECK-NEXT: plan.all_reduce_start @bucket_0 in @world
// CHECK-NEXT: plan.copy %[[X]], %[[C]]
// CHECK-NEXT: plan.all_reduce_start @bucket_1 in @world
// CHECK-NEXT: plan.collective_wait @bucket_0
// CHECK-NEXT: plan.launch @step(%[[W]], %[[B]], %[[OLD]])
// CHECK-NEXT: plan.collective_wait @bucket_1
// CHECK-NEXT: plan.launch @step(%[[V]], %[[C]], %[[X]])
// CHECK: plan.function @startup
// CHECK: %[[S:.*]] = plan.state_ref @w
// CHECK: plan.connect @world
// CHECK-NEXT: plan.broadcast %[[S]] from 0 in @world : memref<4xf32>
module @job attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<4xf32> init = #optim.zeros
    optim.parameter @v : tensor<4xf32> init = #optim.zeros
    func.func @main(%x: tensor<4xf32> {fleet.name = "x"}) {
      %share = fleet.examples share : tensor<f32>
      %w = optim.read @w : tensor<4xf32>
      %v = optim.read @v : tensor<4xf32>
      %g:2 = call @backward(%x, %share) : (tensor<4xf32>, tensor<f32>) -> (tensor<20xf32>, tensor<4xf32>)
      %t0 = fleet.all_reduce_start %g#0, %g#1 in @world : tensor<20xf32>, tensor<4xf32>
      %t1 = fleet.all_reduce_start %x in @world : tensor<4xf32>
      %sum:2 = fleet.all_reduce_wait %t0 : tensor<20xf32>, tensor<4xf32>
      %0 = call @step(%w, %sum#1, %g#1) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      optim.assign @w, %0 : tensor<4xf32>
      %y = fleet.all_reduce_wait %t1 : tensor<4xf32>
      %1 = call @step(%v, %y, %x) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      optim.assign @v, %1 : tensor<4xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @w from 0 in @world
      return
    }
    func.func private @backward(%x: tensor<4xf32>, %s: tensor<f32>) -> (tensor<20xf32>, tensor<4xf32>) attributes {plan.rows = 4 : i64} {
      %0 = nn.mul %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
      %1 = nn.constant dense<1.0> : tensor<20xf32>
      return %1, %0 : tensor<20xf32>, tensor<4xf32>
    }
    func.func private @step(%w: tensor<4xf32>, %g: tensor<4xf32>, %h: tensor<4xf32>) -> (tensor<4xf32> {plan.inplace = 0 : i64}) attributes {plan.rows = 4 : i64} {
      %0 = nn.sub %w, %g : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %1 = nn.sub %0, %h : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      return %1 : tensor<4xf32>
    }
  }
}

// -----

// A part of a sum lies where the part of the value was; what is gathered lies
// around the part.
// CHECK-LABEL: plan.program @trainer
// CHECK: plan.group @near size = 2 stride = 1
// CHECK: plan.bucket @bucket_0 : memref<16xf32>
// CHECK: plan.bucket @bucket_1 : memref<16xf32>
// CHECK: plan.function @main
// CHECK-DAG: %[[G:.*]] = plan.in_bucket @bucket_0 at 0 : memref<13x1xf32>
// CHECK-DAG: %[[P:.*]] = plan.in_bucket @bucket_0 at 0 part_of @near : memref<7xf32>
// CHECK-DAG: %[[Q:.*]] = plan.in_bucket @bucket_1 at 0 part_of @near : memref<7xf32>
// CHECK-DAG: %[[W:.*]] = plan.in_bucket @bucket_1 at 0 : memref<13x1xf32>
// CHECK: plan.copy %{{.*}}, %[[G]]
// CHECK-NEXT: plan.reduce_scatter_start @bucket_0 at [0] parts [7] in @near
// CHECK-NEXT: plan.collective_wait @bucket_0
// CHECK-NEXT: plan.copy %[[P]], %[[Q]]
// CHECK-NEXT: plan.all_gather_start @bucket_1 at [0] parts [7] in @near
// CHECK-NEXT: plan.collective_wait @bucket_1
// CHECK-NEXT: plan.copy %[[W]], %[[S:[0-9]+]] :
// CHECK: plan.copy_part %[[S]], %{{[0-9]+}} in @near : memref<13x1xf32>, memref<7xf32>
module @job attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    fleet.group @near size = 2 stride = 1
    optim.parameter @w : tensor<13x1xf32> init = #optim.zeros
    optim.parameter @p : tensor<7xf32> init = #optim.zeros origin = #optim.origin<name = "w", shape = [13, 1], shards = 2> transient
    func.func @main(%g: tensor<13x1xf32>) {
      %t = fleet.reduce_scatter_start %g in @near : tensor<13x1xf32>
      %0 = fleet.reduce_scatter_wait %t : tensor<7xf32>
      %u = fleet.all_gather_start %0 in @near : tensor<7xf32>
      %1 = fleet.all_gather_wait %u : tensor<13x1xf32>
      optim.assign @w, %1 : tensor<13x1xf32>
      %2 = optim.read @w : tensor<13x1xf32>
      %3 = fleet.own_part %2 in @near : tensor<13x1xf32> -> tensor<7xf32>
      optim.assign @p, %3 : tensor<7xf32>
      return
    }
  }
}
