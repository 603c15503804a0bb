// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-distribute-ps="pservers=h:1"

// expected-error @+1 {{has no function @main, which is one training step}}
module {
}

// -----

// expected-error @+1 {{has nothing to distribute: no optimizer updates a parameter}}
module {
  func.func @main() {
    return
  }
}

// -----

// expected-error @+1 {{is distributed already}}
module attributes {fleet.role = #fleet.role<trainer>} {
}

// -----

module {
  func.func @main(%loss: tensor<f32>) {
    // expected-error @+1 {{is still there; run optim-append-backward first}}
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) {
    // expected-note @+1 {{the first time is here}}
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    // expected-error @+1 {{updates @w a second time in one step}}
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) {
    return
  }
  func.func @other(%g: tensor<2xf32>) {
    // expected-error @+1 {{must be directly in @main to be moved to a server}}
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

module {
  optim.parameter @a : tensor<2xf32> init = #optim.ones
  optim.parameter @b : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) {
    // expected-note @+1 {{it is updated here}}
    optim.sgd @a, %g learning_rate = 1.0 : tensor<2xf32>
    // expected-error @+1 {{reads @a after its update but before the last update of the step; its new value has not come back from the server}}
    %a = optim.read @a : tensor<2xf32>
    optim.sgd @b, %a learning_rate = 1.0 : tensor<2xf32>
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  // expected-note @+1 {{it is declared here}}
  optim.state @v of @w slot = "velocity" : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) -> tensor<2xf32> {
    optim.momentum @w, %g velocity = @v learning_rate = 1.0 momentum = 0.5 : tensor<2xf32>
    // expected-error @+1 {{reads @v, optimizer state that only servers have}}
    %v = optim.read @v : tensor<2xf32>
    return %v : tensor<2xf32>
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  optim.parameter @mean : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) {
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    // expected-error @+1 {{changes @mean on one trainer only; with parameter servers, variables change by updates, which fleet-share-assigned makes of what the program assigns}}
    optim.assign @mean, %g : tensor<2xf32>
    return
  }
}

// -----

module {
  optim.parameter @w : tensor<2xf32> init = #optim.ones
  func.func @main(%g: tensor<2xf32>) {
    optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
    return
  }
  // expected-error @+1 {{the name @startup is reserved for a function of the job}}
  func.func @startup() {
    return
  }
}
