// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --canonicalize --cse | FileCheck %s --check-prefix=KEPT

// CHECK-LABEL: module @trainer
module @trainer attributes {fleet.role = #fleet.role<trainer>} {
  fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
  fleet.peer @pserver_1 endpoint = "127.0.0.1:6171"
  // CHECK: fleet.table @words as "words" : tensor<1000x16xf32> on [@pserver_1, @pserver_0] counts = [600, 400]
  fleet.table @words as "words" : tensor<1000x16xf32> on [@pserver_1, @pserver_0] counts = [600, 400]
  // CHECK: fleet.table @users as "users" : tensor<1099511627776x8xf64> on [@pserver_0, @pserver_1]{{$}}
  fleet.table @users as "users" : tensor<1099511627776x8xf64> on [@pserver_0, @pserver_1]
  func.func @main(%user: tensor<?x1xi64>, %ids: tensor<?x8xi32>) {
    // CHECK: %[[R:.*]]:2 = fleet.pull_rows @users[%{{.*}}], @words[%{{.*}}] padding_idx = 0 : (tensor<?x1xi64>, tensor<?x8xi32>) -> (tensor<?x8xf64>, tensor<?x8x16xf32>)
    // KEPT: fleet.pull_rows
    %u, %w = fleet.pull_rows @users[%user], @words[%ids] padding_idx = 0
      : (tensor<?x1xi64>, tensor<?x8xi32>) -> (tensor<?x8xf64>, tensor<?x8x16xf32>)
    // CHECK: fleet.push_rows @words [%{{.*}}] %[[R]]#1 padding_idx = 0, [%{{.*}}] %[[R]]#1 : tensor<?x8xi32>, tensor<?x8xi32>, tensor<?x8x16xf32>, tensor<?x8x16xf32>
    // KEPT: fleet.push_rows
    fleet.push_rows @words [%ids] %w padding_idx = 0, [%ids] %w
      : tensor<?x8xi32>, tensor<?x8xi32>, tensor<?x8x16xf32>, tensor<?x8x16xf32>
    // KEPT: fleet.pull_rows
    %v = fleet.pull_rows @users[%user] : (tensor<?x1xi64>) -> tensor<?x8xf64>
    return
  }
}

// CHECK-LABEL: module @pserver_0
module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
  optim.parameter @words : tensor<400x16xf32> init = #optim.zeros rows = sparse origin = #optim.origin<name = "words", shape = [1000, 16], row_offset = 600>
  optim.parameter @users : tensor<1099511627776x8xf64> init = #optim.zeros rows = distributed
  func.func @update_words(%g: tensor<400x16xf32>) {
    optim.sgd @words, %g learning_rate = 0.1 : tensor<400x16xf32>
    return
  }
  func.func @main() {
    // CHECK: fleet.serve
    // CHECK-NEXT: fleet.on_rows "words" update @update_words serve @words
    // CHECK-NEXT: fleet.on_rows "users" serve @users
    fleet.serve endpoint = "127.0.0.1:6170", trainers = 1, sync {
      fleet.on_rows "words" update @update_words serve @words
      fleet.on_rows "users" serve @users
    }
    return
  }
}
