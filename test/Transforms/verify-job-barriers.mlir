// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// A step is sends, send_barrier, receives, fetch_barrier, in this order.

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      // expected-error @+1 {{is not followed by a fleet.send_barrier}}
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      // expected-error @+1 {{comes before the send_barrier of the step, so it would get the values of the step before}}
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
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send_barrier
      // expected-error @+1 {{is not followed by a fleet.fetch_barrier}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
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
      // expected-note @+1 {{the send_barrier is here}}
      fleet.send_barrier
      // expected-error @+1 {{comes after the send_barrier of the step}}
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
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
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      // expected-error @+1 {{comes before the send_barrier of the step}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.send_barrier
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
      // expected-note @+1 {{the fetch_barrier is here}}
      fleet.fetch_barrier
      // expected-error @+1 {{comes after the fetch_barrier of the step}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
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
      // expected-note @+1 {{it is received here}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      // expected-error @+1 {{uses the block "w" before its fetch_barrier}}
      optim.assign @w, %w : tensor<2xf32>
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

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      // expected-note @+1 {{the first one is here}}
      fleet.send_barrier
      // expected-error @+1 {{is the second one of its kind in the step}}
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
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      // expected-note @+1 {{the fetch_barrier is here}}
      fleet.fetch_barrier
      // expected-error @+1 {{comes after the fetch_barrier of the step}}
      fleet.send_barrier
      // expected-error @+1 {{comes after the fetch_barrier of the step}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
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
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      // expected-error @+1 {{has no place in @startup, which only receives}}
      fleet.send_barrier
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
    func.func @startup() {
      // expected-note @+1 {{it is received here}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      // expected-error @+2 {{uses the block "w" before its fetch_barrier}}
      // expected-error @+1 {{has no place in @startup, which only receives}}
      fleet.send %w to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.fetch_barrier
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
