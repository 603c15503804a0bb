// RUN: fleet-opt %s --optim-append-backward --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// Gradients are at the line of the op that they are of, updates at the line of
// the minimize.

optim.parameter @w : tensor<4xf32> init = #optim.ones loc("model.py":1:1)
// CHECK-LABEL: func.func @main
func.func @main() -> tensor<f32> {
  %w = optim.read @w : tensor<4xf32> loc("model.py":2:1)
  %0 = nn.tanh %w : tensor<4xf32> loc("model.py":3:1)
  %loss = nn.mean %0 : tensor<4xf32> -> tensor<f32> loc("model.py":4:1)
  // CHECK: nn.mean {{.*}} loc("model.py":4:1)
  // CHECK-NEXT: optim.loss_gradient {{.*}} loc("model.py":5:1)
  // CHECK: nn.broadcast {{.*}} loc("model.py":4:1)
  // CHECK: nn.mul {{.*}} loc("model.py":3:1)
  // CHECK: optim.sgd @w{{.*}} loc("model.py":5:1)
  optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0> loc("model.py":5:1)
  return %loss : tensor<f32>
}
