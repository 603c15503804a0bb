// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-exchange-deltas='every=5 trainers=2'
// RUN: not fleet-opt %s --split-input-file --fleet-exchange-deltas='every=0' 2>&1 | FileCheck %s --check-prefix=EVERY
// RUN: not fleet-opt %s --split-input-file --fleet-exchange-deltas='trainers=0' 2>&1 | FileCheck %s --check-prefix=TRAINERS
// RUN: not fleet-opt %s --split-input-file --fleet-distribute-ps='pservers=h:1 sync=geo' 2>&1 | FileCheck %s --check-prefix=ALONE
// EVERY: error: every: expected at least 1, got 0
// TRAINERS: error: trainers: expected at least 1, got 0
// ALONE: error: sync: geo distributes what fleet-exchange-deltas makes; run that first

// expected-error @below {{the program has nothing to distribute: no optimizer updates a parameter}}
module {
  func.func @main() {
    return
  }
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.ones
func.func @main(%g: tensor<2xf32>) {
  return
}
func.func @other(%g: tensor<2xf32>) {
  // expected-error @+1 {{must be directly in @main, so that every step updates once}}
  optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
  return
}

// -----

optim.parameter @w : tensor<2xf32> init = #optim.ones
func.func @main(%g: tensor<2xf32>) {
  optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
  return
}
// expected-error @+1 {{the name @exchange is reserved for a function of the job}}
func.func @exchange() {
  return
}
