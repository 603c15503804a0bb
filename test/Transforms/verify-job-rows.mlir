// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-verify-job

// Blocks go to the rows that their servers hold.

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    optim.parameter @w : tensor<4x2xf32> init = #optim.ones
    func.func @main(%g: tensor<4x2xf32>) {
      fleet.send %g rows 0 count 2 to @pserver_0 as "a@GRAD" : tensor<4x2xf32>
      // expected-error @+1 {{sends rows of a gradient from 1 on}}
      fleet.send %g rows 1 count 2 to @pserver_0 as "b@GRAD" : tensor<4x2xf32>
      fleet.send_barrier
      %a = fleet.recv "a" from @pserver_0 : tensor<2x2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<2x2xf32>
      fleet.fetch_barrier
      optim.assign @w row 0, %a : tensor<2x2xf32>
      // expected-note @+1 {{the block goes to rows from 2 on}}
      optim.assign @w row 2, %b : tensor<2x2xf32>
      return
    }
    func.func @startup() {
      %a = fleet.recv "a" from @pserver_0 : tensor<2x2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<2x2xf32>
      fleet.fetch_barrier
      // expected-error @+1 {{assigns the block "a" to rows of 'w' from 2 on}}
      optim.assign @w row 2, %a : tensor<2x2xf32>
      // expected-error @+1 {{assigns the block "b" to rows of 'w' from 0 on}}
      optim.assign @w row 0, %b : tensor<2x2xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    // expected-note @+1 {{it has rows of 'w' from 0 on}}
    optim.parameter @a : tensor<2x2xf32> init = #optim.ones origin = <name = "w", shape = [4, 2]>
    // expected-note @+1 {{it has rows of 'w' from 2 on}}
    optim.parameter @b : tensor<2x2xf32> init = #optim.ones origin = <name = "w", shape = [4, 2], row_offset = 2>
    func.func @update_a(%g: tensor<2x2xf32>) {
      optim.sgd @a, %g learning_rate = 1.0 : tensor<2x2xf32>
      return
    }
    func.func @update_b(%g: tensor<2x2xf32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<2x2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "a@GRAD" update @update_a serve @a as "a"
        fleet.on "b@GRAD" update @update_b serve @b as "b"
      }
      return
    }
  }
}

// -----

// Two servers that hold the same rows leave others to nobody.

module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @pserver_0 endpoint = "h:1"
    // expected-note @+1 {{it is declared here}}
    optim.parameter @w : tensor<4x2xf32> init = #optim.ones
    func.func @main(%g: tensor<4x2xf32>) {
      fleet.send %g rows 0 count 3 to @pserver_0 as "a@GRAD" : tensor<4x2xf32>
      fleet.send %g rows 2 count 1 to @pserver_0 as "b@GRAD" : tensor<4x2xf32>
      fleet.send_barrier
      %a = fleet.recv "a" from @pserver_0 : tensor<3x2xf32>
      %b = fleet.recv "b" from @pserver_0 : tensor<1x2xf32>
      fleet.fetch_barrier
      optim.assign @w row 0, %a : tensor<3x2xf32>
      // expected-error @+1 {{assigns rows of 'w' from 2 on, which other blocks have too; expected row 3 next}}
      optim.assign @w row 2, %b : tensor<1x2xf32>
      return
    }
    func.func @startup() {
      %a = fleet.recv "a" from @pserver_0 : tensor<3x2xf32>
      // expected-error @+1 {{receives "b", but nothing uses it: the trainer would go on with the old values}}
      %b = fleet.recv "b" from @pserver_0 : tensor<1x2xf32>
      fleet.fetch_barrier
      // expected-error @+1 {{is the last of 'w', and no block has its rows from 3 on}}
      optim.assign @w row 0, %a : tensor<3x2xf32>
      return
    }
  }
  module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @a : tensor<3x2xf32> init = #optim.ones origin = <name = "w", shape = [4, 2]>
    optim.parameter @b : tensor<1x2xf32> init = #optim.ones origin = <name = "w", shape = [4, 2], row_offset = 2>
    func.func @update_a(%g: tensor<3x2xf32>) {
      optim.sgd @a, %g learning_rate = 1.0 : tensor<3x2xf32>
      return
    }
    func.func @update_b(%g: tensor<1x2xf32>) {
      optim.sgd @b, %g learning_rate = 1.0 : tensor<1x2xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on "a@GRAD" update @update_a serve @a as "a"
        fleet.on "b@GRAD" update @update_b serve @b as "b"
      }
      return
    }
  }
}
