// RUN: fleet-opt %s --fleet-distribute-ps="pservers=h:1,h:2 trainers=1" --fleet-verify-job --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// Updates far apart: each gradient leaves where its update stood, new values
// arrive where the last one stood, and a read behind that sees them. Constants
// that an update reads move with it. Locations survive.

// CHECK-LABEL: module @trainer
// CHECK: func.func @main
// CHECK-NEXT: nn.tanh
// CHECK-NEXT: fleet.send %{{.*}} to @pserver_0 as "a@GRAD" : tensor<2xf32> loc("model.py":10:1)
// CHECK-NEXT: nn.exp
// CHECK-NEXT: fleet.send %{{.*}} to @pserver_1 as "b@GRAD" : tensor<2xf32> loc("model.py":11:1)
// CHECK-NEXT: fleet.send_barrier
// CHECK: fleet.fetch_barrier
// CHECK-NEXT: optim.assign @a
// CHECK-NEXT: optim.assign @b
// CHECK-NEXT: %[[A:.*]] = optim.read @a
// CHECK-NEXT: return %[[A]]
// CHECK-LABEL: module @pserver_0
// CHECK: optim.parameter @a {{.*}} loc("model.py":1:1)
// CHECK: func.func @update_a
// CHECK-NEXT: optim.sgd @a{{.*}} loc("model.py":10:1)
module {
  optim.parameter @a : tensor<2xf32> init = #optim.ones loc("model.py":1:1)
  optim.parameter @b : tensor<2xf32> init = #optim.ones loc("model.py":2:1)
  func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = nn.tanh %x : tensor<2xf32>
    optim.sgd @a, %0 learning_rate = 1.0 : tensor<2xf32> loc("model.py":10:1)
    %1 = nn.exp %x : tensor<2xf32>
    optim.sgd @b, %1 learning_rate = 1.0 : tensor<2xf32> loc("model.py":11:1)
    %2 = optim.read @a : tensor<2xf32>
    return %2 : tensor<2xf32>
  }
}
