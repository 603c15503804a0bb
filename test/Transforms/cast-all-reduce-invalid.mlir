// RUN: fleet-opt %s --split-input-file --verify-diagnostics --fleet-cast-all-reduce
// RUN: not fleet-opt %s --split-input-file --fleet-cast-all-reduce="type=f8" 2>&1 | FileCheck %s
// CHECK: error: type: expected f16 or bf16, got f8

// expected-error @+1 {{this is no job of mode collective; run fleet-distribute-collective first}}
module {
}

// -----

// Parameters that trainers average, in place of gradients, would be rounded.
module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  // expected-error @+1 {{nothing to cast to 'bf16': no all_reduce adds gradients in f32 or f64}}
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    optim.parameter @w : tensor<2xf32> init = #optim.ones
    func.func @main(%g: tensor<2xf32>) {
      optim.sgd @w, %g learning_rate = 1.0 : tensor<2xf32>
      return
    }
    func.func @average() attributes {fleet.every = 4 : i64} {
      %w = optim.read @w : tensor<2xf32>
      %t = fleet.all_reduce_start %w in @world : tensor<2xf32>
      %0 = fleet.all_reduce_wait %t : tensor<2xf32>
      optim.assign @w, %0 : tensor<2xf32>
      return
    }
  }
}

// -----

module attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 2>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.group @world size = 2
    func.func @main(%g: tensor<2xf32>) {
      // expected-error @+1 {{has no fleet.all_reduce_wait, so nobody knows where its sums are used}}
      %t = fleet.all_reduce_start %g in @world : tensor<2xf32>
      return
    }
  }
}
