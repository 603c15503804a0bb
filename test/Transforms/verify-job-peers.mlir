// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// Trainer and servers agree on who they are and how many.

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    // expected-error @+1 {{expects the pserver at h:2}}
    fleet.peer @pserver_0 endpoint = "h:2"
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
      // expected-note @+1 {{it listens on h:1}}
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
    // expected-error @+1 {{names no pserver of the job}}
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
}

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  // expected-note @+1 {{its fleet.peer is missing here}}
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
  // expected-error @+1 {{is a pserver that the trainer does not know}}
  module @pserver_1 attributes {fleet.role = #fleet.role<pserver, index = 1>} {
    func.func @main() {
      fleet.serve endpoint = "h:2", trainers = 1, sync {
      }
      return
    }
  }
}

// -----

// expected-note @+1 {{the job has 2}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 2>} {
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
      // expected-error @+1 {{waits for 1 trainers}}
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
    fleet.peer @pserver_1 endpoint = "H:1"
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
      // expected-note @+1 {{the other one is here}}
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
  module @pserver_1 attributes {fleet.role = #fleet.role<pserver, index = 1>} {
    func.func @main() {
      // expected-error @+1 {{listens on h:1, as another pserver does}}
      fleet.serve endpoint = "h:1", trainers = 1, sync {
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
  // expected-error @+1 {{is a pserver without a fleet.serve in @main}}
  module @pserver_1 attributes {fleet.role = #fleet.role<pserver, index = 1>} {
    func.func @main() {
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
    func.func @serve() {
      // expected-error @+1 {{must be directly in @main}}
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
      // expected-note @+1 {{the first time is here}}
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      // expected-error @+1 {{serves a second time}}
      fleet.serve endpoint = "h:1", trainers = 1, sync {
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
    func.func @other() {
      // expected-error @+1 {{has no place in the program of a pserver}}
      fleet.send_barrier
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
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      return
    }
    func.func @other() {
      // expected-error @+1 {{has no place in the program of a trainer}}
      fleet.serve endpoint = "h:1", trainers = 1, sync {
      }
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
