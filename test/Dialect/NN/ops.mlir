// RUN: fleet-opt %s | fleet-opt | FileCheck %s --strict-whitespace
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --emit-bytecode | fleet-opt | FileCheck %s

// CHECK-LABEL: func.func @constants
func.func @constants() {
  // CHECK: nn.constant dense<5.000000e-01> : tensor<f32>
  %0 = nn.constant dense<0.5> : tensor<f32>
  // CHECK: nn.constant dense<[1, 2]> : tensor<2xi64>
  %1 = nn.constant dense<[1, 2]> : tensor<2xi64>
  return
}

// CHECK-LABEL: func.func @binary
func.func @binary(%x: tensor<?x3xf32>, %row: tensor<3xf32>, %column: tensor<?x1xf32>, %scalar: tensor<f32>) {
  // CHECK: nn.add %{{.*}}, %{{.*}} : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %0 = nn.add %x, %row : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  // CHECK: nn.sub %{{.*}}, %{{.*}} : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %1 = nn.sub %x, %column : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  // CHECK: nn.mul %{{.*}}, %{{.*}} : (tensor<f32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %2 = nn.mul %scalar, %x : (tensor<f32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  // CHECK: nn.div %{{.*}}, %{{.*}} : (tensor<?x1xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %3 = nn.div %column, %row : (tensor<?x1xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  // CHECK: nn.maximum %{{.*}}, %{{.*}} : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  %4 = nn.maximum %x, %scalar : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  // CHECK: nn.minimum %{{.*}}, %{{.*}} : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %5 = nn.minimum %x, %x : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return
}

// CHECK-LABEL: func.func @other_element_types
func.func @other_element_types(%a: tensor<?x?xf64>, %b: tensor<4xi32>, %c: tensor<2x1xi64>, %d: tensor<?xi1>) {
  // CHECK: nn.add %{{.*}}, %{{.*}} : (tensor<?x?xf64>, tensor<?x?xf64>) -> tensor<?x?xf64>
  %0 = nn.add %a, %a : (tensor<?x?xf64>, tensor<?x?xf64>) -> tensor<?x?xf64>
  // CHECK: nn.maximum %{{.*}}, %{{.*}} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  %1 = nn.maximum %b, %b : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  // CHECK: nn.neg %{{.*}} : tensor<2x1xi64>
  %2 = nn.neg %c : tensor<2x1xi64>
  // CHECK: nn.compare ne %{{.*}}, %{{.*}} : (tensor<?xi1>, tensor<?xi1>) -> tensor<?xi1>
  %3 = nn.compare ne %d, %d : (tensor<?xi1>, tensor<?xi1>) -> tensor<?xi1>
  return
}

// CHECK-LABEL: func.func @unary
func.func @unary(%x: tensor<?x3xf32>) {
  // CHECK: nn.neg %{{.*}} : tensor<?x3xf32>
  %0 = nn.neg %x : tensor<?x3xf32>
  // CHECK: nn.exp %{{.*}} : tensor<?x3xf32>
  %1 = nn.exp %x : tensor<?x3xf32>
  // CHECK: nn.log %{{.*}} : tensor<?x3xf32>
  %2 = nn.log %x : tensor<?x3xf32>
  // CHECK: nn.sqrt %{{.*}} : tensor<?x3xf32>
  %3 = nn.sqrt %x : tensor<?x3xf32>
  // CHECK: nn.tanh %{{.*}} : tensor<?x3xf32>
  %4 = nn.tanh %x : tensor<?x3xf32>
  // CHECK: nn.abs %{{.*}} : tensor<?x3xf32>
  %5 = nn.abs %x : tensor<?x3xf32>
  // CHECK: nn.square %{{.*}} : tensor<?x3xf32>
  %6 = nn.square %x : tensor<?x3xf32>
  // CHECK: nn.relu %{{.*}} : tensor<?x3xf32>
  %7 = nn.relu %x : tensor<?x3xf32>
  // CHECK: nn.standard_normal %{{.*}} key = -3 : tensor<?x3xf32>
  %noise = nn.standard_normal %x key = -3 : tensor<?x3xf32>
  // CHECK: nn.sigmoid %{{.*}} : tensor<?x3xf32>
  %8 = nn.sigmoid %x : tensor<?x3xf32>
  return
}

// CHECK-LABEL: func.func @choices
func.func @choices(%c: tensor<?x1xi1>, %x: tensor<?x3xf32>, %s: tensor<f32>) {
  // CHECK: nn.compare gt %{{.*}}, %{{.*}} : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xi1>
  %0 = nn.compare gt %x, %s : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xi1>
  // CHECK: nn.select %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x1xi1>, tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  %1 = nn.select %c, %x, %s : (tensor<?x1xi1>, tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  // CHECK: nn.cast %{{.*}} : tensor<?x3xi1> to tensor<?x3xf32>
  %2 = nn.cast %0 : tensor<?x3xi1> to tensor<?x3xf32>
  // CHECK: nn.cast %{{.*}} : tensor<?x3xf32> to tensor<?x3xbf16>
  %3 = nn.cast %2 : tensor<?x3xf32> to tensor<?x3xbf16>
  // CHECK: nn.cast %{{.*}} : tensor<?x3xbf16> to tensor<?x3xf64>
  %4 = nn.cast %3 : tensor<?x3xbf16> to tensor<?x3xf64>
  // CHECK: nn.cast %{{.*}} : tensor<?x3xf64> to tensor<?x3xf16>
  %5 = nn.cast %4 : tensor<?x3xf64> to tensor<?x3xf16>
  return
}

