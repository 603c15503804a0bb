//===- OptimRowOps.td - Rows of tables -------------------------*- tablegen -*-===//
//
// A table is an optim.parameter with `rows`.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMROWOPS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMROWOPS

include "mlir/Interfaces/InferTypeOpInterface.td"

def Optim_Ids : RankedTensorOf<[I32, I64]>;
def Optim_Rows : RankedTensorOf<[F32, F64]>;

def Optim_LookupOp : Optim_Op<"lookup",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
     DeclareOpInterfaceMethods<IndexingOpInterface>]> {
  let summary = "rows of a table, chosen by ids";
  let description = [{
    For each id the row of the table with that number: the result has the
    dimensions of the ids, less a last extent of 1, and then the columns of the
    table. Where an id is `padding_idx` the result is zeros. `optim-lookup-rows`
    makes it of reads whose rows are chosen by ids.

    Example:

    ```mlir
    %u = optim.lookup @users[%user] : (tensor<?x1xi64>) -> tensor<?x16xf32>
    %w = optim.lookup @words[%ids] padding_idx = 0 : (tensor<?x8xi64>) -> tensor<?x8x16xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter, Optim_Ids:$ids,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntNonNegative]>>:$padding_idx);
  let results = (outs Optim_Rows:$value);
  let assemblyFormat = [{
    $parameter `[` $ids `]` (`padding_idx` `=` $padding_idx^)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def Optim_RowGradientOp : Optim_Op<"row_gradient",
    [Pure, SameVariadicOperandSize,
     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the gradient of a table, by the rows that a step has looked up";
  let description = [{
    Stands for a gradient of the table's type, of which only the rows exist that
    an id names: the sum of what belongs to that id, over all lookups of the
    step. What belongs to a `padding_idx` goes nowhere. It is never written out,
    so nothing but an update of the table can take it, or an op of
    RowGradientFilterOpInterface on its way there; and the update changes those
    rows and their state only, each once, however often its id occurs.

    Example:

    ```mlir
    %dt = optim.row_gradient @words [%ids] %dw padding_idx = 0, [%more] %dv
      : (tensor<?x8xi64>, tensor<?x1xi64>, tensor<?x8x16xf32>, tensor<?x16xf32>) -> tensor<1000x16xf32>
    optim.sgd @words, %dt learning_rate = 1.0e-1 : tensor<1000x16xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter, Variadic<Optim_Ids>:$ids,
                       Variadic<Optim_Rows>:$gradients,
                       DenseI64ArrayAttr:$padding_idx);
  let results = (outs Optim_VariableType:$gradient);
  let assemblyFormat = [{
    $parameter custom<RowItems>($ids, $gradients, $padding_idx) attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Optim_RowPartOp : Optim_Op<"row_part",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what rows of a gradient add to a sum over all gradients";
  let description = [{
    `part` is a function from some rows of the gradient to a scalar; the result is
    the sum of what it gives for all rows that exist, in any pieces. The part of
    zeros is zero. `optim-split-joint-rows` makes it of an op of
    JointGradientOpInterface.

    Example:

    ```mlir
    %dt = optim.row_gradient @words [%ids] %dw : (tensor<?x1xi64>, tensor<?x16xf32>) -> tensor<1000x16xf32>
    %p = optim.row_part %dt by @words_part : tensor<1000x16xf32> -> tensor<f32>
    ```
  }];
  let arguments = (ins Optim_VariableType:$row_gradient, FlatSymbolRefAttr:$part);
  let results = (outs Optim_VariableType:$sum);
  let assemblyFormat =
    "$row_gradient `by` $part attr-dict `:` type($row_gradient) `->` type($sum)";
}

def Optim_RowChangeOp : Optim_Op<"row_change",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<InferTypeOpInterface>,
     RowGradientFilterOpInterface]> {
  let summary = "changes rows of a gradient by one number";
  let description = [{
    `change` is a function from some rows of the gradient, and the number, to what
    becomes of these rows. `optim-split-joint-rows` makes it of an op of
    JointGradientOpInterface.

    Example:

    ```mlir
    %c = optim.row_change %dt, %sum by @words_change : tensor<1000x16xf32>, tensor<f32>
    optim.sgd @words, %c learning_rate = 1.0e-1 : tensor<1000x16xf32>
    ```
  }];
  let arguments = (ins Optim_VariableType:$row_gradient,
                       Optim_VariableType:$sum, FlatSymbolRefAttr:$change);
  let results = (outs Optim_VariableType:$changed);
  let assemblyFormat =
    "$row_gradient `,` $sum `by` $change attr-dict `:` type($row_gradient) `,` type($sum)";
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMROWOPS
