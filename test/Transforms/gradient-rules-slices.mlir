// RUN: fleet-opt %s --split-input-file --fleet-distribute-ps="pservers=h:1,h:2 min-block-size=1" --fleet-verify-job | FileCheck %s

// What is done element by element is done to rows as well.
// CHECK-LABEL: module @elementwise
// CHECK: optim.sgd @w.block0, %{{.*}} {gradient_rules = [#optim.clip_by_value<min = -1.000000e+00, max = 1.000000e+00>, #optim.l2<1.000000e-01>]} : tensor<2xf32>
// CHECK: optim.sgd @w.block1, %{{.*}} {gradient_rules = [#optim.clip_by_value<min = -1.000000e+00, max = 1.000000e+00>, #optim.l2<1.000000e-01>]} : tensor<2xf32>
module @elementwise {
  optim.parameter @w : tensor<4xf32> init = #optim.zeros
  func.func @main(%g: tensor<4xf32>) {
    optim.sgd @w, %g learning_rate = 1.0
      {gradient_rules = [#optim.clip_by_value<min = -1.0, max = 1.0>, #optim.l2<0.1>]} : tensor<4xf32>
    return
  }
}

// -----

// A norm is of the whole gradient, so that the parameter stays in one piece.
// CHECK-LABEL: module @norm
// CHECK-NOT: block
// CHECK: optim.sgd @w, %{{.*}} {gradient_rules = [#optim.clip_by_norm<max = 1.000000e+00>]} : tensor<4xf32>
module @norm {
  optim.parameter @w : tensor<4xf32> init = #optim.zeros
  func.func @main(%g: tensor<4xf32>) {
    optim.sgd @w, %g learning_rate = 1.0
      {gradient_rules = [#optim.clip_by_norm<max = 1.0>]} : tensor<4xf32>
    return
  }
}
