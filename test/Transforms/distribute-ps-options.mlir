// RUN: not fleet-opt %s --fleet-distribute-ps 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not fleet-opt %s --fleet-distribute-ps="pservers=h:1 trainers=0" 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not fleet-opt %s --fleet-distribute-ps="pservers=h:1 trainers=-2" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not fleet-opt %s --fleet-distribute-ps="pservers=h:1,g:1,H:1" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not fleet-opt %s --fleet-distribute-ps="pservers=h:1,127.0.0.1" 2>&1 | FileCheck %s --check-prefix=PORT
// RUN: not fleet-opt %s --fleet-distribute-ps="pservers=h:65536" 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not fleet-opt %s --fleet-distribute-ps="pservers=::1:80" 2>&1 | FileCheck %s --check-prefix=BRACKETS
// RUN: fleet-opt %s --fleet-distribute-ps="pservers=h:1,h:2,h:3" --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=IDLE

// NONE: error: pservers: names no server, expected HOST:PORT[,HOST:PORT...]
// ZERO: error: trainers: expected at least one, got 0
// NEGATIVE: error: trainers: expected at least one, got -2
// TWICE: error: pservers: 'H:1' is listed twice
// PORT: error: pservers: '127.0.0.1' has no port; expected HOST:PORT
// RANGE: error: pservers: 'h:65536' has the port '65536', expected 1 to 65535
// BRACKETS: error: pservers: '::1:80' has more than one colon; an IPv6 address goes in brackets

// More servers than parameters is a waste, not an error.
// IDLE: warning: pservers: 3 servers for 1 block, so 'h:2' will hold nothing
// IDLE: warning: pservers: 3 servers for 1 block, so 'h:3' will hold nothing
// IDLE: module @pserver_2
// IDLE-NEXT: func.func @main
// IDLE-NEXT: fleet.serve endpoint = "h:3", trainers = 1, sync {
// IDLE-NEXT: }
optim.parameter @w : tensor<1xf32> init = #optim.ones
func.func @main(%g: tensor<1xf32>) {
  optim.sgd @w, %g learning_rate = 1.0 : tensor<1xf32>
  return
}
