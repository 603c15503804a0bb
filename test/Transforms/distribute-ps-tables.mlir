// RUN: fleet-opt %s --optim-lookup-rows --optim-append-backward --fleet-distribute-ps="pservers=h:1,h:2,h:3 trainers=2 min-block-size=40" --fleet-verify-job | FileCheck %s
// RUN: fleet-opt %s --optim-lookup-rows --optim-append-backward --fleet-distribute-ps="pservers=h:1,h:2,h:3 trainers=2 min-block-size=40 slice=false" --fleet-verify-job | FileCheck %s --check-prefix=WHOLE
// RUN: fleet-opt %s --optim-lookup-rows --optim-append-backward --fleet-distribute-ps="pservers=h:1,h:2 sync=async" --fleet-verify-job | FileCheck %s --check-prefix=ASYNC
// RUN: fleet-opt %s --optim-lookup-rows --optim-append-backward --fleet-distribute-ps="pservers=h:1,h:2,h:3 dispatcher=hash min-block-size=1" --fleet-verify-job | FileCheck %s --check-prefix=HASH
// RUN: fleet-opt %s --fleet-distribute="mode=ps pservers=h:1,h:2 trainers=2" --fleet-compile | FileCheck %s --check-prefix=PLAN

// A sparse table is cut into ranges of rows, a distributed one is everywhere, a
// frozen one has no update. Blocks of one table are on different servers.
// A parameter may have the name of a block, or be called @update_words.

// CHECK-LABEL: module @trainer
// CHECK-NOT: optim.parameter @words
// CHECK-NOT: optim.state
// CHECK: fleet.table @words as "words" : tensor<50x4xf32> on [@pserver_[[A:[0-2]]], @pserver_[[B:[0-2]]], @pserver_[[C:[0-2]]]] counts = [17, 17, 16]
// CHECK-NEXT: fleet.table @users as "users" : tensor<1000000000000x8xf32> on [@pserver_0, @pserver_1, @pserver_2]{{$}}
// CHECK-NEXT: fleet.table @frozen as "frozen" : tensor<10x4xf32> on [@pserver_{{[0-2]}}] counts = [10]
// CHECK: func.func @main(%[[USER:[^:]*]]: tensor<?x1xi64>, %[[IDS:[^:]*]]: tensor<?x1xi64>)
// CHECK-NEXT: %[[R:.*]]:4 = fleet.pull_rows @words[%[[IDS]]] padding_idx = 3, @words[%[[IDS]]], @users[%[[USER]]], @frozen[%[[IDS]]] : (tensor<?x1xi64>, tensor<?x1xi64>, tensor<?x1xi64>, tensor<?x1xi64>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8xf32>, tensor<?x4xf32>)
// CHECK-NOT: optim.lookup
// CHECK-NOT: row_gradient
// CHECK: fleet.push_rows @words [%[[IDS]]] %{{.*}} padding_idx = 3, [%[[IDS]]] %{{.*}}, [%[[IDS]]] %{{.*}} : tensor<?x1xi64>, tensor<?x1xi64>, tensor<?x1xi64>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
// CHECK-NEXT: fleet.push_rows @users [%[[USER]]] %{{.*}} : tensor<?x1xi64>, tensor<?x8xf32>
// CHECK-NEXT: fleet.send %{{.*}} to @pserver_{{.}} as "w@GRAD"
// CHECK-NEXT: fleet.send_barrier
// CHECK-NEXT: fleet.recv "w"
// CHECK: func.func @evaluate
// CHECK-NEXT: fleet.pull_rows
// CHECK-NOT: fleet.push_rows

// CHECK-LABEL: module @pserver_0
// CHECK-DAG: optim.parameter @words : tensor<{{1[67]}}x4xf32> init = #optim.ones rows = sparse origin = <name = "words", shape = [50, 4]
// CHECK-DAG: optim.state @"words/moment1" of @words slot = "moment1" : tensor<{{1[67]}}x4xf32> init = {{.*}} origin = <name = "words", shape = [50, 4]
// CHECK-DAG: optim.state @"words/beta1_power" of @words slot = "beta1_power" : tensor<f32>
// CHECK-DAG: optim.parameter @users : tensor<1000000000000x8xf32> init = #optim.normal<> rows = distributed
// CHECK-DAG: optim.state @"users/moment1" of @users slot = "moment1" : tensor<1000000000000x8xf32>
// CHECK: func.func @update_words(%[[G:.*]]: tensor<{{1[67]}}x4xf32>)
// CHECK-NEXT: optim.adam @words, %[[G]] moment1 = @"words/moment1"
// CHECK: fleet.serve
// CHECK: fleet.on_rows "words" update @update_words serve @words
// CHECK-NEXT: fleet.on_rows "users" update @update_users serve @users
// CHECK-LABEL: module @pserver_1
// CHECK: fleet.on_rows "words"
// CHECK-LABEL: module @pserver_2
// CHECK: fleet.on_rows "words"

