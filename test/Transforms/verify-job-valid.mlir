// RUN: fleet-opt %s --split-input-file --fleet-verify-job | FileCheck %s

// Jobs that agree, also one with an idle server, and one whose servers come first.

// CHECK-COUNT-3: module attributes {fleet.job

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @update_w(%g: tensor<2xf32>) {
      optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    fleet.peer @pserver_1 endpoint = "h:2"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @update_w(%g: tensor<2xf32>) {
      optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
  module @pserver_1 attributes {fleet.role = #fleet.role<pserver, index = 1>} {
    func.func @main() {
      fleet.serve endpoint = "h:2", trainers = 1, sync {
      }
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
  module @local attributes {fleet.role = #fleet.role<local>} {
    func.func @main() {
      return
    }
  }
}
