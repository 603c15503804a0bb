// RUN: fleet-opt %s --allow-unregistered-dialect --fleet-distribute-local --fleet-verify-job | FileCheck %s
// RUN: fleet-opt %s --allow-unregistered-dialect --fleet-distribute=mode=local | FileCheck %s

// CHECK: module @program attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>, test.kept}
// CHECK-NEXT: module @local attributes {fleet.role = #fleet.role<local>}
// CHECK-NEXT: optim.parameter @w
// CHECK-NEXT: optim.state @"w/velocity"
// CHECK-NEXT: func.func @main
// CHECK: optim.momentum @w
module @program attributes {test.kept} {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  optim.state @"w/velocity" of @w slot = "velocity" : tensor<2xf32> init = #optim.zeros
  func.func @main(%g: tensor<2xf32>) {
    optim.momentum @w, %g velocity = @"w/velocity" learning_rate = 1.0 momentum = 0.5 : tensor<2xf32>
    return
  }
}
