// RUN: fleet-opt %s --fleet-share-assigned | FileCheck %s
// RUN: fleet-opt %s --fleet-share-assigned=deltas | FileCheck %s --check-prefix=DELTAS
// RUN: fleet-opt %s --fleet-share-assigned --fleet-distribute-ps='pservers=h:1 trainers=2' --fleet-verify-job | FileCheck %s --check-prefix=PS
// RUN: fleet-opt %s --fleet-share-assigned --fleet-exchange-deltas='every=5 trainers=2' --fleet-distribute-ps='pservers=h:1 trainers=2 sync=geo' --fleet-verify-job | FileCheck %s --check-prefix=GEO
// RUN: fleet-opt %s --fleet-share-assigned=deltas --fleet-distribute-ps='pservers=h:1 trainers=2 sync=half_async compensation=0.5' --fleet-verify-job | FileCheck %s --check-prefix=LATE
// RUN: fleet-opt %s --fleet-distribute-ps='pservers=h:1 trainers=2 keep-assigned' --fleet-verify-job | FileCheck %s --check-prefix=OWN
// RUN: not fleet-opt %s --fleet-distribute-ps='pservers=h:1 trainers=2' 2>&1 | FileCheck %s --check-prefix=REFUSED

// A moving mean is no gradient, but comes from all trainers as one does.
// CHECK: optim.parameter @mean : tensor<3xf32> init = #optim.zeros frozen
// CHECK: optim.take_average @mean, %{{.*}} : tensor<3xf32>
// DELTAS: %[[OLD:.*]] = optim.read @mean
// DELTAS: %[[OLD2:.*]] = optim.read @mean
// DELTAS: %[[D:.*]] = nn.sub %{{.*}}, %[[OLD2]]
// DELTAS: optim.apply_delta @mean, %[[D]] : tensor<3xf32>

// RUN: fleet-opt %s --fleet-share-assigned --fleet-distribute-ps='pservers=h:1' --fleet-compile | FileCheck %s --check-prefix=PLAN
// PLAN: plan.function @update_mean
// PLAN: %[[STATE:.*]] = plan.state_ref @mean
// PLAN: %[[NEW:.*]] = plan.input 0
// PLAN-NEXT: plan.copy %[[NEW]], %[[STATE]]

// PS-LABEL: module @trainer
// PS: fleet.send %{{.*}} to @pserver_0 as "mean@GRAD"
// PS: %[[MEAN:.*]] = fleet.recv "mean"
// PS: optim.assign @mean, %[[MEAN]]
// PS-LABEL: module @pserver_0
// PS: func.func @update_mean(%[[G:.*]]: tensor<3xf32>) {
// PS-NEXT: optim.take_average @mean, %[[G]]

// In geo a trainer takes its own until it tells what changed.
// GEO-LABEL: module @trainer
// GEO: func.func @main
// GEO: optim.take_average @mean
// GEO: func.func @exchange
// GEO: fleet.send %{{.*}} to @pserver_0 as "mean@DELTA"

// No delay is compensated of what is no gradient.
// LATE: func.func @update_mean(%{{[^,]*}}: tensor<3xf32>) {
// LATE: func.func @update_w(%{{.*}}: tensor<3xf32>, %{{.*}}: tensor<3xf32>) {

// OWN-LABEL: module @trainer
// OWN: optim.assign @mean
// OWN-NOT: "mean
// REFUSED: error: 'optim.assign' op changes @mean on one trainer only

optim.parameter @w : tensor<3xf32> init = #optim.ones
optim.parameter @mean : tensor<3xf32> init = #optim.zeros frozen
func.func @main(%dw: tensor<3xf32>, %batch: tensor<3xf32>) {
  %mean = optim.read @mean : tensor<3xf32>
  %new = nn.add %mean, %batch : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  optim.assign @mean, %new : tensor<3xf32>
  optim.sgd @w, %dw learning_rate = 1.0 : tensor<3xf32>
  return
}
