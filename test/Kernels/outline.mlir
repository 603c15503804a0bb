// RUN: fleet-opt %s --split-input-file --fleet-outline-kernels --canonicalize --cse | FileCheck %s

// An elementwise chain is one kernel that sweeps the batch; constants that fill
// a tensor with one value are part of it.
// CHECK-LABEL: func.func @elementwise
// CHECK: %[[R:.*]] = call @elementwise_k0(%arg0, %arg1)
// CHECK-NEXT: return %[[R]]
// CHECK: func.func private @elementwise_k0(%[[X:.*]]: tensor<?x4xf32>, %[[B:.*]]: tensor<4xf32>) -> tensor<?x4xf32> attributes {plan.rows = -1 : i64}
// CHECK-NEXT: nn.constant dense<2.0
// CHECK-NEXT: nn.add %[[X]], %[[B]]
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.tanh
func.func @elementwise(%x: tensor<?x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %two = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.add %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = nn.mul %0, %two : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %2 = nn.tanh %1 : tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----

// A sum over rows ends a sweep: what needs it row by row is the next kernel.
// CHECK-LABEL: func.func @normalize
// CHECK: %[[S:.*]] = call @normalize_k0(%arg0)
// CHECK: call @normalize_k1(%arg0, %[[S]])
func.func @normalize(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %sum = nn.reduce sum %x dims = [0] : tensor<?x4xf32> -> tensor<4xf32>
  %0 = nn.div %x, %sum : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// What only needs the sum itself is computed after the sweep, in its kernel.
// CHECK-LABEL: func.func @mean
// CHECK: call @mean_k0(%arg0) : (tensor<?x4xf32>) -> tensor<f32>
// CHECK-NOT: call
func.func @mean(%x: tensor<?x4xf32>) -> tensor<f32> {
  %sum = nn.reduce sum %x dims = [0, 1] : tensor<?x4xf32> -> tensor<f32>
  %n = nn.count %x : tensor<?x4xf32> -> tensor<f32>
  %0 = nn.div %sum, %n : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// A large product is a library call between two kernels, a small one is part of
// a kernel.
// CHECK-LABEL: func.func @products
// CHECK: %[[H:.*]] = call @products_k0(%arg0)
// CHECK: %[[M:.*]] = nn.matmul %[[H]], %arg1
// CHECK: call @products_k1(%[[M]], %arg2)
// CHECK: func.func private @products_k1
// CHECK: nn.tanh
// CHECK-NEXT: nn.matmul
func.func @products(%x: tensor<?x32xf32>, %w: tensor<32x16xf32>, %v: tensor<16x2xf32>) -> tensor<?x2xf32> {
  %0 = nn.tanh %x : tensor<?x32xf32>
  %1 = nn.matmul %0, %w : (tensor<?x32xf32>, tensor<32x16xf32>) -> tensor<?x16xf32>
  %2 = nn.tanh %1 : tensor<?x16xf32>
  %3 = nn.matmul %2, %v : (tensor<?x16xf32>, tensor<16x2xf32>) -> tensor<?x2xf32>
  return %3 : tensor<?x2xf32>
}

// -----

// The derivative of the activation is computed where it is used: only %h passes
// from the first kernel to the second.
// CHECK-LABEL: func.func @sink
// CHECK: call @sink_k0(%arg0) : (tensor<?x32xf32>) -> tensor<?x32xf32>
// CHECK: call @sink_k1
func.func @sink(%x: tensor<?x32xf32>, %w: tensor<32x32xf32>) -> tensor<?x32xf32> {
  %one = nn.constant dense<1.0> : tensor<f32>
  %h = nn.tanh %x : tensor<?x32xf32>
  %0 = nn.square %h : tensor<?x32xf32>
  %d = nn.sub %one, %0 : (tensor<f32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %m = nn.matmul %h, %w : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %g = nn.mul %m, %d : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %g : tensor<?x32xf32>
}

// -----

module @update {
  optim.parameter @w : tensor<13x1xf32> init = #optim.zeros
  optim.state @"w/moment1" of @w slot = "moment1" : tensor<13x1xf32> init = #optim.zeros
  optim.state @"w/moment2" of @w slot = "moment2" : tensor<13x1xf32> init = #optim.zeros
  optim.state @"w/beta1_power" of @w slot = "beta1_power" : tensor<f32> init = #optim.ones
  optim.state @"w/beta2_power" of @w slot = "beta2_power" : tensor<f32> init = #optim.ones

  // An update overwrites parameter and state; the scalars have a kernel of their
  // own, after it.
  // CHECK-LABEL: func.func @adam
  // CHECK: call @adam_k0
  // CHECK: optim.assign @w,
  // CHECK: call @adam_k1
  // CHECK: optim.assign @"w/beta1_power"
  // CHECK: func.func private @adam_k0({{.*}}) -> (tensor<13x1xf32> {plan.inplace = 0 : i64}, tensor<13x1xf32> {plan.inplace = 1 : i64}, tensor<13x1xf32> {plan.inplace = 2 : i64}) attributes {plan.rows = 13 : i64}
  // CHECK: func.func private @adam_k1({{.*}}) -> (tensor<f32> {plan.inplace = 0 : i64}, tensor<f32> {plan.inplace = 1 : i64}) attributes {plan.rows = 1 : i64}
  func.func @adam(%g: tensor<13x1xf32>) {
    optim.adam @w, %g moment1 = @"w/moment1" moment2 = @"w/moment2" beta1_power = @"w/beta1_power" beta2_power = @"w/beta2_power" learning_rate = 1.0e-3 beta1 = 9.0e-1 beta2 = 9.99e-1 epsilon = 1.0e-8 : tensor<13x1xf32>
    return
  }
}

// -----

// One large row has no rows to sweep: a kernel does it as a whole.
// CHECK-LABEL: func.func @one_row
// CHECK: call @one_row_k0
// CHECK: func.func private @one_row_k0({{.*}}) -> {{.*}} attributes {plan.rows = 1 : i64}
// CHECK-NEXT: nn.tanh
// CHECK-NEXT: nn.reduce
func.func @one_row(%x: tensor<1x2000xf32>) -> tensor<1xf32> {
  %0 = nn.tanh %x : tensor<1x2000xf32>
  %1 = nn.reduce max %0 dims = [1] : tensor<1x2000xf32> -> tensor<1xf32>
  return %1 : tensor<1xf32>
}

// -----

// Rows are fetched where they are used; the gradient of a table is a kernel
// over the rows of the table, which can be cut.
// CHECK-LABEL: func.func @embedding
// CHECK: call @embedding_k0
// CHECK: call @embedding_k1
// CHECK-NOT: call
// CHECK: func.func private @embedding_k0
// CHECK-SAME: plan.rows = -1
// CHECK: nn.gather
// CHECK: nn.tanh
// CHECK: nn.concat
// CHECK: func.func private @embedding_k1
// CHECK-SAME: plan.rows = 100 : i64
// CHECK-NEXT: nn.scatter_add
// CHECK-NEXT: return
func.func @embedding(%table: tensor<100x4xf32>, %ids: tensor<?x1xi64>, %x: tensor<?x3xf32>) -> (tensor<?x7xf32>, tensor<100x4xf32>) {
  %0 = nn.gather %table, %ids : (tensor<100x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  %1 = nn.tanh %0 : tensor<?x4xf32>
  %2 = nn.concat %1, %x : (tensor<?x4xf32>, tensor<?x3xf32>) -> tensor<?x7xf32>
  %3 = nn.scatter_add %1, %ids : (tensor<?x4xf32>, tensor<?x1xi64>) -> tensor<100x4xf32>
  return %2, %3 : tensor<?x7xf32>, tensor<100x4xf32>
}
