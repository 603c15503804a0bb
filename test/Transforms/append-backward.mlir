// RUN: fleet-opt %s --split-input-file --optim-append-backward | FileCheck %s

// Gradients follow the forward ops, updates follow the gradients in the order
// in which parameters are declared, and there is a copy without either.

// CHECK-LABEL: module @linear
module @linear {
  // CHECK: optim.parameter @w
  // CHECK-NEXT: optim.parameter @b
  // CHECK-NOT: optim.state
  optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
  optim.parameter @b : tensor<1xf32> init = #optim.zeros

  // CHECK: func.func @main(%[[X:.*]]: tensor<?x13xf32> {fleet.name = "x"}, %[[Y:.*]]: tensor<?x1xf32>) -> tensor<f32>
  func.func @main(%x: tensor<?x13xf32> {fleet.name = "x"}, %y: tensor<?x1xf32>) -> tensor<f32> {
    // CHECK-DAG: %[[W:.*]] = optim.read @w
    // CHECK-DAG: %[[B:.*]] = optim.read @b
    // CHECK: %[[P:.*]] = nn.matmul %[[X]], %[[W]]
    // CHECK: %[[Q:.*]] = nn.add %[[P]], %[[B]]
    // CHECK: %[[LOSS:.*]] = nn.reduce sum %[[Q]] dims = [0, 1]
    // CHECK: %[[ONE:.*]] = optim.loss_gradient : tensor<f32>
    // CHECK: %[[DQ:.*]] = nn.broadcast %[[ONE]] like %[[Q]]
    // CHECK: %[[DB:.*]] = nn.sum_to %[[DQ]] : tensor<?x1xf32> to tensor<1xf32>
    // Only the gradient of the weight: the input is not trained.
    // CHECK-NOT: nn.matmul
    // CHECK: %[[DW:.*]] = nn.matmul %[[X]], %[[DQ]] transpose_a
    // CHECK-NOT: nn.matmul
    // CHECK: optim.sgd @w, %[[DW]] learning_rate = 1.000000e-02 : tensor<13x1xf32>
    // CHECK-NEXT: optim.sgd @b, %[[DB]] learning_rate = 1.000000e-02 : tensor<1xf32>
    // CHECK-NEXT: return %[[LOSS]]
    %b = optim.read @b : tensor<1xf32>
    %w = optim.read @w : tensor<13x1xf32>
    %p = nn.matmul %x, %w : (tensor<?x13xf32>, tensor<13x1xf32>) -> tensor<?x1xf32>
    %q = nn.add %p, %b : (tensor<?x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
    %loss = nn.reduce sum %q dims = [0, 1] : tensor<?x1xf32> -> tensor<f32>
    %unused = nn.square %q : tensor<?x1xf32>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
    return %loss : tensor<f32>
  }
  // CHECK: func.func @evaluate(%{{.*}}: tensor<?x13xf32> {fleet.name = "x"}, %{{.*}}: tensor<?x1xf32>) -> tensor<f32>
  // CHECK: nn.matmul
  // CHECK-NEXT: nn.add
  // CHECK-NEXT: %[[LOSS:.*]] = nn.reduce
  // CHECK-NEXT: return %[[LOSS]]
}

// -----

// A parameter that is read twice, and a value that is used twice.

// CHECK-LABEL: module @twice
module @twice {
  optim.parameter @w : tensor<4xf32> init = #optim.ones
  // CHECK: optim.state @"w/velocity" of @w slot = "velocity" : tensor<4xf32> init = #optim.constant<0.000000e+00>
  func.func @main() {
    // CHECK: func.func @main
    // CHECK: %[[SUM:.*]] = nn.add %[[G0:.*]], %[[G1:.*]] : (tensor<4xf32>, tensor<4xf32>)
    // CHECK: %[[BOTH:.*]] = nn.add %{{.*}}, %{{.*}} : (tensor<4xf32>, tensor<4xf32>)
    // CHECK: optim.momentum @w, %[[BOTH]] velocity = @"w/velocity" learning_rate = 1.000000e+00 momentum = 9.000000e-01 nesterov
    %0 = optim.read @w : tensor<4xf32>
    %1 = optim.read @w : tensor<4xf32>
    %2 = nn.tanh %0 : tensor<4xf32>
    %3 = nn.mul %2, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %4 = nn.mul %3, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %loss = nn.mean %4 : tensor<4xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.momentum<learning_rate = 1.0, nesterov = true>
    return
  }
}

// -----

// Adam, in double precision; frozen parameters stay, listed ones are trained.

// CHECK-LABEL: module @some
module @some {
  // CHECK: optim.parameter @frozen
  // CHECK-NEXT: optim.parameter @unlisted
  // CHECK-NEXT: optim.parameter @w
  // CHECK-NEXT: optim.state @"w/moment1" of @w slot = "moment1" : tensor<4xf64> init = #optim.constant<0.000000e+00>
  // CHECK-NEXT: optim.state @"w/moment2" of @w slot = "moment2" : tensor<4xf64> init = #optim.constant<0.000000e+00>
  // CHECK-NEXT: optim.state @"w/beta1_power" of @w slot = "beta1_power" : tensor<f64> init = #optim.constant<1.000000e+00>
  // CHECK-NEXT: optim.state @"w/beta2_power" of @w slot = "beta2_power" : tensor<f64> init = #optim.constant<1.000000e+00>
  optim.parameter @frozen : tensor<4xf64> init = #optim.ones frozen
  optim.parameter @unlisted : tensor<4xf64> init = #optim.ones
  optim.parameter @w : tensor<4xf64> init = #optim.ones
  // CHECK: func.func @main
  func.func @main() {
    // CHECK-NOT: optim.{{sgd|momentum}}
    // CHECK: optim.adam @w, %{{.*}} moment1 = @"w/moment1" moment2 = @"w/moment2" beta1_power = @"w/beta1_power" beta2_power = @"w/beta2_power" learning_rate = 1.000000e-03
    // CHECK-NEXT: return
    %0 = optim.read @frozen : tensor<4xf64>
    %1 = optim.read @unlisted : tensor<4xf64>
    %2 = optim.read @w : tensor<4xf64>
    %3 = nn.mul %0, %1 : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %4 = nn.mul %3, %2 : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = nn.mean %4 : tensor<4xf64> -> tensor<f64>
    optim.minimize %loss : tensor<f64> with #optim.adam<learning_rate = 1.0e-3> parameters = [@w]
    return
  }
}

// -----

// Two losses may train two parameters. Integers carry no gradient.

// CHECK-LABEL: module @two_losses
module @two_losses {
  optim.parameter @a : tensor<1x3xf32> init = #optim.ones
  optim.parameter @b : tensor<1xf32> init = #optim.ones
  // CHECK: func.func @main
  // CHECK: optim.sgd @a, %{{.*}} learning_rate = 1.000000e+00
  // CHECK: optim.sgd @b, %{{.*}} learning_rate = 2.000000e+00
  func.func @main() {
    %a = optim.read @a : tensor<1x3xf32>
    %best = nn.argmax %a : tensor<1x3xf32> -> tensor<1x1xi64>
    %hot = nn.one_hot %best : tensor<1x1xi64> -> tensor<1x3xf32>
    %x = nn.mul %a, %hot : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
    %la = nn.mean %x : tensor<1x3xf32> -> tensor<f32>
    optim.minimize %la : tensor<f32> with #optim.sgd<learning_rate = 1.0>
    %b = optim.read @b : tensor<1xf32>
    %lb = nn.mean %b : tensor<1xf32> -> tensor<f32>
    optim.minimize %lb : tensor<f32> with #optim.sgd<learning_rate = 2.0>
    return
  }
}

// -----

// A function called evaluate is the user's, who knows better.

// CHECK-LABEL: module @own_evaluate
module @own_evaluate {
  optim.parameter @w : tensor<1xf32> init = #optim.ones
  // CHECK: func.func @main
  func.func @main() {
    %w = optim.read @w : tensor<1xf32>
    %loss = nn.mean %w : tensor<1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
    return
  }
  // CHECK: func.func @evaluate() {
  // CHECK-NEXT: return
  func.func @evaluate() {
    return
  }
  // CHECK-NOT: func.func
}

// -----

// A parameter called evaluate makes room and remembers its name.

// CHECK-LABEL: module @named_evaluate
module @named_evaluate {
  // CHECK: optim.parameter @[[NAME:evaluate_.*]] : tensor<2xf32> init = #optim.ones origin = <name = "evaluate", shape = [2]>
  // CHECK-NEXT: optim.state @"evaluate/velocity" of @[[NAME]]
  optim.parameter @evaluate : tensor<2xf32> init = #optim.ones
  // CHECK: func.func @main
  func.func @main() {
    // CHECK: optim.read @[[NAME]] :
    // CHECK: optim.momentum @[[NAME]],
    %w = optim.read @evaluate : tensor<2xf32>
    %loss = nn.mean %w : tensor<2xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.momentum<learning_rate = 1.0>
    return
  }
  // CHECK: func.func @evaluate
}

// -----

// A program whose updates are written out keeps them, but for the copy.

// CHECK-LABEL: module @written_out
module @written_out {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  // CHECK: func.func @main
  // CHECK: optim.sgd @w
  func.func @main(%g: tensor<2xf32>) {
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
  // CHECK: func.func @evaluate
  // CHECK-NEXT: return
}
