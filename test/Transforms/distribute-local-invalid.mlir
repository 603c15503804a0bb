// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-distribute-local

// expected-error @+1 {{has no function @main, which is one training step}}
module {
}

// -----

module {
  // expected-error @+1 {{a training step is a straight line, but @main has 2 blocks}}
  func.func @main() {
    cf.br ^bb1
  ^bb1:
    return
  }
}

// -----

// expected-error @+1 {{is distributed already}}
module attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
}

// -----

module {
  func.func @main(%loss: tensor<f32>) {
    // expected-error @+1 {{is still there; run optim-append-backward first}}
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0>
    return
  }
}
