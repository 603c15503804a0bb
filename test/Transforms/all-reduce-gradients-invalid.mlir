// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients

// expected-error @+1 {{has no function @main, which is one training step}}
module {
}

// -----

module {
  optim.parameter @w : tensor<f32> init = #optim.ones
  func.func @main() {
    %w = optim.read @w : tensor<f32>
    // expected-error @+1 {{is still there; run optim-append-backward first}}
    optim.minimize %w : tensor<f32> with #optim.sgd<learning_rate = 1.0>
    return
  }
}

// -----

// expected-error @+1 {{has nothing to distribute: no optimizer updates a parameter}}
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
    // expected-error @+1 {{must be directly in @main, or a function with fleet.every, so that all trainers add its gradient}}
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

module {
  optim.parameter @v : tensor<2xf32> init = #optim.ones
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) {
    // expected-note @+1 {{it is updated here}}
    optim.sgd @v, %g learning_rate = 1.0 : tensor<2xf32>
    // expected-error @+1 {{uses @v after its update but before the last update of the step}}
    %v = optim.read @v : tensor<2xf32>
    optim.sgd @w, %v learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

module {
  // expected-error @+1 {{has rows = distributed, so that no process has to hold all of them; in mode collective every trainer has all of every parameter: declare rows = sparse if that fits, or use mode ps}}
  optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = distributed
  func.func @main() {
    return
  }
}

// -----

module {
  optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%ids: tensor<?x1xi64>, %dr: tensor<?x2xf32>, %dw: tensor<2xf32>) {
    %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<8x2xf32>
    // expected-note @+1 {{it is updated here}}
    optim.sgd @t, %g learning_rate = 1.0 : tensor<8x2xf32>
    // expected-error @+1 {{uses @t after its update but before the last update of the step}}
    %r = optim.lookup @t[%ids] : (tensor<?x1xi64>) -> tensor<?x2xf32>
    optim.sgd @w, %dw learning_rate = 1.0 : tensor<2xf32>
    return
  }
}
