// RUN: fleet-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{has the role "boss", expected local, trainer or pserver}}
plan.program @p role = "boss" {
}

// -----

// expected-error @+1 {{is a pserver without a service}}
plan.program @p role = "pserver" {
}

// -----

// expected-error @+1 {{has a service but is no pserver}}
plan.program @p role = "trainer" {
  plan.service 0 {
  }
}

// -----

plan.program @p role = "local" {
  // expected-note @+1 {{the state has 'memref<13x1xf32>'}}
  plan.state @w : memref<13x1xf32> init = #optim.zeros
  plan.function @main {
    // expected-error @+1 {{has type 'memref<12x1xf32>'}}
    %w = plan.state_ref @w : memref<12x1xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    // expected-error @+1 {{refers to @w, which is no state of the program}}
    %w = plan.state_ref @w : memref<13x1xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  // expected-note @+1 {{the kernel takes 2}}
  plan.kernel @k operands = 2 flops = 1 bytes = 1
  plan.function @main {
    %x = plan.input 0 "x" : memref<?xf32>
    // expected-error @+1 {{passes 1 buffers}}
    plan.launch @k(%x) outputs = 1 inplace = [] rows = -1 : memref<?xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.kernel @k operands = 2 flops = 1 bytes = 1
  plan.function @main {
    %x = plan.input 0 "x" : memref<?xf32>
    // expected-error @+1 {{overwrites input 1 but has only 1}}
    plan.launch @k(%x, %x) outputs = 1 inplace = [1] rows = -1 : memref<?xf32>, memref<?xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    // expected-error @+1 {{is input number 0 of the function but says 1}}
    %x = plan.input 1 "x" : memref<?xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main slots = 1 {
    // expected-error @+1 {{lies in slot 1 of an arena with 1}}
    %x = plan.temporary slot 1 : memref<?xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    // expected-error @+1 {{holds 'tensor<2xf32>' in a buffer of type 'memref<3xf32>'}}
    %x = plan.constant dense<1.0> : tensor<2xf32> as memref<3xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    %a = plan.input 0 "a" : memref<4x3xf32>
    %b = plan.input 1 "b" : memref<2x5xf32>
    %c = plan.input 2 "c" : memref<4x5xf32>
    // expected-error @+1 {{multiplies 4x3 by 2x5 into 4x5}}
    plan.matmul %a, %b, %c : memref<4x3xf32>, memref<2x5xf32>, memref<4x5xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    %a = plan.input 0 "a" : memref<4x3xf32>
    // expected-error @+1 {{reports 'memref<4x3xf32>', expected a scalar}}
    plan.output "a" %a : memref<4x3xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    %a = plan.input 0 "a" : memref<f32>
    plan.output "a" %a : memref<f32>
    // expected-error @+1 {{repeats the name "a"}}
    plan.output "a" %a : memref<f32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.server "127.0.0.1:6170" {
    // expected-note @+1 {{the block is 'memref<3xf32>'}}
    plan.block "w" : memref<3xf32>
  }
  plan.function @main {
    %a = plan.input 0 "a" : memref<2xf32>
    // expected-error @+1 {{moves 'memref<2xf32>'}}
    plan.send %a to 0 block 0 : memref<2xf32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.server "127.0.0.1:6170" {
  }
  plan.function @main {
    %a = plan.input 0 "a" : memref<2xf32>
    // expected-error @+1 {{names block 0 of server 0, which has 0}}
    plan.recv %a from 0 block 0 : memref<2xf32>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.function @main {
    %a = plan.input 0 "a" : memref<2xf32>
    // expected-error @+1 {{names server 3, the job has 0}}
    plan.recv %a from 3 block 0 : memref<2xf32>
    plan.return
  }
}

// -----

plan.program @p role = "pserver" {
  plan.state @w : memref<13x1xf32> init = #optim.zeros
  plan.service 0 {
    // expected-error @+1 {{needs an update function of one 'memref<13x1xf32>'}}
    plan.handler 0 state @w update @update_w
  }
  // expected-note @+1 {{the function is here}}
  plan.function @update_w {
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.server "h:1" {
    // expected-note @+1 {{the block is 'memref<3x1xf32>'}}
    plan.block "w.block1" : memref<3x1xf32>
  }
  plan.function @main {
    %a = plan.input 0 "a" : memref<7x1xf32>
    // expected-error @+1 {{moves 'memref<7x1xf32>' from row 5 on}}
    plan.send %a row 5 to 0 block 0 : memref<7x1xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @main {
    %a = plan.input 0 "a" : memref<3x1xf32>
    %b = plan.temporary : memref<7x1xf32>
    // expected-error @+1 {{copies 'memref<3x1xf32>' to rows of 'memref<7x1xf32>' from 5 on, where it does not fit}}
    plan.copy %a, %b row 5 : memref<3x1xf32>, memref<7x1xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @f {
    // expected-error @+1 {{bounds elements of type 'f32'; only i32 and i64 number rows}}
    %0 = plan.input 0 "x" below 5 : memref<?x1xf32>
    plan.return
  }
}

// -----

plan.program @p role = "local" {
  plan.function @f {
    // expected-error @+1 {{has bound 0, expected at least 1}}
    %0 = plan.input 0 "x" below 0 : memref<?x1xi64>
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.server "h:1" {
    plan.block "w" : memref<3x1xf32>
    // expected-note @+1 {{the block is 'memref<2xf64>'}}
    plan.block "b" : memref<2xf64>
  }
  plan.function @main {
    // expected-error @+1 {{adds parts of 'f32' and 'f64'}}
    plan.agree [0, 0] blocks [0, 1]
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.server "h:1" {
    plan.block "w" : memref<3x1xf32>
  }
  plan.function @main {
    // expected-error @+1 {{names block 1 of server 0, which has 1}}
    plan.agree [0, 0] blocks [0, 1]
    plan.return
  }
}

// -----

plan.program @p role = "trainer" {
  plan.function @main {
    // expected-error @+1 {{names 1 blocks of 0 servers}}
    plan.agree [] blocks [0]
    plan.return
  }
}

// -----

plan.program @p role = "pserver" {
  plan.state @w : memref<2xf32> init = #optim.zeros
  plan.service 0 {
    // expected-error @+1 {{needs a part function of one 'memref<2xf32>' with the output 'memref<f32>'}}
    plan.handler 0 state @w part @part update @update
  }
  // expected-note @+1 {{the function is here}}
  plan.function @part {
    %g = plan.input 0 "g" : memref<2xf32>
    plan.return
  }
  plan.function @update {
    %g = plan.input 0 "g" : memref<2xf32>
    %sum = plan.input 1 "sum" : memref<f32>
    plan.return
  }
}

// -----

plan.program @p role = "pserver" {
  plan.state @w : memref<2xf32> init = #optim.zeros
  plan.service 0 {
    // expected-error @+1 {{needs an update function of 'memref<2xf32>' and the sum, 'memref<f32>'}}
    plan.handler 0 state @w part @part update @update
  }
  plan.function @part {
    %g = plan.input 0 "g" : memref<2xf32>
    %n = plan.constant dense<1.0> : tensor<f32> as memref<f32>
    plan.output "part" %n : memref<f32>
    plan.return
  }
  // expected-note @+1 {{the function is here}}
  plan.function @update {
    %g = plan.input 0 "g" : memref<2xf32>
    plan.return
  }
}
