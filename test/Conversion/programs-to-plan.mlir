// RUN: fleet-opt %s --split-input-file --convert-programs-to-plan | FileCheck %s

// A read uses the memory of the parameter; an update overwrites it.
// CHECK-LABEL: plan.program @local role = "local"
// CHECK: plan.state @w : memref<4xf32> init = #optim.constant<0.000000e+00>
// CHECK: plan.kernel @step operands = 2 splittable
// CHECK: plan.function @main
// CHECK-DAG: %[[W:.*]] = plan.state_ref @w : memref<4xf32>
// CHECK-DAG: %[[G:.*]] = plan.input 0 "g" : memref<4xf32>
// CHECK-NEXT: plan.launch @step(%[[W]], %[[G]]) outputs = 0 inplace = [0] rows = 4
// CHECK-NOT: plan.copy
module @job attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
  module @local attributes {fleet.role = #fleet.role<local>} {
    optim.parameter @w : tensor<4xf32> init = #optim.zeros
    func.func @main(%g: tensor<4xf32> {fleet.name = "g"}) {
      %w = optim.read @w : tensor<4xf32>
      %0 = call @step(%w, %g) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      optim.assign @w, %0 : tensor<4xf32>
      return
    }
    func.func private @step(%w: tensor<4xf32>, %g: tensor<4xf32>) -> (tensor<4xf32> {plan.inplace = 0 : i64}) attributes {plan.rows = 4 : i64} {
      %0 = nn.sub %w, %g : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }
  }
}

// -----

// The old value is still needed after the update: it is copied first.
// CHECK-LABEL: plan.program @local
// CHECK: plan.function @main
// CHECK: %[[W:.*]] = plan.state_ref @w
// CHECK: %[[OLD:.*]] = plan.temporary : memref<4xf32>
// CHECK-NEXT: plan.copy %[[W]], %[[OLD]]
// CHECK: plan.launch @after(%[[OLD]], %{{.*}})
module @job attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
  module @local attributes {fleet.role = #fleet.role<local>} {
    optim.parameter @w : tensor<4xf32> init = #optim.zeros
    func.func @main(%g: tensor<4xf32>) -> tensor<f32> {
      %w = optim.read @w : tensor<4xf32>
      optim.assign @w, %g : tensor<4xf32>
      %0 = call @after(%w) : (tensor<4xf32>) -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func private @after(%w: tensor<4xf32>) -> tensor<f32> attributes {plan.rows = 1 : i64} {
      %0 = nn.reduce sum %w dims = [0] : tensor<4xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
  }
}

// -----

// Transfers name server and block by number; a received parameter lands in its
// own memory. Equal kernels are one.
// CHECK-LABEL: plan.program @trainer
// CHECK: plan.server "127.0.0.1:6170"
// CHECK-NEXT: plan.block "a" : memref<2xf32>
// CHECK-NEXT: plan.block "b" : memref<3xf32>
// CHECK: plan.function @main
// CHECK: %[[B:.*]] = plan.state_ref @b
// CHECK: %[[G:.*]] = plan.input 0 "arg0"
// CHECK: plan.send %[[G]] to 0 block 1 : memref<3xf32>
// CHECK-NEXT: plan.send_barrier
// CHECK-NEXT: plan.recv %[[B]] from 0 block 1 : memref<3xf32>
// CHECK-NEXT: plan.fetch_barrier
// CHECK-NOT: plan.copy
// CHECK-LABEL: plan.program @pserver_0 role = "pserver"
// CHECK: plan.kernel @k0
// CHECK-NOT: plan.kernel
// CHECK: plan.service 0
// CHECK-NEXT: plan.handler 0 state @a update @update_a
// CHECK-NEXT: plan.handler 1 state @b update @update_b
module @job attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
    optim.parameter @b : tensor<3xf32> init = #optim.zeros
    func.func @main(%g: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @a : tensor<2xf32> init = #optim.zeros
    optim.parameter @b : tensor<3xf32> init = #optim.zeros
    func.func @main() {
      fleet.serve endpoint = "127.0.0.1:6170", trainers = 1, sync {
        fleet.on "a@GRAD" update @update_a serve @a as "a"
        fleet.on "b@GRAD" update @update_b serve @b as "b"
      }
      return
    }
    func.func @update_a(%g: tensor<2xf32>) {
      %n = call @k0() : () -> tensor<f32>
      return
    }
    func.func @update_b(%g: tensor<3xf32>) {
      %n = call @k1() : () -> tensor<f32>
      return
    }
    func.func private @k0() -> tensor<f32> attributes {plan.rows = 1 : i64} {
      %0 = nn.constant dense<1.0> : tensor<f32>
      return %0 : tensor<f32>
    }
    func.func private @k1() -> tensor<f32> attributes {plan.rows = 1 : i64} {
      %0 = nn.constant dense<1.0> : tensor<f32>
      return %0 : tensor<f32>
    }
  }
}

// -----

// Rows are sent from where they lie and received where they go; only a block
// that goes to two places is copied.
// CHECK-LABEL: plan.program @trainer
// CHECK: %[[V:.*]] = plan.state_ref @v
// CHECK: %[[W:.*]] = plan.state_ref @w
// CHECK: %[[G:.*]] = plan.input 0 "arg0"
// CHECK: plan.send %[[G]] to 0 block 0 : memref<7x2xf32>
// CHECK-NEXT: plan.send %[[G]] row 4 to 0 block 1 : memref<7x2xf32>
// CHECK-NEXT: plan.send_barrier
// CHECK-NEXT: plan.recv %[[W]] from 0 block 0 : memref<7x2xf32>
// CHECK-NEXT: %[[T:.*]] = plan.temporary
// CHECK-NEXT: plan.recv %[[T]] from 0 block 1 : memref<3x2xf32>
// CHECK-NEXT: plan.fetch_barrier
// CHECK-NEXT: plan.copy %[[T]], %[[W]] row 4 : memref<3x2xf32>, memref<7x2xf32>
// CHECK-NEXT: plan.copy %[[T]], %[[V]] : memref<3x2xf32>, memref<3x2xf32>
module @job attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
    optim.parameter @w : tensor<7x2xf32> init = #optim.zeros
    optim.parameter @v : tensor<3x2xf32> init = #optim.zeros
    func.func @main(%g: tensor<7x2xf32>) {
      fleet.send %g rows 0 count 4 to @pserver_0 as "a@GRAD" : tensor<7x2xf32>
      fleet.send %g rows 4 count 3 to @pserver_0 as "b@GRAD" : tensor<7x2xf32>
      fleet.send_barrier
      %a = fleet.recv "a" from @pserver_0 : tensor<4x2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3x2xf32>
      fleet.fetch_barrier
      optim.assign @w row 0, %a : tensor<4x2xf32>
      optim.assign @w row 4, %b : tensor<3x2xf32>
      optim.assign @v, %b : tensor<3x2xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @a : tensor<4x2xf32> init = #optim.zeros origin = <name = "w", shape = [7, 2]>
    optim.parameter @b : tensor<3x2xf32> init = #optim.zeros origin = <name = "w", shape = [7, 2], row_offset = 4>
    func.func @update_a(%g: tensor<4x2xf32>) {
      return
    }
    func.func @update_b(%g: tensor<3x2xf32>) {
      return
    }
    func.func @main() {
      fleet.serve endpoint = "127.0.0.1:6170", trainers = 1, sync {
        fleet.on "a@GRAD" update @update_a serve @a as "a"
        fleet.on "b@GRAD" update @update_b serve @b as "b"
      }
      return
    }
  }
}
