// RUN: fleet-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @neutral_elements
// CHECK-SAME: (%[[X:.*]]: tensor<?x3xf32>)
func.func @neutral_elements(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %zero = nn.constant dense<0.0> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<3xf32>
  %0 = nn.add %zero, %x : (tensor<f32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %1 = nn.sub %0, %zero : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  %2 = nn.mul %1, %one : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %3 = nn.div %2, %one : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  // CHECK-NEXT: return %[[X]]
  return %3 : tensor<?x3xf32>
}

// What stretches the other operand is not neutral.
// CHECK-LABEL: func.func @neutral_element_that_stretches
func.func @neutral_element_that_stretches(%x: tensor<1xf32>) -> (tensor<3xf32>, tensor<1x1xf32>) {
  %zeros = nn.constant dense<0.0> : tensor<3xf32>
  %ones = nn.constant dense<1.0> : tensor<1x1xf32>
  // CHECK: nn.add
  %0 = nn.add %x, %zeros : (tensor<1xf32>, tensor<3xf32>) -> tensor<3xf32>
  // CHECK: nn.mul
  %1 = nn.mul %x, %ones : (tensor<1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  return %0, %1 : tensor<3xf32>, tensor<1x1xf32>
}

// Not 0 for infinity and not-a-number.
// CHECK-LABEL: func.func @times_zero_stays
func.func @times_zero_stays(%x: tensor<?xf32>) -> tensor<?xf32> {
  %zero = nn.constant dense<0.0> : tensor<f32>
  // CHECK: nn.mul
  %0 = nn.mul %x, %zero : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func.func @splat_constants
func.func @splat_constants() -> (tensor<2x3xf32>, tensor<f32>, tensor<f32>, tensor<i64>, tensor<f32>) {
  %a = nn.constant dense<3.0> : tensor<2x1xf32>
  %b = nn.constant dense<2.0> : tensor<3xf32>
  %c = nn.constant dense<-4.0> : tensor<f32>
  %i = nn.constant dense<7> : tensor<i64>
  %j = nn.constant dense<2> : tensor<i64>
  // CHECK-DAG: %[[ADD:.*]] = nn.constant dense<5.000000e+00> : tensor<2x3xf32>
  // CHECK-DAG: %[[SQUARE:.*]] = nn.constant dense<1.600000e+01> : tensor<f32>
  // CHECK-DAG: %[[ROOT:.*]] = nn.constant dense<2.000000e+00> : tensor<f32>
  // CHECK-DAG: %[[QUOTIENT:.*]] = nn.constant dense<3> : tensor<i64>
  // CHECK-DAG: %[[RELU:.*]] = nn.constant dense<0.000000e+00> : tensor<f32>
  %0 = nn.add %a, %b : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = nn.square %c : tensor<f32>
  %2 = nn.neg %c : tensor<f32>
  %3 = nn.sqrt %2 : tensor<f32>
  %4 = nn.div %i, %j : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %5 = nn.relu %c : tensor<f32>
  // CHECK: return %[[ADD]], %[[SQUARE]], %[[ROOT]], %[[QUOTIENT]], %[[RELU]]
  return %0, %1, %3, %4, %5 : tensor<2x3xf32>, tensor<f32>, tensor<f32>, tensor<i64>, tensor<f32>
}

// CHECK-LABEL: func.func @small_constants
func.func @small_constants() -> (tensor<2x3xf32>, tensor<2x2xi1>, tensor<3xi64>, tensor<3xf32>, tensor<3xf32>) {
  %column = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %row = nn.constant dense<[10.0, 20.0, 30.5]> : tensor<3xf32>
  %pair = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK-DAG: %[[SUM:.*]] = nn.constant dense<{{\[}}[1.100000e+01, 2.100000e+01, 3.150000e+01], [1.200000e+01, 2.200000e+01, 3.250000e+01]]> : tensor<2x3xf32>
  // CHECK-DAG: %[[LESS:.*]] = nn.constant dense<{{\[}}[false, true], [false, false]]> : tensor<2x2xi1>
  // CHECK-DAG: %[[CAST:.*]] = nn.constant dense<[10, 20, 30]> : tensor<3xi64>
  // CHECK-DAG: %[[MAX:.*]] = nn.constant dense<[1.500000e+01, 2.000000e+01, 3.050000e+01]> : tensor<3xf32>
  // CHECK-DAG: %[[MIN:.*]] = nn.constant dense<[1.000000e+01, 1.500000e+01, 1.500000e+01]> : tensor<3xf32>
  %0 = nn.add %column, %row : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = nn.compare lt %column, %pair : (tensor<2x1xf32>, tensor<2xf32>) -> tensor<2x2xi1>
  %2 = nn.cast %row : tensor<3xf32> to tensor<3xi64>
  %limit = nn.constant dense<15.0> : tensor<f32>
  %3 = nn.maximum %row, %limit : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %4 = nn.minimum %row, %limit : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  // CHECK: return %[[SUM]], %[[LESS]], %[[CAST]], %[[MAX]], %[[MIN]]
  return %0, %1, %2, %3, %4 : tensor<2x3xf32>, tensor<2x2xi1>, tensor<3xi64>, tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @not_a_number
func.func @not_a_number() -> (tensor<i1>, tensor<i1>, tensor<i1>) {
  %nan = nn.constant dense<0x7FC00000> : tensor<f32>
  // CHECK-DAG: %[[TRUE:.*]] = nn.constant dense<true> : tensor<i1>
  // CHECK-DAG: %[[FALSE:.*]] = nn.constant dense<false> : tensor<i1>
  %0 = nn.compare ne %nan, %nan : (tensor<f32>, tensor<f32>) -> tensor<i1>
  %1 = nn.compare ge %nan, %nan : (tensor<f32>, tensor<f32>) -> tensor<i1>
  %2 = nn.compare gt %nan, %nan : (tensor<f32>, tensor<f32>) -> tensor<i1>
  // CHECK: return %[[TRUE]], %[[FALSE]], %[[FALSE]]
  return %0, %1, %2 : tensor<i1>, tensor<i1>, tensor<i1>
}

// CHECK-LABEL: func.func @undefined_stays
func.func @undefined_stays() -> (tensor<i64>, tensor<i32>) {
  %i = nn.constant dense<7> : tensor<i64>
  %zero = nn.constant dense<0> : tensor<i64>
  %big = nn.constant dense<1.0e30> : tensor<f32>
  // CHECK: nn.div
  %0 = nn.div %i, %zero : (tensor<i64>, tensor<i64>) -> tensor<i64>
  // CHECK: nn.cast
  %1 = nn.cast %big : tensor<f32> to tensor<i32>
  return %0, %1 : tensor<i64>, tensor<i32>
}

// Kernels compute these by approximations of their own.
// CHECK-LABEL: func.func @approximated_stays
func.func @approximated_stays() -> (tensor<f32>, tensor<f32>) {
  %one = nn.constant dense<1.0> : tensor<f32>
  // CHECK: nn.exp
  %0 = nn.exp %one : tensor<f32>
  // CHECK: nn.tanh
  %1 = nn.tanh %one : tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// CHECK-LABEL: func.func @idempotent
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
func.func @idempotent(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %0 = nn.neg %x : tensor<?xf32>
  %1 = nn.neg %0 : tensor<?xf32>
  // CHECK-NEXT: %[[ABS:.*]] = nn.abs %[[X]]
  %2 = nn.abs %x : tensor<?xf32>
  %3 = nn.abs %2 : tensor<?xf32>
  // CHECK-NEXT: %[[RELU:.*]] = nn.relu %[[X]]
  %4 = nn.relu %x : tensor<?xf32>
  %5 = nn.relu %4 : tensor<?xf32>
  %6 = nn.maximum %x, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK-NEXT: return %[[X]], %[[ABS]], %[[RELU]], %[[X]]
  return %1, %3, %5, %6 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// CHECK-LABEL: func.func @select_known
// CHECK-SAME: (%[[A:.*]]: tensor<?xf32>, %[[B:.*]]: tensor<?xf32>, %[[C:.*]]: tensor<?xi1>)
func.func @select_known(%a: tensor<?xf32>, %b: tensor<?xf32>, %c: tensor<?xi1>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %true = nn.constant dense<true> : tensor<i1>
  %false = nn.constant dense<false> : tensor<1xi1>
  %0 = nn.select %true, %a, %b : (tensor<i1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = nn.select %false, %a, %b : (tensor<1xi1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = nn.select %c, %a, %a : (tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK-NEXT: return %[[A]], %[[B]], %[[A]]
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// CHECK-LABEL: func.func @select_constants
func.func @select_constants() -> tensor<2xf32> {
  %c = nn.constant dense<[true, false]> : tensor<2xi1>
  %a = nn.constant dense<1.0> : tensor<f32>
  %b = nn.constant dense<2.0> : tensor<f32>
  // CHECK: nn.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  %0 = nn.select %c, %a, %b : (tensor<2xi1>, tensor<f32>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @same_shape
// CHECK-SAME: (%[[X:.*]]: tensor<?x3xf32>)
func.func @same_shape(%x: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>) {
  %0 = nn.cast %x : tensor<?x3xf32> to tensor<?x3xf32>
  %1 = nn.broadcast %x like %x : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %2 = nn.sum_to %x : tensor<?x3xf32> to tensor<?x3xf32>
  %3 = nn.reduce sum %x dims = [] : tensor<?x3xf32> -> tensor<?x3xf32>
  // CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]]
  return %0, %1, %2, %3 : tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>
}

// CHECK-LABEL: func.func @static_shapes
func.func @static_shapes(%x: tensor<2x3xf32>, %y: tensor<?x3xf32>) -> (tensor<f32>, tensor<f32>, tensor<2x3xf32>) {
  // CHECK-DAG: %[[SIX:.*]] = nn.constant dense<6.000000e+00> : tensor<f32>
  // CHECK-DAG: %[[HALVES:.*]] = nn.constant dense<5.000000e-01> : tensor<2x3xf32>
  %0 = nn.count %x : tensor<2x3xf32> -> tensor<f32>
  // CHECK-DAG: %[[COUNT:.*]] = nn.count
  %1 = nn.count %y : tensor<?x3xf32> -> tensor<f32>
  %half = nn.constant dense<0.5> : tensor<f32>
  %2 = nn.broadcast %half like %x : (tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: return %[[SIX]], %[[COUNT]], %[[HALVES]]
  return %0, %1, %2 : tensor<f32>, tensor<f32>, tensor<2x3xf32>
}
