// RUN: fleet-opt %s --split-input-file --verify-diagnostics

// expected-note @+1 {{it is declared here}}
optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @no_group() {
  // expected-error @+1 {{calls in @w, which is no fleet.group}}
  fleet.connect @w
  return
}

// -----

fleet.group @world size = 2
func.func @no_variable() {
  // expected-error @+1 {{gives @w, which is no optim.parameter or optim.state}}
  fleet.broadcast @w from 0 in @world
  return
}

// -----

// expected-note @+1 {{the group is declared here}}
fleet.group @world size = 2
optim.parameter @w : tensor<2xf32> init = #optim.zeros
func.func @no_such_member() {
  // expected-error @+1 {{comes from member 2 of a group of 2}}
  fleet.broadcast @w from 2 in @world
  return
}

// -----

// expected-error @+1 {{attribute 'size' failed to satisfy constraint}}
fleet.group @nobody size = 0

// -----

fleet.group @world size = 2
func.func @nothing() {
  // expected-error @+1 {{adds nothing}}
  %t = "fleet.all_reduce_start"() <{group = @world}> : () -> !fleet.token
  return
}

// -----

fleet.group @world size = 2
func.func @mixed(%a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error @+1 {{adds elements of type 'f32' and 'f64' in one bucket}}
  %t = fleet.all_reduce_start %a, %b in @world : tensor<2xf32>, tensor<2xf64>
  return
}

// -----

func.func @foreign(%t: !fleet.token) {
  // expected-error @+1 {{waits for something that no fleet.all_reduce_start began}}
  %0 = fleet.all_reduce_wait %t : tensor<2xf32>
  return
}

// -----

fleet.group @world size = 2
func.func @other_types(%a: tensor<2xf32>) {
  // expected-note @+1 {{it began with 'tensor<2xf32>'}}
  %t = fleet.all_reduce_start %a in @world : tensor<2xf32>
  // expected-error @+1 {{waits for sums of other types than were begun: 'tensor<3xf32>'}}
  %0 = fleet.all_reduce_wait %t : tensor<3xf32>
  return
}

// -----

func.func @many() {
  // expected-error @+1 {{is of type 'tensor<2xf32>', expected a scalar}}
  %0 = fleet.examples share : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{the group has 2 members}}
fleet.group @world size = 2
func.func @wrong_part(%a: tensor<13x1xf32>) {
  %t = fleet.reduce_scatter_start %a in @world : tensor<13x1xf32>
  // expected-error @+1 {{has a part of type 'tensor<6xf32>' of 'tensor<13x1xf32>', expected 'tensor<7xf32>'}}
  %0 = fleet.reduce_scatter_wait %t : tensor<6xf32>
  return
}

// -----

// expected-note @+1 {{the group has 2 members}}
fleet.group @world size = 2
func.func @wrong_whole(%a: tensor<7xf32>) {
  %t = fleet.all_gather_start %a in @world : tensor<7xf32>
  // expected-error @+1 {{has a part of type 'tensor<7xf32>' of 'tensor<16xf32>', expected 'tensor<8xf32>'}}
  %0 = fleet.all_gather_wait %t : tensor<16xf32>
  return
}

// -----

fleet.group @world size = 2
func.func @fewer(%a: tensor<7xf32>) {
  // expected-note @+1 {{it began with 2}}
  %t = fleet.all_gather_start %a, %a in @world : tensor<7xf32>, tensor<7xf32>
  // expected-error @+1 {{waits for 1 tensors}}
  %0 = fleet.all_gather_wait %t : tensor<14xf32>
  return
}

// -----

fleet.group @world size = 2
func.func @other(%a: tensor<2xf32>) {
  %t = fleet.all_reduce_start %a in @world : tensor<2xf32>
  // expected-error @+1 {{waits for something that no fleet.reduce_scatter_start began}}
  %0 = fleet.reduce_scatter_wait %t : tensor<1xf32>
  return
}

// -----

// expected-note @+1 {{the group has 2 members}}
fleet.group @world size = 2
func.func @own(%a: tensor<4xf32>) {
  // expected-error @+1 {{has a part of type 'tensor<4xf32>' of 'tensor<4xf32>', expected 'tensor<2xf32>'}}
  %0 = fleet.own_part %a in @world : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{of type 'tensor<6xf32>' is none of 2 equal parts of its origin}}
optim.parameter @w : tensor<6xf32> init = #optim.zeros origin = #optim.origin<name = "w", shape = [13, 1], shards = 2>

// -----

// expected-error @+1 {{shards must not be negative, nor beside a row_offset}}
optim.parameter @w : tensor<7xf32> init = #optim.zeros origin = #optim.origin<name = "w", shape = [13, 1], row_offset = 2, shards = 2>

// -----

fleet.group @world size = 2
func.func @whole(%a: tensor<2x4xf32>) {
  // expected-note @+1 {{it comes from here}}
  %b = nn.neg %a : tensor<2x4xf32>
  // expected-error @+1 {{adds a gradient that is no optim.row_gradient; whole gradients are added by fleet.all_reduce_start}}
  %0 = fleet.all_gather_rows %b in @world : tensor<2x4xf32>
  return
}

// -----

optim.parameter @t : tensor<100x4xf32> init = #optim.zeros rows = sparse
func.func @alone(%ids: tensor<?x1xi64>, %dr: tensor<?x4xf32>) {
  %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<100x4xf32>
  // expected-error @+1 {{calls in @world, which is no fleet.group}}
  %0 = fleet.all_gather_rows %g in @world : tensor<100x4xf32>
  return
}

// -----

fleet.group @world size = 2
optim.parameter @t : tensor<100x4xf32> init = #optim.zeros rows = sparse
func.func @elsewhere(%ids: tensor<?x1xi64>, %dr: tensor<?x4xf32>) {
  // expected-error @+1 {{is used by something else than an update of its table}}
  %g = optim.row_gradient @t [%ids] %dr : (tensor<?x1xi64>, tensor<?x4xf32>) -> tensor<100x4xf32>
  %0 = fleet.all_gather_rows %g in @world : tensor<100x4xf32>
  // expected-note @+1 {{it is used here}}
  %1 = nn.neg %0 : tensor<100x4xf32>
  return
}
