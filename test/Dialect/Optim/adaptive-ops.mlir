// RUN: fleet-opt %s | FileCheck %s
// RUN: fleet-opt %s | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --mlir-print-op-generic | fleet-opt | FileCheck %s
// RUN: fleet-opt %s --emit-bytecode | fleet-opt | FileCheck %s

optim.parameter @w : tensor<3x2xf32> init = #optim.ones
optim.state @avg_squared_grad of @w slot = "avg_squared_grad" : tensor<3x2xf32> init = #optim.zeros
optim.state @avg_squared_update of @w slot = "avg_squared_update" : tensor<3x2xf32> init = #optim.zeros
optim.state @linear of @w slot = "linear" : tensor<3x2xf32> init = #optim.zeros
optim.state @mean_grad of @w slot = "mean_grad" : tensor<3x2xf32> init = #optim.zeros
optim.state @mean_square of @w slot = "mean_square" : tensor<3x2xf32> init = #optim.zeros
optim.state @moment of @w slot = "moment" : tensor<3x2xf32> init = #optim.zeros
optim.state @moment1 of @w slot = "moment1" : tensor<3x2xf32> init = #optim.zeros
optim.state @moment2 of @w slot = "moment2" : tensor<3x2xf32> init = #optim.zeros
optim.state @momentum_acc of @w slot = "momentum_acc" : tensor<3x2xf32> init = #optim.zeros
optim.state @norm of @w slot = "norm" : tensor<3x2xf32> init = #optim.zeros
optim.state @squared of @w slot = "squared" : tensor<3x2xf32> init = #optim.zeros
optim.state @velocity of @w slot = "velocity" : tensor<3x2xf32> init = #optim.zeros
optim.state @beta1_power of @w slot = "beta1_power" : tensor<f32> init = #optim.ones
optim.state @beta2_power of @w slot = "beta2_power" : tensor<f32> init = #optim.ones

// CHECK-LABEL: func.func @updates(
// CHECK-SAME: %[[G:.*]]: tensor<3x2xf32>)
func.func @updates(%g: tensor<3x2xf32>) {
  // CHECK-NEXT: optim.adamw @w, %[[G]] moment1 = @moment1 moment2 = @moment2 beta1_power = @beta1_power beta2_power = @beta2_power learning_rate = 1.000000e-03 beta1 = 9.000000e-01 beta2 = 5.000000e-01 epsilon = 1.000000e-08 weight_decay = 1.000000e-02 : tensor<3x2xf32>
  optim.adamw @w, %g moment1 = @moment1 moment2 = @moment2 beta1_power = @beta1_power beta2_power = @beta2_power
    learning_rate = 1.0e-3 beta1 = 0.9 beta2 = 0.5 epsilon = 1.0e-8 weight_decay = 1.0e-2 : tensor<3x2xf32>
  // CHECK-NEXT: optim.adamax @w, %[[G]] moment = @moment norm = @norm beta1_power = @beta1_power learning_rate = 1.000000e-03 beta1 = 9.000000e-01 beta2 = 5.000000e-01 epsilon = 1.000000e-08 : tensor<3x2xf32>
  optim.adamax @w, %g moment = @moment norm = @norm beta1_power = @beta1_power
    learning_rate = 1.0e-3 beta1 = 0.9 beta2 = 0.5 epsilon = 1.0e-8 : tensor<3x2xf32>
  // CHECK-NEXT: optim.adagrad @w, %[[G]] moment = @moment learning_rate = 1.000000e-02 epsilon = 1.000000e-08 : tensor<3x2xf32>
  optim.adagrad @w, %g moment = @moment
    learning_rate = 1.0e-2 epsilon = 1.0e-8 : tensor<3x2xf32>
  // CHECK-NEXT: optim.decayed_adagrad @w, %[[G]] moment = @moment learning_rate = 1.000000e-02 decay = 5.000000e-01 epsilon = 1.000000e-08 : tensor<3x2xf32>
  optim.decayed_adagrad @w, %g moment = @moment
    learning_rate = 1.0e-2 decay = 0.5 epsilon = 1.0e-8 : tensor<3x2xf32>
  // CHECK-NEXT: optim.adadelta @w, %[[G]] avg_squared_grad = @avg_squared_grad avg_squared_update = @avg_squared_update learning_rate = 1.000000e+00 rho = 5.000000e-01 epsilon = 1.000000e-08 : tensor<3x2xf32>
  optim.adadelta @w, %g avg_squared_grad = @avg_squared_grad avg_squared_update = @avg_squared_update
    learning_rate = 1.0 rho = 0.5 epsilon = 1.0e-8 : tensor<3x2xf32>
  // CHECK-NEXT: optim.rmsprop @w, %[[G]] mean_square = @mean_square momentum_acc = @momentum_acc learning_rate = 1.000000e-02 rho = 5.000000e-01 epsilon = 1.000000e-08 momentum = 0.000000e+00 : tensor<3x2xf32>
  optim.rmsprop @w, %g mean_square = @mean_square momentum_acc = @momentum_acc
    learning_rate = 1.0e-2 rho = 0.5 epsilon = 1.0e-8 momentum = 0.0 : tensor<3x2xf32>
  // CHECK-NEXT: optim.centered_rmsprop @w, %[[G]] mean_square = @mean_square momentum_acc = @momentum_acc mean_grad = @mean_grad learning_rate = 1.000000e-02 rho = 5.000000e-01 epsilon = 1.000000e-08 momentum = 0.000000e+00 : tensor<3x2xf32>
  optim.centered_rmsprop @w, %g mean_square = @mean_square momentum_acc = @momentum_acc mean_grad = @mean_grad
    learning_rate = 1.0e-2 rho = 0.5 epsilon = 1.0e-8 momentum = 0.0 : tensor<3x2xf32>
  // CHECK-NEXT: optim.ftrl @w, %[[G]] squared = @squared linear = @linear learning_rate = 1.000000e-02 l1 = 0.000000e+00 l2 = 5.000000e-01 : tensor<3x2xf32>
  optim.ftrl @w, %g squared = @squared linear = @linear
    learning_rate = 1.0e-2 l1 = 0.0 l2 = 0.5 : tensor<3x2xf32>
  // CHECK-NEXT: optim.lars @w, %[[G]] velocity = @velocity learning_rate = 1.000000e-02 momentum = 5.000000e-01 coefficient = 1.000000e-03 weight_decay = 5.000000e-04 epsilon = 0.000000e+00 : tensor<3x2xf32>
  optim.lars @w, %g velocity = @velocity
    learning_rate = 1.0e-2 momentum = 0.5 coefficient = 1.0e-3 weight_decay = 5.0e-4 epsilon = 0.0 : tensor<3x2xf32>
  // CHECK-NEXT: optim.lamb @w, %[[G]] moment1 = @moment1 moment2 = @moment2 beta1_power = @beta1_power beta2_power = @beta2_power learning_rate = 1.000000e-03 beta1 = 9.000000e-01 beta2 = 5.000000e-01 epsilon = 1.000000e-08 weight_decay = 1.000000e-02 : tensor<3x2xf32>
  optim.lamb @w, %g moment1 = @moment1 moment2 = @moment2 beta1_power = @beta1_power beta2_power = @beta2_power
    learning_rate = 1.0e-3 beta1 = 0.9 beta2 = 0.5 epsilon = 1.0e-8 weight_decay = 1.0e-2 : tensor<3x2xf32>
  return
}

