// RUN: fleet-opt %s --canonicalize --cse --symbol-dce | FileCheck %s

// Transfers and barriers are never removed, merged or reordered.
// CHECK: fleet.peer @p
fleet.peer @p endpoint = "127.0.0.1:6170"

// CHECK-LABEL: func.func @main
func.func @main(%g: tensor<2xf32>) {
  // CHECK-NEXT: fleet.send %{{.*}} to @p as "a@GRAD"
  // CHECK-NEXT: fleet.send %{{.*}} to @p as "a@GRAD"
  // CHECK-NEXT: fleet.send_barrier
  // CHECK-NEXT: fleet.send_barrier
  // CHECK-NEXT: %{{.*}} = fleet.recv "a" from @p
  // CHECK-NEXT: %{{.*}} = fleet.recv "a" from @p
  // CHECK-NEXT: fleet.fetch_barrier
  // CHECK-NEXT: fleet.fetch_barrier
  // CHECK-NEXT: return
  fleet.send %g to @p as "a@GRAD" : tensor<2xf32>
  fleet.send %g to @p as "a@GRAD" : tensor<2xf32>
  fleet.send_barrier
  fleet.send_barrier
  %0 = fleet.recv "a" from @p : tensor<2xf32>
  %1 = fleet.recv "a" from @p : tensor<2xf32>
  fleet.fetch_barrier
  fleet.fetch_barrier
  return
}
