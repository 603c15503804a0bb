//===- NNPrimitiveOps.td - Primitives that are not elementwise -*- tablegen -*-//

#ifndef FLEET_DIALECTS_NN_IR_NNPRIMITIVEOPS_TD
#define FLEET_DIALECTS_NN_IR_NNPRIMITIVEOPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/NN/IR/NNAttrs.td"

def NN_ConstantOp : NN_Op<"constant", [ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "tensor known at compile time";
  let description = [{
    A tensor with a static shape and given elements. For a constant of the
    batch's shape, broadcast a scalar, or let the operation that uses it
    broadcast.

    Example:

    ```mlir
    %0 = nn.constant dense<0.5> : tensor<f32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def NN_ReduceOp : NN_InferredOp<"reduce", [NN_Differentiable]> {
  let summary = "sum or maximum over dimensions";
  let description = [{
    Reduces the listed dimensions, which are in increasing order. With
    `keep_dims` they stay, with extent 1, otherwise they go. The order of
    summation is not specified. `max` is not a number when an element is not a
    number; over no elements `sum` is 0 and `max` the least value of the type.
    The gradient of `max` is shared equally by the elements that are largest.

    Example:

    ```mlir
    %1 = nn.reduce sum %0 dims = [0] : tensor<?x3xf32> -> tensor<3xf32>
    %2 = nn.reduce max %0 dims = [1] keep_dims : tensor<?x3xf32> -> tensor<?x1xf32>
    ```
  }];
  let arguments = (ins NN_ReduceKindAttr:$kind, NN_NumberTensor:$operand,
                       DenseI64ArrayAttr:$dims, UnitAttr:$keep_dims);
  let results = (outs NN_NumberTensor:$result);
  let assemblyFormat = [{
    `` $kind $operand `dims` `=` $dims (`keep_dims` $keep_dims^)? attr-dict `:`
    type($operand) `->` type($result)
  }];
  let hasFolder = 1;
}

def NN_ArgmaxOp : NN_InferredOp<"argmax"> {
  let summary = "index of the largest element of each row";
  let description = [{
    The index, in the last dimension, of the largest element; the first one of
    several that are equal. The last dimension stays, with extent 1. An element
    that is not a number is never larger than another.

    Example:

    ```mlir
    %1 = nn.argmax %0 : tensor<?x10xf32> -> tensor<?x1xi64>
    ```
  }];
  let arguments = (ins NN_NumberTensor:$operand);
  let results = (outs NN_IndexTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
}

def NN_OneHotOp : NN_Op<"one_hot", [NN_Differentiable]> {
  let summary = "rows that are one at their label";
  let description = [{
    Turns labels, one a row, into rows that are 1 (`true`) at the label's place
    and 0 elsewhere. The number of classes is that of the result type. A label
    that is not one of the classes gives a row of zeros.

    Example:

    ```mlir
    %1 = nn.one_hot %labels : tensor<?x1xi64> -> tensor<?x10xf32>
    ```
  }];
  let arguments = (ins NN_IndexTensor:$labels);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$labels attr-dict `:` type($labels) `->` type($result)";
  let hasVerifier = 1;
}

def NN_CountOp : NN_InferredOp<"count", [NN_Differentiable]> {
  let summary = "number of elements";
  let description = [{
    The number of elements that a tensor has at run time, as a float of its
    element type. Nothing but the shape is read.

    Example:

    ```mlir
    %n = nn.count %0 : tensor<?x3xf32> -> tensor<f32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$operand);
  let results = (outs NN_FloatScalar:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
  let hasFolder = 1;
}

def NN_MatmulOp : NN_InferredOp<"matmul", [NN_Differentiable]> {
  let summary = "product of two matrices";
  let description = [{
    The matrix product of two matrices, either of which may be taken transposed.

    Example:

    ```mlir
    %2 = nn.matmul %x, %w : (tensor<?x13xf32>, tensor<13x1xf32>) -> tensor<?x1xf32>
    %3 = nn.matmul %x, %2 transpose_a : (tensor<?x13xf32>, tensor<?x1xf32>) -> tensor<13x1xf32>
    ```
  }];
  let arguments = (ins NN_FloatMatrix:$lhs, NN_FloatMatrix:$rhs,
                       UnitAttr:$transpose_a, UnitAttr:$transpose_b);
  let results = (outs NN_FloatMatrix:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transpose_a` $transpose_a^)? (`transpose_b` $transpose_b^)?
    attr-dict `:` functional-type(operands, results)
  }];
}

#endif // FLEET_DIALECTS_NN_IR_NNPRIMITIVEOPS_TD
