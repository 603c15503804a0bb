//===- NNElementwiseOps.td - Elementwise nn ops ------------*- tablegen -*-===//
//
// All of them implement ScalarOpInterface: one element of the result is a
// function of one element of each operand.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_NN_IR_NNELEMENTWISEOPS_TD
#define FLEET_DIALECTS_NN_IR_NNELEMENTWISEOPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/NN/IR/NNAttrs.td"

def NN_Scalar : DeclareOpInterfaceMethods<ScalarOpInterface>;

/// The shape of the result is the broadcast of the operands' shapes.
def NN_BroadcastShape : NativeOpTrait<"BroadcastShape", [], [{}], [{
  ::llvm::LogicalResult $cppClass::reifyResultShapes(
      ::mlir::OpBuilder &b,
      ::mlir::ReifiedRankedShapedTypeDims &shapes) {
    shapes.push_back(::mlir::fleet::nn::reifyBroadcast(
        b, getLoc(), getOperation()->getOperands(),
        ::llvm::cast<::mlir::RankedTensorType>(getResult().getType())));
    return ::mlir::success();
  }
}]> {
  let cppNamespace = "::mlir::fleet::nn";
}

/// ... and its element type is that of the operands.
def NN_BroadcastType : NativeOpTrait<"BroadcastType", [], [{}], [{
  ::llvm::LogicalResult $cppClass::inferReturnTypes(
      ::mlir::MLIRContext *context,
      std::optional<::mlir::Location> location, Adaptor adaptor,
      ::llvm::SmallVectorImpl<::mlir::Type> &types) {
    return ::mlir::fleet::nn::inferElementwise(
        location, getOperationName(), adaptor.getOperands(), types);
  }
}]> {
  let cppNamespace = "::mlir::fleet::nn";
}

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

class NN_BinaryOp<string mnemonic, Type type, list<Trait> traits = []>
    : NN_InferredOp<mnemonic, !listconcat(
          [NN_BroadcastType, NN_BroadcastShape, NN_Scalar, NN_Differentiable],
          traits)> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat =
      "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def NN_AddOp : NN_BinaryOp<"add", NN_NumberTensor, [Commutative]> {
  let summary = "elementwise sum";
  let description = [{
    Adds two tensors elementwise, with broadcasting. Integers wrap around.

    Example:

    ```mlir
    %2 = nn.add %0, %1 : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
    ```
  }];
}

def NN_SubOp : NN_BinaryOp<"sub", NN_NumberTensor> {
  let summary = "elementwise difference";
  let description = [{
    Subtracts the second tensor from the first elementwise, with broadcasting.
    Integers wrap around.

    Example:

    ```mlir
    %2 = nn.sub %0, %1 : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
    ```
  }];
}

def NN_MulOp : NN_BinaryOp<"mul", NN_NumberTensor, [Commutative]> {
  let summary = "elementwise product";
  let description = [{
    Multiplies two tensors elementwise, with broadcasting. Integers wrap around.
    For the matrix product see `nn.matmul`.

    Example:

    ```mlir
    %2 = nn.mul %0, %1 : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
    ```
  }];
}

def NN_DivOp : NN_BinaryOp<"div", NN_NumberTensor> {
  let summary = "elementwise quotient";
  let description = [{
    Divides the first tensor by the second elementwise, with broadcasting.
    Integers round towards zero, and their divisor must not be zero.

    Example:

    ```mlir
    %2 = nn.div %0, %1 : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
    ```
  }];
}

def NN_MaximumOp : NN_BinaryOp<"maximum", NN_NumberTensor, [Commutative]> {
  let summary = "elementwise maximum";
  let description = [{
    The larger of two elements, with broadcasting; not a number when either is
    not a number. Where both are equal the gradient goes to the first operand.

    Example:

    ```mlir
    %2 = nn.maximum %0, %1 : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
    ```
  }];
}