optim.state @step of @w slot = "step" : tensor<f32> init = #optim.zeros
// CHECK-LABEL: func.func @dpsgd(
func.func @dpsgd(%g: tensor<3x2xf32>) {
  // CHECK: optim.dpsgd @w, %{{.*}} step = @step learning_rate = 1.000000e-03 clip = 1.000000e+00 batch_size = 3.200000e+01 sigma = 5.000000e-01 key = -5 : tensor<3x2xf32>
  optim.dpsgd @w, %g step = @step learning_rate = 1.0e-3 clip = 1.0 batch_size = 32.0 sigma = 0.5 key = -5 : tensor<3x2xf32>
  return
}

// Defaults are not printed.
// CHECK-LABEL: func.func @minimize(
func.func @minimize(%loss: tensor<f32>) {
  // CHECK: #optim.adamw<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.adamw<learning_rate = 0.5>
  // CHECK: #optim.adamax<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.adamax<learning_rate = 0.5>
  // CHECK: #optim.adagrad<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.adagrad<learning_rate = 0.5>
  // CHECK: #optim.decayed_adagrad<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.decayed_adagrad<learning_rate = 0.5>
  // CHECK: #optim.adadelta<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.adadelta<learning_rate = 0.5>
  // CHECK: #optim.rmsprop<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.rmsprop<learning_rate = 0.5>
  // CHECK: #optim.ftrl<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.ftrl<learning_rate = 0.5>
  // CHECK: #optim.lars<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.lars<learning_rate = 0.5>
  // CHECK: #optim.lamb<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.lamb<learning_rate = 0.5>
  // CHECK: #optim.dpsgd<learning_rate = 5.000000e-01>
  optim.minimize %loss : tensor<f32> with #optim.dpsgd<learning_rate = 0.5>
  // CHECK: #optim.dpsgd<learning_rate = 5.000000e-01, clip = 2.000000e+00, seed = 7>
  optim.minimize %loss : tensor<f32> with #optim.dpsgd<learning_rate = 0.5, clip = 2.0, seed = 7>
  // CHECK: #optim.rmsprop<learning_rate = 5.000000e-01, centered = true>
  optim.minimize %loss : tensor<f32> with #optim.rmsprop<learning_rate = 0.5, centered = true>
  return
}
