// RUN: fleet-opt %s --fleet-exchange-deltas='every=20 trainers=4' | FileCheck %s
// RUN: fleet-opt %s --fleet-exchange-deltas='every=20 trainers=4' --fleet-distribute-ps='pservers=h:1 trainers=4 sync=geo' --fleet-verify-job | FileCheck %s --check-prefix=JOB

// The parameter of the program stays; its base is exchanged, and what is frozen
// is not.

// CHECK: optim.parameter @w : tensor<4xf32> init = #optim.xavier_uniform lr_multiplier
// CHECK-NEXT: optim.parameter @w.base : tensor<4xf32> init = #optim.xavier_uniform origin = <name = "w", shape = [4]>
optim.parameter @w : tensor<4xf32> init = #optim.xavier_uniform lr_multiplier = 2.0
// CHECK-NOT: @frozen.base
optim.parameter @frozen : tensor<4xf32> init = #optim.ones frozen
optim.state @"w/velocity" of @w slot = "velocity" : tensor<4xf32> init = #optim.zeros

// CHECK-LABEL: func.func @main(
func.func @main(%g: tensor<4xf32>) {
  // CHECK: optim.momentum @w
  optim.momentum @w, %g velocity = @"w/velocity" learning_rate = 1.0 momentum = 0.5 : tensor<4xf32>
  return
}

// CHECK-LABEL: func.func @startup() {
// CHECK-NEXT: %[[V:.*]] = optim.read @w.base
// CHECK-NEXT: optim.assign @w, %[[V]]

// CHECK-LABEL: func.func @exchange() attributes {fleet.every = 20 : i64} {
// CHECK-NEXT: %[[W:.*]] = optim.read @w :
// CHECK-NEXT: %[[BASE:.*]] = optim.read @w.base
// CHECK-NEXT: %[[CHANGED:.*]] = nn.sub %[[W]], %[[BASE]]
// CHECK-NEXT: %[[QUARTER:.*]] = nn.constant dense<2.500000e-01>
// CHECK-NEXT: %[[SHARE:.*]] = nn.mul %[[CHANGED]], %[[QUARTER]]
// CHECK-NEXT: %[[REST:.*]] = nn.sub %[[CHANGED]], %[[SHARE]]
// CHECK-NEXT: optim.apply_delta @w.base, %[[SHARE]]
// CHECK-NEXT: %[[NEW:.*]] = optim.read @w.base
// CHECK-NEXT: %[[SUM:.*]] = nn.add %[[NEW]], %[[REST]]
// CHECK-NEXT: optim.assign @w, %[[SUM]]

// Between exchanges a trainer trains alone, so the optimizer and its state are
// there; the server has the sum of what was changed.

// JOB-LABEL: module @trainer
// JOB: optim.state @"w/velocity" of @w
// JOB-LABEL: func.func @main(
// JOB: optim.momentum @w
// JOB-NOT: fleet.send
// JOB-LABEL: func.func @startup() {
// JOB-NEXT: %[[IN:.*]] = fleet.recv "w" from @pserver_0
// JOB-NEXT: fleet.fetch_barrier
// JOB-NEXT: optim.assign @w.base, %[[IN]]
// JOB-NEXT: %[[V:.*]] = optim.read @w.base
// JOB-NEXT: optim.assign @w, %[[V]]
// JOB-LABEL: func.func @exchange() attributes {fleet.every = 20 : i64} {
// JOB: %[[SHARE:.*]] = nn.mul
// JOB: %[[REST:.*]] = nn.sub
// JOB-NEXT: fleet.send %[[SHARE]] to @pserver_0 as "w@DELTA"
// JOB-NEXT: fleet.send_barrier
// JOB-NEXT: %[[IN:.*]] = fleet.recv "w" from @pserver_0
// JOB-NEXT: fleet.fetch_barrier
// JOB-NEXT: optim.assign @w.base, %[[IN]]
// JOB-NEXT: %[[NEW:.*]] = optim.read @w.base
// JOB-NEXT: %[[SUM:.*]] = nn.add %[[NEW]], %[[REST]]
// JOB-NEXT: optim.assign @w, %[[SUM]]
// JOB-LABEL: module @pserver_0
// JOB-NEXT: optim.parameter @w : tensor<4xf32>
// JOB-NOT: optim.state
// JOB: optim.apply_delta @w, %{{.*}}
// JOB: fleet.serve endpoint = "h:1", trainers = 4, geo {
// JOB-NEXT: fleet.on "w@DELTA" update @update_w serve @w as "w"
