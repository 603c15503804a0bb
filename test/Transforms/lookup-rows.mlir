// RUN: fleet-opt %s --split-input-file --optim-lookup-rows --verify-diagnostics | FileCheck %s

// CHECK-LABEL: module @lookups
module @lookups {
  optim.parameter @words : tensor<100x4xf32> init = #optim.ones rows = sparse
  optim.parameter @users : tensor<1000000000000x8xf32> init = #optim.ones rows = distributed
  optim.parameter @dense : tensor<50x4xf32> init = #optim.ones
  // CHECK: func.func @main(%[[USER:[^:]*]]: tensor<?x1xi64>, %[[IDS:[^:]*]]: tensor<?x3xi64>)
  func.func @main(%user: tensor<?x1xi64>, %ids: tensor<?x3xi64>) -> (tensor<?x8xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>) {
    // CHECK-NOT: optim.read @words
    // CHECK-NOT: optim.read @users
    // CHECK-DAG: %[[U:.*]] = optim.lookup @users[%[[USER]]] : (tensor<?x1xi64>) -> tensor<?x8xf32>
    // CHECK-DAG: %[[W:.*]] = optim.lookup @words[%[[IDS]]] padding_idx = 0 : (tensor<?x3xi64>) -> tensor<?x3x4xf32>
    // CHECK-DAG: %[[G:.*]] = optim.lookup @words[%[[IDS]]] : (tensor<?x3xi64>) -> tensor<?x3x4xf32>
    // CHECK-DAG: %[[D:.*]] = nn.embedding %{{.*}}, %[[IDS]]
    // CHECK: return %[[U]], %[[W]], %[[G]], %[[D]]
    %users = optim.read @users : tensor<1000000000000x8xf32>
    %words = optim.read @words : tensor<100x4xf32>
    %dense = optim.read @dense : tensor<50x4xf32>
    %u = nn.embedding %users, %user : (tensor<1000000000000x8xf32>, tensor<?x1xi64>) -> tensor<?x8xf32>
    %w = nn.embedding %words, %ids padding_idx = 0 : (tensor<100x4xf32>, tensor<?x3xi64>) -> tensor<?x3x4xf32>
    %g = nn.gather %words, %ids : (tensor<100x4xf32>, tensor<?x3xi64>) -> tensor<?x3x4xf32>
    %d = nn.embedding %dense, %ids : (tensor<50x4xf32>, tensor<?x3xi64>) -> tensor<?x3x4xf32>
    return %u, %w, %g, %d : tensor<?x8xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<?x3x4xf32>
  }
}

// -----

module @whole {
  // expected-note @+1 {{it is declared here}}
  optim.parameter @t : tensor<100x4xf32> init = #optim.ones rows = sparse
  func.func @main(%ids: tensor<?x1xi64>) -> (tensor<?x4xf32>, tensor<f32>) {
    %t = optim.read @t : tensor<100x4xf32>
    %e = nn.embedding %t, %ids : (tensor<100x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    // expected-error @+1 {{'nn.mean' op uses all of @t, of which rows = sparse allows only rows by ids, as nn.embedding takes them}}
    %m = nn.mean %t : tensor<100x4xf32> -> tensor<f32>
    return %e, %m : tensor<?x4xf32>, tensor<f32>
  }
}

// -----

module @returned {
  // expected-note @+1 {{it is declared here}}
  optim.parameter @t : tensor<100x4xf32> init = #optim.ones rows = distributed
  func.func @main() -> tensor<100x4xf32> {
    %t = optim.read @t : tensor<100x4xf32>
    // expected-error @+1 {{'func.return' op uses all of @t, of which rows = distributed allows only rows by ids}}
    return %t : tensor<100x4xf32>
  }
}

// -----

module @computed {
  optim.parameter @t : tensor<100x4xf32> init = #optim.ones rows = sparse
  func.func @main(%x: tensor<?x3xf32>) -> tensor<?x4xf32> {
    %t = optim.read @t : tensor<100x4xf32>
    // expected-note @+1 {{they are computed here}}
    %ids = nn.argmax %x : tensor<?x3xf32> -> tensor<?x1xi64>
    // expected-error @+1 {{'nn.embedding' op takes ids that the program computes; they must be an input of the program}}
    %e = nn.embedding %t, %ids : (tensor<100x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    return %e : tensor<?x4xf32>
  }
}

// -----

module @state {
  // expected-note @+1 {{it is state of this table}}
  optim.parameter @t : tensor<100x4xf32> init = #optim.ones rows = sparse
  optim.state @"t/velocity" of @t slot = "velocity" : tensor<100x4xf32> init = #optim.zeros
  func.func @main() -> tensor<f32> {
    // expected-error @+1 {{'optim.read' op reads @"t/velocity", which optimizers keep row by row}}
    %v = optim.read @"t/velocity" : tensor<100x4xf32>
    %m = nn.mean %v : tensor<100x4xf32> -> tensor<f32>
    return %m : tensor<f32>
  }
}
