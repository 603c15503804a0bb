// RUN: fleet-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{a job needs at least one trainer, got 0}}
module attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 0>} {}

// -----

// expected-error @+1 {{a local job has one trainer, got 2}}
module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 2>} {}

// -----

// expected-error @+1 {{a pserver needs an index, e.g. #fleet.role<pserver, index = 0>}}
module attributes {fleet.role = #fleet.role<pserver>} {}

// -----

// expected-error @+1 {{only a pserver has an index}}
module attributes {fleet.role = #fleet.role<trainer, index = 0>} {}

// -----

// expected-error @+1 {{the index of a pserver must not be negative, got -1}}
module attributes {fleet.role = #fleet.role<pserver, index = -1>} {}

// -----

// expected-error @+1 {{fleet.job must be a #fleet.job, got "ps"}}
module attributes {fleet.job = "ps"} {}

// -----

// expected-error @+1 {{fleet.role must be a #fleet.role, got "trainer"}}
module attributes {fleet.role = "trainer"} {}

// -----

// expected-error @+1 {{unknown attribute "fleet.rule", expected fleet.job, fleet.role, fleet.every or fleet.begin}}
module attributes {fleet.rule = #fleet.role<trainer>} {}

// -----

// expected-error @+1 {{"fleet.role" belongs on a module}}
func.func private @f() attributes {fleet.role = #fleet.role<trainer>}

// -----

// expected-error @+1 {{endpoint '127.0.0.1' has no port; expected HOST:PORT}}
fleet.peer @p endpoint = "127.0.0.1"

// -----

// expected-error @+1 {{endpoint ':6170' has no host; expected HOST:PORT}}
fleet.peer @p endpoint = ":6170"

// -----

// expected-error @+1 {{endpoint 'host:' has no port; expected HOST:PORT}}
fleet.peer @p endpoint = "host:"

// -----

// expected-error @+1 {{endpoint 'host:0' has the port '0', expected 1 to 65535; expected HOST:PORT}}
fleet.peer @p endpoint = "host:0"

// -----

// expected-error @+1 {{endpoint 'host:65536' has the port '65536', expected 1 to 65535}}
fleet.peer @p endpoint = "host:65536"

// -----

// expected-error @+1 {{endpoint 'host:+80' has the port '+80', expected 1 to 65535}}
fleet.peer @p endpoint = "host:+80"

// -----

// expected-error @+1 {{endpoint '127.0.0.300:80' has the host '127.0.0.300', which is neither a name nor an address}}
fleet.peer @p endpoint = "127.0.0.300:80"

// -----

// expected-error @+1 {{endpoint 'a b:80' has the host 'a b', which is neither a name nor an address}}
fleet.peer @p endpoint = "a b:80"

// -----

// expected-error @+1 {{endpoint '::1:80' has more than one colon; an IPv6 address goes in brackets}}
fleet.peer @p endpoint = "::1:80"

// -----

// expected-error @+1 {{endpoint '[::1' has no closing bracket}}
fleet.peer @p endpoint = "[::1"

// -----

// expected-error @+1 {{endpoint '[1::2::3]:80' has no IPv6 address between its brackets}}
fleet.peer @p endpoint = "[1::2::3]:80"

// -----

// expected-error @+1 {{endpoint '[::1]80' has no port}}
fleet.peer @p endpoint = "[::1]80"

// -----

func.func @main(%g: tensor<2xf32>) {
  // expected-error @+1 {{talks to @p, which is no fleet.peer}}
  fleet.send %g to @p as "w@GRAD" : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{it is declared here}}
func.func @main() {
  // expected-error @+1 {{talks to @main, which is no fleet.peer}}
  %0 = fleet.recv "w" from @main : tensor<2xf32>
  return
}

// -----

fleet.peer @p endpoint = "host:80"
func.func @main() {
  // expected-error @+1 {{transfers a block without a name}}
  %0 = fleet.recv "" from @p : tensor<2xf32>
  return
}

// -----

fleet.peer @p endpoint = "host:80"
func.func @main(%g: tensor<?xf32>) {
  // expected-error @+1 {{must be statically shaped tensor}}
  fleet.send %g to @p as "w@GRAD" : tensor<?xf32>
  return
}

// -----

func.func @main() {
  // expected-error @+1 {{serves 0 trainers, expected at least one}}
  fleet.serve endpoint = "host:80", trainers = 0, sync {
  }
  return
}

// -----

func.func @main() {
  // expected-error @+1 {{endpoint 'host' has no port; expected HOST:PORT}}
  fleet.serve endpoint = "host", trainers = 1, sync {
  }
  return
}

// -----

func.func @main() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{has no place in fleet.serve, which holds fleet.on and fleet.on_rows only}}
    fleet.send_barrier
  }
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @main() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{updates by @update_w, which is no function}}
    fleet.on "w@GRAD" update @update_w serve @w as "w"
  }
  return
}

// -----

