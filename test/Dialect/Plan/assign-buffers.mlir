// RUN: fleet-opt %s --pass-pipeline='builtin.module(plan.program(plan.function(plan-assign-buffers)))' | FileCheck %s

plan.program @p role = "trainer" {
  plan.server "127.0.0.1:6170" {
    plan.block "w" : memref<8xf32>
  }

  // A buffer takes the slot of one that is dead, and stays while it is read.
  // CHECK-LABEL: plan.function @reuse slots = 2
  plan.function @reuse {
    // CHECK: %[[A:.*]] = plan.temporary slot 0 : memref<?x4xf32>
    // CHECK: %[[B:.*]] = plan.temporary slot 1 : memref<?x4xf32>
    // CHECK: %[[C:.*]] = plan.temporary slot 0 : memref<?x4xf32>
    %x = plan.input 0 "x" : memref<?x4xf32>
    %a = plan.temporary : memref<?x4xf32>
    %b = plan.temporary : memref<?x4xf32>
    %c = plan.temporary : memref<?x4xf32>
    plan.copy %x, %a : memref<?x4xf32>, memref<?x4xf32>
    plan.copy %a, %b : memref<?x4xf32>, memref<?x4xf32>
    plan.copy %b, %c : memref<?x4xf32>, memref<?x4xf32>
    plan.return
  }

  // Static buffers and those that grow with the batch do not share.
  // CHECK-LABEL: plan.function @kinds slots = 2
  plan.function @kinds {
    // CHECK: plan.temporary slot 0 : memref<?x4xf32>
    // CHECK: plan.temporary slot 1 : memref<8xf32>
    %x = plan.input 0 "x" : memref<?x4xf32>
    %y = plan.input 1 "y" : memref<8xf32>
    %a = plan.temporary : memref<?x4xf32>
    %b = plan.temporary : memref<8xf32>
    plan.copy %x, %a : memref<?x4xf32>, memref<?x4xf32>
    plan.copy %y, %b : memref<8xf32>, memref<8xf32>
    plan.return
  }

  // The free slot of the nearest size wins.
  // CHECK-LABEL: plan.function @nearest slots = 2
  plan.function @nearest {
    // CHECK: plan.temporary slot 0 : memref<100xf32>
    // CHECK: plan.temporary slot 1 : memref<10xf32>
    // CHECK: plan.temporary slot 1 : memref<12xf32>
    %x = plan.input 0 "x" : memref<100xf32>
    %y = plan.input 1 "y" : memref<10xf32>
    %z = plan.input 2 "z" : memref<12xf32>
    %a = plan.temporary : memref<100xf32>
    %b = plan.temporary : memref<10xf32>
    %c = plan.temporary : memref<12xf32>
    plan.copy %x, %a : memref<100xf32>, memref<100xf32>
    plan.copy %y, %b : memref<10xf32>, memref<10xf32>
    plan.copy %a, %x : memref<100xf32>, memref<100xf32>
    plan.copy %z, %c : memref<12xf32>, memref<12xf32>
    plan.return
  }

  // What is sent stays until the barrier; what is received, from the receive.
  // CHECK-LABEL: plan.function @transfers slots = 3
  plan.function @transfers {
    // CHECK: plan.temporary slot 0
    // CHECK: plan.temporary slot 1
    // CHECK: plan.temporary slot 2
    %x = plan.input 0 "x" : memref<8xf32>
    %a = plan.temporary : memref<8xf32>
    %b = plan.temporary : memref<8xf32>
    %c = plan.temporary : memref<8xf32>
    plan.copy %x, %a : memref<8xf32>, memref<8xf32>
    plan.send %a to 0 block 0 : memref<8xf32>
    plan.copy %x, %b : memref<8xf32>, memref<8xf32>
    plan.recv %c from 0 block 0 : memref<8xf32>
    plan.copy %b, %x : memref<8xf32>, memref<8xf32>
    plan.send_barrier
    plan.fetch_barrier
    plan.copy %c, %x : memref<8xf32>, memref<8xf32>
    plan.return
  }

  // An output lives to the end.
  // CHECK-LABEL: plan.function @outputs slots = 2
  plan.function @outputs {
    %x = plan.input 0 "x" : memref<f32>
    %a = plan.temporary : memref<f32>
    %b = plan.temporary : memref<f32>
    plan.copy %x, %a : memref<f32>, memref<f32>
    plan.output "loss" %a : memref<f32>
    plan.copy %x, %b : memref<f32>, memref<f32>
    plan.return
  }

  // What is sent asynchronously lives until it is submitted.
  // CHECK-LABEL: plan.function @exchange slots = 2 every = 5
  plan.function @exchange every = 5 {
    %x = plan.input 0 "x" : memref<8xf32>
    %a = plan.temporary : memref<8xf32>
    %b = plan.temporary : memref<8xf32>
    %c = plan.temporary : memref<8xf32>
    plan.copy %x, %a : memref<8xf32>, memref<8xf32>
    plan.send %a to 0 block 0 : memref<8xf32>
    // CHECK: plan.temporary slot 0
    // CHECK: plan.temporary slot 1
    // CHECK: plan.temporary slot 0
    plan.copy %x, %b : memref<8xf32>, memref<8xf32>
    plan.copy %b, %x : memref<8xf32>, memref<8xf32>
    plan.submit queue = 1 merge = 1
    plan.copy %x, %c : memref<8xf32>, memref<8xf32>
    plan.return
  }
}
