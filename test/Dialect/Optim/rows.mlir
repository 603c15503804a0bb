// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --canonicalize --cse | FileCheck %s --check-prefix=CSE

// CHECK: optim.parameter @users : tensor<1099511627776x8xf32> init = #optim.normal<> rows = distributed
optim.parameter @users : tensor<1099511627776x8xf32> init = #optim.normal<> rows = distributed
// CHECK: optim.state @"users/velocity" of @users slot = "velocity" : tensor<1099511627776x8xf32>
optim.state @"users/velocity" of @users slot = "velocity" : tensor<1099511627776x8xf32> init = #optim.zeros
// CHECK: optim.parameter @words : tensor<100x4xf64> init = #optim.zeros rows = sparse frozen
optim.parameter @words : tensor<100x4xf64> init = #optim.zeros rows = sparse frozen
// CHECK: optim.parameter @slice : tensor<50x4xf64> init = #optim.zeros rows = sparse lr_multiplier = 2.000000e+00 origin = <name = "t", shape = [100, 4], row_offset = 50>
optim.parameter @slice : tensor<50x4xf64> init = #optim.zeros rows = sparse lr_multiplier = 2.0 origin = #optim.origin<name = "t", shape = [100, 4], row_offset = 50>

// CHECK-LABEL: func.func @step
// CSE-LABEL: func.func @step
func.func @step(%user: tensor<?x1xi64>, %ids: tensor<?x3xi32>) -> tensor<?x3x4xf64> {
  // CHECK-NEXT: %[[U:.*]] = optim.lookup @users[%{{.*}}] : (tensor<?x1xi64>) -> tensor<?x8xf32>
  // Two lookups without an update between them are one.
  // CSE-COUNT-1: optim.lookup @users
  // CSE-NOT: optim.lookup @users
  %u = optim.lookup @users[%user] : (tensor<?x1xi64>) -> tensor<?x8xf32>
  // CHECK-NEXT: optim.lookup @words[%{{.*}}] padding_idx = 0 : (tensor<?x3xi32>) -> tensor<?x3x4xf64>
  %w = optim.lookup @words[%ids] padding_idx = 0 : (tensor<?x3xi32>) -> tensor<?x3x4xf64>
  %v = optim.lookup @users[%user] : (tensor<?x1xi64>) -> tensor<?x8xf32>
  // CHECK: %[[G:.*]] = optim.row_gradient @users [%{{.*}}] %[[U]], [%{{.*}}] %{{.*}} padding_idx = 7 : (tensor<?x1xi64>, tensor<?x1xi64>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<1099511627776x8xf32>
  %g = optim.row_gradient @users [%user] %u, [%user] %v padding_idx = 7
    : (tensor<?x1xi64>, tensor<?x1xi64>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<1099511627776x8xf32>
  // CHECK-NEXT: optim.momentum @users, %[[G]]
  optim.momentum @users, %g velocity = @"users/velocity" learning_rate = 0.1 momentum = 0.9 : tensor<1099511627776x8xf32>
  return %w : tensor<?x3x4xf64>
}

// An update of a table changes what a lookup gives.
// CSE-LABEL: func.func @again
func.func @again(%user: tensor<?x1xi64>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CSE-COUNT-2: optim.lookup @users
  %u = optim.lookup @users[%user] : (tensor<?x1xi64>) -> tensor<?x8xf32>
  %g = optim.row_gradient @users [%user] %u : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<1099511627776x8xf32>
  optim.sgd @users, %g learning_rate = 0.1 : tensor<1099511627776x8xf32>
  %v = optim.lookup @users[%user] : (tensor<?x1xi64>) -> tensor<?x8xf32>
  return %u, %v : tensor<?x8xf32>, tensor<?x8xf32>
}

func.func @part(%g: tensor<?x8xf32>) -> tensor<f32> {
  %0 = nn.reduce sum %g dims = [0, 1] : tensor<?x8xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @change(%g: tensor<?x8xf32>, %sum: tensor<f32>) -> tensor<?x8xf32> {
  %0 = nn.mul %g, %sum : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @clipped
func.func @clipped(%user: tensor<?x1xi64>, %u: tensor<?x8xf32>) {
  // CHECK: %[[G:.*]] = optim.row_gradient
  %g = optim.row_gradient @users [%user] %u : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<1099511627776x8xf32>
  // CHECK: %[[P:.*]] = optim.row_part %[[G]] by @part : tensor<1099511627776x8xf32> -> tensor<f32>
  %p = optim.row_part %g by @part : tensor<1099511627776x8xf32> -> tensor<f32>
  // CHECK: %[[C:.*]] = optim.row_change %[[G]], %[[P]] by @change : tensor<1099511627776x8xf32>, tensor<f32>
  %c = optim.row_change %g, %p by @change : tensor<1099511627776x8xf32>, tensor<f32>
  // CHECK: optim.sgd @users, %[[C]]
  optim.sgd @users, %c learning_rate = 0.1 : tensor<1099511627776x8xf32>
  return
}

// The part of a server: the gradient comes from elsewhere.
func.func @update(%g: tensor<1099511627776x8xf32>) {
  optim.sgd @users, %g learning_rate = 0.1 : tensor<1099511627776x8xf32>
  return
}
