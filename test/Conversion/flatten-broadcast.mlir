// RUN: fleet-opt %s --fleet-distribute --fleet-compile | FileCheck %s

// A kernel of elementwise ops sweeps single elements; a scalar that is stretched
// over all dimensions of a matrix goes along the one that is left.
// CHECK: func.func private @{{[^(]*}}(%[[A:[^:]*]]: tensor<f32>, {{.*}}plan.rows = 240000
// CHECK: nn.broadcast %[[A]] like %{{.*}} along = [0] : (tensor<f32>, tensor<240000xf32>) -> tensor<240000xf32>
optim.parameter @w : tensor<600x400xf32> init = #optim.ones
func.func @main(%x: tensor<?x1xf32>) -> tensor<f32> {
  %w = optim.read @w : tensor<600x400xf32>
  %0 = nn.reduce sum %w dims = [0, 1] : tensor<600x400xf32> -> tensor<f32>
  %1 = nn.mul %x, %0 : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %loss = nn.mean %1 : tensor<?x1xf32> -> tensor<f32>
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
  return %loss : tensor<f32>
}
