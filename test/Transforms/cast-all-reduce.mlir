// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-cast-all-reduce --fleet-verify-job | FileCheck %s -D'$HALF=bf16'
// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-cast-all-reduce="type=f16" --fleet-verify-job | FileCheck %s -D'$HALF=f16'
// RUN: not fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-cast-all-reduce --fleet-cast-all-reduce="type=f16" 2>&1 | FileCheck %s --check-prefix=AGAIN
// AGAIN: error: nothing to cast to 'f16': no all_reduce adds gradients in f32 or f64

// Gradients are rounded when they leave, and sums are widened when they are there;
// updates, and what changes all gradients together, compute as before.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[G:.*]]: tensor<2xf32>, %[[H:.*]]: tensor<3xf32>)
// CHECK-DAG: %[[GS:.*]] = nn.mul %[[G]], %{{.*}} : (tensor<2xf32>
// CHECK-DAG: %[[HS:.*]] = nn.mul %[[H]], %{{.*}} : (tensor<3xf32>
// CHECK: %[[H0:.*]] = nn.cast %[[HS]] : tensor<3xf32> to tensor<3x[[$HALF]]>
// CHECK: %[[G0:.*]] = nn.cast %[[GS]] : tensor<2xf32> to tensor<2x[[$HALF]]>
// CHECK: %[[T:.*]] = fleet.all_reduce_start %[[H0]], %[[G0]] in @world : tensor<3x[[$HALF]]>, tensor<2x[[$HALF]]>
// CHECK: %[[SUM:.*]]:2 = fleet.all_reduce_wait %[[T]]
// CHECK: %[[H1:.*]] = nn.cast %[[SUM]]#0 : tensor<3x[[$HALF]]> to tensor<3xf32>
// CHECK: %[[G1:.*]] = nn.cast %[[SUM]]#1 : tensor<2x[[$HALF]]> to tensor<2xf32>
// CHECK-NEXT: %[[CLIPPED:.*]]:2 = optim.clip_by_global_norm %[[G1]], %[[H1]]
// CHECK-NEXT: optim.sgd @a, %[[CLIPPED]]#0
// CHECK-NEXT: optim.sgd @b, %[[CLIPPED]]#1
module @joint {
  optim.parameter @a : tensor<2xf32> init = #optim.ones
  optim.parameter @b : tensor<3xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
    %0:2 = optim.clip_by_global_norm %g, %h max = 1.0 : tensor<2xf32>, tensor<3xf32>
    optim.sgd @a, %0#0 learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @b, %0#1 learning_rate = 2.0 : tensor<3xf32>
    return
  }
}

// -----

// An average is a value, not a gradient: it leaves its bucket and stays as it is.
// What is in f64 travels in as few bytes.
// CHECK-LABEL: module @values
// CHECK: func.func @main
// CHECK-SAME: (%[[G:.*]]: tensor<2xf32>, %[[M:.*]]: tensor<3xf32>, %[[H:.*]]: tensor<2xf64>)
// CHECK-DAG: %[[GS:.*]] = nn.mul %[[G]],
// CHECK-DAG: %[[MS:.*]] = nn.mul %[[M]],
// CHECK-DAG: %[[HS:.*]] = nn.mul %[[H]],
// CHECK-DAG: %[[G0:.*]] = nn.cast %[[GS]] : tensor<2xf32> to tensor<2x[[$HALF]]>
// CHECK-DAG: %[[H0:.*]] = nn.cast %[[HS]] : tensor<2xf64> to tensor<2x[[$HALF]]>
// CHECK-DAG: %[[TG:.*]] = fleet.all_reduce_start %[[G0]] in @world : tensor<2x[[$HALF]]>
// CHECK-DAG: %[[TM:.*]] = fleet.all_reduce_start %[[MS]] in @world : tensor<3xf32>
// CHECK-DAG: %[[TH:.*]] = fleet.all_reduce_start %[[H0]] in @world : tensor<2x[[$HALF]]>
// CHECK-DAG: %[[SM:.*]] = fleet.all_reduce_wait %[[TM]] : tensor<3xf32>
// CHECK-DAG: optim.take_average @m, %[[SM]] : tensor<3xf32>
// CHECK-DAG: %[[SH:.*]] = fleet.all_reduce_wait %[[TH]] : tensor<2x[[$HALF]]>
// CHECK-DAG: %[[H1:.*]] = nn.cast %[[SH]] : tensor<2x[[$HALF]]> to tensor<2xf64>
// CHECK-DAG: optim.sgd @b, %[[H1]]
module @values {
  optim.parameter @a : tensor<2xf32> init = #optim.ones
  optim.parameter @b : tensor<2xf64> init = #optim.ones
  optim.parameter @m : tensor<3xf32> init = #optim.zeros frozen
  func.func @main(%g: tensor<2xf32>, %m: tensor<3xf32>, %h: tensor<2xf64>) {
    optim.take_average @m, %m : tensor<3xf32>
    optim.sgd @a, %g learning_rate = 1.0 : tensor<2xf32>
    optim.sgd @b, %h learning_rate = 1.0 : tensor<2xf64>
    return
  }
}
