// Stock mlir-opt with the plug-in: dialects and passes in one file.
// RUN: mlir-opt --load-dialect-plugin=%fleet_plugin --load-pass-plugin=%fleet_plugin --pass-pipeline='builtin.module(nn-decompose,cse)' %s | FileCheck %s

// CHECK-LABEL: func.func @loss
func.func @loss(%p: tensor<?x1xf32>, %y: tensor<?x1xf32>) -> tensor<f32> {
  // CHECK: nn.sub
  // CHECK-NEXT: nn.square
  // CHECK-NEXT: nn.reduce sum
  // CHECK-NOT: nn.mean
  %0 = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %1 = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
  return %1 : tensor<f32>
}
