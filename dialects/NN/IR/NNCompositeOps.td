//===- NNCompositeOps.td - Ops that decompose into others --*- tablegen -*-===//

#ifndef FLEET_DIALECTS_NN_IR_NNCOMPOSITEOPS_TD
#define FLEET_DIALECTS_NN_IR_NNCOMPOSITEOPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/NN/IR/NNAttrs.td"

def NN_LinearOp : NN_InferredOp<"linear", [NN_Differentiable, NN_Decomposable]> {
  let summary = "matrix product plus bias";
  let description = [{
    `x w + b`: a fully connected layer without its activation. The bias has one
    element a column of the weight.

    Example:

    ```mlir
    %0 = nn.linear %x, %w, %b
      : (tensor<?x32xf32>, tensor<32x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
    ```
  }];
  let arguments = (ins NN_FloatMatrix:$input, NN_FloatMatrix:$weight,
                       TensorRankOf<[F32, F64], [1]>:$bias);
  let results = (outs NN_FloatMatrix:$result);
  let assemblyFormat = [{
    $input `,` $weight `,` $bias attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_SquareErrorOp : NN_InferredOp<"square_error", [
    NN_Differentiable, NN_Decomposable]> {
  let summary = "elementwise square of the difference";
  let description = [{
    `(a - b)^2` elementwise, with broadcasting.

    Example:

    ```mlir
    %0 = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$lhs, NN_FloatTensor:$rhs);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat =
      "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def NN_MeanOp : NN_InferredOp<"mean", [NN_Differentiable, NN_Decomposable]> {
  let summary = "mean of all elements";
  let description = [{
    The mean of all elements; not a number when there are none.

    Example:

    ```mlir
    %loss = nn.mean %0 : tensor<?x1xf32> -> tensor<f32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$operand);
  let results = (outs NN_FloatScalar:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
}

def NN_SoftmaxOp : NN_Op<"softmax", [SameOperandsAndResultType,
                                     NN_Differentiable, NN_Decomposable]> {
  let summary = "exponentials that sum to one";
  let description = [{
    `exp(x - max) / sum(exp(x - max))` over the last dimension; subtracting the
    maximum keeps the exponentials from overflowing.

    Example:

    ```mlir
    %p = nn.softmax %logits : tensor<?x10xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$operand);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def NN_SoftmaxCrossEntropyOp : NN_InferredOp<"softmax_cross_entropy", [
    NN_Differentiable, NN_Decomposable]> {
  let summary = "negative log likelihood of labels under a softmax";
  let description = [{
    For each row of logits and its label: `log(sum(exp(x - max))) - (x[label] -
    max)`, which neither overflows nor takes the logarithm of zero. Labels are
    class numbers from 0, one a row, in a last dimension of extent 1; a label
    that is not one of the classes counts as a class whose logit is the row's
    maximum. The gradient of the logits is `(softmax(x) - one_hot(label)) * g`.

    Example:

    ```mlir
    %0 = nn.softmax_cross_entropy %logits, %labels
      : (tensor<?x10xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$logits, NN_IndexTensor:$labels);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat =
      "$logits `,` $labels attr-dict `:` functional-type(operands, results)";
}

def NN_AccuracyOp : NN_InferredOp<"accuracy", [NN_Differentiable, NN_Decomposable]> {
  let summary = "share of rows whose largest logit is the label's";
  let description = [{
    The part of the rows, between 0 and 1, in which the largest logit (the first
    of several that are equal) is the one of the label. It changes in steps, so
    asking for its gradient is an error.

    Example:

    ```mlir
    %acc = nn.accuracy %logits, %labels
      : (tensor<?x10xf32>, tensor<?x1xi64>) -> tensor<f32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$logits, NN_IndexTensor:$labels);
  let results = (outs NN_FloatScalar:$result);
  let assemblyFormat =
      "$logits `,` $labels attr-dict `:` functional-type(operands, results)";
}

def NN_EmbeddingOp : NN_InferredOp<"embedding", [
    NN_Indexing, NN_Differentiable, NN_Decomposable]> {
  let summary = "rows of a table, chosen by ids";
  let description = [{
    For each id the row of the table with that number, as `nn.gather` gives it:
    a last extent of 1 of the ids goes, any other one stays before the columns.
    Where an id is `padding_idx` the result is zeros, and no gradient flows to
    that row. Ids must be an input of the program and are checked when its data
    is loaded: a negative id, or one that is no row of the table, is an error
    that names the input, the row and the id.

    Example:

    ```mlir
    %0 = nn.embedding %table, %user : (tensor<1000x16xf32>, tensor<?x1xi64>) -> tensor<?x16xf32>
    %1 = nn.embedding %table, %words padding_idx = 0
      : (tensor<1000x16xf32>, tensor<?x8xi64>) -> tensor<?x8x16xf32>
    ```
  }];
  let arguments = (ins NN_FloatMatrix:$table, NN_IndexTensor:$ids,
                       OptionalAttr<I64Attr>:$padding_idx);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = [{
    $table `,` $ids (`padding_idx` `=` $padding_idx^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_SumToOp : NN_Op<"sum_to", [NN_Differentiable, NN_Decomposable]> {
  let summary = "sums a tensor to a shape that broadcasts to its own";
  let description = [{
    The inverse shape change of broadcasting: sums over the dimensions in which
    the result's shape is stretched to the operand's. This is how the gradient
    of an operand that was broadcast comes back to its shape.

    Example:

    ```mlir
    %1 = nn.sum_to %0 : tensor<?x3xf32> to tensor<3xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$operand);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

#endif // FLEET_DIALECTS_NN_IR_NNCOMPOSITEOPS_TD
