// RUN: fleet-opt %s --split-input-file --verify-diagnostics

fleet.peer @p endpoint = "h:1"
// expected-error @+1 {{'fleet.table' op leaves 10 rows without a server}}
fleet.table @t as "t" : tensor<100x4xf32> on [@p] counts = [90]

// -----

fleet.peer @p endpoint = "h:1"
fleet.peer @q endpoint = "h:2"
// expected-error @+1 {{'fleet.table' op gives a server 20 rows, of 10 that are left}}
fleet.table @t as "t" : tensor<100x4xf32> on [@p, @q] counts = [90, 20]

// -----

fleet.peer @p endpoint = "h:1"
// expected-error @+1 {{'fleet.table' op has 2 counts of rows for 1 servers}}
fleet.table @t as "t" : tensor<100x4xf32> on [@p] counts = [90, 10]

// -----

fleet.peer @p endpoint = "h:1"
// expected-error @+1 {{'fleet.table' op names @p twice}}
fleet.table @t as "t" : tensor<100x4xf32> on [@p, @p]

// -----

// expected-error @+1 {{'fleet.table' op has rows on @p, which is no fleet.peer}}
fleet.table @t as "t" : tensor<100x4xf32> on [@p]

// -----

fleet.peer @p endpoint = "h:1"
// expected-error @+1 {{'fleet.table' op of type 'tensor<100xf32>', but a table is a matrix}}
fleet.table @t as "t" : tensor<100xf32> on [@p]

// -----

func.func @main(%ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'fleet.pull_rows' op refers to @t, which is no fleet.table}}
  %0 = fleet.pull_rows @t[%ids] : (tensor<?x1xi64>) -> tensor<?x4xf32>
  return
}

// -----

fleet.peer @p endpoint = "h:1"
fleet.table @t as "t" : tensor<100x4xf32> on [@p]
func.func @main(%ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'fleet.pull_rows' op has rows of type 'tensor<?x5xf32>', but ids of type 'tensor<?x1xi64>' choose 'tensor<?x4xf32>' from 'tensor<100x4xf32>'}}
  %0 = fleet.pull_rows @t[%ids] : (tensor<?x1xi64>) -> tensor<?x5xf32>
  return
}

// -----

fleet.peer @p endpoint = "h:1"
fleet.table @t as "t" : tensor<100x4xf32> on [@p]
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x4xf32>) {
  // expected-error @+1 {{'fleet.push_rows' op has 'padding_idx' 100, but the table has rows 0 to 99}}
  fleet.push_rows @t [%ids] %g padding_idx = 100 : tensor<?x1xi64>, tensor<?x4xf32>
  return
}

// -----

// expected-note @+1 {{it is declared here}}
optim.parameter @t : tensor<100x4xf32> init = #optim.zeros
func.func @main() {
  fleet.serve endpoint = "h:1", trainers = 1, sync {
    // expected-error @+1 {{'fleet.on_rows' op serves rows of @t, which is no optim.parameter with rows}}
    fleet.on_rows "t" serve @t
  }
  return
}

// -----

optim.parameter @t : tensor<100x4xf32> init = #optim.zeros rows = sparse
// expected-note @+1 {{the function is here}}
func.func @update(%g: tensor<99x4xf32>) { return }
func.func @main() {
  fleet.serve endpoint = "h:1", trainers = 1, sync {
    // expected-error @+1 {{'fleet.on_rows' op needs as update a function of one 'tensor<100x4xf32>', without results}}
    fleet.on_rows "t" update @update serve @t
  }
  return
}

// -----

// expected-note @+1 {{it is declared here}}
optim.parameter @t : tensor<100x4xf32> init = #optim.zeros rows = sparse
func.func @update(%g: tensor<100x4xf32>) { return }
func.func @main() {
  fleet.serve endpoint = "h:1", trainers = 1, sync {
    // expected-error @+1 {{'fleet.on' op serves all of @t, a table; fleet.on_rows serves its rows}}
    fleet.on "t@GRAD" update @update serve @t as "t"
  }
  return
}

// -----

optim.parameter @t : tensor<100x4xf32> init = #optim.zeros rows = sparse
optim.parameter @u : tensor<100x4xf32> init = #optim.zeros rows = sparse
func.func @main() {
  fleet.serve endpoint = "h:1", trainers = 1, sync {
    // expected-note @+1 {{the other one is here}}
    fleet.on_rows "t" serve @t
    // expected-error @+1 {{'fleet.on_rows' op serves rows of "t", as another handler does}}
    fleet.on_rows "t" serve @u
  }
  return
}
