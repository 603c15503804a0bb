// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// What the program of a trainer says, the server and the job say too.

// The job is one of the right kind: nothing is said.

module attributes {fleet.job = #fleet.job<mode = ps, sync = async, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.submit queue = 1 merge = 1
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      fleet.fetch_latest
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, async {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

// expected-note @+1 {{the job has sync}}
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      // expected-error @+1 {{serves in mode half_async}}
      fleet.serve endpoint = "h:1", trainers = 1, half_async {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

// expected-note @+1 {{the job has mode async}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = async, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      // expected-error @+1 {{waits, but steps of the job do not; expected fleet.submit}}
      fleet.send_barrier
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      // expected-error @+1 {{waits, but steps of the job do not; expected fleet.fetch_latest}}
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, async {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

// expected-note @+1 {{the job has mode half_async}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = half_async, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      // expected-error @+1 {{does not wait, but the program has to here; expected fleet.send_barrier}}
      fleet.submit queue = 1 merge = 1
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      // expected-error @+1 {{does not wait, but the program has to here; expected fleet.fetch_barrier}}
      fleet.fetch_latest
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, half_async {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

// expected-note @+1 {{the job is here}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    // expected-error @+1 {{runs every so many steps, but the job has mode sync}}
    func.func @main(%g: tensor<2xf32>) attributes {fleet.every = 5 : i64} {
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
      optim.apply_delta @w, %g : tensor<2xf32>
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

// The exchange of a geo job is where trainers and servers meet.

module attributes {fleet.job = #fleet.job<mode = ps, sync = geo, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @exchange() attributes {fleet.every = 5 : i64} {
      %new = optim.read @w : tensor<2xf32>
      fleet.send %new to @pserver_0 as "w@GRAD" : tensor<2xf32>
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, geo {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

// expected-note @+1 {{the job is here}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = geo, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      return
    }
    // expected-error @+1 {{has no fleet.every, which says after how many steps it runs}}
    func.func @exchange() {
      %new = optim.read @w : tensor<2xf32>
      fleet.send %new to @pserver_0 as "w@GRAD" : tensor<2xf32>
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, geo {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = geo, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @v : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      // expected-error @+1 {{updates @v, which no exchange brings back; the trainers would drift apart}}
      optim.sgd @v, %g learning_rate = 1.0 : tensor<2xf32>
      return
    }
    // expected-note @+1 {{the exchange is here}}
    func.func @exchange() attributes {fleet.every = 5 : i64} {
      %new = optim.read @w : tensor<2xf32>
      fleet.send %new to @pserver_0 as "w@GRAD" : tensor<2xf32>
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, geo {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = geo, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      // expected-note @+1 {{the first time is here}}
      optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
      // expected-error @+1 {{updates @w a second time in one step}}
      optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @exchange() attributes {fleet.every = 5 : i64} {
      %new = optim.read @w : tensor<2xf32>
      fleet.send %new to @pserver_0 as "w@GRAD" : tensor<2xf32>
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, geo {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = ps, sync = geo, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      // expected-error @+1 {{must be directly in @exchange or @startup, in a body of one block}}
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      return
    }
    func.func @exchange() attributes {fleet.every = 5 : i64} {
      %new = optim.read @w : tensor<2xf32>
      fleet.send %new to @pserver_0 as "w@GRAD" : tensor<2xf32>
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
      optim.apply_delta @w, %g : tensor<2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, geo {
        fleet.on "w@GRAD" update @update_w serve @w as "w"
      }
      return
    }
  }
}
