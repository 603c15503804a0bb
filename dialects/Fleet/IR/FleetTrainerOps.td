//===- FleetTrainerOps.td - What a trainer does ----------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEETTRAINEROPS
#define FLEET_DIALECTS_FLEET_IR_FLEETTRAINEROPS

/// An op that talks to peers: never removed, merged or moved over another.
class Fleet_TransferOp<string mnemonic, list<Trait> traits = []>
    : Fleet_Op<mnemonic,
               [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>] # traits>;

def Fleet_PeerOp : Fleet_Op<"peer", [Symbol]> {
  let summary = "a server that this program talks to";
  let description = [{
    The symbol is the name of the server's module in the job.

    Example:

    ```mlir
    fleet.peer @pserver_0 endpoint = "127.0.0.1:6170"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$endpoint);
  let assemblyFormat = "$sym_name `endpoint` `=` $endpoint attr-dict";
  let hasVerifier = 1;
}

def Fleet_SendOp : Fleet_TransferOp<"send",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "hands a gradient to the server that owns its block";
  let description = [{
    Leaves at the next `fleet.send_barrier`, together with everything else for
    the same server. With `rows`, only these rows of the gradient go: `count`
    of them, from row (index of the first dimension) `rows` on.

    Example:

    ```mlir
    fleet.send %db to @pserver_0 as "b@GRAD" : tensor<1xf32>
    fleet.send %dw rows 7 count 6 to @pserver_1 as "w.block1@GRAD" : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins Fleet_BlockType:$value, FlatSymbolRefAttr:$peer,
                       StrAttr:$name,
                       OptionalAttr<I64Attr>:$rows, OptionalAttr<I64Attr>:$count);
  let assemblyFormat = [{
    $value (`rows` $rows^ `count` $count)? `to` $peer `as` $name attr-dict
    `:` type($value)
  }];
  let extraClassDeclaration = [{
    /// The first row that is sent.
    int64_t getFirstRow() { return getRows().value_or(0); }
    /// The type of what is sent: of the value, or of some rows of it.
    ::mlir::RankedTensorType getBlockType();
  }];
  let hasVerifier = 1;
}

def Fleet_SendBarrierOp : Fleet_TransferOp<"send_barrier"> {
  let summary = "ends the sends of a step";
  let description = [{
    Example:

    ```mlir
    fleet.send_barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Fleet_AgreeOp : Fleet_TransferOp<"agree",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "makes servers agree on a sum before they update";
  let description = [{
    Servers have merged the gradients of the step and made a number of each of
    `gradients`, the `part` of its handler. Waits for these, adds them in the
    order given here, and tells the sum to the same servers, which update only
    then. As all trainers add the same numbers in the same order, servers get the
    same sum from all of them.

    Stands between `fleet.send_barrier` and the first `fleet.recv` of a step.

    Example:

    ```mlir
    fleet.agree ["w@GRAD", "b@GRAD"] at [@pserver_0, @pserver_1]
    ```
  }];
  let arguments = (ins StrArrayAttr:$gradients, FlatSymbolRefArrayAttr:$peers);
  let assemblyFormat = "$gradients `at` $peers attr-dict";
  let hasVerifier = 1;
}

def Fleet_RecvOp : Fleet_TransferOp<"recv",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "asks a server for a parameter block";
  let description = [{
    The value is there after the next `fleet.fetch_barrier`, not before.

    Example:

    ```mlir
    %w = fleet.recv "w" from @pserver_0 : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, FlatSymbolRefAttr:$peer);
  let results = (outs Fleet_BlockType:$value);
  let assemblyFormat = "$name `from` $peer attr-dict `:` type($value)";
}

def Fleet_FetchBarrierOp : Fleet_TransferOp<"fetch_barrier"> {
  let summary = "waits for everything that was asked for";
  let description = [{
    Example:

    ```mlir
    fleet.fetch_barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Fleet_SubmitOp : Fleet_TransferOp<"submit"> {
  let summary = "ends the sends of a step without waiting for servers";
  let description = [{
    The `fleet.send_barrier` of asynchronous training. Gradients go into a queue;
    beside the training, up to `merge` steps of it become one push (the mean over
    their examples) and the answer is kept. At most `queue` steps are under way:
    when as many are, it waits. So a step computes with parameters that lack at
    most `queue` of this trainer's own steps.

    Example:

    ```mlir
    fleet.submit queue = 4 merge = 4
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntMinValue<1>, IntMaxValue<4096>]>:$queue,
                       ConfinedAttr<I64Attr, [IntMinValue<1>, IntMaxValue<4096>]>:$merge);
  let assemblyFormat = "`queue` `=` $queue `merge` `=` $merge attr-dict";
}

def Fleet_FetchLatestOp : Fleet_TransferOp<"fetch_latest"> {
  let summary = "takes the newest parameters that have come";
  let description = [{
    The `fleet.fetch_barrier` of asynchronous training: does not wait. What was
    received is the newest value that came with an answer, or if none has come
    since the last time, the value that the variable it is assigned to has.

    Example:

    ```mlir
    fleet.fetch_latest
    ```
  }];
  let assemblyFormat = "attr-dict";
}

#endif // FLEET_DIALECTS_FLEET_IR_FLEETTRAINEROPS
