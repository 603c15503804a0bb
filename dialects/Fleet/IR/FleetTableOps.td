//===- FleetTableOps.td - Rows that trainers pull and push -----*- tablegen -*-===//
//
// A table is a parameter of which no trainer has more than the rows that a step
// names.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEETTABLEOPS
#define FLEET_DIALECTS_FLEET_IR_FLEETTABLEOPS

def Fleet_TableType : StaticShapeTensorOf<[F32, F64]>;
def Fleet_Ids : RankedTensorOf<[I32, I64]>;
def Fleet_Rows : RankedTensorOf<[F32, F64]>;

def Fleet_TableOp : Fleet_Op<"table",
    [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a table whose rows servers have";
  let description = [{
    Declares, in the program of a trainer, which servers have rows of a table,
    under which name. With `counts` it is sparse: the servers have as many rows
    each, one after the other. Without, it is distributed: the server at position
    i has the rows whose id has the remainder i by the number of servers.

    Example:

    ```mlir
    fleet.table @words as "words" : tensor<1000x16xf32> on [@pserver_1, @pserver_0] counts = [500, 500]
    fleet.table @users as "users" : tensor<1000000000000x8xf32> on [@pserver_0, @pserver_1]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$name,
                       TypeAttrOf<Fleet_TableType>:$type,
                       FlatSymbolRefArrayAttr:$peers,
                       OptionalAttr<DenseI64ArrayAttr>:$counts);
  let assemblyFormat = [{
    $sym_name `as` $name `:` $type `on` $peers (`counts` `=` $counts^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// True if servers have ranges of rows.
    bool isSparse() { return getCounts().has_value(); }
    ::mlir::RankedTensorType getTableType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
  }];
  let hasVerifier = 1;
}

def Fleet_PullRowsOp : Fleet_TransferOp<"pull_rows",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<IndexingOpInterface>]> {
  let summary = "looks up rows of tables";
  let description = [{
    One round trip for all lookups of a step. Each result has the dimensions of
    its ids, less a last extent of 1, and then the columns of the table; where an
    id is `padding_idx` it is zeros.

    Example:

    ```mlir
    %u, %w = fleet.pull_rows @users[%user], @words[%ids] padding_idx = 0
      : (tensor<?x1xi64>, tensor<?x8xi64>) -> (tensor<?x8xf32>, tensor<?x8x16xf32>)
    ```
  }];
  let arguments = (ins FlatSymbolRefArrayAttr:$tables, Variadic<Fleet_Ids>:$ids,
                       DenseI64ArrayAttr:$padding);
  let results = (outs Variadic<Fleet_Rows>:$rows);
  let assemblyFormat = [{
    custom<Lookups>($tables, $ids, $padding) attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Fleet_PushRowsOp : Fleet_TransferOp<"push_rows",
    [SameVariadicOperandSize,
     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "hands the gradients of rows to the servers that own them";
  let description = [{
    What `optim.row_gradient` stands for, on its way to the servers of the table.
    Leaves at the next `fleet.send_barrier` or `fleet.submit`.

    Example:

    ```mlir
    fleet.push_rows @words [%ids] %dw padding_idx = 0 : tensor<?x8xi64>, tensor<?x8x16xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$table, Variadic<Fleet_Ids>:$ids,
                       Variadic<Fleet_Rows>:$gradients,
                       DenseI64ArrayAttr:$padding);
  let assemblyFormat = [{
    $table custom<RowItems>($ids, $gradients, $padding) attr-dict `:`
    type(operands)
  }];
  let hasVerifier = 1;
}

def Fleet_OnRowsOp : Fleet_Op<"on_rows",
    [HasParent<"ServeOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what a server does with its rows of a table";
  let description = [{
    Trainers look up the rows of `parameter` (all that this server owns) as
    those of `table`. When trainers have pushed, as `fleet.on` says, `update` is
    called with the merged gradient of the rows. Without an update, rows are only
    looked up.

    Example:

    ```mlir
    fleet.on_rows "words" update @update_words serve @words
    fleet.on_rows "frozen" serve @frozen
    ```
  }];
  let arguments = (ins StrAttr:$table, OptionalAttr<FlatSymbolRefAttr>:$update,
                       FlatSymbolRefAttr:$parameter);
  let assemblyFormat =
    "$table (`update` $update^)? `serve` $parameter attr-dict";
}

#endif // FLEET_DIALECTS_FLEET_IR_FLEETTABLEOPS