func.func @update_w(%g: tensor<2xf32>) {
  return
}
func.func @main() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{serves @w, which is no optim.parameter}}
    fleet.on "w@GRAD" update @update_w serve @w as "w"
  }
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
// expected-note @+1 {{the function is here}}
func.func @update_w(%g: tensor<3xf32>) {
  return
}
func.func @main() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{needs as update a function of one 'tensor<2xf32>', or two, without results}}
    fleet.on "w@GRAD" update @update_w serve @w as "w"
  }
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @update_w(%g: tensor<2xf32>) {
  return
}
func.func @main() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{names a block or a gradient by an empty string}}
    fleet.on "" update @update_w serve @w as "w"
  }
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
optim.parameter @b : tensor<2xf32> init = #optim.zeros
func.func @f(%g: tensor<2xf32>) {
  return
}
func.func @gradient_twice() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-note @+1 {{the other one is here}}
    fleet.on "w@GRAD" update @f serve @w as "w"
    // expected-error @+1 {{takes "w@GRAD", as another handler does}}
    fleet.on "w@GRAD" update @f serve @b as "b"
  }
  return
}
func.func @block_twice() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-note @+1 {{the other one is here}}
    fleet.on "w@GRAD" update @f serve @w as "w"
    // expected-error @+1 {{serves the block "w", as another handler does}}
    fleet.on "b@GRAD" update @f serve @b as "w"
  }
  return
}
func.func @parameter_twice() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-note @+1 {{the other one is here}}
    fleet.on "w@GRAD" update @f serve @w as "w"
    // expected-error @+1 {{serves @w, as another handler does}}
    fleet.on "b@GRAD" update @f serve @w as "b"
  }
  return
}

// -----

fleet.peer @s endpoint = "host:80"
func.func @rows(%g: tensor<4x2xf32>) {
  // expected-error @+1 {{sends 3 rows from 2 on of 'tensor<4x2xf32>'}}
  fleet.send %g rows 2 count 3 to @s as "w@GRAD" : tensor<4x2xf32>
  return
}

// -----

fleet.peer @s endpoint = "host:80"
func.func @rows_of_a_scalar(%g: tensor<f32>) {
  // expected-error @+1 {{sends 1 rows from 0 on of 'tensor<f32>'}}
  fleet.send %g rows 0 count 1 to @s as "w@GRAD" : tensor<f32>
  return
}

// -----

// expected-error @+1 {{fleet.every belongs on a function that runs between steps and counts them, from 1 on; got 0 : i64}}
func.func private @exchange() attributes {fleet.every = 0 : i64}

// -----

// expected-error @+1 {{fleet.every belongs on a function}}
module attributes {fleet.every = 5 : i64} {}

// -----

func.func @no_queue() {
  // expected-error @+1 {{attribute 'queue' failed to satisfy constraint}}
  fleet.submit queue = 0 merge = 1
  return
}

// -----

func.func @large_merge() {
  // expected-error @+1 {{attribute 'merge' failed to satisfy constraint}}
  fleet.submit queue = 1 merge = 4097
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.ones
// expected-note @+1 {{the second argument is the parameter as it was}}
func.func @late(%g: tensor<2xf32>, %then: tensor<2xf32>) {
  return
}
func.func @in_time() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{compensates for delay, but its server works in mode sync, where no gradient is late}}
    fleet.on "w@GRAD" update @late serve @w as "w"
  }
  return
}

// -----

func.func @nothing() {
  // expected-error @+1 {{agrees on nothing, expected at least one gradient}}
  fleet.agree [] at []
  return
}

// -----

fleet.peer @s endpoint = "host:80"
func.func @sizes() {
  // expected-error @+1 {{names 2 gradients at 1 servers, expected a server for each}}
  fleet.agree ["a", "b"] at [@s]
  return
}

// -----

fleet.peer @s endpoint = "host:80"
func.func @twice() {
  // expected-error @+1 {{adds "a" twice}}
  fleet.agree ["a", "a"] at [@s, @s]
  return
}

// -----

func.func @stranger() {
  // expected-error @+1 {{talks to @s, which is no fleet.peer}}
  fleet.agree ["a"] at [@s]
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.ones
func.func @part(%g: tensor<2xf32>) -> tensor<f32> {
  %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @update(%g: tensor<2xf32>, %sum: tensor<f32>) {
  return
}
func.func @not_in_sync() {
  fleet.serve endpoint = "host:80", trainers = 1, half_async {
    // expected-error @+1 {{has a part of a sum, but its server works in mode half_async, where trainers agree on nothing; expected sync}}
    fleet.on "w@GRAD" part @part update @update serve @w as "w"
  }
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.ones
// expected-note @+1 {{the function is here}}
func.func @part(%g: tensor<2xf32>) -> tensor<2xf32> {
  return %g : tensor<2xf32>
}
func.func @update(%g: tensor<2xf32>, %sum: tensor<f32>) {
  return
}
func.func @no_part() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{needs as part a function of one 'tensor<2xf32>' to 'tensor<f32>'}}
    fleet.on "w@GRAD" part @part update @update serve @w as "w"
  }
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.ones
func.func @part(%g: tensor<2xf32>) -> tensor<f32> {
  %0 = nn.reduce sum %g dims = [0] : tensor<2xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
// expected-note @+1 {{the function is here}}
func.func @update(%g: tensor<2xf32>) {
  return
}
func.func @takes_no_sum() {
  fleet.serve endpoint = "host:80", trainers = 1, sync {
    // expected-error @+1 {{needs as update a function of 'tensor<2xf32>' and the sum, 'tensor<f32>', without results}}
    fleet.on "w@GRAD" part @part update @update serve @w as "w"
  }
  return
}

// -----

module {
  // expected-error @+1 {{fleet.begin belongs beside fleet.every and counts steps, from 1 on; got 3 : i64}}
  func.func @average() attributes {fleet.begin = 3 : i64} {
    return
  }
}
