// RUN: fleet-opt %s --fleet-distribute-ps="pservers=h:1,h:2,h:3 min-block-size=4" --fleet-verify-job | FileCheck %s
// RUN: fleet-opt %s --fleet-distribute-ps="pservers=h:1,h:2,h:3 min-block-size=4 slice=false" --fleet-verify-job | FileCheck %s --check-prefix=WHOLE
// RUN: not fleet-opt %s --fleet-distribute-ps="pservers=h:1 min-block-size=0" 2>&1 | FileCheck %s --check-prefix=ZERO

// ZERO: error: min-block-size: expected at least one element, got 0

// Blocks are whole rows; gradient, state of the parameter's shape and initial
// values follow; a scalar state is there once for every block. A parameter may
// have the name that a block would have.

// WHOLE-NOT: .block1@GRAD
// WHOLE: fleet.send %{{.*}} to @pserver_{{.}} as "w@GRAD"

// CHECK-LABEL: module @trainer
// CHECK: func.func @main(%[[DW:.*]]: tensor<7x2xf32>, %[[DV:.*]]: tensor<2xf32>)
// CHECK-NEXT: fleet.send %[[DV]] to @pserver_[[V:[0-2]]] as "w.block0@GRAD" : tensor<2xf32>
// CHECK-NEXT: fleet.send %[[DW]] rows 0 count 3 to @pserver_0 as "w.block0_@GRAD" : tensor<7x2xf32>
// CHECK-NEXT: fleet.send %[[DW]] rows 3 count 3 to @pserver_1 as "w.block1@GRAD" : tensor<7x2xf32>
// CHECK-NEXT: fleet.send %[[DW]] rows 6 count 1 to @pserver_2 as "w.block2@GRAD" : tensor<7x2xf32>
// CHECK-NEXT: fleet.send_barrier
// CHECK-NEXT: fleet.recv "w.block0" from @pserver_[[V]] : tensor<2xf32>
// CHECK-NEXT: %[[B0:.*]] = fleet.recv "w.block0_" from @pserver_0 : tensor<3x2xf32>
// CHECK-NEXT: %[[B1:.*]] = fleet.recv "w.block1" from @pserver_1 : tensor<3x2xf32>
// CHECK-NEXT: %[[B2:.*]] = fleet.recv "w.block2" from @pserver_2 : tensor<1x2xf32>
// CHECK-NEXT: fleet.fetch_barrier
// CHECK-NEXT: optim.assign @w.block0,
// CHECK-NEXT: optim.assign @w row 0, %[[B0]] : tensor<3x2xf32>
// CHECK-NEXT: optim.assign @w row 3, %[[B1]] : tensor<3x2xf32>
// CHECK-NEXT: optim.assign @w row 6, %[[B2]] : tensor<1x2xf32>

// CHECK-LABEL: module @pserver_1
// CHECK-NEXT: optim.parameter @w.block1 : tensor<3x2xf32> init = #optim.xavier_uniform origin = <name = "w", shape = [7, 2], row_offset = 3>
// CHECK-NEXT: optim.state @"w.block1/moment1" of @w.block1 slot = "moment1" : tensor<3x2xf32> init = #optim.zeros origin = <name = "w", shape = [7, 2], row_offset = 3>
// CHECK-NEXT: optim.state @"w.block1/moment2" of @w.block1 slot = "moment2" : tensor<3x2xf32> init = #optim.zeros origin = <name = "w", shape = [7, 2], row_offset = 3>
// CHECK-NEXT: optim.state @"w.block1/beta1_power" of @w.block1 slot = "beta1_power" : tensor<f32> init = #optim.ones origin = <name = "w", shape = []>
// CHECK-NEXT: optim.state @"w.block1/beta2_power" of @w.block1 slot = "beta2_power" : tensor<f32>
// CHECK: func.func @update_w.block1(%[[G:.*]]: tensor<3x2xf32>)
// CHECK-NEXT: optim.adam @w.block1, %[[G]] moment1 = @"w.block1/moment1" moment2 = @"w.block1/moment2" beta1_power = @"w.block1/beta1_power" beta2_power = @"w.block1/beta2_power"
// CHECK: fleet.on "w.block1@GRAD" update @update_w.block1 serve @w.block1 as "w.block1"
module @program {
  optim.parameter @w : tensor<7x2xf32> init = #optim.xavier_uniform
  optim.state @"w/moment1" of @w slot = "moment1" : tensor<7x2xf32> init = #optim.zeros
  optim.state @"w/moment2" of @w slot = "moment2" : tensor<7x2xf32> init = #optim.zeros
  optim.state @"w/beta1_power" of @w slot = "beta1_power" : tensor<f32> init = #optim.ones
  optim.state @"w/beta2_power" of @w slot = "beta2_power" : tensor<f32> init = #optim.ones
  optim.parameter @w.block0 : tensor<2xf32> init = #optim.zeros
  func.func @main(%dw: tensor<7x2xf32>, %dv: tensor<2xf32>) {
    optim.sgd @w.block0, %dv learning_rate = 1.0 : tensor<2xf32>
    optim.adam @w, %dw moment1 = @"w/moment1" moment2 = @"w/moment2"
      beta1_power = @"w/beta1_power" beta2_power = @"w/beta2_power"
      learning_rate = 1.000000e-03 beta1 = 0.9 beta2 = 0.999 epsilon = 1.000000e-08
      : tensor<7x2xf32>
    return
  }
}
