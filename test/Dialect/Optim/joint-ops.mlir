// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --canonicalize | FileCheck %s --check-prefix=UNUSED
// RUN: fleet-opt %s --nn-decompose | FileCheck %s --check-prefix=DECOMPOSED

// CHECK-LABEL: func.func @clip(
// CHECK-SAME: %[[A:.*]]: tensor<3x1xf32>, %[[B:.*]]: tensor<f32>)
// CHECK: %[[C:.*]]:2 = optim.clip_by_global_norm %[[A]], %[[B]] max = 2.500000e+00 : tensor<3x1xf32>, tensor<f32>
// CHECK: return %[[C]]#0, %[[C]]#1

// The sum follows the order of the gradients; what is short is not touched.
// DECOMPOSED-LABEL: func.func @clip(
// DECOMPOSED-SAME: %[[A:.*]]: tensor<3x1xf32>, %[[B:.*]]: tensor<f32>)
// DECOMPOSED: %[[A2:.*]] = nn.square %[[A]]
// DECOMPOSED: %[[PA:.*]] = nn.reduce sum %[[A2]] dims = [0, 1]
// DECOMPOSED: %[[PB:.*]] = nn.square %[[B]]
// DECOMPOSED: %[[SUM:.*]] = nn.add %[[PA]], %[[PB]] : (tensor<f32>, tensor<f32>)
// DECOMPOSED: %[[MAX:.*]] = nn.constant dense<2.500000e+00>
// DECOMPOSED: %[[NORM:.*]] = nn.sqrt %[[SUM]]
// DECOMPOSED: %[[LONG:.*]] = nn.maximum %[[NORM]], %[[MAX]]
// DECOMPOSED: %[[FACTOR:.*]] = nn.div %[[MAX]], %[[LONG]]
// DECOMPOSED: nn.mul %[[A]], %[[FACTOR]]
// DECOMPOSED: nn.mul %[[B]],
func.func @clip(%a: tensor<3x1xf32>, %b: tensor<f32>) -> (tensor<3x1xf32>, tensor<f32>) {
  %c:2 = optim.clip_by_global_norm %a, %b max = 2.5 : tensor<3x1xf32>, tensor<f32>
  return %c#0, %c#1 : tensor<3x1xf32>, tensor<f32>
}

// UNUSED-LABEL: func.func @unused
// UNUSED-NEXT: return
func.func @unused(%a: tensor<3x1xf32>) {
  %c = optim.clip_by_global_norm %a max = 2.5 : tensor<3x1xf32>
  return
}
