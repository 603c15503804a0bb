// RUN: fleet-opt %s --fleet-cast-all-reduce --fleet-verify-job | FileCheck %s

// What anything else uses as well stays as it is: here the sum is assigned in
// @average, printed, or is what an update only multiplies by.
// CHECK-LABEL: func.func @main
// CHECK: fleet.all_reduce_start %{{.*}} in @world : tensor<2xbf16>
// CHECK-NEXT: fleet.all_reduce_start %{{.*}}, %{{.*}} in @world : tensor<2xf32>, tensor<2xf32>
// CHECK-NEXT: %[[A:.*]] = fleet.all_reduce_wait %{{.*}} : tensor<2xbf16>
// CHECK-NEXT: %[[SUM:.*]] = nn.cast %[[A]] : tensor<2xbf16> to tensor<2xf32>
// CHECK-NEXT: %[[OTHERS:.*]]:2 = fleet.all_reduce_wait %{{.*}} : tensor<2xf32>, tensor<2xf32>
// CHECK-NEXT: %[[TWICE:.*]] = nn.add %[[SUM]], %[[SUM]]
// CHECK-NEXT: optim.sgd @a, %[[TWICE]]
// CHECK-NEXT: optim.sgd @b, %[[OTHERS]]#0
// CHECK: return %{{.*}} : tensor<f32>
// CHECK-LABEL: func.func @average
// CHECK: fleet.all_reduce_start %{{.*}} in @world : tensor<2xf32>
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @a : tensor<2xf32> init = #optim.ones
    optim.parameter @b : tensor<2xf32> init = #optim.ones
    optim.parameter @c : tensor<2xf32> init = #optim.ones
    func.func @startup() {
      fleet.connect @world
      fleet.broadcast @a from 0 in @world
      fleet.broadcast @b from 0 in @world
      fleet.broadcast @c from 0 in @world
      return
    }
    func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>, %z: tensor<2xf32>) -> tensor<f32> {
      %t = fleet.all_reduce_start %x, %y, %z in @world : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
      %0:3 = fleet.all_reduce_wait %t : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
      %twice = nn.add %0#0, %0#0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      optim.sgd @a, %twice learning_rate = 1.0 : tensor<2xf32>
      optim.sgd @b, %0#1 learning_rate = 1.0 : tensor<2xf32>
      %both = nn.add %0#1, %0#2 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      %loss = nn.mean %both : tensor<2xf32> -> tensor<f32>
      return %loss : tensor<f32>
    }
    func.func @average() attributes {fleet.every = 4 : i64} {
      %share = fleet.examples share : tensor<f32>
      %c = optim.read @c : tensor<2xf32>
      %part = nn.mul %c, %share : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
      %t = fleet.all_reduce_start %part in @world : tensor<2xf32>
      %0 = fleet.all_reduce_wait %t : tensor<2xf32>
      optim.assign @c, %0 : tensor<2xf32>
      return
    }
  }
}