// CHECK-LABEL: func.func @broadcasts
func.func @broadcasts(%s: tensor<f32>, %r: tensor<?xf32>, %x: tensor<?x3xi64>) {
  // CHECK: nn.broadcast %{{.*}} like %{{.*}} : (tensor<f32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %0 = nn.broadcast %s like %x : (tensor<f32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  // CHECK: nn.broadcast %{{.*}} like %{{.*}} along = [1] : (tensor<?xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %1 = nn.broadcast %r like %x along = [1] : (tensor<?xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  // CHECK: nn.sum_to %{{.*}} : tensor<?x3xf32> to tensor<1x3xf32>
  %2 = nn.sum_to %0 : tensor<?x3xf32> to tensor<1x3xf32>
  return
}

// CHECK-LABEL: func.func @reductions
func.func @reductions(%x: tensor<?x3xf32>) {
  // CHECK: nn.reduce sum %{{.*}} dims = [0] : tensor<?x3xf32> -> tensor<3xf32>
  %0 = nn.reduce sum %x dims = [0] : tensor<?x3xf32> -> tensor<3xf32>
  // CHECK: nn.reduce max %{{.*}} dims = [1] keep_dims : tensor<?x3xf32> -> tensor<?x1xf32>
  %1 = nn.reduce max %x dims = [1] keep_dims : tensor<?x3xf32> -> tensor<?x1xf32>
  // CHECK: nn.reduce sum %{{.*}} dims = [0, 1] : tensor<?x3xf32> -> tensor<f32>
  %2 = nn.reduce sum %x dims = [0, 1] : tensor<?x3xf32> -> tensor<f32>
  // CHECK: nn.argmax %{{.*}} : tensor<?x3xf32> -> tensor<?x1xi64>
  %3 = nn.argmax %x : tensor<?x3xf32> -> tensor<?x1xi64>
  // CHECK: nn.one_hot %{{.*}} : tensor<?x1xi64> -> tensor<?x3xf32>
  %4 = nn.one_hot %3 : tensor<?x1xi64> -> tensor<?x3xf32>
  // CHECK: nn.count %{{.*}} : tensor<?x3xf32> -> tensor<f32>
  %5 = nn.count %x : tensor<?x3xf32> -> tensor<f32>
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%x: tensor<?x13xf32>, %w: tensor<13x4xf32>, %g: tensor<?x4xf32>, %b: tensor<4xf32>) {
  // CHECK: nn.matmul %{{.*}}, %{{.*}} : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
  %0 = nn.matmul %x, %w : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
  // CHECK: nn.matmul %{{.*}}, %{{.*}} transpose_a : (tensor<?x13xf32>, tensor<?x4xf32>) -> tensor<13x4xf32>
  %1 = nn.matmul %x, %g transpose_a : (tensor<?x13xf32>, tensor<?x4xf32>) -> tensor<13x4xf32>
  // CHECK: nn.matmul %{{.*}}, %{{.*}} transpose_b : (tensor<?x4xf32>, tensor<13x4xf32>) -> tensor<?x13xf32>
  %2 = nn.matmul %g, %w transpose_b : (tensor<?x4xf32>, tensor<13x4xf32>) -> tensor<?x13xf32>
  // CHECK: nn.matmul %{{.*}}, %{{.*}} transpose_a transpose_b : (tensor<13x4xf32>, tensor<?x13xf32>) -> tensor<4x?xf32>
  %3 = nn.matmul %w, %x transpose_a transpose_b : (tensor<13x4xf32>, tensor<?x13xf32>) -> tensor<4x?xf32>
  // CHECK: nn.linear %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x13xf32>, tensor<13x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %4 = nn.linear %x, %w, %b : (tensor<?x13xf32>, tensor<13x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func.func @losses
func.func @losses(%p: tensor<?x1xf32>, %y: tensor<?x1xf32>, %logits: tensor<?x10xf32>, %labels: tensor<?x1xi64>) {
  // CHECK: nn.square_error %{{.*}}, %{{.*}} : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %0 = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  // CHECK: nn.mean %{{.*}} : tensor<?x1xf32> -> tensor<f32>
  %1 = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
  // CHECK: nn.softmax %{{.*}} : tensor<?x10xf32>
  %2 = nn.softmax %logits : tensor<?x10xf32>
  // CHECK: nn.softmax_cross_entropy %{{.*}}, %{{.*}} : (tensor<?x10xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
  %3 = nn.softmax_cross_entropy %logits, %labels : (tensor<?x10xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
  // CHECK: nn.accuracy %{{.*}}, %{{.*}} : (tensor<?x10xf32>, tensor<?x1xi64>) -> tensor<f32>
  %4 = nn.accuracy %logits, %labels : (tensor<?x10xf32>, tensor<?x1xi64>) -> tensor<f32>
  return
}
