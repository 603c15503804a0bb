// RUN: fleet-opt %s --split-input-file --convert-kernels-to-linalg --canonicalize --cse | FileCheck %s

// One pass over the rows; the whole chain is one linalg.generic on a row.
// CHECK-LABEL: func.func private @chain_body(
// CHECK-SAME: %{{.*}}: !llvm.ptr {llvm.noalias, llvm.nonnull}
// CHECK: %[[ROW:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?x4xf32>
// CHECK: scf.for %[[I:.*]] =
// CHECK: memref.subview %{{.*}}[%[[I]], 0] [1, 4] [1, 1] : memref<?x4xf32> to memref<4xf32
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK-NEXT: math.tanh
// CHECK-NEXT: linalg.yield
// CHECK-NOT: linalg.generic
// CHECK-LABEL: func.func @chain(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK: call @chain_body
func.func private @chain(%x: tensor<?x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> attributes {plan.rows = -1 : i64} {
  %0 = nn.add %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = nn.tanh %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// A sum over rows is zeroed before the loop and added to in it; what needs the
// sum comes after. The number of elements is known from the batch.
// CHECK-LABEL: func.func private @mean_body(
// CHECK: linalg.fill
// CHECK: scf.for
// CHECK: linalg.generic
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc,contract>
// CHECK: }
// CHECK: linalg.generic
// CHECK: arith.divf
func.func private @mean(%x: tensor<?x4xf32>) -> tensor<f32> attributes {plan.rows = -1 : i64} {
  %sum = nn.reduce sum %x dims = [0, 1] : tensor<?x4xf32> -> tensor<f32>
  %n = nn.count %x : tensor<?x4xf32> -> tensor<f32>
  %0 = nn.div %sum, %n : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Parameter and state are overwritten by one generic, which loads every element
// before it stores any.
// CHECK-LABEL: func.func private @momentum_body(
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} outs(%{{.*}}, %{{.*}} : memref<f32{{.*}}>, memref<f32{{.*}}>)
// CHECK-NOT: linalg.generic
// CHECK: return
func.func private @momentum(%p: tensor<16xf32>, %v: tensor<16xf32>, %g: tensor<16xf32>) -> (tensor<16xf32> {plan.inplace = 0 : i64}, tensor<16xf32> {plan.inplace = 1 : i64}) attributes {plan.rows = 16 : i64} {
  %c = nn.constant dense<0.9> : tensor<f32>
  %0 = nn.mul %v, %c : (tensor<16xf32>, tensor<f32>) -> tensor<16xf32>
  %1 = nn.add %0, %g : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %2 = nn.sub %p, %1 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %2, %1 : tensor<16xf32>, tensor<16xf32>
}

// -----

// A small product of a row, and the gradient of its matrix, summed over rows.
// CHECK-LABEL: func.func private @products_body(
// CHECK: scf.for
// CHECK: iterator_types = ["reduction", "parallel"]
// CHECK: iterator_types = ["parallel", "parallel"]
func.func private @products(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>) -> (tensor<?x2xf32>, tensor<4x2xf32>) attributes {plan.rows = -1 : i64} {
  %0 = nn.matmul %x, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %1 = nn.matmul %x, %0 transpose_a : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<4x2xf32>
}
