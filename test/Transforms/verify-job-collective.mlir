// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// The job is one of the right kind: nothing is said.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      %t = fleet.all_reduce_start %g in @world : tensor<2xf32>
      %0 = fleet.all_reduce_wait %t : tensor<2xf32>
      %1 = nn.neg %0 : tensor<2xf32>
      optim.sgd @w, %1 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @w from 0 in @world
      return
    }
  }
}

// -----

// Two programs could call in another order.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  // expected-note @+1 {{the first one is here}}
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    func.func @main() {
      return
    }
    func.func @startup() {
      fleet.connect @world
      return
    }
  }
  // expected-error @+1 {{this is a second trainer program in the job}}
  module @other attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    func.func @main() {
      return
    }
    func.func @startup() {
      fleet.connect @world
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    func.func @main() {
      return
    }
    func.func @startup() {
      return
    }
  }
  // expected-error @+1 {{this is a pserver in a job of mode collective, where every process is a trainer}}
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
  }
}

// -----

// expected-note @+1 {{the job has 3 trainers}}
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 3>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    // expected-error @+1 {{has 2 members}}
    fleet.group @world size = 2
    func.func @main() {
      return
    }
    func.func @startup() {
      fleet.connect @world
      return
    }
  }
}

// -----

// Waits in another order than starts, waits twice, never.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    func.func @main(%g: tensor<2xf32>) {
      // expected-note @+1 {{the earlier one begins here}}
      %a = fleet.all_reduce_start %g in @world : tensor<2xf32>
      // expected-note @+2 {{the one that it waits for begins here}}
      // expected-note @+1 {{it begins here}}
      %b = fleet.all_reduce_start %g in @world : tensor<2xf32>
      // expected-error @+1 {{waits for a call before one that began earlier has ended}}
      %0 = fleet.all_reduce_wait %b : tensor<2xf32>
      // expected-error @+1 {{waits a second time for the same call}}
      %1 = fleet.all_reduce_wait %b : tensor<2xf32>
      %2 = fleet.all_reduce_wait %a : tensor<2xf32>
      // expected-error @+1 {{has no fleet.all_reduce_wait, so nobody knows when it ends}}
      %c = fleet.all_reduce_start %g in @world : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      return
    }
  }
}

// -----

// @evaluate runs on one trainer only.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    func.func @main() {
      // expected-error @+1 {{must be directly in @startup, in a body of one block}}
      fleet.connect @world
      // expected-error @+1 {{has no place in a collective job, which has no servers}}
      fleet.send_barrier
      return
    }
    func.func @evaluate(%g: tensor<2xf32>) {
      // expected-error @+1 {{must be directly in @main or a function with fleet.every, in a body of one block, where all trainers come by}}
      %a = fleet.all_reduce_start %g in @world : tensor<2xf32>
      // expected-error @+1 {{must be directly in @main or a function with fleet.every}}
      %0 = fleet.all_reduce_wait %a : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    // expected-error @+1 {{is never connected}}
    fleet.group @world size = 2
    // expected-error @+1 {{may start with another value on each trainer}}
    optim.parameter @v : tensor<2xf32> init = #optim.ones
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main() {
      return
    }
    // expected-note @+2 {{a fleet.connect is missing here}}
    // expected-note @+1 {{no fleet.broadcast gives it here}}
    func.func @startup() {
      // expected-error @+1 {{calls in @world before it is connected}}
      fleet.broadcast @w from 0 in @world
      return
    }
  }
}

// -----

// Trainers must not drift apart: by their gradients, their number of examples,
// or what an update keeps of them.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @v : tensor<2xf32> init = #optim.ones
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      // expected-note @+1 {{the value comes from here}}
      %0 = nn.neg %g : tensor<2xf32>
      // expected-error @+1 {{updates @w by a value that differs between trainers; it has to be added up by an all_reduce}}
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      // expected-note @+1 {{the value comes from here}}
      %w = optim.read @w : tensor<2xf32>
      // expected-error @+1 {{assigns @v by a value that differs between trainers}}
      optim.assign @v, %w : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @v from 0 in @world
      fleet.broadcast @w from 0 in @world
      return
    }
  }
}

// -----

// They may, between functions that make them equal again.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @average() attributes {fleet.every = 8 : i64} {
      %w = optim.read @w : tensor<2xf32>
      %share = fleet.examples share : tensor<f32>
      %0 = nn.mul %w, %share : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      %t = fleet.all_reduce_start %0 in @world : tensor<2xf32>
      %1 = fleet.all_reduce_wait %t : tensor<2xf32>
      optim.assign @w, %1 : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @w from 0 in @world
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      %t = fleet.all_reduce_start %g in @world : tensor<2xf32>
      %0 = fleet.all_reduce_wait %t : tensor<2xf32>
      // expected-note @+1 {{the other one is here}}
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      // expected-error @+1 {{updates @w, which another op updates already}}
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @w from 0 in @world
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<f32> init = #optim.ones frozen
    func.func @main(%g: tensor<f32>) {
      return
    }
    func.func @average() -> tensor<f32> attributes {fleet.every = 8 : i64} {
      // expected-note @+1 {{the value comes from here}}
      %share = fleet.examples share : tensor<f32>
      // expected-error @+1 {{says when to run next by a value that differs between trainers, so that they would not meet}}
      return %share : tensor<f32>
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @w from 0 in @world
      return
    }
  }
}

