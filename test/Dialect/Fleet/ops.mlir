// RUN: fleet-opt %s | FileCheck %s
// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --emit-bytecode | fleet-opt | FileCheck %s

// CHECK: module @job attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 2>}
module @job attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 2>} {
  // CHECK: module @trainer attributes {fleet.role = #fleet.role<trainer>}
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    // CHECK: fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
    fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
    // CHECK: fleet.peer @by_name endpoint = "ps-1.example.org:6170"
    fleet.peer @by_name endpoint = "ps-1.example.org:6170"
    // CHECK: fleet.peer @v6 endpoint = "[2001:db8::1]:6170"
    fleet.peer @v6 endpoint = "[2001:db8::1]:6170"

    // CHECK-LABEL: func.func @main(
    // CHECK-SAME: %[[DW:.*]]: tensor<13x1xf32>)
    func.func @main(%dw: tensor<13x1xf32>) -> tensor<13x1xf32> {
      // CHECK: fleet.send %[[DW]] to @pserver_0 as "w@GRAD" : tensor<13x1xf32>
      fleet.send %dw to @pserver_0 as "w@GRAD" : tensor<13x1xf32>
      // CHECK: fleet.send %[[DW]] rows 7 count 6 to @pserver_0 as "w.block1@GRAD" : tensor<13x1xf32>
      fleet.send %dw rows 7 count 6 to @pserver_0 as "w.block1@GRAD" : tensor<13x1xf32>
      // CHECK: fleet.send_barrier
      fleet.send_barrier
      // CHECK: fleet.agree ["w@GRAD", "w.block1@GRAD"] at [@pserver_0, @by_name]
      fleet.agree ["w@GRAD", "w.block1@GRAD"] at [@pserver_0, @by_name]
      // CHECK: %[[W:.*]] = fleet.recv "w" from @pserver_0 : tensor<13x1xf32>
      %w = fleet.recv "w" from @pserver_0 : tensor<13x1xf32>
      // CHECK: fleet.fetch_barrier
      fleet.fetch_barrier
      return %w : tensor<13x1xf32>
    }

    // CHECK-LABEL: func.func @asynchronous(
    func.func @asynchronous(%dw: tensor<13x1xf32>) -> tensor<13x1xf32> {
      fleet.send %dw to @pserver_0 as "w@GRAD" : tensor<13x1xf32>
      // CHECK: fleet.submit queue = 4 merge = 2
      fleet.submit queue = 4 merge = 2
      %w = fleet.recv "w" from @pserver_0 : tensor<13x1xf32>
      // CHECK: fleet.fetch_latest
      fleet.fetch_latest
      return %w : tensor<13x1xf32>
    }

    // CHECK: func.func @exchange() attributes {fleet.every = 20 : i64}
    func.func @exchange() attributes {fleet.every = 20 : i64} {
      return
    }
  }

  // CHECK: module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>}
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<13x1xf32> init = #optim.zeros
    func.func @update_w(%g: tensor<13x1xf32>) {
      optim.sgd @w, %g learning_rate = 1.0 : tensor<13x1xf32>
      return
    }
    optim.parameter @v : tensor<3xf32> init = #optim.zeros
    func.func @part_v(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_v(%g: tensor<3xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
      optim.sgd @v, %0 learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      // CHECK: fleet.serve endpoint = "127.0.0.1:6170", trainers = 2, sync {
      fleet.serve endpoint = "127.0.0.1:6170", trainers = 2, sync {
        // CHECK-NEXT: fleet.on "w@GRAD" update @update_w serve @w as "w"
        fleet.on "w@GRAD" update @update_w serve @w as "w"
        // CHECK-NEXT: fleet.on "v@GRAD" part @part_v update @update_v serve @v as "v"
        fleet.on "v@GRAD" part @part_v update @update_v serve @v as "v"
      }
      // CHECK: fleet.serve endpoint = "127.0.0.1:6171", trainers = 1, sync {
      // CHECK-NEXT: }
      fleet.serve endpoint = "127.0.0.1:6171", trainers = 1, sync {
      }
      return
    }
  }
}

// CHECK: module @local attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>, fleet.role = #fleet.role<local>}
module @local attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>, fleet.role = #fleet.role<local>} {
}
