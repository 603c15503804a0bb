// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// Servers get the sums that they wait for.

// A job in which servers agree is fine.

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      // expected-error @+1 {{comes before the send_barrier of the step; servers would not have the gradients}}
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      // expected-note @+1 {{it is received here}}
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      // expected-error @+1 {{comes after a receive of the step, which waits for it}}
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      // expected-error @+1 {{has no place in @startup, which only receives}}
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    // expected-note @+1 {{a training step is here}}
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      fleet.agree ["w@GRAD"] at [@pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        // expected-error @+1 {{makes a part of a sum of "b@GRAD", on which no trainer agrees; it would wait for it}}
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      // expected-error @+1 {{waits for the part of "b@GRAD" at @pserver_0, whose handler makes none}}
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        // expected-note @+1 {{the handler is here}}
        fleet.on "b@GRAD" update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      // expected-error @+1 {{waits for the part of "x@GRAD" at @pserver_0, which has no handler for it}}
      fleet.agree ["w@GRAD", "b@GRAD", "x@GRAD"] at [@pserver_0, @pserver_0, @pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      // expected-note @+1 {{it serves here}}
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      // expected-note @+1 {{the first time is here}}
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      // expected-error @+1 {{agrees on "w@GRAD" a second time}}
      fleet.agree ["w@GRAD"] at [@pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf64> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf64>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf64>
      fleet.send_barrier
      // expected-error @+1 {{adds a part of 'f64' to one of 'f32'}}
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf64>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf64>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf64>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf64>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf64> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf64>) -> tensor<f64> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf64> -> tensor<f64>
      return %0 : tensor<f64>
    }
    func.func @update_b(%g: tensor<3xf64>, %sum: tensor<f64>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf64>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        // expected-note @+1 {{the other one is here}}
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        // expected-note @+1 {{the one is here}}
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
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
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>, %h: tensor<3xf32>) {
      fleet.send %g to @pserver_0 as "w@GRAD" : tensor<2xf32>
      fleet.send %h to @pserver_0 as "b@GRAD" : tensor<3xf32>
      fleet.send_barrier
      fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_0]
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
    func.func @startup() {
      %w = fleet.recv "w" from @pserver_0 : tensor<2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<3xf32>
      fleet.fetch_barrier
      optim.assign @w, %w : tensor<2xf32>
      optim.assign @b, %b : tensor<3xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<3xf32> init = #optim.ones
    func.func @part_w(%g: tensor<2xf32>) -> tensor<f32> {
      // expected-error @+1 {{changes a variable in a part of a sum, which only computes}}
      optim.assign @w, %g : tensor<2xf32>
      %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_w(%g: tensor<2xf32>, %sum: tensor<f32>) {
      %0 = nn.mul %g, %sum : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      optim.sgd @w, %0 learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @part_b(%g: tensor<3xf32>) -> tensor<f32> {
      %0 = nn.reduce sum %g dims = [0] : tensor<3xf32> -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func @update_b(%g: tensor<3xf32>, %sum: tensor<f32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<3xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        // expected-note @+1 {{the part is made here}}
        fleet.on "w@GRAD" part @part_w update @update_w serve @w as "w"
        fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
      }
      return
    }
  }
}
