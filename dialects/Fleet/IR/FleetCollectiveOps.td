//===- FleetCollectiveOps.td - What all trainers do together ---*- tablegen -*-===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEETCOLLECTIVEOPS
#define FLEET_DIALECTS_FLEET_IR_FLEETCOLLECTIVEOPS

def Fleet_ReducedType : StaticShapeTensorOf<[F16, BF16, F32, F64]>;

def Fleet_GroupOp : Fleet_Op<"group", [Symbol]> {
  let summary = "trainers that call collectives together";
  let description = [{
    All trainers of the job, by rank. With `stride` s, trainers are in several
    groups of the same name, each of `size` members whose ranks are s apart: with 1,
    trainers 0 to size - 1 are one group, the next ones another. Calls in one group
    happen in the same order on all of its members.

    Example:

    ```mlir
    fleet.group @world size = 4
    fleet.group @intra size = 2 stride = 1
    fleet.group @inter size = 2 stride = 2
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       ConfinedAttr<I64Attr, [IntMinValue<1>]>:$size,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntMinValue<1>]>>:$stride);
  let assemblyFormat = "$sym_name `size` `=` $size (`stride` `=` $stride^)? attr-dict";
}

class Fleet_CollectiveOp<string mnemonic, list<Trait> traits = []>
    : Fleet_TransferOp<mnemonic, traits>;

def Fleet_ConnectOp : Fleet_CollectiveOp<"connect",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "waits until all members of a group are there";
  let description = [{
    Comes before any other call in the group, in `@startup`.

    Example:

    ```mlir
    fleet.connect @world
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$group);
  let assemblyFormat = "$group attr-dict";
}

def Fleet_BroadcastOp : Fleet_CollectiveOp<"broadcast",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives all members of a group one member's variable";
  let description = [{
    Afterwards the parameter or state has the value that it had on member
    `root` everywhere; of a table, all rows.

    Example:

    ```mlir
    fleet.broadcast @w from 0 in @world
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable,
                       ConfinedAttr<I64Attr, [IntNonNegative]>:$root,
                       FlatSymbolRefAttr:$group);
  let assemblyFormat = "$variable `from` $root `in` $group attr-dict";
}

def Fleet_AllReduceStartOp : Fleet_CollectiveOp<"all_reduce_start",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "begins to add tensors over all members of a group";
  let description = [{
    The values travel together, as one bucket. What the program does until the
    `fleet.all_reduce_wait` of the token runs beside it.

    Example:

    ```mlir
    %t = fleet.all_reduce_start %dw, %db in @world : tensor<13x1xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Variadic<Fleet_ReducedType>:$values,
                       FlatSymbolRefAttr:$group);
  let results = (outs Fleet_TokenType:$token);
  let assemblyFormat = "$values `in` $group attr-dict `:` type($values)";
  let extraClassDeclaration = [{
    /// The op that waits for it; null unless exactly one does.
    ::mlir::fleet::dist::AllReduceWaitOp getWait();
  }];
  let hasVerifier = 1;
}

def Fleet_AllReduceWaitOp : Fleet_CollectiveOp<"all_reduce_wait"> {
  let summary = "the sums of what an all_reduce_start began to add";
  let description = [{
    The same values on all members of the group.

    Example:

    ```mlir
    %sums:2 = fleet.all_reduce_wait %t : tensor<13x1xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Fleet_TokenType:$token);
  let results = (outs Variadic<Fleet_ReducedType>:$sums);
  let assemblyFormat = "$token attr-dict `:` type($sums)";
  let extraClassDeclaration = [{
    /// The op that it waits for; null if the token comes from elsewhere.
    ::mlir::fleet::dist::AllReduceStartOp getStart();
  }];
  let hasVerifier = 1;
}

def Fleet_ReduceScatterStartOp : Fleet_CollectiveOp<"reduce_scatter_start",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "begins to add tensors of which each member gets a part";
  let description = [{
    As `fleet.all_reduce_start`, but a member has a part of each sum afterwards:
    number rank of as many equal parts of the flattened tensor as the group has
    members, with zeros behind its end.

    Example:

    ```mlir
    %t = fleet.reduce_scatter_start %dw, %db in @world : tensor<13x1xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Variadic<Fleet_ReducedType>:$values,
                       FlatSymbolRefAttr:$group);
  let results = (outs Fleet_TokenType:$token);
  let assemblyFormat = "$values `in` $group attr-dict `:` type($values)";
  let hasVerifier = 1;
}

def Fleet_ReduceScatterWaitOp : Fleet_CollectiveOp<"reduce_scatter_wait",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "parts of what a reduce_scatter_start began to add";
  let description = [{
    Example:

    ```mlir
    %parts:2 = fleet.reduce_scatter_wait %t : tensor<7xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Fleet_TokenType:$token);
  let results = (outs Variadic<Fleet_ReducedType>:$parts);
  let assemblyFormat = "$token attr-dict `:` type($parts)";
  let extraClassDeclaration = [{
    /// The op that it waits for; null if the token comes from elsewhere.
    ::mlir::fleet::dist::ReduceScatterStartOp getStart();
  }];
}

def Fleet_AllGatherStartOp : Fleet_CollectiveOp<"all_gather_start",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "begins to put parts of tensors together on all members";
  let description = [{
    The opposite of what a reduce-scatter cut.

    Example:

    ```mlir
    %t = fleet.all_gather_start %w, %b in @world : tensor<7xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Variadic<Fleet_ReducedType>:$parts,
                       FlatSymbolRefAttr:$group);
  let results = (outs Fleet_TokenType:$token);
  let assemblyFormat = "$parts `in` $group attr-dict `:` type($parts)";
  let hasVerifier = 1;
}

def Fleet_AllGatherWaitOp : Fleet_CollectiveOp<"all_gather_wait",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the tensors whose parts an all_gather_start began to gather";
  let description = [{
    The same values on all members of the group.

    Example:

    ```mlir
    %whole:2 = fleet.all_gather_wait %t : tensor<13x1xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Fleet_TokenType:$token);
  let results = (outs Variadic<Fleet_ReducedType>:$wholes);
  let assemblyFormat = "$token attr-dict `:` type($wholes)";
  let extraClassDeclaration = [{
    /// The op that it waits for; null if the token comes from elsewhere.
    ::mlir::fleet::dist::AllGatherStartOp getStart();
  }];
}

def Fleet_OwnPartOp : Fleet_Op<"own_part",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a member's part of a tensor that all have";
  let description = [{
    The one that it has of a sum after a reduce-scatter in the group.

    Example:

    ```mlir
    %part = fleet.own_part %w in @world : tensor<13x1xf32> -> tensor<7xf32>
    ```
  }];
  let arguments = (ins Fleet_ReducedType:$whole, FlatSymbolRefAttr:$group);
  let results = (outs Fleet_ReducedType:$part);
  let assemblyFormat = "$whole `in` $group attr-dict `:` type($whole) `->` type($part)";
}

def Fleet_AllGatherRowsOp : Fleet_CollectiveOp<"all_gather_rows",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<InferTypeOpInterface>,
     RowGradientFilterOpInterface]> {
  let summary = "adds the gradients of rows over all members of a group";
  let description = [{
    All members get the rows that any of them has a gradient of, each with the sum
    over the members that do, in the order of ranks; so all of them update the
    same rows by the same values. Its operand is an `optim.row_gradient`, which
    every member has of rows of its own.

    Example:

    ```mlir
    %dt = optim.row_gradient @words [%ids] %dw : (tensor<?x1xi64>, tensor<?x16xf32>) -> tensor<1000x16xf32>
    %all = fleet.all_gather_rows %dt in @world : tensor<1000x16xf32>
    optim.sgd @words, %all learning_rate = 1.0e-1 : tensor<1000x16xf32>
    ```
  }];
  let arguments = (ins Fleet_TableType:$row_gradient, FlatSymbolRefAttr:$group);
  let results = (outs Fleet_TableType:$gradient);
  let assemblyFormat = "$row_gradient `in` $group attr-dict `:` type($row_gradient)";
  let extraClassDeclaration = [{
    /// The rows of this member; null if the gradient comes from elsewhere.
    ::mlir::fleet::optim::RowGradientOp getRows();
  }];
  let hasVerifier = 1;
}

def Fleet_ExamplesOp : Fleet_Op<"examples", [Pure]> {
  let summary = "how many examples a step has";
  let description = [{
    `own`: rows in this trainer's part of the batch; `all`: rows of the whole
    batch; `share`: own / all, which is exactly 1 for a single trainer. In a
    function that runs every so many steps, the sums over the steps since it ran
    last.

    Example:

    ```mlir
    %share = fleet.examples share : tensor<f32>
    ```
  }];
  let arguments = (ins Fleet_ExamplesAttr:$kind);
  let results = (outs StaticShapeTensorOf<[F32, F64]>:$result);
  let assemblyFormat = "`` $kind attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif // FLEET_DIALECTS_FLEET_IR_FLEETCOLLECTIVEOPS
