// RUN: fleet-opt %s --nn-decompose | FileCheck %s
// RUN: fleet-opt %s --nn-decompose --cse | FileCheck %s --check-prefix=SHARED
// RUN: fleet-opt %s --pass-pipeline='builtin.module(nn-decompose{keep=nn.softmax,nn.mean})' | FileCheck %s --check-prefix=KEEP

// CHECK-LABEL: func.func @linear
// CHECK-SAME: (%[[X:.*]]: tensor<?x32xf32>, %[[W:.*]]: tensor<32x8xf32>, %[[B:.*]]: tensor<8xf32>)
func.func @linear(%x: tensor<?x32xf32>, %w: tensor<32x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: %[[M:.*]] = nn.matmul %[[X]], %[[W]]
  // CHECK-NEXT: %[[S:.*]] = nn.add %[[M]], %[[B]]
  // CHECK-NEXT: return %[[S]]
  %0 = nn.linear %x, %w, %b : (tensor<?x32xf32>, tensor<32x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @mean_square_error
// KEEP-LABEL: func.func @mean_square_error
func.func @mean_square_error(%p: tensor<?x1xf32>, %y: tensor<?x1xf32>) -> tensor<f32> {
  // CHECK-NEXT: %[[D:.*]] = nn.sub
  // CHECK-NEXT: %[[Q:.*]] = nn.square %[[D]]
  // CHECK-NEXT: %[[S:.*]] = nn.reduce sum %[[Q]] dims = [0, 1] : tensor<?x1xf32> -> tensor<f32>
  // CHECK-NEXT: %[[N:.*]] = nn.count %[[Q]]
  // CHECK-NEXT: %[[M:.*]] = nn.div %[[S]], %[[N]]
  // CHECK-NEXT: return %[[M]]
  // KEEP: nn.square
  // KEEP-NEXT: nn.mean
  %0 = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %1 = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// CHECK-LABEL: func.func @softmax
// KEEP-LABEL: func.func @softmax
func.func @softmax(%x: tensor<?x10xf32>) -> tensor<?x10xf32> {
  // CHECK-NEXT: %[[M:.*]] = nn.reduce max %{{.*}} dims = [1] keep_dims
  // CHECK-NEXT: %[[Z:.*]] = nn.sub %{{.*}}, %[[M]]
  // CHECK-NEXT: %[[E:.*]] = nn.exp %[[Z]]
  // CHECK-NEXT: %[[S:.*]] = nn.reduce sum %[[E]] dims = [1] keep_dims
  // CHECK-NEXT: %[[P:.*]] = nn.div %[[E]], %[[S]]
  // CHECK-NEXT: return %[[P]]
  // KEEP-NEXT: nn.softmax
  %0 = nn.softmax %x : tensor<?x10xf32>
  return %0 : tensor<?x10xf32>
}

// One maximum, one exponential and one sum serve the loss and its gradient.
// CHECK-LABEL: func.func @cross_entropy_and_gradient
// SHARED-LABEL: func.func @cross_entropy_and_gradient
func.func @cross_entropy_and_gradient(%x: tensor<?x10xf32>, %y: tensor<?x1xi64>) -> (tensor<?x1xf32>, tensor<?x10xf32>) {
  // SHARED: nn.reduce max
  // SHARED-NEXT: %[[Z:.*]] = nn.sub
  // SHARED-NEXT: %[[E:.*]] = nn.exp %[[Z]]
  // SHARED-NEXT: %[[S:.*]] = nn.reduce sum %[[E]] dims = [1] keep_dims
  // SHARED-NEXT: %[[MASK:.*]] = nn.one_hot %{{.*}} : tensor<?x1xi64> -> tensor<?x10xi1>
  // SHARED-NEXT: %[[ZERO:.*]] = nn.constant dense<0.000000e+00> : tensor<f32>
  // SHARED-NEXT: %[[CHOSEN:.*]] = nn.select %[[MASK]], %[[Z]], %[[ZERO]]
  // SHARED-NEXT: %[[AT:.*]] = nn.reduce sum %[[CHOSEN]] dims = [1] keep_dims
  // SHARED-NEXT: %[[LOG:.*]] = nn.log %[[S]]
  // SHARED-NEXT: %[[LOSS:.*]] = nn.sub %[[LOG]], %[[AT]]
  // SHARED-NEXT: %[[P:.*]] = nn.div %[[E]], %[[S]]
  // SHARED-NEXT: return %[[LOSS]], %[[P]]
  %0 = nn.softmax_cross_entropy %x, %y : (tensor<?x10xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
  %1 = nn.softmax %x : tensor<?x10xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x10xf32>
}

// The mean that accuracy decomposes into is decomposed too.
// CHECK-LABEL: func.func @accuracy
func.func @accuracy(%x: tensor<?x10xf32>, %y: tensor<?x1xi32>) -> tensor<f32> {
  // CHECK-NEXT: %[[BEST:.*]] = nn.argmax
  // CHECK-NEXT: %[[LABELS:.*]] = nn.cast %{{.*}} : tensor<?x1xi32> to tensor<?x1xi64>
  // CHECK-NEXT: %[[HIT:.*]] = nn.compare eq %[[BEST]], %[[LABELS]]
  // CHECK-NEXT: %[[ONES:.*]] = nn.cast %[[HIT]] : tensor<?x1xi1> to tensor<?x1xf32>
  // CHECK-NEXT: nn.reduce sum %[[ONES]] dims = [0, 1]
  // CHECK-NEXT: nn.count
  // CHECK-NEXT: nn.div
  %0 = nn.accuracy %x, %y : (tensor<?x10xf32>, tensor<?x1xi32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @sum_to
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x3xf32>)
func.func @sum_to(%x: tensor<?x4x3xf32>) -> (tensor<3xf32>, tensor<?x1x3xf32>, tensor<4x1xf32>, tensor<?x4x3xf32>) {
  // CHECK-NEXT: %[[A:.*]] = nn.reduce sum %[[X]] dims = [0, 1] : tensor<?x4x3xf32> -> tensor<3xf32>
  %0 = nn.sum_to %x : tensor<?x4x3xf32> to tensor<3xf32>
  // CHECK-NEXT: %[[B:.*]] = nn.reduce sum %[[X]] dims = [1] keep_dims : tensor<?x4x3xf32> -> tensor<?x1x3xf32>
  %1 = nn.sum_to %x : tensor<?x4x3xf32> to tensor<?x1x3xf32>
  // CHECK-NEXT: %[[C:.*]] = nn.reduce sum %[[X]] dims = [2] keep_dims : tensor<?x4x3xf32> -> tensor<?x4x1xf32>
  // CHECK-NEXT: %[[D:.*]] = nn.reduce sum %[[C]] dims = [0] : tensor<?x4x1xf32> -> tensor<4x1xf32>
  %2 = nn.sum_to %x : tensor<?x4x3xf32> to tensor<4x1xf32>
  %3 = nn.sum_to %x : tensor<?x4x3xf32> to tensor<?x4x3xf32>
  // CHECK-NEXT: return %[[A]], %[[B]], %[[D]], %[[X]]
  return %0, %1, %2, %3 : tensor<3xf32>, tensor<?x1x3xf32>, tensor<4x1xf32>, tensor<?x4x3xf32>
}