// -----

// Groups must cut all trainers evenly.
// expected-note @+1 {{the job has 4 trainers}}
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 4>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 4
    // expected-error @+1 {{has 3 members that are 1 apart}}
    fleet.group @three size = 3 stride = 1
    // expected-note @+1 {{these are declared here}}
    fleet.group @near size = 2 stride = 1
    // expected-error @+1 {{does not have one member of each group of neighbours}}
    fleet.group @across size = 1 stride = 4
    func.func @main() {
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.connect @three
      fleet.connect @near
      fleet.connect @across
      return
    }
  }
}

// -----

// A sum between neighbours is not yet one of all.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 4>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 4
    fleet.group @near size = 2 stride = 1
    fleet.group @across size = 2 stride = 2
    optim.parameter @v : tensor<2xf32> init = #optim.ones
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      %t = fleet.all_reduce_start %g in @near : tensor<2xf32>
      // expected-note @+1 {{the value comes from here}}
      %0 = fleet.all_reduce_wait %t : tensor<2xf32>
      // expected-error @+1 {{updates @v by a value that differs between trainers}}
      optim.sgd @v, %0 learning_rate = 1.0 : tensor<2xf32>
      %u = fleet.all_reduce_start %0 in @across : tensor<2xf32>
      %1 = fleet.all_reduce_wait %u : tensor<2xf32>
      optim.sgd @w, %1 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.connect @near
      fleet.connect @across
      fleet.broadcast @v from 0 in @world
      fleet.broadcast @w from 0 in @world
      return
    }
  }
}

// -----

// A part has to be taken from the whole, and trained by parts of gradients.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    // expected-error @+2 {{is a part that @startup does not take from the whole by a fleet.own_part}}
    // expected-note @+1 {{the part is declared here}}
    optim.parameter @w.part : tensor<2xf32> init = #optim.zeros origin = #optim.origin<name = "w", shape = [4], shards = 2> transient
    func.func @main(%g: tensor<2xf32>) {
      %t = fleet.all_reduce_start %g in @world : tensor<2xf32>
      %0 = fleet.all_reduce_wait %t : tensor<2xf32>
      // expected-error @+1 {{updates a part of a parameter by a gradient that is no part of one}}
      optim.sgd @w.part, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    func.func @main(%g: tensor<2xf32>) {
      // expected-error @+1 {{has no fleet.reduce_scatter_wait, so nobody knows when it ends}}
      %t = fleet.reduce_scatter_start %g in @world : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      return
    }
  }
}

// -----

// Rows are added while nothing else is under way.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
    func.func @main(%ids: tensor<?x1xi64>, %dr: tensor<?x2xf32>, %g: tensor<2xf32>) {
      %r = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<8x2xf32>
      // expected-note @+1 {{the earlier one begins here}}
      %t = fleet.all_reduce_start %g in @world : tensor<2xf32>
      // expected-error @+1 {{waits for the others while a call that began earlier has not ended}}
      %a = fleet.all_gather_rows %r in @world : tensor<8x2xf32>
      %0 = fleet.all_reduce_wait %t : tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      optim.sgd @t, %a learning_rate = 1.0 : tensor<8x2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @w from 0 in @world
      fleet.broadcast @t from 0 in @world
      return
    }
  }
}

// -----

// Each trainer names other rows.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @t : tensor<8x2xf32> init = #optim.ones rows = sparse
    func.func @main(%ids: tensor<?x1xi64>, %dr: tensor<?x2xf32>) {
      // expected-note @+1 {{the value comes from here}}
      %r = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x2xf32>) -> tensor<8x2xf32>
      // expected-error @+1 {{updates @t by a value that differs between trainers; it has to be added up by an all_reduce}}
      optim.sgd @t, %r learning_rate = 1.0 : tensor<8x2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @t from 0 in @world
      return
    }
  }
}

// -----

// A part of a trainer's own gradient is no part of the sum.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<4xf32> init = #optim.zeros
    // expected-note @+1 {{the part is declared here}}
    optim.parameter @w.part : tensor<2xf32> init = #optim.zeros origin = #optim.origin<name = "w", shape = [4], shards = 2> transient
    func.func @main(%g: tensor<4xf32>) {
      %0 = fleet.own_part %g in @world : tensor<4xf32> -> tensor<2xf32>
      // expected-error @+1 {{updates a part of a parameter by a part of a value that differs between trainers; it has to be added up by a reduce_scatter}}
      optim.sgd @w.part, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @w from 0 in @world
      %0 = optim.read @w : tensor<4xf32>
      %1 = fleet.own_part %0 in @world : tensor<4xf32> -> tensor<2xf32>
      optim.assign @w.part, %1 : tensor<2xf32>
      return
    }
  }
}
