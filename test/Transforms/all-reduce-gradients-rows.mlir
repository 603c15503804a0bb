// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-verify-job | FileCheck %s

// Rows are added when all other sums are there, as they are made of this
// trainer's share already; all of a table starts equal, with its state.
// CHECK-LABEL: module @job
// CHECK: func.func @main(%[[IDS:.*]]: tensor<?x1xi64>, %[[SCALE:.*]]: tensor<?x2xf32>
// CHECK: %[[SHARE:.*]] = fleet.examples share
// CHECK: nn.{{.*}} %[[SHARE]]
// CHECK: %[[ROWS:.*]] = optim.row_gradient @t [%[[IDS]]]
// CHECK: fleet.all_reduce_wait
// CHECK: optim.sgd @w
// CHECK-NEXT: %[[ALL:.*]] = fleet.all_gather_rows %[[ROWS]] in @world : tensor<8x2xf32>
// CHECK-NEXT: optim.momentum @t, %[[ALL]]
// CHECK: func.func @startup()
// CHECK-DAG: fleet.broadcast @t from 0 in @world
// CHECK-DAG: fleet.broadcast @"t/velocity" from 0 in @world
module @job {
  optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
  optim.state @"t/velocity" of @t slot = "velocity" : tensor<8x2xf32> init = #optim.zeros
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%ids: tensor<?x1xi64>, %x: tensor<?x2xf32>, %dw: tensor<2xf32>) {
    %seed = optim.loss_gradient : tensor<f32>
    %dr = nn.mul %x, %seed : (tensor<?x2xf32>, tensor<f32>) -> tensor<?x2xf32>
    %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<8x2xf32>
    optim.momentum @t, %g velocity = @"t/velocity" learning_rate = 1.0 momentum = 0.9 : tensor<8x2xf32>
    optim.sgd @w, %dw learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

// Gradients that no loss of the step was differentiated for count by the share,
// too, each by itself: that of a table by what its rows are made of.
// CHECK-LABEL: module @given
// CHECK: %[[SHARE:.*]] = fleet.examples share : tensor<f32>
// CHECK: %[[SCALED:.*]] = nn.mul %{{.*}}, %[[SHARE]] : (tensor<?x2xf32>, tensor<f32>)
// CHECK: %[[ROWS:.*]] = optim.row_gradient @t [%{{.*}}] %[[SCALED]]
// CHECK: fleet.all_gather_rows %[[ROWS]]
module @given {
  optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
  func.func @main(%ids: tensor<?x1xi64>, %dr: tensor<?x2xf32>) {
    %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<8x2xf32>
    optim.sgd @t, %g learning_rate = 1.0 : tensor<8x2xf32>
    return
  }
}
