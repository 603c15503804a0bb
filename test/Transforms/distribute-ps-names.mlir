// RUN: fleet-opt %s --split-input-file --fleet-distribute-ps="pservers=h:1 trainers=1" --fleet-verify-job | FileCheck %s

// Any name that a parameter may have.

// CHECK-LABEL: module @odd
module @odd {
  optim.parameter @w : tensor<1xf32> init = #optim.ones
  optim.parameter @"w@GRAD" : tensor<2xf32> init = #optim.ones
  optim.parameter @w.block0 : tensor<3xf32> init = #optim.ones
  optim.parameter @"a/b c\22d" : tensor<4xf32> init = #optim.ones
  optim.parameter @update_w : tensor<5xf32> init = #optim.ones
  func.func @main(%g1: tensor<1xf32>, %g2: tensor<2xf32>, %g3: tensor<3xf32>, %g4: tensor<4xf32>, %g5: tensor<5xf32>) {
    optim.sgd @w, %g1 learning_rate = 1.0 : tensor<1xf32>
    optim.sgd @"w@GRAD", %g2 learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @w.block0, %g3 learning_rate = 1.0 : tensor<3xf32>
    optim.sgd @"a/b c\22d", %g4 learning_rate = 1.0 : tensor<4xf32>
    optim.sgd @update_w, %g5 learning_rate = 1.0 : tensor<5xf32>
    return
  }
}
// CHECK: module @pserver_0
// CHECK: func.func @[[W:update_w.*]](%{{.*}}: tensor<1xf32>)
// CHECK: func.func @update_w_GRAD(
// CHECK: func.func @update_w.block0(
// CHECK: func.func @update_a_b_c_d(
// CHECK: func.func @[[U:update_update_w.*]](%{{.*}}: tensor<5xf32>)
// CHECK: fleet.on "w@GRAD" update @[[W]] serve @w as "w"
// CHECK-NEXT: fleet.on "w@GRAD@GRAD" update @update_w_GRAD serve @"w@GRAD" as "w@GRAD"
// CHECK-NEXT: fleet.on "w.block0@GRAD" update @update_w.block0 serve @w.block0 as "w.block0"
// CHECK-NEXT: fleet.on "a/b c\22d@GRAD" update @update_a_b_c_d serve @"a/b c\22d" as "a/b c\22d"
// CHECK-NEXT: fleet.on "update_w@GRAD" update @[[U]] serve @update_w as "update_w"

// -----

// A parameter that has the name of a server, and one that has the name of a
// function of the job: the second moves, but is the same to the wire and to
// checkpoints.

// CHECK-LABEL: module @taken
// CHECK: fleet.peer @[[P:pserver__0]] endpoint = "h:1"
// CHECK: optim.parameter @pserver_0
// CHECK: optim.parameter @[[S:startup_.*]] : tensor<2xf32> init = #optim.xavier_uniform origin = <name = "startup", shape = [2]>
// CHECK: func.func @main
// CHECK: fleet.send %{{.*}} to @[[P]] as "pserver_0@GRAD"
// CHECK: fleet.send %{{.*}} to @[[P]] as "startup@GRAD"
// CHECK: func.func @startup
// CHECK: optim.assign @pserver_0
// CHECK: optim.assign @[[S]]
// CHECK: module @[[P]]
// CHECK: optim.parameter @[[S]] : tensor<2xf32> init = #optim.xavier_uniform origin = <name = "startup", shape = [2]>
// CHECK: optim.state @"startup/velocity" of @[[S]]
// CHECK: fleet.on "startup@GRAD" update @update_startup serve @[[S]] as "startup"
module @taken {
  optim.parameter @pserver_0 : tensor<1xf32> init = #optim.ones
  optim.parameter @startup : tensor<2xf32> init = #optim.xavier_uniform
  optim.state @"startup/velocity" of @startup slot = "velocity" : tensor<2xf32> init = #optim.zeros
  func.func @main(%g1: tensor<1xf32>, %g2: tensor<2xf32>) {
    optim.sgd @pserver_0, %g1 learning_rate = 1.0 : tensor<1xf32>
    optim.momentum @startup, %g2 velocity = @"startup/velocity" learning_rate = 1.0 momentum = 0.5 : tensor<2xf32>
    return
  }
}