def NN_MinimumOp : NN_BinaryOp<"minimum", NN_NumberTensor, [Commutative]> {
  let summary = "elementwise minimum";
  let description = [{
    The smaller of two elements, with broadcasting; not a number when either is
    not a number. Where both are equal the gradient goes to the first operand.

    Example:

    ```mlir
    %2 = nn.minimum %0, %1 : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
    ```
  }];
}

def NN_CompareOp : NN_InferredOp<"compare", [NN_BroadcastShape, NN_Scalar]> {
  let summary = "elementwise comparison";
  let description = [{
    Compares two tensors elementwise, with broadcasting. Comparisons with a
    value that is not a number are false, except `ne`. Integers are signed.

    Example:

    ```mlir
    %2 = nn.compare gt %0, %1 : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xi1>
    ```
  }];
  let arguments = (ins NN_ComparePredicateAttr:$predicate, NN_Tensor:$lhs,
                       NN_Tensor:$rhs);
  let results = (outs NN_BoolTensor:$result);
  let assemblyFormat = [{
    `` $predicate $lhs `,` $rhs attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
}

def NN_SelectOp : NN_InferredOp<"select", [NN_BroadcastShape, NN_Scalar,
                                           NN_Differentiable]> {
  let summary = "elementwise choice";
  let description = [{
    The first value's element where the condition holds, the second's elsewhere,
    with broadcasting of all three operands.

    Example:

    ```mlir
    %3 = nn.select %c, %0, %1
      : (tensor<?x3xi1>, tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
    ```
  }];
  let arguments = (ins NN_BoolTensor:$condition, NN_Tensor:$true_value,
                       NN_Tensor:$false_value);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $true_value `,` $false_value attr-dict `:`
    functional-type(operands, results)
  }];
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

class NN_UnaryOp<string mnemonic, Type type>
    : NN_Op<mnemonic, [SameOperandsAndResultType, NN_BroadcastShape, NN_Scalar,
                       NN_Differentiable]> {
  let arguments = (ins type:$operand);
  let results = (outs type:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
}

def NN_NegOp : NN_UnaryOp<"neg", NN_NumberTensor> {
  let summary = "elementwise negation";
  let description = [{
    Example:

    ```mlir
    %1 = nn.neg %0 : tensor<?x3xf32>
    ```
  }];
  let hasFolder = 1;
}

def NN_ExpOp : NN_UnaryOp<"exp", NN_FloatTensor> {
  let summary = "elementwise exponential";
  let description = [{
    Example:

    ```mlir
    %1 = nn.exp %0 : tensor<?x3xf32>
    ```
  }];
}

def NN_LogOp : NN_UnaryOp<"log", NN_FloatTensor> {
  let summary = "elementwise natural logarithm";
  let description = [{
    Example:

    ```mlir
    %1 = nn.log %0 : tensor<?x3xf32>
    ```
  }];
}

def NN_SqrtOp : NN_UnaryOp<"sqrt", NN_FloatTensor> {
  let summary = "elementwise square root";
  let description = [{
    The square root, correctly rounded; not a number for negative elements.

    Example:

    ```mlir
    %1 = nn.sqrt %0 : tensor<?x3xf32>
    ```
  }];
  let hasFolder = 1;
}

def NN_TanhOp : NN_UnaryOp<"tanh", NN_FloatTensor> {
  let summary = "elementwise hyperbolic tangent";
  let description = [{
    Example:

    ```mlir
    %1 = nn.tanh %0 : tensor<?x3xf32>
    ```
  }];
}

def NN_AbsOp : NN_UnaryOp<"abs", NN_NumberTensor> {
  let summary = "elementwise absolute value";
  let description = [{
    The absolute value; its gradient is 0 where the operand is 0.

    Example:

    ```mlir
    %1 = nn.abs %0 : tensor<?x3xf32>
    ```
  }];
  let hasFolder = 1;
}

def NN_SquareOp : NN_UnaryOp<"square", NN_NumberTensor> {
  let summary = "elementwise square";
  let description = [{
    Example:

    ```mlir
    %1 = nn.square %0 : tensor<?x3xf32>
    ```
  }];
  let hasFolder = 1;
}

def NN_ReluOp : NN_UnaryOp<"relu", NN_FloatTensor> {
  let summary = "rectified linear unit";
  let description = [{
    `max(x, 0)` elementwise; its gradient is 0 where the operand is 0.

    Example:

    ```mlir
    %1 = nn.relu %0 : tensor<?x128xf32>
    ```
  }];
  let hasFolder = 1;
}

def NN_SigmoidOp : NN_UnaryOp<"sigmoid", NN_FloatTensor> {
  let summary = "logistic function";
  let description = [{
    `1 / (1 + exp(-x))` elementwise.

    Example:

    ```mlir
    %1 = nn.sigmoid %0 : tensor<?x128xf32>
    ```
  }];
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

def NN_StandardNormalOp : NN_Op<"standard_normal", [
    SameOperandsAndResultType, NN_BroadcastShape, NN_Scalar]> {
  let summary = "elementwise draw of the standard normal distribution";
  let description = [{
    Element i is draw number `counter[i]` (rounded towards zero, from 0 on) of the
    stream `key`: the same draw whenever and wherever it is computed, and
    independent of all others. It has no gradient.

    The bits are those of SplitMix64 (Steele, Lea, Flood: Fast splittable
    pseudorandom number generators, OOPSLA 2014), the normal deviate is the inverse
    of its distribution function by Acklam's rational approximation (relative error
    1.2e-9), in 64 bits for either element type.

    Example:

    ```mlir
    %noise = nn.standard_normal %step key = 42 : tensor<f32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$counter, I64Attr:$key);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$counter `key` `=` $key attr-dict `:` type($result)";
}

def NN_CastOp : NN_Op<"cast", [NN_BroadcastShape, NN_Scalar,
                               NN_Differentiable]> {
  let summary = "elementwise change of the element type";
  let description = [{
    Converts each element: numbers to `i1` by comparison with 0, `i1` to 0 and
    1, floats to integers towards zero. A gradient flows between float types
    only.

    `f16` and `bf16` are for values that travel: they come from `f32` or `f64`
    and become that again, and no gradient flows through them. A number that
    `f16` cannot hold (from 65520 on) becomes infinite; `bf16` has the range of
    `f32`.

    Example:

    ```mlir
    %1 = nn.cast %0 : tensor<?x1xi1> to tensor<?x1xf32>
    %2 = nn.cast %dw : tensor<13x1xf32> to tensor<13x1xbf16>
    ```
  }];
  let arguments = (ins NN_CastTensor:$operand);
  let results = (outs NN_CastTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def NN_BroadcastOp : NN_InferredOp<"broadcast", [
    NN_Differentiable,
    DeclareOpInterfaceMethods<ScalarOpInterface,
                              ["getScalarOperands", "getScalarOperandMaps"]>]> {
  let summary = "stretches a tensor to the shape of another";
  let description = [{
    Repeats the elements of a value over the shape of another tensor, of which
    nothing but the shape is read; the element type is the value's. The value's
    shape broadcasts to the result's as in numpy, once the dimensions listed
    after `along`, which the value lacks, are put in.

    Example:

    ```mlir
    %1 = nn.broadcast %v like %x : (tensor<f32>, tensor<?x3xi64>) -> tensor<?x3xf32>
    // The inverse shape change of a reduction over dimension 1:
    %3 = nn.broadcast %r like %x along = [1] : (tensor<?xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$value, NN_Tensor:$like,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$along);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $value `like` $like (`along` `=` $along^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasFolder = 1;
}

#endif // FLEET_DIALECTS_NN_IR_NNELEMENTWISEOPS_TD
