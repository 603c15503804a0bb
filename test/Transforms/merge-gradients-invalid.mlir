// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-merge-gradients="steps=2"
// RUN: not fleet-opt %s --split-input-file --fleet-merge-gradients="steps=0" 2>&1 | FileCheck %s
// CHECK: steps: expected at least one, got 0

// expected-error @+1 {{the program has no gradients to add up}}
module {
  func.func @main() {
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main() {
    return
  }
  func.func @other(%g: tensor<2xf32>) {
    // expected-error @+1 {{must be directly in @main, so that every step has its gradient}}
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) -> tensor<2xf32> {
    // expected-note @+1 {{it is updated here}}
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    // expected-error @+1 {{uses @w after its update, which happens behind the step when gradients are merged}}
    %w = optim.read @w : tensor<2xf32>
    return %w : tensor<2xf32>
  }
}

// -----

module {
  // expected-note @+1 {{declare it without rows}}
  optim.parameter @w : tensor<4x2xf32> init = #optim.ones rows = sparse
  func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x2xf32>) {
    %0 = optim.row_gradient @w [%ids] %g : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<4x2xf32>
    // expected-error @+1 {{updates @w, of whose rows each step has other gradients; they cannot be added up over steps}}
    optim.sgd @w, %0 learning_rate = 1.0 : tensor<4x2xf32>
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) -> tensor<2xf32> {
    // expected-error @+1 {{changes gradients when those of several steps have been added; nothing but updates may use them}}
    %0 = optim.clip_by_global_norm %g max = 1.0 : tensor<2xf32>
    optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
    // expected-note @+1 {{they are used here}}
    return %0 : tensor<2xf32>
  }
}
