// RUN: fleet-opt %s --convert-kernels-to-linalg | FileCheck %s

// Which sums may be reordered, and which may become one rounding with a
// product: a row must have the same bits whatever range of rows it is in, so
// reordering and contraction never meet in it.

// CHECK-LABEL: func.func private @rows_body
// CHECK: arith.mulf {{.*}} fastmath<contract>
// CHECK-NEXT: arith.addf {{.*}} fastmath<contract> : f32
// CHECK: arith.addf {{.*}} fastmath<reassoc> : f32
func.func private @rows(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) attributes {plan.rows = -1 : i64} {
  %0 = nn.matmul %x, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %1 = nn.reduce sum %x dims = [1] keep_dims : tensor<?x4xf32> -> tensor<?x1xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x1xf32>
}

// Sums over all rows are never cut into ranges.
// CHECK-LABEL: func.func private @all_body
// CHECK-DAG: arith.addf {{.*}} fastmath<reassoc,contract> : f32
func.func private @all(%x: tensor<?x4xf32>) -> tensor<4xf32> attributes {plan.rows = -1 : i64} {
  %0 = nn.reduce sum %x dims = [0] : tensor<?x4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// The largest of integers is found by comparing integers.
// CHECK-LABEL: func.func private @largest_body
// CHECK: arith.cmpi sgt
func.func private @largest(%x: tensor<?x4xi32>) -> tensor<?x1xi64> attributes {plan.rows = -1 : i64} {
  %0 = nn.argmax %x : tensor<?x4xi32> -> tensor<?x1xi64>
  return %0 : tensor<?x1xi64>
}
