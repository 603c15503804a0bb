// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-distribute-collective="trainers=2" --fleet-local-sgd="steps=2 adaptive"
// RUN: not fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-local-sgd="steps=0" 2>&1 | FileCheck %s
// CHECK: steps, begin and bucket-size: expected at least one, got 0, 1 and

// expected-error @+1 {{the program has nothing to average: no optimizer updates a parameter}}
module {
  func.func @main() {
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  // expected-error @+1 {{returns no loss of tensor<f32> that could tell how many steps to train alone}}
  func.func @main(%g: tensor<2xf32>) {
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

module {
  // expected-error @+1 {{has rows, of which each trainer would change others between averages; switch local_sgd off, or declare it without rows}}
  optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
  func.func @main(%ids: tensor<?x1xi64>, %dr: tensor<?x2xf32>) {
    %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<8x2xf32>
    optim.sgd @t, %g learning_rate = 1.0 : tensor<8x2xf32>
    return
  }
}
