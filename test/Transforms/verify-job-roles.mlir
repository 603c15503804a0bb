// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// The programs of a job are those of its mode.

// expected-error @+1 {{is no job: it has no fleet.job; distribute it first}}
module {
}

// -----

// expected-error @+1 {{the job has no trainer program}}
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
}

// -----

// expected-error @+1 {{has no local program}}
module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
}

// -----

// expected-error @+1 {{has no trainer program}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
      }
      return
    }
  }
}

// -----

// expected-error @+1 {{has no pserver program}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
  module @local attributes {fleet.role = #fleet.role<local>} {
  }
  // expected-error @+1 {{has the role trainer in a job of mode local}}
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  // expected-note @+1 {{the first one is here}}
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
  }
  // expected-error @+1 {{is a second trainer program in the job}}
  module @trainer_1 attributes {fleet.role = #fleet.role<trainer>} {
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
  module @local attributes {fleet.role = #fleet.role<local>} {
  }
  // expected-error @+1 {{does not belong in a job, which holds named modules with a fleet.role}}
  func.func private @f()
}

// -----

module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
  // expected-error @+1 {{has no function @main}}
  module @local attributes {fleet.role = #fleet.role<local>} {
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
  module @local attributes {fleet.role = #fleet.role<local>} {
    func.func @main() {
      // expected-error @+1 {{has no place in a local program}}
      fleet.send_barrier
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
  // expected-note @+1 {{the first one is here}}
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
  // expected-error @+1 {{is a second pserver with index 0}}
  module @pserver_1 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
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
  // expected-error @+1 {{has the index 5 among 2 pservers, expected 0 to 1}}
  module @pserver_1 attributes {fleet.role = #fleet.role<pserver, index = 5>} {
    func.func @main() {
      fleet.serve endpoint = "h:2", trainers = 1, sync {
      }
      return
    }
  }
}
