//===- Passes.td - From one machine to a verified job ----------*- tablegen -*-===//

#ifndef FLEET_TRANSFORMS_PASSES
#define FLEET_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def LookupRowsPass : Pass<"optim-lookup-rows", "::mlir::ModuleOp"> {
  let summary = "look rows of tables up instead of reading them";
  let description = [{
    Replaces every operation that takes rows by number (`IndexingOpInterface`)
    of a parameter with `rows` by an `optim.lookup`, so that nothing holds the
    whole table. Any other use of such a parameter, or of the state that an
    optimizer keeps for its rows, is an error, and so are ids that the program
    computes.

    Example:

    ```mlir
    optim.parameter @words : tensor<1000x16xf32> init = #optim.normal<stddev = 2.0e-2> rows = sparse
    %t = optim.read @words : tensor<1000x16xf32>
    %e = nn.embedding %t, %ids padding_idx = 0 : (tensor<1000x16xf32>, tensor<?x8xi64>) -> tensor<?x8x16xf32>
    ```

    becomes

    ```mlir
    %e = optim.lookup @words[%ids] padding_idx = 0 : (tensor<?x8xi64>) -> tensor<?x8x16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::fleet::optim::OptimDialect"];
}

def AppendBackwardPass : Pass<"optim-append-backward", "::mlir::ModuleOp"> {
  let summary = "write out what optim.minimize stands for";
  let description = [{
    Replaces each `optim.minimize` by the gradients of its loss and one update
    op a parameter. Gradients come from a reverse walk over
    `DifferentiableOpInterface`, starting from `optim.loss_gradient`; an op on the way
    that is only a composite is decomposed first. Updates come in the order in
    which the parameters are declared, and the state that they keep is declared
    behind its parameter. The gradients of all lookups of a table become one
    `optim.row_gradient`.

    Leaves a forward-only copy of `@main`, named `@evaluate`, unless there is
    such a function. A parameter that is called `evaluate` gets another symbol
    and remembers its name as its `origin`.

    Refuses a loss that no parameter reaches, an op on the way that has no
    gradient, a second update of a parameter, and a minimize that is not
    directly in the body of a function.

    Example:

    ```mlir
    func.func @main(%x: tensor<?x4xf32>) {
      %w = optim.read @w : tensor<4x1xf32>
      %p = nn.matmul %x, %w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
      %loss = nn.reduce sum %p dims = [0, 1] : tensor<?x1xf32> -> tensor<f32>
      optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
      return
    }
    ```

    becomes

    ```mlir
    func.func @main(%x: tensor<?x4xf32>) {
      %w = optim.read @w : tensor<4x1xf32>
      %p = nn.matmul %x, %w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
      %loss = nn.reduce sum %p dims = [0, 1] : tensor<?x1xf32> -> tensor<f32>
      %one = optim.loss_gradient : tensor<f32>
      %dp = nn.broadcast %one like %p along = [0, 1] : (tensor<f32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      %dw = nn.matmul %x, %dp transpose_a : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<4x1xf32>
      optim.sgd @w, %dw learning_rate = 1.000000e-02 : tensor<4x1xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::fleet::nn::NNDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def DistributeLocalPass : Pass<"fleet-distribute-local", "::mlir::ModuleOp"> {
  let summary = "make a job of one process";
  let description = [{
    Wraps a program into a job module with one nested module, `@local`.

    Example:

    ```mlir
    module @fit_a_line attributes {fleet.job = #fleet.job<mode = local, sync = sync, trainers = 1>} {
      module @local attributes {fleet.role = #fleet.role<local>} {
        optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
        func.func @main(%x: tensor<?x13xf32>) { ... }
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect"];
}

def ShareAssignedPass : Pass<"fleet-share-assigned", "::mlir::ModuleOp"> {
  let summary = "share what the program assigns itself";
  let description = [{
    A variable that no optimizer updates but `@main` assigns (the moving statistics
    of a batch normalization, a counter) has to be the same on all trainers. Turns
    `optim.assign` into an update, which distribution then moves to servers as any
    other: `optim.take_average`, or with `deltas`, for modes in which servers apply
    each push by itself, `optim.apply_delta` of what the step has changed, so that
    no change is lost.

    Refuses what has no such meaning: an assignment of some rows, of optimizer
    state, of a variable that is trained too, a second one of the same variable.

    Example:

    ```mlir
    optim.assign @mean, %new : tensor<13xf32>
    ```

    becomes

    ```mlir
    optim.take_average @mean, %new : tensor<13xf32>
    ```
  }];
  let options = [Option<"deltas", "deltas", "bool", /*default=*/"false",
                        "share what a step has changed, not its result">];
  let dependentDialects = ["::mlir::fleet::nn::NNDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def DistributePSPass : Pass<"fleet-distribute-ps", "::mlir::ModuleOp"> {
  let summary = "make a job of trainers and parameter servers";
  let description = [{
    Distributes a program with update ops (`OptimizerOpInterface`) over
    parameter servers, in blocks of whole rows. `sync` says when servers apply
    gradients, see `fleet.serve`.

    With `compensation` of lambda > 0, which an asynchronous mode only may have,
    an update function takes also the parameter as the trainer received it last,
    and updates by g + lambda * g * g * (parameter now - parameter then).

    * With `slice`, a parameter of at least two times `min-block-size` elements
      is cut into at most one block a server, as evenly as its rows allow;
      gradient, optimizer state of its shape and initial values follow. An
      update that needs the whole tensor (`isRowSplittable`) keeps it whole.
      State that is a scalar is copied for every block.
    * `dispatcher` deals the blocks: `balanced` by bytes, `round_robin` one by
      one in the order of updates, `hash` by their names.
    * A server holds its parameters and all optimizer state, one update function
      a block, and serves.
    * The trainer's `@main` keeps forward and backward. In place of each update
      it sends the gradient; where the last update stood it ends the sends,
      receives every parameter, waits for them and assigns them. `@startup`
      receives the initial values. Other functions stay as they are.
    * An op that changes several gradients together (`JointGradientOpInterface`,
      such as `optim.clip_by_global_norm`) moves to servers with `sync=sync`:
      a server makes a part of a sum of each averaged gradient, and trainers tell
      all of them the sum before they update (`fleet.agree`). In other modes the
      op stays, as a push is of one trainer.
    * A parameter that no optimizer updates stays with the trainers. It has the
      same value on all of them, as initial values depend on the job's seed and
      the parameter's name only. Assigning to it is refused, unless `keep-assigned`
      says that each trainer has its own; `fleet-share-assigned` makes updates of
      assignments.
    * With `sync=async`, the trainer's step ends in `fleet.submit` and
      `fleet.fetch_latest`, which do not wait, in place of the barriers.
    * With `sync=geo`, what is said here of `@main` happens to `@exchange`, which
      `fleet-exchange-deltas` makes, and `@startup` is continued; updates in
      `@main` stay with the trainer.
    * Of a table (`rows` of a parameter) the trainer has nothing but a
      `fleet.table`. It pulls the rows of all lookups at the start of a function
      and pushes their gradients in place of the update. A sparse table is cut
      into blocks as other parameters are, of which a server gets one at most; a
      distributed one is on every server. Both come with their state, an update
      function that takes the table's gradient, and a `fleet.on_rows`. Tables go
      neither with `sync=geo` nor with `compensation`.
    * Servers that get nothing are kept, with a warning.

    A variable whose symbol the job needs for itself (`startup`) gets another
    symbol and remembers its name as its `origin`.

    Example:

    ```mlir
    module @fit_a_line attributes {fleet.job = #fleet.job<mode = ps, sync = sync, trainers = 2>} {
      module @trainer attributes {fleet.role = #fleet.role<trainer>} {
        fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
        optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
        func.func @main(%x: tensor<?x13xf32>) {
          ...
          fleet.send %dw to @pserver_0 as "w@GRAD" : tensor<13x1xf32>
          fleet.send_barrier
          %w = fleet.recv "w" from @pserver_0 : tensor<13x1xf32>
          fleet.fetch_barrier
          optim.assign @w, %w : tensor<13x1xf32>
          return
        }
        func.func @startup() { ... }
      }
      module @pserver_0 attributes {fleet.role = #fleet.role<pserver, index = 0>} {
        optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
        func.func @update_w(%g: tensor<13x1xf32>) {
          optim.sgd @w, %g learning_rate = 1.000000e-02 : tensor<13x1xf32>
          return
        }
        func.func @main() {
          fleet.serve endpoint = "127.0.0.1:6170", trainers = 2, sync {
            fleet.on "w@GRAD" update @update_w serve @w as "w"
          }
          return
        }
      }
    }
    ```
  }];
  let options = [
    ListOption<"pservers", "pservers", "std::string",
               "endpoints of the servers, HOST:PORT or [V6]:PORT">,
    Option<"trainers", "trainers", "int64_t", /*default=*/"1",
           "number of trainers">,
    Option<"sync", "sync", "::mlir::fleet::dist::SyncMode",
           /*default=*/"::mlir::fleet::dist::SyncMode::Sync",
           "when servers apply gradients", [{::llvm::cl::values(
             clEnumValN(::mlir::fleet::dist::SyncMode::Sync, "sync",
                        "all trainers' at once"),
             clEnumValN(::mlir::fleet::dist::SyncMode::HalfAsync, "half_async",
                        "each trainer's when they come"),
             clEnumValN(::mlir::fleet::dist::SyncMode::Async, "async",
                        "each trainer's when they come, without an answer "
                        "that the trainer waits for"),
             clEnumValN(::mlir::fleet::dist::SyncMode::Geo, "geo",
                        "what each trainer has changed in some steps"))}]>,
    Option<"queue", "queue", "int64_t", /*default=*/"4",
           "sync=async: steps of a trainer that may be under way">,
    Option<"merge", "merge", "int64_t", /*default=*/"4",
           "sync=async: steps that one push may have">,
    Option<"compensation", "compensation", "double", /*default=*/"0",
           "lambda of delay-compensated SGD; 0: no compensation">,
    Option<"keepAssigned", "keep-assigned", "bool", /*default=*/"false",
           "leave what the program assigns itself to each trainer">,
    Option<"slice", "slice", "bool", /*default=*/"true",
           "cut large parameters into blocks of rows">,
    Option<"minBlockSize", "min-block-size", "int64_t", /*default=*/"8192",
           "least number of elements of a block">,
    Option<"dispatcher", "dispatcher", "::mlir::fleet::Dispatcher",
           /*default=*/"::mlir::fleet::Dispatcher::Balanced",
           "how blocks are dealt to servers", [{::llvm::cl::values(
             clEnumValN(::mlir::fleet::Dispatcher::Balanced, "balanced",
                        "equal bytes"),
             clEnumValN(::mlir::fleet::Dispatcher::RoundRobin, "round_robin",
                        "one after the other"),
             clEnumValN(::mlir::fleet::Dispatcher::Hash, "hash",
                        "by name"))}]>,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::fleet::nn::NNDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def DistributeCollectivePass : Pass<"fleet-distribute-collective", "::mlir::ModuleOp"> {
  let summary = "make a job of equal trainers";
  let description = [{
    Every process is a trainer with all parameters, optimizer state and updates;
    one program, `@trainer`, is for all of them. `@startup` connects them as the
    group `@world`, and gives all of them the parameters and state of rank 0.
    These are the same without that, as initial values depend on the job's seed
    and the parameter's name only, unless rank 0 has loaded a checkpoint.
    Tables with `rows = sparse` are whole on every trainer; `rows = distributed`
    is refused.

    Another pass has to follow that keeps the trainers equal, such as
    `fleet-all-reduce-gradients`; `fleet-verify-job` checks that.

    Example:

    ```mlir
    module @fit_a_line attributes {fleet.job = #fleet.job<mode = collective, sync = sync, trainers = 4>} {
      module @trainer attributes {fleet.role = #fleet.role<trainer>} {
        fleet.group @world size = 4
        optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
        func.func @main(%x: tensor<?x13xf32>) { ... }
        func.func @startup() {
          fleet.connect @world
          fleet.broadcast @w from 0 in @world
          return
        }
      }
    }
    ```
  }];
  let options = [
    Option<"trainers", "trainers", "int64_t", /*default=*/"1",
           "number of trainers">,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def SplitJointRowsPass : Pass<"optim-split-joint-rows", "::mlir::ModuleOp"> {
  let summary = "change gradients of tables together with others by their rows";
  let description = [{
    An op that changes several gradients together (`JointGradientOpInterface`), one
    of a table among them, becomes what it does: a part of each gradient, their
    sum, and a change of each by it. Parts and changes of tables are functions of
    some rows, which `optim.row_part` and `optim.row_change` name. Comes where
    gradients are those of the whole step, on a job of one process or after
    `fleet-all-reduce-gradients`.

    Example:

    ```mlir
    %c:2 = optim.clip_by_global_norm %dw, %dt max = 1.0 : tensor<4xf32>, tensor<100x8xf32>
    // becomes, less the math for %dw,
    %part = optim.row_part %dt by @t_part : tensor<100x8xf32> -> tensor<f32>
    %sum = nn.add %of_dw, %part : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %changed = optim.row_change %dt, %sum by @t_change : tensor<100x8xf32>, tensor<f32>
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::fleet::nn::NNDialect"];
}

def AllReduceGradientsPass : Pass<"fleet-all-reduce-gradients", "::mlir::ModuleOp"> {
  let summary = "add gradients over all trainers before they update";
  let description = [{
    In a job of `fleet-distribute-collective`, updates (`OptimizerOpInterface`) in
    `@main` get the gradient of the whole batch. In a function with `fleet.every`,
    such as the one of `fleet-merge-gradients`, what they take is what this trainer
    adds, and all is done there.

    * A trainer's gradients count by its share in the rows of the step: the
      derivative of the loss (`optim.loss_gradient`) becomes `fleet.examples
      share`, so that the sum over trainers is the mean over examples, also where
      the last batch of an epoch does not divide. A gradient that comes from no
      such op is multiplied by the share.
    * Gradients are put into buckets of up to `bucket-size` bytes, in the order in
      which they are computed; a gradient that is larger has a bucket for itself.
    * A bucket starts (`fleet.all_reduce_start`) when its last gradient is there,
      so that it travels while the program computes the next ones. Where the last
      update stood, buckets are waited for in the same order, each followed by
      the updates that need it.
    * An op that changes several gradients together (`JointGradientOpInterface`)
      follows the last wait, so that it sees the gradients of the whole batch.
    * The gradient of a table is that of the rows that any trainer names
      (`fleet.all_gather_rows`), behind all waits.

    Reading or assigning a variable between its update and the last update of the
    step is refused.

    Example:

    ```mlir
    %share = fleet.examples share : tensor<f32>
    ...
    %t0 = fleet.all_reduce_start %dw2 in @world : tensor<128x10xf32>
    ...
    %t1 = fleet.all_reduce_start %dw1 in @world : tensor<784x128xf32>
    %0 = fleet.all_reduce_wait %t0 : tensor<128x10xf32>
    optim.sgd @w2, %0 learning_rate = 1.000000e-02 : tensor<128x10xf32>
    %1 = fleet.all_reduce_wait %t1 : tensor<784x128xf32>
    optim.sgd @w1, %1 learning_rate = 1.000000e-02 : tensor<784x128xf32>
    ```
  }];
  let options = [
    Option<"bucketSize", "bucket-size", "int64_t", /*default=*/"25 << 20",
           "bytes of gradients that travel together">,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::fleet::nn::NNDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def MergeGradientsPass : Pass<"fleet-merge-gradients", "::mlir::ModuleOp"> {
  let summary = "update once for the gradients of several steps";
  let description = [{
    `@main` adds the gradient of each update (`OptimizerOpInterface`) to a state,
    and a new function `@update`, which runs after every `steps` steps and once at
    the end, does what was done with gradients: clipping, regularization, updates,
    counting. So k steps of B rows train as one step of k * B rows does.

    Gradients count by the number of rows of their step and are divided by that
    of all steps and trainers; without `average`, means of steps are added. An op
    that changes several gradients together (`JointGradientOpInterface`) sees the
    merged ones. Values that are not gradients (`takesGradient`) are not merged.

    Runs on the program of one machine, before `fleet-distribute-local` or
    `fleet-distribute-collective`. Refuses tables, and uses of a parameter behind
    its update.

    Example:

    ```mlir
    optim.state @"w/gradient_sum" of @w slot = "gradient_sum" : tensor<13x1xf32> init = #optim.zeros transient
    func.func @main(...) {
      %own = fleet.examples own : tensor<f32>
      ...
      %0 = optim.read @"w/gradient_sum" : tensor<13x1xf32>
      %1 = nn.add %0, %dw : (tensor<13x1xf32>, tensor<13x1xf32>) -> tensor<13x1xf32>
      optim.assign @"w/gradient_sum", %1 : tensor<13x1xf32>
      return
    }
    func.func @update() attributes {fleet.every = 4 : i64} {
      %0 = optim.read @"w/gradient_sum" : tensor<13x1xf32>
      %all = fleet.examples all : tensor<f32>
      %1 = nn.div %0, %all : (tensor<13x1xf32>, tensor<f32>) -> tensor<13x1xf32>
      optim.sgd @w, %1 learning_rate = 1.000000e-02 : tensor<13x1xf32>
      %zero = nn.constant dense<0.0> : tensor<13x1xf32>
      optim.assign @"w/gradient_sum", %zero : tensor<13x1xf32>
      return
    }
    ```
  }];
  let options = [
    Option<"steps", "steps", "int64_t", /*default=*/"1", "steps of an update">,
    Option<"average", "average", "bool", /*default=*/"true",
           "take the mean over the rows of all steps; else the sum of the means">,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::fleet::nn::NNDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def LocalSGDPass : Pass<"fleet-local-sgd", "::mlir::ModuleOp"> {
  let summary = "train alone, and become equal every so many steps";
  let description = [{
    In a job of `fleet-distribute-collective`, in place of
    `fleet-all-reduce-gradients`: trainers update by their own gradients. A new
    function `@average`, which runs after every `steps` steps (up to step `begin`
    after each) and once at the end, makes every parameter and optimizer state
    that came to differ the mean over the trainers, weighted by the examples that
    each has seen since. Afterwards all trainers are equal, so that a checkpoint of
    one of them is all there is to know.

    With `adaptive`, `@average` returns the number of steps until it runs next:
    sqrt(steps * loss / first loss * first learning rate / learning rate), from 1
    to 16, with the loss of the last step over all trainers.

    Example:

    ```mlir
    func.func @average() attributes {fleet.every = 8 : i64} {
      %share = fleet.examples share : tensor<f32>
      %w = optim.read @w : tensor<13x1xf32>
      %0 = nn.mul %w, %share : (tensor<13x1xf32>, tensor<f32>) -> tensor<13x1xf32>
      %t = fleet.all_reduce_start %0 in @world : tensor<13x1xf32>
      %1 = fleet.all_reduce_wait %t : tensor<13x1xf32>
      optim.assign @w, %1 : tensor<13x1xf32>
      return
    }
    ```
  }];
  let options = [
    Option<"steps", "steps", "int64_t", /*default=*/"1",
           "steps between averages; with adaptive, at first">,
    Option<"begin", "begin", "int64_t", /*default=*/"1",
           "up to which step trainers average after each">,
    Option<"adaptive", "adaptive", "bool", /*default=*/"false",
           "choose the number of steps by the loss and the learning rate">,
    Option<"bucketSize", "bucket-size", "int64_t", /*default=*/"25 << 20",
           "bytes of variables that travel together">,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::fleet::nn::NNDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def ShardUpdatesPass : Pass<"fleet-shard-updates", "::mlir::ModuleOp"> {
  let summary = "let each trainer update a part of every parameter";
  let description = [{
    After `fleet-all-reduce-gradients`: of a parameter whose update treats rows
    separately (`isRowSplittable`), a trainer keeps optimizer state for its part only,
    one of as many equal parts of the flattened parameter as there are trainers.
    Gradients are reduce-scattered in place of all-reduced, the part is updated, and
    the parts are gathered into the parameter, which all trainers have. So neither
    the state nor a sum of gradients is ever whole anywhere.

    An op that changes gradients together (`JointGradientOpInterface`) becomes a sum
    over parts, which trainers add. Updates that need the whole tensor (for its norm)
    stay as they are, on every trainer.

    Example:

    ```mlir
    optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
    optim.parameter @w.part : tensor<7xf32> init = #optim.zeros origin = <name = "w", shape = [13, 1], shards = 2> transient
    optim.state @"w.part/velocity" of @w.part slot = "velocity" : tensor<7xf32> init = #optim.zeros origin = <name = "w", shape = [13, 1], shards = 2>
    func.func @main(...) {
      ...
      %t = fleet.reduce_scatter_start %dw in @world : tensor<13x1xf32>
      %0 = fleet.reduce_scatter_wait %t : tensor<7xf32>
      optim.momentum @w.part, %0 velocity = @"w.part/velocity" learning_rate = 1.000000e-02 momentum = 9.000000e-01 : tensor<7xf32>
      %1 = optim.read @w.part : tensor<7xf32>
      %u = fleet.all_gather_start %1 in @world : tensor<7xf32>
      %2 = fleet.all_gather_wait %u : tensor<13x1xf32>
      optim.assign @w, %2 : tensor<13x1xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::fleet::nn::NNDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def HierarchicalAllReducePass : Pass<"fleet-hierarchical-all-reduce", "::mlir::ModuleOp"> {
  let summary = "add within machines first, then between them";
  let description = [{
    Replaces every all-reduce in the group of all trainers by a reduce-scatter
    between `neighbours` (trainers of one machine, whose ranks follow each other), an
    all-reduce of each part across machines, and an all-gather between neighbours. A
    byte of a gradient then crosses between machines once for a machine, not once for a
    trainer.

    Calls on several buckets go on side by side: all reduce-scatters begin where the
    all-reduces did.

    Example:

    ```mlir
    fleet.group @world size = 4
    fleet.group @neighbours size = 2 stride = 1
    fleet.group @across size = 2 stride = 2
    ...
    %t = fleet.reduce_scatter_start %dw in @neighbours : tensor<13x1xf32>
    %0 = fleet.reduce_scatter_wait %t : tensor<7xf32>
    %u = fleet.all_reduce_start %0 in @across : tensor<7xf32>
    %1 = fleet.all_reduce_wait %u : tensor<7xf32>
    %v = fleet.all_gather_start %1 in @neighbours : tensor<7xf32>
    %2 = fleet.all_gather_wait %v : tensor<13x1xf32>
    ```
  }];
  let options = [
    Option<"neighbours", "neighbours", "int64_t", /*default=*/"1",
           "trainers of a machine">,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect"];
}

def CastAllReducePass : Pass<"fleet-cast-all-reduce", "::mlir::ModuleOp"> {
  let summary = "add gradients over trainers in half precision";
  let description = [{
    Follows whatever pass makes trainers add their gradients, such as
    `fleet-all-reduce-gradients`: what a trainer contributes is cast to `type`
    (`nn.cast`) just before it leaves, and the sum back when it is there. So half
    the bytes (of f64: a quarter) travel. Updates, clipping and states of
    optimizers compute as before, by sums that are rounded to `type`.

    Only gradients are cast: what nothing uses but updates
    (`OptimizerOpInterface` with `takesGradient`), also by way of ops that change
    them. Averages of what the program assigns stay as they are, in a call of
    their own. A job in which there is nothing to cast is refused.

    Choose `bf16` where gradients may be large or tiny: it has the range of f32.
    With `f16` a contribution from 65520 on becomes infinite, and one below
    2^-25 becomes 0.

    Example:

    ```mlir
    %0 = nn.cast %dw : tensor<784x128xf32> to tensor<784x128xbf16>
    %t = fleet.all_reduce_start %0 in @world : tensor<784x128xbf16>
    ...
    %1 = fleet.all_reduce_wait %t : tensor<784x128xbf16>
    %2 = nn.cast %1 : tensor<784x128xbf16> to tensor<784x128xf32>
    optim.sgd @w, %2 learning_rate = 1.000000e-02 : tensor<784x128xf32>
    ```
  }];
  let options = [
    Option<"type", "type", "std::string", /*default=*/"\"bf16\"",
           "element type of what travels: f16 or bf16">,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::fleet::nn::NNDialect"];
}

def ExchangeDeltasPass : Pass<"fleet-exchange-deltas", "::mlir::ModuleOp"> {
  let summary = "train locally and exchange what changed, every so many steps";
  let description = [{
    Geo-SGD: updates stay in `@main`, so a trainer trains by itself. A new
    function `@exchange` runs after every `every` steps and once at the end. With
    `base` the value of a parameter at the last exchange, it gives `base` its
    share of what has changed since, `(w - base) / trainers`, by
    `optim.apply_delta`, and takes over what `base` has become by then, with the
    rest on top of it. On one machine nobody else changes `base`;
    `fleet-distribute-ps` with `sync=geo`, which has to follow, moves it to
    servers, where the shares of all trainers add up. `@startup` makes the
    parameters what `base` is.

    Example:

    ```mlir
    optim.parameter @w : tensor<13x1xf32> init = #optim.zeros
    optim.parameter @w.base : tensor<13x1xf32> init = #optim.zeros origin = #optim.origin<"w", [13, 1], row_offset = 0>
    func.func @exchange() attributes {fleet.every = 20 : i64} {
      %w = optim.read @w : tensor<13x1xf32>
      %base = optim.read @w.base : tensor<13x1xf32>
      %changed = nn.sub %w, %base : (tensor<13x1xf32>, tensor<13x1xf32>) -> tensor<13x1xf32>
      %half = nn.constant dense<5.0e-01> : tensor<f32>
      %share = nn.mul %changed, %half : (tensor<13x1xf32>, tensor<f32>) -> tensor<13x1xf32>
      %rest = nn.sub %changed, %share : (tensor<13x1xf32>, tensor<13x1xf32>) -> tensor<13x1xf32>
      optim.apply_delta @w.base, %share : tensor<13x1xf32>
      %new = optim.read @w.base : tensor<13x1xf32>
      %sum = nn.add %new, %rest : (tensor<13x1xf32>, tensor<13x1xf32>) -> tensor<13x1xf32>
      optim.assign @w, %sum : tensor<13x1xf32>
      return
    }
    ```
  }];
  let options = [
    Option<"every", "every", "int64_t", /*default=*/"100",
           "steps between exchanges">,
    Option<"trainers", "trainers", "int64_t", /*default=*/"1",
           "number of trainers">,
  ];
  let dependentDialects = ["::mlir::fleet::dist::FleetDialect",
                           "::mlir::fleet::nn::NNDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::fleet::optim::OptimDialect"];
}

def VerifyJobPass : Pass<"fleet-verify-job", "::mlir::ModuleOp"> {
  let summary = "check that the programs of a job agree";
  let description = [{
    Fails, with the op at fault and a note on its other side, unless

    * the job has the roles of its mode, and names, endpoints, trainer counts
      and modes of trainer and servers agree;
    * every send has exactly one handler of its name and type on the server that
      it names, every handler one send, and every receive a served block;
    * every block is served by one server and updated by one handler, whose
      function updates the served parameter and nothing else;
    * a step is: sends, send_barrier, receives, fetch_barrier, and only then
      uses of what was received (submit and fetch_latest in place of the
      barriers in a job of mode `async`, and only there); `@startup` receives
      every block;
    * what a handler makes for a sum is what trainers agree on, in `fleet.agree`
      between send_barrier and receives, and everything there has a handler;
    * in mode `geo`, that is so of `@exchange`, which has its rhythm, and brings
      back every parameter that `@main` updates;
    * every table is declared by the trainer and served where it says, in ranges
      of rows (or by remainders) that both sides agree on, with the same initial
      values, state and update everywhere; a step pulls rows once, before its
      sends end, and pushes each trained table once, for what it has pulled;
    * nothing else in the job touches the wire, and no trainer updates a
      parameter by itself.

    In a job of mode `collective`, all trainers run one program, in which

    * calls stand where all trainers come by, directly in `@main` or in a function
      with `fleet.every`, and end in the order in which they begin;
    * groups have the size of the job and are connected in `@startup`, which also
      gives all variables of one trainer to the others;
    * nothing that differs between trainers (what comes from their data) updates a
      parameter, unless it was added over all of them, or a function with
      `fleet.every` makes the parameter equal again.

    Example: with the server above, this program of a trainer

    ```mlir
    fleet.send %dw to @pserver_0 as "w@GRD" : tensor<13x1xf32>
    ```

    gives

    ```
    error: 'fleet.send' op sends "w@GRD" to @pserver_0, which has no handler for it
    note: it serves here
    ```
  }];
}

def BoundIndicesPass : Pass<"fleet-bound-indices", "::mlir::ModuleOp"> {
  let summary = "say which ids an input may hold";
  let description = [{
    For every operation that chooses rows by number (`IndexingOpInterface`),
    gives the input of the program that holds the numbers the attribute
    `fleet.upper_bound`, the least number of rows that it is used for. The
    runtime checks it when data is loaded. Numbers that the program computes
    are an error.

    Example:

    ```mlir
    func.func @main(%table: tensor<10x4xf32>, %ids: tensor<?x1xi64>) -> tensor<?x4xf32> {
      %0 = nn.gather %table, %ids : (tensor<10x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
      return %0 : tensor<?x4xf32>
    }
    ```

    gives

    ```mlir
    func.func @main(%table: tensor<10x4xf32>, %ids: tensor<?x1xi64> {fleet.upper_bound = 10 : i64}) ...
    ```
  }];
}

#endif // FLEET_TRANSFORMS_PASSES
