// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --canonicalize | FileCheck %s --check-prefix=FOLD
// RUN: fleet-opt %s --nn-decompose | FileCheck %s --check-prefix=PARTS
// RUN: fleet-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize --cse | FileCheck %s --check-prefix=DIMS

// CHECK-LABEL: func.func @rows
// PARTS-LABEL: func.func @rows
func.func @rows(%table: tensor<100x16xf32>, %ids: tensor<?x8xi64>, %id: tensor<?x1xi32>)
    -> (tensor<?x8x16xf32>, tensor<?x16xf32>, tensor<100x16xf32>, tensor<?x16xf32>, tensor<?x8x16xf32>) {
  // CHECK: nn.gather %{{.*}}, %{{.*}} : (tensor<100x16xf32>, tensor<?x8xi64>) -> tensor<?x8x16xf32>
  %0 = nn.gather %table, %ids : (tensor<100x16xf32>, tensor<?x8xi64>) -> tensor<?x8x16xf32>
  // CHECK: nn.gather %{{.*}}, %{{.*}} : (tensor<100x16xf32>, tensor<?x1xi32>) -> tensor<?x16xf32>
  %1 = nn.gather %table, %id : (tensor<100x16xf32>, tensor<?x1xi32>) -> tensor<?x16xf32>
  // CHECK: nn.scatter_add %{{.*}}, %{{.*}} : (tensor<?x16xf32>, tensor<?x1xi32>) -> tensor<100x16xf32>
  %2 = nn.scatter_add %1, %id : (tensor<?x16xf32>, tensor<?x1xi32>) -> tensor<100x16xf32>
  // CHECK: nn.embedding %{{.*}}, %{{.*}} : (tensor<100x16xf32>, tensor<?x1xi32>) -> tensor<?x16xf32>
  // PARTS: nn.scatter_add
  // PARTS-NEXT: nn.gather
  %3 = nn.embedding %table, %id : (tensor<100x16xf32>, tensor<?x1xi32>) -> tensor<?x16xf32>
  // CHECK: nn.embedding %{{.*}}, %{{.*}} padding_idx = 3 : (tensor<100x16xf32>, tensor<?x8xi64>) -> tensor<?x8x16xf32>
  // PARTS: %[[ROWS:.*]] = nn.gather
  // PARTS: %[[THREE:.*]] = nn.constant dense<3> : tensor<i64>
  // PARTS: %[[IS:.*]] = nn.compare ne %{{.*}}, %[[THREE]]
  // PARTS: %[[MASK:.*]] = nn.broadcast %[[IS]] like %[[ROWS]] along = [2]
  // PARTS: nn.select %[[MASK]], %[[ROWS]]
  %4 = nn.embedding %table, %ids padding_idx = 3 : (tensor<100x16xf32>, tensor<?x8xi64>) -> tensor<?x8x16xf32>
  return %0, %1, %2, %3, %4 : tensor<?x8x16xf32>, tensor<?x16xf32>, tensor<100x16xf32>, tensor<?x16xf32>, tensor<?x8x16xf32>
}

// CHECK-LABEL: func.func @columns
func.func @columns(%a: tensor<?x3xf32>, %b: tensor<?x4xf32>) -> (tensor<?x7xf32>, tensor<?x2xf32>, tensor<?x3x1xf32>) {
  // CHECK: nn.concat %{{.*}}, %{{.*}} : (tensor<?x3xf32>, tensor<?x4xf32>) -> tensor<?x7xf32>
  %0 = nn.concat %a, %b : (tensor<?x3xf32>, tensor<?x4xf32>) -> tensor<?x7xf32>
  // CHECK: nn.slice %{{.*}} offset = 2 : tensor<?x7xf32> -> tensor<?x2xf32>
  %1 = nn.slice %0 offset = 2 : tensor<?x7xf32> -> tensor<?x2xf32>
  // CHECK: nn.reshape %{{.*}} : tensor<?x3xf32> to tensor<?x3x1xf32>
  %2 = nn.reshape %a : tensor<?x3xf32> to tensor<?x3x1xf32>
  return %0, %1, %2 : tensor<?x7xf32>, tensor<?x2xf32>, tensor<?x3x1xf32>
}

