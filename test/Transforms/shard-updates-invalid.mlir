// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-distribute-collective="trainers=2" --fleet-all-reduce-gradients --fleet-shard-updates

module {
  // expected-error @+1 {{is a table, of which every trainer updates the rows that any of them names, so that none can have a part; switch sharding off, or declare it without rows}}
  optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
  func.func @main(%ids: tensor<?x1xi64>, %dr: tensor<?x2xf32>) {
    %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<8x2xf32>
    optim.sgd @t, %g learning_rate = 1.0 : tensor<8x2xf32>
    return
  }
}
