// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// Every receive has a served block of its name and type.

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    // expected-note @+1 {{the function is here}}
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      // expected-error @+1 {{receives "v" from @pserver_0, which does not serve it}}
      %w = fleet.recv "v" from @pserver_0 : tensor<2xf32>
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
      // expected-note @+1 {{it serves here}}
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        // expected-error @+1 {{serves the block "w", which @main of the trainer does not receive}}
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
      // expected-error @+1 {{receives "w" from @pserver_1, which does not serve it}}
      %w = fleet.recv "w" from @pserver_1 : tensor<2xf32>
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
        // expected-note @+1 {{@pserver_0 serves it}}
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

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      // expected-error @+1 {{receives "w" as 'tensor<2xf64>'}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf64>
      fleet.fetch_barrier
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
        // expected-note @+1 {{the block is 'tensor<2xf32>'}}
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
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      // expected-note @+1 {{the first time is here}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      // expected-error @+1 {{receives "w" a second time}}
      %w2 = fleet.recv "w" from @pserver_0 : tensor<2xf32>
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
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      return
    }
    // expected-note @+1 {{the function is here}}
    func.func @startup() {
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
        // expected-error @+1 {{serves the block "w", which @startup of the trainer does not receive}}
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  // expected-error @+1 {{has no function @startup}}
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
  // expected-error @+1 {{has no function @main}}
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
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

// What is received has to go somewhere.

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      // expected-error @+1 {{receives "w", but nothing uses it: the trainer would go on with the old values}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.fetch_barrier
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
