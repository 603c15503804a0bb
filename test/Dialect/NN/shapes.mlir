// RUN: fleet-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize --cse | FileCheck %s
//
// The extents of every result are those of function arguments: no op remains
// only to be asked for its shape.

// CHECK-LABEL: func.func @chain
// CHECK-SAME: (%[[X:.*]]: tensor<?x13xf32>
func.func @chain(%x: tensor<?x13xf32>, %w: tensor<13x10xf32>, %b: tensor<10xf32>, %b2: tensor<1x10xf32>) -> (index, index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = nn.linear %x, %w, %b : (tensor<?x13xf32>, tensor<13x10xf32>, tensor<10xf32>) -> tensor<?x10xf32>
  %1 = nn.tanh %0 : tensor<?x10xf32>
  %2 = nn.softmax %1 : tensor<?x10xf32>
  %3 = nn.argmax %2 : tensor<?x10xf32> -> tensor<?x1xi64>
  %4 = nn.one_hot %3 : tensor<?x1xi64> -> tensor<?x7xf32>
  %5 = nn.reduce sum %4 dims = [1] : tensor<?x7xf32> -> tensor<?xf32>
  %6 = nn.broadcast %5 like %0 along = [1] : (tensor<?xf32>, tensor<?x10xf32>) -> tensor<?x10xf32>
  %7 = nn.matmul %b2, %6 transpose_b : (tensor<1x10xf32>, tensor<?x10xf32>) -> tensor<1x?xf32>
  // CHECK-DAG: %[[ROWS:.*]] = tensor.dim %[[X]], %{{.*}} : tensor<?x13xf32>
  // CHECK-DAG: %[[TEN:.*]] = arith.constant 10 : index
  // CHECK-NOT: nn.
  // CHECK: return %[[ROWS]], %[[ROWS]], %[[ROWS]], %[[TEN]], %[[ROWS]]
  %d0 = tensor.dim %4, %c0 : tensor<?x7xf32>
  %d1 = tensor.dim %5, %c0 : tensor<?xf32>
  %d2 = tensor.dim %6, %c0 : tensor<?x10xf32>
  %d3 = tensor.dim %6, %c1 : tensor<?x10xf32>
  %d4 = tensor.dim %7, %c1 : tensor<1x?xf32>
  return %d0, %d1, %d2, %d3, %d4 : index, index, index, index, index
}

// CHECK-LABEL: func.func @broadcasting
// CHECK-SAME: (%[[A:.*]]: tensor<?x1xf32>, %[[B:.*]]: tensor<1x?xf32>)
func.func @broadcasting(%a: tensor<?x1xf32>, %b: tensor<1x?xf32>) -> (index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = nn.add %a, %b : (tensor<?x1xf32>, tensor<1x?xf32>) -> tensor<?x?xf32>
  %1 = nn.compare lt %b, %a : (tensor<1x?xf32>, tensor<?x1xf32>) -> tensor<?x?xi1>
  %2 = nn.select %1, %0, %a : (tensor<?x?xi1>, tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
  %3 = nn.sum_to %2 : tensor<?x?xf32> to tensor<?xf32>
  %4 = nn.square_error %a, %3 : (tensor<?x1xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  // CHECK-DAG: %[[ROWS:.*]] = tensor.dim %[[A]]
  // CHECK-DAG: %[[COLUMNS:.*]] = tensor.dim %[[B]]
  // CHECK-NOT: nn.
  // CHECK: return %[[ROWS]], %[[COLUMNS]], %[[ROWS]], %[[COLUMNS]]
  %d0 = tensor.dim %2, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %2, %c1 : tensor<?x?xf32>
  %d2 = tensor.dim %4, %c0 : tensor<?x?xf32>
  %d3 = tensor.dim %4, %c1 : tensor<?x?xf32>
  return %d0, %d1, %d2, %d3 : index, index, index, index
}
