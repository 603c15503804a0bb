// RUN: fleet-opt %s --fleet-outline-kernels | FileCheck %s

// An update that needs norms of whole tensors is kernels of its own: first the
// sums over all rows, then the sweep that uses them.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[G:.*]]: tensor<128x16xf32>)
// CHECK: %[[W:.*]] = optim.read @w
// CHECK: %[[V:.*]] = optim.read @v
// CHECK: %[[RATE:.*]] = call @[[NORMS:.*]](%[[W]], %[[G]])
// CHECK: %[[NEW:.*]]:2 = call @[[SWEEP:.*]](%[[V]], %[[W]], %[[G]], %[[RATE]])
// CHECK: optim.assign @w, %[[NEW]]#
// CHECK: optim.assign @v, %[[NEW]]#
// CHECK-NOT: optim.lars
// CHECK: func.func private @[[NORMS]](%{{.*}}: tensor<128x16xf32>, %{{.*}}: tensor<128x16xf32>) -> tensor<f32>
// CHECK-COUNT-2: nn.reduce sum
// CHECK: func.func private @[[SWEEP]](
// CHECK-NOT: nn.reduce
module {
  optim.parameter @w : tensor<128x16xf32> init = #optim.ones
  optim.state @v of @w slot = "velocity" : tensor<128x16xf32> init = #optim.zeros
  func.func @main(%g: tensor<128x16xf32>) {
    optim.lars @w, %g velocity = @v learning_rate = 1.0 momentum = 0.5
      coefficient = 1.0e-3 weight_decay = 0.0 epsilon = 0.0 : tensor<128x16xf32>
    return
  }
}