// WHOLE: fleet.table @words as "words" : tensor<50x4xf32> on [@pserver_{{[0-2]}}] counts = [50]

// ASYNC: fleet.pull_rows
// ASYNC: fleet.push_rows
// ASYNC: fleet.push_rows
// ASYNC: fleet.submit

// Names that meet in one server move to the next.
// HASH: fleet.table @words as "words" : tensor<50x4xf32> on [@pserver_{{[0-2]}}, @pserver_{{[0-2]}}, @pserver_{{[0-2]}}] counts = [17, 17, 16]

// All plans have the same tables; the trainer does not update them.
// PLAN: plan.program @trainer
// PLAN-NOT: plan.state @words
// PLAN: plan.table "words" placement = "sparse" : memref<50x4xf32> init = #optim.constant<1.000000e+00> {
// PLAN-NEXT: plan.row_state "moment1" columns = 4
// PLAN-NEXT: plan.row_state "moment2" columns = 4
// PLAN-NEXT: plan.shard [[S:[01]]] rows 0 count 50
// PLAN: plan.table "users" placement = "distributed" : memref<1000000000000x8xf32> init = #optim.normal<> {
// PLAN: plan.shard 0{{$}}
// PLAN-NEXT: plan.shard 1{{$}}
// PLAN: plan.table "frozen" placement = "sparse" : memref<10x4xf32>
// PLAN: plan.function @main
// PLAN-DAG: plan.input 0 "arg0" below 1000000000000 : memref<?x1xi64>
// PLAN-DAG: plan.input 1 "arg1" below 10 : memref<?x1xi64>
// PLAN: plan.pull_rows [0, 0, 1, 2] ids
// PLAN: plan.push_rows 0 ids
// PLAN: plan.push_rows 1 ids
// PLAN: plan.send_barrier
// PLAN: plan.program @pserver_0
// PLAN: plan.state @"words/beta1_power" of "words"
// PLAN-NOT: plan.state @"words/moment
// PLAN: plan.table "words" {{.*}} update = @words_update advance = @words_advance {
// PLAN: plan.table "users" {{.*}} update = @users_update advance = @users_advance {
// PLAN: plan.table "frozen" placement = "sparse" : memref<10x4xf32> init = #optim.constant<1.000000e+00> {
// PLAN: plan.function @words_update
// PLAN-NOT: plan.function @update_words
// PLAN: plan.service 0
module @job {
  optim.parameter @words : tensor<50x4xf32> init = #optim.ones rows = sparse
  optim.parameter @users : tensor<1000000000000x8xf32> init = #optim.normal<> rows = distributed
  optim.parameter @frozen : tensor<10x4xf32> init = #optim.ones rows = sparse frozen
  optim.parameter @w : tensor<8x1xf32> init = #optim.ones
  func.func @main(%user: tensor<?x1xi64>, %ids: tensor<?x1xi64>) -> tensor<f32> {
    %words = optim.read @words : tensor<50x4xf32>
    %users = optim.read @users : tensor<1000000000000x8xf32>
    %frozen = optim.read @frozen : tensor<10x4xf32>
    %a = nn.embedding %words, %ids padding_idx = 3 : (tensor<50x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %b = nn.embedding %words, %ids : (tensor<50x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %b2 = nn.embedding %words, %ids : (tensor<50x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %u = nn.embedding %users, %user : (tensor<1000000000000x8xf32>, tensor<?x1xi64>) -> tensor<?x8xf32>
    %f = nn.embedding %frozen, %ids : (tensor<10x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %0 = nn.mul %a, %b : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %1 = nn.mul %0, %f : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %2 = nn.concat %1, %b2 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
    %3 = nn.mul %2, %u : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    %w = optim.read @w : tensor<8x1xf32>
    %4 = nn.matmul %3, %w : (tensor<?x8xf32>, tensor<8x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %4 : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.adam<learning_rate = 0.1>
    return %loss : tensor<f32>
  }
}
