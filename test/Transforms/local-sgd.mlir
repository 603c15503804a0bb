// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-local-sgd="steps=8 begin=3" --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,ONE
// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-local-sgd="steps=8 begin=3 bucket-size=8" --fleet-verify-job | FileCheck %s --check-prefixes=CHECK,MANY
// RUN: fleet-opt %s --split-input-file --fleet-distribute-collective="trainers=2" --fleet-local-sgd="steps=8 adaptive" --fleet-verify-job | FileCheck %s --check-prefix=ADAPTIVE

// Trainers update by their own gradients. What came to differ is averaged, the
// optimizer's state as well, and nothing else.
// CHECK: func.func @main
// CHECK-NOT: fleet.
// CHECK: optim.momentum @w
// CHECK: func.func @average() attributes {fleet.begin = 3 : i64, fleet.every = 8 : i64}
// CHECK: %[[S:.*]] = fleet.examples share : tensor<f32>
// CHECK: %[[W:.*]] = optim.read @w
// CHECK: %[[WS:.*]] = nn.mul %[[W]], %[[S]]
// MANY: %[[T0:.*]] = fleet.all_reduce_start %[[WS]] in @world : tensor<2xf32>
// CHECK: %[[V:.*]] = optim.read @"w/velocity"
// CHECK: %[[VS:.*]] = nn.mul %[[V]], %[[S]]
// CHECK-NOT: optim.read
// ONE: %[[T:.*]] = fleet.all_reduce_start %[[WS]], %[[VS]] in @world
// ONE: %[[ALL:.*]]:2 = fleet.all_reduce_wait %[[T]]
// ONE: optim.assign @w, %[[ALL]]#0
// ONE: optim.assign @"w/velocity", %[[ALL]]#1
// MANY: %[[T1:.*]] = fleet.all_reduce_start %[[VS]] in @world
// MANY: %[[A0:.*]] = fleet.all_reduce_wait %[[T0]]
// MANY: optim.assign @w, %[[A0]]
// MANY: %[[A1:.*]] = fleet.all_reduce_wait %[[T1]]
// MANY: optim.assign @"w/velocity", %[[A1]]
// CHECK-NEXT: return

// The loss of the last step tells how long trainers train alone.
// ADAPTIVE: optim.state @local_sgd_loss of @w {{.*}} transient
// ADAPTIVE: func.func @main
// ADAPTIVE: optim.assign @local_sgd_loss, %[[LOSS:.*]] : tensor<f32>
// ADAPTIVE-NEXT: return %[[LOSS]]
// ADAPTIVE: func.func @average() -> tensor<f32> attributes {fleet.every = 8 : i64}
// ADAPTIVE: %[[OWN:.*]] = optim.read @local_sgd_loss
// ADAPTIVE: %[[PART:.*]] = nn.mul %[[OWN]]
// ADAPTIVE: %[[T:.*]] = fleet.all_reduce_start %[[PART]]
// ADAPTIVE: %[[ALL:.*]] = fleet.all_reduce_wait %[[T]]
// ADAPTIVE: %[[KNOWN:.*]] = optim.read @local_sgd_first_loss
// ADAPTIVE: %[[FIRST:.*]] = nn.select %{{.*}}, %[[KNOWN]], %[[ALL]]
// ADAPTIVE: optim.assign @local_sgd_first_loss, %[[FIRST]]
// ADAPTIVE: %[[RATIO:.*]] = nn.div %[[ALL]], %[[FIRST]]
// ADAPTIVE: %[[NEXT:.*]] = nn.maximum
// ADAPTIVE: return %[[NEXT]]
module @program {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  optim.state @"w/velocity" of @w slot = "velocity" : tensor<2xf32> init = #optim.zeros
  optim.parameter @fixed : tensor<2xf32> init = #optim.ones frozen
  func.func @main(%g: tensor<2xf32>, %loss: tensor<f32>) -> tensor<f32> {
    optim.momentum @w, %g velocity = @"w/velocity" learning_rate = 1.0 momentum = 0.5 : tensor<2xf32>
    return %loss : tensor<f32>
  }
}
