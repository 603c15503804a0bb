// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s

// CHECK-LABEL: plan.program @trainer role = "trainer"
plan.program @trainer role = "trainer" {
  // CHECK: plan.state @w : memref<13x1xf32> init = #optim.uniform<low = -5.000000e-01, high = 5.000000e-01>
  plan.state @w : memref<13x1xf32> init = #optim.uniform<low = -0.5, high = 0.5>
  // CHECK: plan.state @"w/velocity" of "w" slot "velocity" : memref<13x1xf32> init = #optim.zeros
  plan.state @"w/velocity" of "w" slot "velocity" : memref<13x1xf32> init = #optim.zeros
  // CHECK: plan.state @w.block1 : memref<6x1xf32> init = #optim.zeros origin = #optim.origin<name = "w", shape = [13, 1], row_offset = 7>
  plan.state @w.block1 : memref<6x1xf32> init = #optim.zeros origin = #optim.origin<name = "w", shape = [13, 1], row_offset = 7>
  // CHECK: plan.server "127.0.0.1:6170"
  plan.server "127.0.0.1:6170" {
    // CHECK-NEXT: plan.block "w" : memref<13x1xf32>
    plan.block "w" : memref<13x1xf32>
  }
  // CHECK: plan.kernel @k0 operands = 3 splittable flops = 26 bytes = 60
  plan.kernel @k0 operands = 3 splittable flops = 26 bytes = 60
  // CHECK: plan.function @main slots = 2
  plan.function @main slots = 2 {
    // CHECK: %[[X:.*]] = plan.input 0 "x" : memref<?x13xf32>
    %x = plan.input 0 "x" : memref<?x13xf32>
    // CHECK: plan.input 1 "ids" below 1000 : memref<?x1xi64>
    %ids = plan.input 1 "ids" below 1000 : memref<?x1xi64>
    // CHECK: %[[W:.*]] = plan.state_ref @w : memref<13x1xf32>
    %w = plan.state_ref @w : memref<13x1xf32>
    // CHECK: %[[P:.*]] = plan.temporary slot 0 : memref<?x1xf32>
    %p = plan.temporary slot 0 : memref<?x1xf32>
    %g = plan.temporary slot 1 : memref<13x1xf32>
    // CHECK: plan.constant dense<2.000000e+00> : tensor<1xf32> as memref<1xf32>
    %c = plan.constant dense<2.0> : tensor<1xf32> as memref<1xf32>
    // CHECK: plan.matmul %[[X]], %[[W]], %[[P]]
    plan.matmul %x, %w, %p : memref<?x13xf32>, memref<13x1xf32>, memref<?x1xf32>
    // CHECK: plan.matmul transpose_a
    plan.matmul transpose_a %x, %p, %g : memref<?x13xf32>, memref<?x1xf32>, memref<13x1xf32>
    // CHECK: plan.launch @k0(%[[X]], %{{.*}}, %[[P]]) outputs = 1 inplace = [] rows = -1
    plan.launch @k0(%x, %c, %p) outputs = 1 inplace = [] rows = -1 : memref<?x13xf32>, memref<1xf32>, memref<?x1xf32>
    // CHECK: plan.copy
    plan.copy %g, %w : memref<13x1xf32>, memref<13x1xf32>
    // CHECK: plan.send %{{.*}} to 0 block 0 : memref<13x1xf32>
    plan.send %g to 0 block 0 : memref<13x1xf32>
    // CHECK: plan.send_barrier
    plan.send_barrier
    // CHECK: plan.agree [0] blocks [0]
    plan.agree [0] blocks [0]
    // CHECK: plan.recv %[[W]] from 0 block 0 : memref<13x1xf32>
    plan.recv %w from 0 block 0 : memref<13x1xf32>
    // CHECK: plan.fetch_barrier
    plan.fetch_barrier
    // CHECK: plan.submit queue = 4 merge = 2
    plan.submit queue = 4 merge = 2
    // CHECK: plan.fetch_latest
    plan.fetch_latest
    // CHECK: plan.output "c" %{{.*}} : memref<1xf32>
    plan.output "c" %c : memref<1xf32>
    plan.return
  }
}

// CHECK-LABEL: plan.program @pserver_0 role = "pserver"
plan.program @pserver_0 role = "pserver" {
  plan.state @w : memref<13x1xf32> init = #optim.zeros
  plan.state @b : memref<1xf32> init = #optim.zeros
  plan.server "127.0.0.1:6170" {
    plan.block "w" : memref<13x1xf32>
    plan.block "b" : memref<1xf32>
  }
  // CHECK: plan.service 0
  plan.service 0 {
    // CHECK-NEXT: plan.handler 0 state @w update @update_w
    plan.handler 0 state @w update @update_w
    // CHECK-NEXT: plan.handler 1 state @b part @part_b update @update_b
    plan.handler 1 state @b part @part_b update @update_b
  }
  plan.function @part_b {
    %g = plan.input 0 "g" : memref<1xf32>
    %n = plan.constant dense<1.0> : tensor<f32> as memref<f32>
    plan.output "part" %n : memref<f32>
    plan.return
  }
  plan.function @update_b {
    %g = plan.input 0 "g" : memref<1xf32>
    %sum = plan.input 1 "sum" : memref<f32>
    plan.return
  }
  plan.function @update_w {
    %g = plan.input 0 "g" : memref<13x1xf32>
    %w = plan.state_ref @w : memref<13x1xf32>
    plan.copy %g, %w : memref<13x1xf32>, memref<13x1xf32>
    plan.return
  }
}

// CHECK-LABEL: plan.program @equals role = "trainer"
plan.program @equals role = "trainer" {
  plan.state @w : memref<13x1xf32> init = #optim.zeros
  // CHECK: plan.group @world size = 4
  plan.group @world size = 4
  // CHECK: plan.bucket @bucket_0 : memref<32xf32>
  plan.bucket @bucket_0 : memref<32xf32>
  plan.function @main {
    // CHECK: %{{.*}} = plan.in_bucket @bucket_0 at 16 : memref<13x1xf32>
    %g = plan.in_bucket @bucket_0 at 16 : memref<13x1xf32>
    // CHECK: %{{.*}} = plan.examples "share" : memref<f32>
    %share = plan.examples "share" : memref<f32>
    // CHECK: plan.all_reduce_start @bucket_0 in @world
    plan.all_reduce_start @bucket_0 in @world
    // CHECK: plan.collective_wait @bucket_0
    plan.collective_wait @bucket_0
    plan.return
  }
  plan.function @startup {
    %w = plan.state_ref @w : memref<13x1xf32>
    // CHECK: plan.connect @world
    plan.connect @world
    // CHECK: plan.broadcast %{{.*}} from 0 in @world : memref<13x1xf32>
    plan.broadcast %w from 0 in @world : memref<13x1xf32>
    plan.return
  }
}
