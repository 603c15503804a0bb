// RUN: fleet-opt %s --split-input-file --verify-diagnostics

plan.program @p role = "trainer" {
  // expected-error @+1 {{is 'memref<4x4xf32>', expected a row of floats}}
  plan.bucket @b : memref<4x4xf32>
}

// -----

plan.program @p role = "trainer" {
  // expected-note @+1 {{the bucket is 'memref<16xf32>'}}
  plan.bucket @b : memref<16xf32>
  plan.function @main {
    // expected-error @+1 {{of type 'memref<13x1xf32>' does not fit at 4}}
    %g = plan.in_bucket @b at 4 : memref<13x1xf32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.function @main {
    // expected-error @+1 {{counts "mine", expected share, own or all}}
    %0 = plan.examples "mine" : memref<f32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.function @main {
    // expected-error @+1 {{is 'memref<f16>', expected a scalar of f32 or f64}}
    %0 = plan.examples "own" : memref<f16>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.bucket @b : memref<16xf32>
  plan.function @main {
    // expected-error @+1 {{refers to @world, which is no group of the program}}
    plan.all_reduce_start @b in @world
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.function @main {
    // expected-error @+1 {{refers to @b, which is no bucket of the program}}
    plan.collective_wait @b
    plan.return
  }
}
