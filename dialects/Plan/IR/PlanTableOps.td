//===- PlanTableOps.td - Tables of rows in a plan --------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_PLAN_IR_PLANTABLEOPS
#define FLEET_DIALECTS_PLAN_IR_PLANTABLEOPS

def Plan_TableOp : Plan_Op<"table",
    [HasParent<"ProgramOp">, NoTerminator, SingleBlock, NoRegionArguments,
     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a parameter of which steps see rows only";
  let description = [{
    Tables are numbered in the order of their appearance, which is the same in
    all plans of a job. `update` applies gradients to some rows: its inputs are
    the gradients, the values and one tensor a row state, each with a row a row,
    and it overwrites all but the gradients. `advance` changes the scalar states
    afterwards, once a step. With `part`, a function from the gradients of some rows
    to one output, `update` has a last input, what `plan.update_rows` gives as the
    sum over all gradients.

    Example:

    ```mlir
    plan.table "users" placement = "sparse" : memref<1000x8xf32> init = #optim.constant<0.0>
        update = @users_update advance = @users_advance {
      plan.row_state "moment1" columns = 8 init = #optim.constant<0.0>
      plan.row_state "moment2" columns = 8 init = #optim.constant<0.0>
      plan.shard 0 rows 0 count 500
      plan.shard 1 rows 500 count 500
    }
    plan.table "items" placement = "distributed" : memref<1099511627776x8xf32> init = #optim.constant<0.0> {
      plan.shard 0
      plan.shard 1
    }
    ```
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$placement,
                       TypeAttrOf<AnyStaticShapeMemRef>:$type, AnyAttr:$init,
                       OptionalAttr<FlatSymbolRefAttr>:$part,
                       OptionalAttr<FlatSymbolRefAttr>:$update,
                       OptionalAttr<FlatSymbolRefAttr>:$advance);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $name `placement` `=` $placement `:` $type `init` `=` $init
    (`part` `=` $part^)? (`update` `=` $update^)? (`advance` `=` $advance^)? attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
}

def Plan_RowStateOp : Plan_Op<"row_state", [HasParent<"TableOp">]> {
  let summary = "state of an optimizer with a row a row of its table";
  let description = [{
    Example:

    ```mlir
    plan.row_state "velocity" columns = 8 init = #optim.constant<0.0>
    ```
  }];
  let arguments = (ins StrAttr:$slot, I64Attr:$columns, AnyAttr:$init);
  let assemblyFormat = "$slot `columns` `=` $columns `init` `=` $init attr-dict";
}

def Plan_ShardOp : Plan_Op<"shard", [HasParent<"TableOp">]> {
  let summary = "what a server owns of a table";
  let description = [{
    Server number `server`, or this process in a local job, has `count` rows from
    `rows` on; of a distributed table, those whose id has the position of this op
    as its remainder by the number of shards.

    Example:

    ```mlir
    plan.shard 1 rows 500 count 500
    ```
  }];
  let arguments = (ins I64Attr:$server,
                       DefaultValuedAttr<I64Attr, "0">:$first_row,
                       DefaultValuedAttr<I64Attr, "0">:$rows);
  let assemblyFormat = "$server (`rows` $first_row `count` $rows^)? attr-dict";
}

def Plan_PullRowsOp : Plan_FunctionBodyOp<"pull_rows",
    [SameVariadicOperandSize, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "looks rows of tables up";
  let description = [{
    For each buffer of ids the number of its table, the buffer that the rows are
    written to, and the id whose row is zeros (-1: none). Returns when the rows
    are there.

    Example:

    ```mlir
    plan.pull_rows [0, 1] ids (%user, %words) to (%u, %w) padding_idx = [-1, 0]
      : memref<?x1xi64>, memref<?x4xi64>, memref<?x8xf32>, memref<?x4x4xf32>
    ```
  }];
  let arguments = (ins DenseI64ArrayAttr:$tables, Variadic<AnyMemRef>:$ids,
                       Variadic<AnyMemRef>:$outs, DenseI64ArrayAttr:$padding_idx);
  let assemblyFormat = [{
    $tables `ids` `(` $ids `)` `to` `(` $outs `)` `padding_idx` `=` $padding_idx
    attr-dict `:` type(operands)
  }];
}

def Plan_PushRowsOp : Plan_FunctionBodyOp<"push_rows",
    [SameVariadicOperandSize, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "hands the gradients of rows to who owns them";
  let description = [{
    All that a step knows of the gradient of table number `table`. Gradients of
    the same id are added; those of `padding_idx` (-1: none) go nowhere. In a
    trainer they leave at the next barrier or submit, and must not change until
    then; in a local program they are applied at once.

    Example:

    ```mlir
    plan.push_rows 1 ids (%words) gradients (%dw) padding_idx = [0]
      : memref<?x4xi64>, memref<?x4x4xf32>
    ```
  }];
  let arguments = (ins I64Attr:$table, Variadic<AnyMemRef>:$ids,
                       Variadic<AnyMemRef>:$gradients, DenseI64ArrayAttr:$padding_idx);
  let assemblyFormat = [{
    $table `ids` `(` $ids `)` `gradients` `(` $gradients `)` `padding_idx` `=`
    $padding_idx attr-dict `:` type(operands)
  }];
}

def Plan_MergeRowsOp : Plan_FunctionBodyOp<"merge_rows",
    [SameVariadicOperandSize, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "adds the gradients of rows";
  let description = [{
    As `plan.push_rows` says for this process, and then over the members of a group,
    if there is one, in the order of ranks. What comes out stays with the table until its
    `plan.update_rows`.

    Example:

    ```mlir
    plan.merge_rows 1 ids (%words) gradients (%dw) padding_idx = [0] in @world
      : memref<?x4xi64>, memref<?x4x4xf32>
    ```
  }];
  let arguments = (ins I64Attr:$table, Variadic<AnyMemRef>:$ids,
                       Variadic<AnyMemRef>:$gradients, DenseI64ArrayAttr:$padding_idx,
                       OptionalAttr<FlatSymbolRefAttr>:$group);
  let assemblyFormat = [{
    $table `ids` `(` $ids `)` `gradients` `(` $gradients `)` `padding_idx` `=`
    $padding_idx (`in` $group^)? attr-dict `:` type(operands)
  }];
}

def Plan_UpdateRowsOp : Plan_FunctionBodyOp<"update_rows",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "updates rows by what has been merged";
  let description = [{
    Where the table has a `part`, with the sum over all gradients.

    Example:

    ```mlir
    plan.update_rows 1
    plan.update_rows 2 with %sum : memref<f32>
    ```
  }];
  let arguments = (ins I64Attr:$table, Optional<AnyStaticShapeMemRef>:$sum);
  let assemblyFormat = "$table (`with` $sum^ `:` type($sum))? attr-dict";
}

def Plan_RowsPartOp : Plan_FunctionBodyOp<"rows_part",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what merged rows add to a sum over all gradients";
  let description = [{
    The sum of what the table's `part` gives for all rows that have been merged.

    Example:

    ```mlir
    plan.rows_part 1 to %part : memref<f32>
    ```
  }];
  let arguments = (ins I64Attr:$table, AnyStaticShapeMemRef:$out);
  let assemblyFormat = "$table `to` $out attr-dict `:` type($out)";
}

def Plan_BroadcastRowsOp : Plan_FunctionBodyOp<"broadcast_rows",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives all members of a group one member's rows";
  let description = [{
    The values (`component` 0) of a sparse table, or one of its row states, which
    count from 1.

    Example:

    ```mlir
    plan.broadcast_rows 1 component 0 from 0 in @world
    ```
  }];
  let arguments = (ins I64Attr:$table, I64Attr:$component, I64Attr:$root,
                       FlatSymbolRefAttr:$group);
  let assemblyFormat =
    "$table `component` $component `from` $root `in` $group attr-dict";
}

#endif // FLEET_DIALECTS_PLAN_IR_PLANTABLEOPS