// FOLD-LABEL: func.func @folds
// FOLD-SAME: (%[[A:.*]]: tensor<?x6xf32>, %[[B:.*]]: tensor<?x4xf32>)
func.func @folds(%a: tensor<?x6xf32>, %b: tensor<?x4xf32>)
    -> (tensor<?x6xf32>, tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x6xf32>, tensor<?x1xf32>, tensor<?x3xf32>) {
  %0 = nn.concat %a : (tensor<?x6xf32>) -> tensor<?x6xf32>
  %1 = nn.concat %a, %b : (tensor<?x6xf32>, tensor<?x4xf32>) -> tensor<?x10xf32>
  // One whole part, columns of one, and columns of both.
  %2 = nn.slice %1 offset = 6 : tensor<?x10xf32> -> tensor<?x4xf32>
  // FOLD-DAG: %[[C:.*]] = nn.slice %[[B]] offset = 1 : tensor<?x4xf32> -> tensor<?x2xf32>
  %3 = nn.slice %1 offset = 7 : tensor<?x10xf32> -> tensor<?x2xf32>
  // FOLD-DAG: %[[D:.*]] = nn.slice %{{.*}} offset = 5 : tensor<?x10xf32> -> tensor<?x3xf32>
  %4 = nn.slice %1 offset = 5 : tensor<?x10xf32> -> tensor<?x3xf32>
  %5 = nn.reshape %a : tensor<?x6xf32> to tensor<?x2x3xf32>
  %6 = nn.reshape %5 : tensor<?x2x3xf32> to tensor<?x6xf32>
  %7 = nn.slice %a offset = 2 : tensor<?x6xf32> -> tensor<?x3xf32>
  // FOLD-DAG: %[[E:.*]] = nn.slice %[[A]] offset = 3 : tensor<?x6xf32> -> tensor<?x1xf32>
  %8 = nn.slice %7 offset = 1 : tensor<?x3xf32> -> tensor<?x1xf32>
  // FOLD: return %[[A]], %[[B]], %[[C]], %[[A]], %[[E]], %[[D]]
  return %0, %2, %3, %6, %8, %4 : tensor<?x6xf32>, tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x6xf32>, tensor<?x1xf32>, tensor<?x3xf32>
}

// DIMS-LABEL: func.func @extents
// DIMS-SAME: (%[[TABLE:.*]]: tensor<9x2xf32>, %[[IDS:.*]]: tensor<?x3xi64>)
func.func @extents(%table: tensor<9x2xf32>, %ids: tensor<?x3xi64>) -> (index, index) {
  // DIMS: %[[ZERO:.*]] = arith.constant 0 : index
  // DIMS-NEXT: %[[DIM:.*]] = tensor.dim %[[IDS]], %[[ZERO]]
  // DIMS-NEXT: return %[[DIM]], %[[DIM]]
  %zero = arith.constant 0 : index
  %0 = nn.embedding %table, %ids : (tensor<9x2xf32>, tensor<?x3xi64>) -> tensor<?x3x2xf32>
  %1 = nn.reshape %0 : tensor<?x3x2xf32> to tensor<?x6xf32>
  %2 = nn.slice %1 offset = 1 : tensor<?x6xf32> -> tensor<?x4xf32>
  %3 = nn.concat %2, %1 : (tensor<?x4xf32>, tensor<?x6xf32>) -> tensor<?x10xf32>
  %4 = tensor.dim %3, %zero : tensor<?x10xf32>
  %5 = nn.gather %table, %ids : (tensor<9x2xf32>, tensor<?x3xi64>) -> tensor<?x3x2xf32>
  %6 = tensor.dim %5, %zero : tensor<?x3x2xf32>
  return %4, %6 : index, index
}
