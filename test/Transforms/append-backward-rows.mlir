// RUN: fleet-opt %s --split-input-file --optim-lookup-rows --optim-append-backward --verify-diagnostics | FileCheck %s
// RUN: fleet-opt %s --split-input-file --optim-lookup-rows --optim-append-backward --fleet-bound-indices --verify-diagnostics | FileCheck %s --check-prefix=BOUND

// All lookups of a table that the loss depends on make one gradient of rows.

// CHECK-LABEL: module @two
// BOUND-LABEL: module @two
module @two {
  // CHECK: optim.parameter @words
  // CHECK-NEXT: optim.state @"words/moment1" of @words slot = "moment1" : tensor<100x4xf32>
  // CHECK-NEXT: optim.state @"words/moment2" of @words slot = "moment2" : tensor<100x4xf32>
  // CHECK-NEXT: optim.state @"words/beta1_power" of @words slot = "beta1_power" : tensor<f32>
  // CHECK-NEXT: optim.state @"words/beta2_power"
  // CHECK-NEXT: optim.state @"words/count" of @words slot = "count" : tensor<f32>
  optim.parameter @words : tensor<100x4xf32> init = #optim.ones rows = sparse
  optim.parameter @frozen : tensor<80x4xf32> init = #optim.ones rows = distributed frozen
  // CHECK: func.func @main(%[[A:[^:]*]]: tensor<?x1xi64>, %[[B:[^:]*]]: tensor<?x1xi64>)
  // BOUND: func.func @main(%{{[^:]*}}: tensor<?x1xi64> {fleet.upper_bound = 100 : i64}, %{{[^:]*}}: tensor<?x1xi64> {fleet.upper_bound = 80 : i64})
  func.func @main(%a: tensor<?x1xi64>, %b: tensor<?x1xi64>) -> tensor<f32> {
    // CHECK: %[[X:.*]] = optim.lookup @words[%[[A]]]
    // CHECK: %[[Y:.*]] = optim.lookup @words[%[[B]]] padding_idx = 3
    // CHECK: %[[Z:.*]] = optim.lookup @frozen[%[[B]]]
    %words = optim.read @words : tensor<100x4xf32>
    %frozen = optim.read @frozen : tensor<80x4xf32>
    %x = nn.embedding %words, %a : (tensor<100x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %y = nn.embedding %words, %b padding_idx = 3 : (tensor<100x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %z = nn.embedding %frozen, %b : (tensor<80x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %0 = nn.mul %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %1 = nn.mul %0, %z : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %loss = nn.mean %1 : tensor<?x4xf32> -> tensor<f32>
    // CHECK-NOT: scatter_add
    // CHECK: %[[D:.*]] = nn.mul %{{.*}}, %[[Z]]
    // CHECK: %[[G:.*]] = optim.row_gradient @words [%[[A]]] %{{.*}}, [%[[B]]] %{{.*}} padding_idx = 3 : (tensor<?x1xi64>, tensor<?x1xi64>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<100x4xf32>
    // CHECK-NEXT: optim.adam @words, %[[G]]
    // CHECK-SAME: schedule
    // CHECK-NEXT: return
    optim.minimize %loss : tensor<f32> with #optim.adam<learning_rate = 0.1>
      schedule = #optim.exponential_decay<steps = 10, rate = 0.5> regularizer = #optim.l2<0.1>
    return %loss : tensor<f32>
  }
  // CHECK: func.func @evaluate
  // CHECK-COUNT-3: optim.lookup
  // CHECK-NOT: optim.row_gradient
}

// -----

module @norm {
  // expected-note @+1 {{the table is declared here}}
  optim.parameter @t : tensor<100x4xf32> init = #optim.ones rows = sparse
  func.func @main(%a: tensor<?x1xi64>) -> tensor<f32> {
    %t = optim.read @t : tensor<100x4xf32>
    %x = nn.embedding %t, %a : (tensor<100x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %loss = nn.mean %x : tensor<?x4xf32> -> tensor<f32>
    // expected-error @+1 {{'optim.lamb' op updates @t by a rule that needs the whole gradient, for its norm say, but of a table a step knows only the rows that it looks up}}
    optim.minimize %loss : tensor<f32> with #optim.lamb<learning_rate = 0.1>
    return %loss : tensor<f32>
  }
}
