// RUN: fleet-opt %s --split-input-file --verify-diagnostics

plan.program @p role = "local" {
  // expected-error @+1 {{'plan.table' op has 100 rows, but shards for 60}}
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0 rows 0 count 60
  }
}

// -----

plan.program @p role = "local" {
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0 rows 0 count 60
    // expected-error @+1 {{'plan.shard' op has 41 rows from 59 on, expected row 60 next}}
    plan.shard 1 rows 59 count 41
  }
}

// -----

plan.program @p role = "local" {
  plan.table "t" placement = "distributed" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0
    // expected-error @+1 {{'plan.shard' op is a second one on server 0}}
    plan.shard 0
  }
}

// -----

plan.program @p role = "local" {
  // expected-error @+1 {{'plan.table' op is nowhere: it has no plan.shard}}
  plan.table "t" placement = "distributed" : memref<100x4xf32> init = #optim.constant<0.0> {
  }
}

// -----

plan.program @p role = "local" {
  // expected-error @+1 {{'plan.table' op has the placement "dense", expected sparse or distributed}}
  plan.table "t" placement = "dense" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0
  }
}

// -----

plan.program @p role = "local" {
  // expected-error @+1 {{'plan.table' op refers to @update, which is no function of the program}}
  plan.table "t" placement = "distributed" : memref<100x4xf32> init = #optim.constant<0.0> update = @update {
    plan.shard 0
  }
}

// -----

plan.program @p role = "local" {
  // expected-error @+1 {{'plan.table' op needs an update function of gradients, values and row states, 3 inputs of some rows each; @update is another}}
  plan.table "t" placement = "distributed" : memref<100x4xf32> init = #optim.constant<0.0> update = @update {
    plan.row_state "velocity" columns = 4 init = #optim.constant<0.0>
    plan.shard 0
  }
  plan.function @update {
    %g = plan.input 0 "gradients" : memref<?x4xf32>
    %w = plan.input 1 "values" : memref<?x4xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %w = plan.temporary : memref<?x4xf32>
    // expected-error @+1 {{'plan.pull_rows' op names table 0, the program has 0}}
    plan.pull_rows [0] ids (%ids) to (%w) padding_idx = [-1] : memref<?x1xi64>, memref<?x4xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  // expected-note @+1 {{the table is 'memref<100x4xf32>'}}
  plan.table "t" placement = "distributed" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0
  }
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %w = plan.temporary : memref<?x5xf32>
    // expected-error @+1 {{'plan.push_rows' op has ids of type 'memref<?x1xi64>' for rows of type 'memref<?x5xf32>'}}
    plan.push_rows 0 ids (%ids) gradients (%w) padding_idx = [-1] : memref<?x1xi64>, memref<?x5xf32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0 rows 0 count 100
  }
  plan.group @world size = 2
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %d = plan.temporary : memref<?x4xf32>
    // expected-error @+1 {{'plan.merge_rows' op refers to @nobody, which is no group of the program}}
    plan.merge_rows 0 ids (%ids) gradients (%d) padding_idx = [-1] in @nobody : memref<?x1xi64>, memref<?x4xf32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0 rows 0 count 100
  }
  plan.group @world size = 2
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %d = plan.temporary : memref<?x4xf32>
    // expected-error @+1 {{'plan.merge_rows' op has 1 buffers of ids and 2 paddings}}
    plan.merge_rows 0 ids (%ids) gradients (%d) padding_idx = [-1, -1] in @world : memref<?x1xi64>, memref<?x4xf32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  // expected-note @+1 {{it is declared here}}
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0 rows 0 count 100
  }
  plan.group @world size = 2
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %d = plan.temporary : memref<?x4xf32>
    // expected-error @+1 {{'plan.update_rows' op updates a table without an update}}
    plan.update_rows 0
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0 rows 0 count 100
  }
  plan.group @world size = 2
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %d = plan.temporary : memref<?x4xf32>
    // expected-error @+1 {{'plan.update_rows' op names table 1, the program has 1}}
    plan.update_rows 1
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.table "t" placement = "sparse" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0 rows 0 count 100
  }
  plan.group @world size = 2
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %d = plan.temporary : memref<?x4xf32>
    // expected-error @+1 {{'plan.broadcast_rows' op gives component 1 of a table that has 1}}
    plan.broadcast_rows 0 component 1 from 0 in @world
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  // expected-note @+1 {{it is declared here}}
  plan.table "t" placement = "distributed" : memref<100x4xf32> init = #optim.constant<0.0> {
    plan.shard 0
  }
  plan.group @world size = 2
  plan.function @main {
    %ids = plan.input 0 "ids" : memref<?x1xi64>
    %d = plan.temporary : memref<?x4xf32>
    // expected-error @+1 {{'plan.broadcast_rows' op gives all rows of a distributed table, of which nobody knows which exist}}
    plan.broadcast_rows 0 component 0 from 0 in @world
    plan.return
  }
}
