// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=4" | FileCheck %s

// Every process is a trainer; at the start all have what rank 0 has.
// CHECK: module @job attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 4>}
// CHECK-NEXT: module @trainer attributes {fleet.role = #fleet.role<trainer>}
// CHECK-NEXT: fleet.group @world size = 4
// CHECK: func.func @main
// CHECK: func.func @startup() {
// CHECK-NEXT: fleet.connect @world
// CHECK-NEXT: fleet.broadcast @w from 0 in @world
// CHECK-NEXT: fleet.broadcast @"w/velocity" from 0 in @world
// CHECK-NEXT: return
module @job {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  optim.state @"w/velocity" of @w slot = "velocity" : tensor<2xf32> init = #optim.zeros
  func.func @main() {
    return
  }
}

// -----

// Names that the job needs give way, or it takes another one.
// CHECK: fleet.group @world_0 size = 4
// CHECK: optim.parameter @startup_0 : tensor<2xf32> init = #optim.ones origin = <name = "startup", shape = [2]>
// CHECK: optim.parameter @world : tensor<3xf32>
// CHECK: func.func @startup() {
// CHECK-NEXT: fleet.connect @world_0
// CHECK-NEXT: fleet.broadcast @startup_0 from 0 in @world_0
module @names {
  optim.parameter @startup : tensor<2xf32> init = #optim.ones
  optim.parameter @world : tensor<3xf32> init = #optim.ones
  func.func @main() {
    return
  }
}
