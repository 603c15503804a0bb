// RUN: fleet-opt %s --fleet-distribute --fleet-compile | FileCheck %s

// A table is looked up and updated by rows; its optimizer has a function for
// some rows and one for the scalars, and only the scalars are states of the plan.
module @tables {
  optim.parameter @words : tensor<100x4xf32> init = #optim.xavier_uniform rows = sparse
  optim.parameter @users : tensor<1000000000000x8xf32> init = #optim.normal<stddev = 0.1> rows = distributed
  optim.parameter @w : tensor<8x1xf32> init = #optim.zeros
  func.func @main(%user: tensor<?x1xi64> {fleet.name = "user"}, %ids: tensor<?x2xi64> {fleet.name = "ids"}) -> tensor<f32> {
    %words = optim.read @words : tensor<100x4xf32>
    %users = optim.read @users : tensor<1000000000000x8xf32>
    %x = nn.embedding %words, %ids padding_idx = 0 : (tensor<100x4xf32>, tensor<?x2xi64>) -> tensor<?x2x4xf32>
    %y = nn.embedding %users, %user : (tensor<1000000000000x8xf32>, tensor<?x1xi64>) -> tensor<?x8xf32>
    %xf = nn.reshape %x : tensor<?x2x4xf32> to tensor<?x8xf32>
    %0 = nn.mul %xf, %y : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    %w = optim.read @w : tensor<8x1xf32>
    %1 = nn.matmul %0, %w : (tensor<?x8xf32>, tensor<8x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %1 : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.adam<learning_rate = 0.1>
    return %loss : tensor<f32>
  }
}

// CHECK: plan.program @local role = "local"
// CHECK-NOT: plan.state @words :
// CHECK-NOT: plan.state @"words/moment
// CHECK-DAG: plan.state @"words/beta1_power" of "words" slot "beta1_power" : memref<f32>
// CHECK-DAG: plan.state @"users/beta1_power" of "users" slot "beta1_power" : memref<f32>
// CHECK-DAG: plan.state @w : memref<8x1xf32>
// CHECK: plan.table "words" placement = "sparse" : memref<100x4xf32> init = #optim.uniform<low = {{.*}}> update = @words_update advance = @words_advance {
// CHECK-NEXT: plan.row_state "moment1" columns = 4 init = #optim.constant<0.000000e+00>
// CHECK-NEXT: plan.row_state "moment2" columns = 4 init = #optim.constant<0.000000e+00>
// CHECK-NEXT: plan.shard 0 rows 0 count 100
// CHECK: plan.table "users" placement = "distributed" : memref<1000000000000x8xf32> init = #optim.normal<{{.*}}> update = @users_update advance = @users_advance {
// CHECK: plan.shard 0{{$}}

// CHECK: plan.function @words_update {
// CHECK-DAG: %[[P1:.*]] = plan.state_ref @"words/beta1_power"
// CHECK-DAG: %[[P2:.*]] = plan.state_ref @"words/beta2_power"
// CHECK-DAG: %[[G:.*]] = plan.input 0 "gradients" : memref<?x4xf32>
// CHECK-DAG: %[[W:.*]] = plan.input 1 "values" : memref<?x4xf32>
// CHECK-DAG: %[[M1:.*]] = plan.input 2 "moment1" : memref<?x4xf32>
// CHECK-DAG: %[[M2:.*]] = plan.input 3 "moment2" : memref<?x4xf32>
// CHECK-NOT: plan.copy
// CHECK: plan.launch @{{.*}}(%[[W]], %[[M1]], %[[M2]], %[[P1]], %[[P2]], %[[G]]) outputs = 0 inplace = [0, 1, 2] rows = -1
// CHECK-NOT: plan.launch
// CHECK: plan.function @words_advance {
// CHECK-NOT: plan.input
// CHECK: plan.launch @{{.*}}(%{{.*}}, %{{.*}}) outputs = 0 inplace = [0, 1] rows = 1 : memref<f32>, memref<f32>

// CHECK: plan.function @main
// CHECK-DAG: %[[USER:.*]] = plan.input 0 "user" below 1000000000000
// CHECK-DAG: %[[IDS:.*]] = plan.input 1 "ids" below 100
// CHECK: plan.pull_rows [0, 1] ids(%[[IDS]], %[[USER]]) to(%{{.*}}, %{{.*}}) padding_idx = [0, -1] : memref<?x2xi64>, memref<?x1xi64>, memref<?x2x4xf32>, memref<?x8xf32>
// CHECK: plan.push_rows 0 ids(%[[IDS]]) gradients(%{{.*}}) padding_idx = [0] : memref<?x2xi64>, memref<?x2x4xf32>
// CHECK: plan.push_rows 1 ids(%[[USER]]) gradients(%{{.*}}) padding_idx = [-1] : memref<?x1xi64>, memref<?x8xf32>
// CHECK: plan.function @evaluate
// CHECK: plan.pull_rows [0, 1]
// CHECK-NOT: plan.push_rows
