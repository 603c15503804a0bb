// RUN: fleet-opt %s --fleet-distribute="mode=ps pservers=h:1,h:2 trainers=2" | FileCheck %s

// Steps and barriers stay where nothing but rows travels.

// CHECK-LABEL: module @trainer
// CHECK: func.func @main
// CHECK-NEXT: fleet.pull_rows
// CHECK: fleet.push_rows
// CHECK-NEXT: fleet.send_barrier
// CHECK-NEXT: fleet.fetch_barrier
// CHECK-NEXT: return
// CHECK: func.func @startup() {
// CHECK-NEXT: fleet.fetch_barrier
// CHECK-NEXT: return
// CHECK-LABEL: module @pserver_1
// CHECK: fleet.serve
// CHECK-NEXT: fleet.on_rows "main_" update @update_main_ serve @main_
module @job {
  optim.parameter @main_ : tensor<1000x1xf32> init = #optim.ones rows = distributed
  func.func @main(%ids: tensor<?x1xi64>) -> tensor<f32> {
    %t = optim.read @main_ : tensor<1000x1xf32>
    %e = nn.embedding %t, %ids : (tensor<1000x1xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
    %loss = nn.mean %e : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 0.1>
    return %loss : tensor<f32>
  }
}
