//===- NNMovementOps.td - Primitives that move elements ----*- tablegen -*-===//

#ifndef FLEET_DIALECTS_NN_IR_NNMOVEMENTOPS_TD
#define FLEET_DIALECTS_NN_IR_NNMOVEMENTOPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/NN/IR/NNAttrs.td"

def NN_GatherOp : NN_InferredOp<"gather", [NN_Indexing, NN_Differentiable]> {
  let summary = "rows of a matrix by number";
  let description = [{
    For each id the row of the table with that number. The result has the
    dimensions of the ids and then the columns of the table; a last extent of 1
    of the ids goes. Ids that are no rows of the table must not occur.

    Example:

    ```mlir
    %0 = nn.gather %table, %ids : (tensor<100x16xf32>, tensor<?x8xi64>) -> tensor<?x8x16xf32>
    %1 = nn.gather %table, %id : (tensor<100x16xf32>, tensor<?x1xi64>) -> tensor<?x16xf32>
    ```
  }];
  let arguments = (ins NN_FloatMatrix:$table, NN_IndexTensor:$ids);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat =
      "$table `,` $ids attr-dict `:` functional-type(operands, results)";
}

def NN_ScatterAddOp : NN_Op<"scatter_add", [NN_Indexing, NN_Differentiable]> {
  let summary = "sums rows into a matrix of zeros by number";
  let description = [{
    Starts from zeros and adds each row of the updates to the row of the result
    that its id names, in the order in which the ids stand. The updates have the
    shape that `nn.gather` gives for these ids: this is its gradient.

    Example:

    ```mlir
    %dtable = nn.scatter_add %g, %ids
      : (tensor<?x8x16xf32>, tensor<?x8xi64>) -> tensor<100x16xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$updates, NN_IndexTensor:$ids);
  let results = (outs NN_FloatMatrix:$result);
  let assemblyFormat =
      "$updates `,` $ids attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_ConcatOp : NN_InferredOp<"concat", [NN_Differentiable]> {
  let summary = "joins tensors along the last dimension";
  let description = [{
    Puts tensors of rank 2 or more, which differ in nothing but the last extent,
    beside each other.

    Example:

    ```mlir
    %0 = nn.concat %a, %b : (tensor<?x13xf32>, tensor<?x16xf32>) -> tensor<?x29xf32>
    ```
  }];
  let arguments = (ins Variadic<NN_Tensor>:$parts);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat =
      "$parts attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def NN_SliceOp : NN_Op<"slice", [NN_Differentiable]> {
  let summary = "some of the columns of a tensor";
  let description = [{
    The elements from `offset` on along the last dimension of a tensor of rank 2
    or more, as many as the result type has.

    Example:

    ```mlir
    %0 = nn.slice %x offset = 13 : tensor<?x29xf32> -> tensor<?x16xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand, I64Attr:$offset);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $operand `offset` `=` $offset attr-dict `:` type($operand) `->` type($result)
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def NN_ReshapeOp : NN_Op<"reshape", [NN_Differentiable]> {
  let summary = "the elements of each row in another shape";
  let description = [{
    The same elements in the same order in another shape. Dimension 0 stays as
    it is; all others are static, and both shapes have rank 2 or more.

    Example:

    ```mlir
    %0 = nn.reshape %x : tensor<?x8x16xf32> to tensor<?x128xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

#endif // FLEET_DIALECTS_NN_IR_NNMOVEMENTOPS_TD
