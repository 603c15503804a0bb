// RUN: fleet-opt %fleet_source_dir/examples/fit_a_line/fit_a_line.mlir \
// RUN:   --fleet-distribute="mode=ps trainers=2 pservers=127.0.0.1:6170,127.0.0.1:6171" | FileCheck %s
// RUN: fleet-opt %fleet_source_dir/examples/mlp/mlp.mlir \
// RUN:   --fleet-distribute="mode=ps trainers=2 pservers=127.0.0.1:6170" | FileCheck %s --check-prefix=MLP

// The examples, from the program to the verified job.

// CHECK: module @fit_a_line attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 2>}
// CHECK: module @trainer
// CHECK: func.func @main
// CHECK: nn.matmul {{.*}} transpose_a
// CHECK: fleet.send {{.*}} to @pserver_0 as "w@GRAD" : tensor<13x1xf32>
// CHECK: fleet.send {{.*}} to @pserver_1 as "q@GRAD" : tensor<13x1xf32>
// CHECK: fleet.send {{.*}} to @pserver_0 as "b@GRAD" : tensor<1xf32>
// CHECK: func.func @evaluate
// CHECK-NOT: transpose_a
// CHECK: func.func @startup
// CHECK: module @pserver_0
// CHECK: module @pserver_1

// MLP: module @trainer
// MLP: func.func @main
// MLP-COUNT-6: fleet.send %
// MLP: fleet.send_barrier
// MLP: module @pserver_0
