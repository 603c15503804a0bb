// RUN: fleet-opt %s --split-input-file --verify-diagnostics --convert-kernels-to-linalg

func.func private @large(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> attributes {plan.rows = -1 : i64} {
  // expected-error @+1 {{cannot be part of a kernel that sweeps the batch}}
  %0 = nn.matmul %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

func.func private @late(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {plan.rows = -1 : i64} {
  %sum = nn.reduce sum %x dims = [0] : tensor<?x4xf32> -> tensor<4xf32>
  // expected-error @+1 {{needs the sum over all rows in the same sweep}}
  %0 = nn.div %x, %sum : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
