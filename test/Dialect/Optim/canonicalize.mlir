// RUN: fleet-opt %s --canonicalize --cse --symbol-dce | FileCheck %s

// CHECK: optim.parameter @w
optim.parameter @w : tensor<2xf32> init = #optim.zeros

// Reads merge up to the next change of the parameter, and dead ones go.
// CHECK-LABEL: func.func @reads
func.func @reads(%g: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  // CHECK-NEXT: %[[BEFORE:.*]] = optim.read @w
  // CHECK-NEXT: optim.sgd @w
  // CHECK-NEXT: %[[AFTER:.*]] = optim.read @w
  // CHECK-NEXT: return %[[BEFORE]], %[[BEFORE]], %[[AFTER]]
  %0 = optim.read @w : tensor<2xf32>
  %1 = optim.read @w : tensor<2xf32>
  optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
  %2 = optim.read @w : tensor<2xf32>
  %dead = optim.read @w : tensor<2xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @assigns
func.func @assigns(%a: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: %[[BEFORE:.*]] = optim.read @w
  // CHECK-NEXT: optim.assign @w, %[[A:.*]] : tensor<2xf32>
  // CHECK-NEXT: %[[AFTER:.*]] = optim.read @w
  // CHECK-NEXT: nn.add %[[BEFORE]], %[[AFTER]]
  %0 = optim.read @w : tensor<2xf32>
  optim.assign @w, %a : tensor<2xf32>
  %1 = optim.read @w : tensor<2xf32>
  %2 = nn.add %0, %1 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// CHECK-LABEL: func.func @minimize
func.func @minimize(%loss: tensor<f32>) {
  // CHECK-NEXT: optim.minimize
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
  return
}

// CHECK-LABEL: func.func @loss_gradient
// CHECK-NEXT: %[[ONE:.*]] = nn.constant dense<1.000000e+00> : tensor<1xf64>
// CHECK-NEXT: return %[[ONE]]
func.func @loss_gradient() -> tensor<1xf64> {
  %0 = optim.loss_gradient : tensor<1xf64>
  return %0 : tensor<1xf64>
}
