// RUN: fleet-opt %s --split-input-file --fleet-distribute-ps="pservers=h:1" --verify-diagnostics
// RUN: not fleet-opt %s --split-input-file --fleet-distribute-ps="pservers=h:1,h:2 sync=half_async compensation=0.5" 2>&1 | FileCheck %s --check-prefix=LATE

// LATE: error: 'optim.parameter' op is a table, which no compensation corrects: servers do not know which rows a trainer had when

module @late {
  optim.parameter @t : tensor<10x4xf32> init = #optim.zeros rows = sparse
  func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x4xf32>) {
    %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<10x4xf32>
    optim.sgd @t, %0 learning_rate = 0.1 : tensor<10x4xf32>
    return
  }
}

// -----

module @after {
  optim.parameter @t : tensor<10x4xf32> init = #optim.zeros rows = sparse
  func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<10x4xf32>
    // expected-note @+1 {{they are updated here}}
    optim.sgd @t, %0 learning_rate = 0.1 : tensor<10x4xf32>
    // expected-error @+1 {{'optim.lookup' op looks up rows of @t after their update, but a trainer has pulled them before the step}}
    %1 = optim.lookup @t[%ids] : (tensor<?x1xi64>) -> tensor<?x4xf32>
    return %1 : tensor<?x4xf32>
  }
}

// -----

module @read {
  optim.parameter @t : tensor<10x4xf32> init = #optim.zeros rows = sparse
  func.func @main(%ids: tensor<?x1xi64>) -> tensor<?x4xf32> {
    // expected-error @+1 {{'optim.read' op reads @t, a table; run optim-lookup-rows first}}
    %0 = optim.read @t : tensor<10x4xf32>
    %1 = nn.gather %0, %ids : (tensor<10x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    return %1 : tensor<?x4xf32>
  }
}

// -----

module @twice {
  optim.parameter @t : tensor<10x4xf32> init = #optim.zeros rows = distributed
  func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x4xf32>) {
    %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<10x4xf32>
    // expected-note @+1 {{the first time is here}}
    optim.sgd @t, %0 learning_rate = 0.1 : tensor<10x4xf32>
    // expected-error @+1 {{'optim.sgd' op updates @t a second time in one step}}
    optim.sgd @t, %0 learning_rate = 0.1 : tensor<10x4xf32>
    return
  }
}

// -----

module @elsewhere {
  optim.parameter @t : tensor<10x4xf32> init = #optim.zeros rows = distributed
  func.func @main() { return }
  func.func @other(%ids: tensor<?x1xi64>, %g: tensor<?x4xf32>) {
    %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<10x4xf32>
    // expected-error @+1 {{'optim.sgd' op must be directly in @main to be moved to a server}}
    optim.sgd @t, %0 learning_rate = 0.1 : tensor<10x4xf32>
    return
  }
}

// -----

module @joint {
  optim.parameter @t : tensor<10x4xf32> init = #optim.zeros rows = distributed
  func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x4xf32>) {
    %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<10x4xf32>
    // expected-note @+1 {{it is changed here}}
    %1 = optim.clip_by_global_norm %0 max = 1.0 : tensor<10x4xf32>
    // expected-error @+1 {{'optim.sgd' op updates a table by a gradient that is changed together with others, of which servers would have to know all rows of a step; train @t by an optim.minimize of its own, or use mode collective}}
    optim.sgd @t, %1 learning_rate = 0.1 : tensor<10x4xf32>
    return
  }
}
