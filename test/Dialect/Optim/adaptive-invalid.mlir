// RUN: fleet-opt %s --split-input-file --verify-diagnostics

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{weight_decay must not be negative}}
  optim.minimize %loss : tensor<f32> with #optim.adamw<learning_rate = 1.0, weight_decay = -0.1>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{learning_rate must not be negative}}
  optim.minimize %loss : tensor<f32> with #optim.adamax<learning_rate = -1.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{epsilon must be greater than 0}}
  optim.minimize %loss : tensor<f32> with #optim.adagrad<learning_rate = 1.0, epsilon = 0.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{initial must not be negative}}
  optim.minimize %loss : tensor<f32> with #optim.adagrad<learning_rate = 1.0, initial = -1.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{decay must be at least 0 and less than 1}}
  optim.minimize %loss : tensor<f32> with #optim.decayed_adagrad<learning_rate = 1.0, decay = 1.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{rho must be at least 0 and less than 1}}
  optim.minimize %loss : tensor<f32> with #optim.adadelta<learning_rate = 1.0, rho = -0.5>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{momentum must be at least 0 and less than 1}}
  optim.minimize %loss : tensor<f32> with #optim.rmsprop<learning_rate = 1.0, momentum = 2.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{learning_rate must be greater than 0}}
  optim.minimize %loss : tensor<f32> with #optim.ftrl<learning_rate = 0.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{coefficient must be greater than 0}}
  optim.minimize %loss : tensor<f32> with #optim.lars<learning_rate = 1.0, coefficient = 0.0>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.zeros
// expected-note @+1 {{it is 'tensor<f32>'}}
optim.state @m of @w slot = "moment" : tensor<f32> init = #optim.zeros
func.func @f(%g: tensor<2xf32>) {
  // expected-error @+1 {{needs 'tensor<2xf32>' as state @m}}
  optim.adagrad @w, %g moment = @m learning_rate = 1.0 epsilon = 1.0e-6 : tensor<2xf32>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{clip must be greater than 0}}
  optim.minimize %loss : tensor<f32> with #optim.dpsgd<learning_rate = 1.0, clip = 0.0>
  return
}

// -----

func.func @f(%loss: tensor<f32>) {
  // expected-error @+1 {{sigma must not be negative}}
  optim.minimize %loss : tensor<f32> with #optim.dpsgd<learning_rate = 1.0, sigma = -1.0>
  return
}
