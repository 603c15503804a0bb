// RUN: fleet-opt %s --fleet-verify-job
// RUN: sed 's/as "words"/as "word"/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: sed 's/counts = \[60, 40\]/counts = [50, 50]/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=COUNTS
// RUN: sed 's/on \[@p, @q\] counts/on [@q, @p] counts/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: sed 's/on \[@p, @q\] counts = .*/on [@p, @q]/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: sed 's/on \[@p, @q\]$/on [@p]/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=PEER
// RUN: sed 's/as "users" : tensor<100x4xf32>/as "users" : tensor<101x4xf32>/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: sed 's/origin<name = "words"/origin<name = "others"/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=ORIGIN
// RUN: sed '/on_rows "users".*on q/d' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=UNSERVED
// RUN: sed '/on q/s/momentum = 0.9/momentum = 0.8/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=RULE
// RUN: sed '/@w :/s/#optim.constant<1.0>/#optim.constant<3.0>/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=INIT
// RUN: sed '/@v of @w /s/#optim.zeros/#optim.ones/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=STATE
// RUN: sed '/fleet.push_rows @users/d' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=UNPUSHED
// RUN: sed 's/update @update_users serve/serve/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=FROZEN
// RUN: sed '/fleet.push_rows @users/{h;d};/fleet.send_barrier/G' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=LATE
// RUN: sed 's/fleet.push_rows @words \[%%ids\] %%w/fleet.push_rows @words [%%ids] %%w padding_idx = 3/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=PADDING
// RUN: sed '/fleet.push_rows @words/p' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: sed 's/fleet.push_rows @words.*/%%x = fleet.pull_rows @words[%%ids] : (tensor<?x1xi64>) -> tensor<?x4xf32> &/' %s | not fleet-opt --fleet-verify-job 2>&1 | FileCheck %s --check-prefix=PULLS

// NAME: error: 'fleet.table' op expects rows of "word" on @p, which does not serve them
// NAME: note: it serves here
// NAME: error: 'fleet.on_rows' op serves rows of "words", which the trainer does not expect here
// NAME: note: the trainer is here

// COUNTS: error: 'optim.parameter' op has 60 rows from 0 on, the trainer expects 50 from 0 on
// COUNTS: note: the trainer expects it here

// ORDER: error: 'optim.parameter' op has 40 rows from 60 on, the trainer expects 60 from 0 on

// KIND: error: 'optim.parameter' op has rows = sparse, the trainer takes it for distributed

// PEER: error: 'fleet.on_rows' op serves rows of "users", which the trainer does not expect here
// PEER: note: it expects them on other servers

// TYPE: error: 'optim.parameter' op is of a table of type 'tensor<100x4xf32>', the trainer's is 'tensor<101x4xf32>'

// ORIGIN: error: 'optim.parameter' op holds rows of 'others' but is served as those of "words"

// UNSERVED: error: 'optim.parameter' op is on a pserver but served by no handler

// RULE: error: 'optim.momentum' op of the table "words" is updated otherwise than on another server
// RULE: note: the other server's is here

// INIT: error: 'optim.parameter' op of the table "words" begins with other values than on another server

// STATE: error: 'optim.state' op of the table "words" is other state than on another server

// UNPUSHED: error: 'fleet.on_rows' op waits for gradients of rows of "users", which no trainer pushes
// UNPUSHED: note: the trainer declares it here

// FROZEN: error: 'fleet.push_rows' op pushes rows of @users, which no server updates

// LATE: error: 'fleet.push_rows' op comes after the end of the sends of the step
// LATE: note: they end here

// PADDING: error: 'fleet.push_rows' op has gradients of rows that the step has not pulled with the same ids and padding
// PADDING: note: it pulls here

// TWICE: error: 'fleet.push_rows' op pushes rows of @words a second time in one step

// PULLS: error: 'fleet.pull_rows' op pulls a second time; all lookups of a step are one fleet.pull_rows

module @job attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 1>} {
  module @trainer attributes {fleet.role = #fleet.role<trainer>} {
    fleet.peer @p endpoint = "h:1"
    fleet.peer @q endpoint = "h:2"
    fleet.table @words as "words" : tensor<100x4xf32> on [@p, @q] counts = [60, 40]
    fleet.table @users as "users" : tensor<100x4xf32> on [@p, @q]
    func.func @main(%ids: tensor<?x1xi64>) {
      %w, %u = fleet.pull_rows @words[%ids], @users[%ids] : (tensor<?x1xi64>, tensor<?x1xi64>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
      fleet.push_rows @words [%ids] %w : tensor<?x1xi64>, tensor<?x4xf32>
      fleet.push_rows @users [%ids] %u : tensor<?x1xi64>, tensor<?x4xf32>
      fleet.send_barrier
      fleet.fetch_barrier
      return
    }
    func.func @startup() {
      fleet.fetch_barrier
      return
    }
  }
  module @p attributes {fleet.role = #fleet.role<pserver, index = 0>} {
    optim.parameter @words : tensor<60x4xf32> init = #optim.constant<1.0> rows = sparse origin = #optim.origin<name = "words", shape = [100, 4], row_offset = 0>
    optim.state @v of @words slot = "velocity" : tensor<60x4xf32> init = #optim.zeros
    optim.parameter @users : tensor<100x4xf32> init = #optim.zeros rows = distributed
    func.func @update_words(%g: tensor<60x4xf32>) {
      optim.momentum @words, %g velocity = @v learning_rate = 0.1 momentum = 0.9 : tensor<60x4xf32>
      return
    }
    func.func @update_users(%g: tensor<100x4xf32>) {
      optim.sgd @users, %g learning_rate = 0.1 : tensor<100x4xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:1", trainers = 1, sync {
        fleet.on_rows "words" update @update_words serve @words
        fleet.on_rows "users" update @update_users serve @users
      }
      return
    }
  }
  module @q attributes {fleet.role = #fleet.role<pserver, index = 1>} {
    optim.parameter @w : tensor<40x4xf32> init = #optim.constant<1.0> rows = sparse origin = #optim.origin<name = "words", shape = [100, 4], row_offset = 60>
    optim.state @v of @w slot = "velocity" : tensor<40x4xf32> init = #optim.zeros
    optim.parameter @users : tensor<100x4xf32> init = #optim.zeros rows = distributed
    func.func @update_words(%g: tensor<40x4xf32>) {
      optim.momentum @w, %g velocity = @v learning_rate = 0.1 momentum = 0.9 : tensor<40x4xf32> // on q
      return
    }
    func.func @update_users(%g: tensor<100x4xf32>) {
      optim.sgd @users, %g learning_rate = 0.1 : tensor<100x4xf32>
      return
    }
    func.func @main() {
      fleet.serve endpoint = "h:2", trainers = 1, sync {
        fleet.on_rows "words" update @update_words serve @w
        fleet.on_rows "users" update @update_users serve @users // on q
      }
      return
    }
  }
}
