//===- NNCompositeOps.cpp - Types, gradients and parts of composites ------===//

#include "dialects/NN/IR/NN.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::fleet::nn;

namespace {

/// What softmax and its cross entropy have in common, written the same way in
/// both, so that one computation remains after CSE.
struct SoftmaxParts {
  SoftmaxParts(OpBuilder &b, Location loc, Value logits) {
    int64_t last = cast<RankedTensorType>(logits.getType()).getRank() - 1;
    Value max = ReduceOp::create(b, loc, ReduceKind::Max, logits, {last},
                                 /*keep_dims=*/true);
    shifted = SubOp::create(b, loc, logits, max);
    exp = ExpOp::create(b, loc, shifted);
    sum = ReduceOp::create(b, loc, ReduceKind::Sum, exp, {last},
                           /*keep_dims=*/true);
  }

  Value shifted; ///< logits minus their row's maximum
  Value exp;     ///< exp(shifted)
  Value sum;     ///< the sum of exp over each row
};

/// true at each row's label, for rows of the shape of `logits`.
Value createLabelMask(OpBuilder &b, Location loc, Value logits, Value labels) {
  Type type = cast<RankedTensorType>(logits.getType()).clone(b.getI1Type());
  return OneHotOp::create(b, loc, type, labels);
}

/// Checks that there is one label a row of the logits.
LogicalResult checkLabels(std::optional<Location> loc, StringRef opName,
                          RankedTensorType logits, RankedTensorType labels) {
  if (!logits || !labels)
    return emitOptionalError(loc, "'", opName, "' op takes ranked tensors");
  if (logits.getRank() == 0)
    return emitOptionalError(loc, "'", opName,
                             "' op logits must have a dimension of classes, "
                             "but are a scalar");
  if (ShapedType::isDynamic(logits.getShape().back()))
    return emitOptionalError(loc, "'", opName,
                             "' op logits must have a static number of "
                             "classes, but are ",
                             logits);
  SmallVector<int64_t> expected(logits.getShape());
  expected.back() = 1;
  if (labels.getShape() != ArrayRef<int64_t>(expected))
    return emitOptionalError(loc, "'", opName, "' op logits of shape ",
                             formatShape(logits.getShape()),
                             " need labels of shape ", formatShape(expected),
                             ", but they have shape ",
                             formatShape(labels.getShape()));
  return success();
}

SmallVector<int64_t> getAllDims(Value value) {
  return llvm::to_vector(
      llvm::seq<int64_t>(0, cast<RankedTensorType>(value.getType()).getRank()));
}

} // namespace

//===----------------------------------------------------------------------===//
// linear
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto input = dyn_cast<RankedTensorType>(adaptor.getInput().getType());
  auto weight = dyn_cast<RankedTensorType>(adaptor.getWeight().getType());
  auto bias = dyn_cast<RankedTensorType>(adaptor.getBias().getType());
  if (!input || input.getRank() != 2 || !weight || weight.getRank() != 2 ||
      !bias || bias.getRank() != 1)
    return emitOptionalError(loc, "'", getOperationName(),
                             "' op takes an input and a weight of rank 2 and "
                             "a bias of rank 1");
  if (input.getElementType() != weight.getElementType() ||
      input.getElementType() != bias.getElementType())
    return emitOptionalError(
        loc, "'", getOperationName(), "' op operands have element types ",
        input.getElementType(), ", ", weight.getElementType(), " and ",
        bias.getElementType(), "; nn.cast converts between them");
  if (input.getDimSize(1) != weight.getDimSize(0))
    return emitOptionalError(
        loc, "'", getOperationName(), "' op contracts ",
        formatExtent(input.getDimSize(1)), " columns of the input with ",
        formatExtent(weight.getDimSize(0)), " rows of the weight");
  if (bias.getDimSize(0) != weight.getDimSize(1))
    return emitOptionalError(
        loc, "'", getOperationName(), "' op has a bias of ",
        formatExtent(bias.getDimSize(0)), " elements for ",
        formatExtent(weight.getDimSize(1)), " columns of the weight");
  types.push_back(input.clone({input.getDimSize(0), weight.getDimSize(1)}));
  return success();
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    return std::pair<Value, int64_t>(d == 0 ? getInput() : getWeight(), d);
  }));
  return success();
}

FailureOr<SmallVector<Value>> LinearOp::decompose(OpBuilder &b) {
  Value product =
      MatmulOp::create(b, getLoc(), getInput(), getWeight(), false, false);
  Value sum = AddOp::create(b, getLoc(), product, getBias());
  return SmallVector<Value>{sum};
}

LogicalResult LinearOp::buildGradient(OpBuilder &b, ValueRange g,
                                      SmallVectorImpl<Value> &gradients) {
  Location loc = getLoc();
  gradients.push_back(MatmulOp::create(b, loc, g[0], getWeight(), false, true));
  gradients.push_back(MatmulOp::create(b, loc, getInput(), g[0], true, false));
  gradients.push_back(sumGradientTo(b, loc, g[0], getBias().getType()));
  return success();
}

//===----------------------------------------------------------------------===//
// square_error, mean
//===----------------------------------------------------------------------===//

LogicalResult SquareErrorOp::inferReturnTypes(MLIRContext *context,
                                              std::optional<Location> loc,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, getOperationName(), adaptor.getOperands(),
                          types);
}

LogicalResult
SquareErrorOp::reifyResultShapes(OpBuilder &b,
                                 ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(
      reifyBroadcast(b, getLoc(), getOperation()->getOperands(), getType()));
  return success();
}

FailureOr<SmallVector<Value>> SquareErrorOp::decompose(OpBuilder &b) {
  Value difference = SubOp::create(b, getLoc(), getLhs(), getRhs());
  Value square = SquareOp::create(b, getLoc(), difference);
  return SmallVector<Value>{square};
}

LogicalResult SquareErrorOp::buildGradient(OpBuilder &b, ValueRange g,
                                           SmallVectorImpl<Value> &gradients) {
  Location loc = getLoc();
  Value difference = SubOp::create(b, loc, getLhs(), getRhs());
  Value two = createScalarConstant(b, loc, getType().getElementType(), 2);
  Value slope = MulOp::create(b, loc, difference, two);
  Value toLhs = MulOp::create(b, loc, g[0], slope);
  gradients.push_back(sumGradientTo(b, loc, toLhs, getLhs().getType()));
  Value toRhs = sumGradientTo(b, loc, toLhs, getRhs().getType());
  gradients.push_back(NegOp::create(b, loc, toRhs));
  return success();
}

LogicalResult MeanOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get(
      {}, getElementTypeOrSelf(adaptor.getOperand().getType())));
  return success();
}

LogicalResult MeanOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &shapes) {
  shapes.emplace_back();
  return success();
}

FailureOr<SmallVector<Value>> MeanOp::decompose(OpBuilder &b) {
  Value sum = ReduceOp::create(b, getLoc(), ReduceKind::Sum, getOperand(),
                               getAllDims(getOperand()), false);
  Value count = CountOp::create(b, getLoc(), getOperand());
  Value mean = DivOp::create(b, getLoc(), sum, count);
  return SmallVector<Value>{mean};
}

LogicalResult MeanOp::buildGradient(OpBuilder &b, ValueRange g,
                                    SmallVectorImpl<Value> &gradients) {
  Value count = CountOp::create(b, getLoc(), getOperand());
  Value share = DivOp::create(b, getLoc(), g[0], count);
  gradients.push_back(BroadcastOp::create(b, getLoc(), share, getOperand()));
  return success();
}

//===----------------------------------------------------------------------===//
// softmax, softmax_cross_entropy, accuracy
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::verify() {
  if (getType().getRank() > 0)
    return success();
  return emitOpError("takes a tensor of rank 1 or more, but got ") << getType();
}

LogicalResult
SoftmaxOp::reifyResultShapes(OpBuilder &b,
                             ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(tensor::getMixedSizes(b, getLoc(), getOperand()));
  return success();
}

FailureOr<SmallVector<Value>> SoftmaxOp::decompose(OpBuilder &b) {
  SoftmaxParts parts(b, getLoc(), getOperand());
  Value softmax = DivOp::create(b, getLoc(), parts.exp, parts.sum);
  return SmallVector<Value>{softmax};
}

LogicalResult SoftmaxOp::buildGradient(OpBuilder &b, ValueRange g,
                                       SmallVectorImpl<Value> &gradients) {
  Location loc = getLoc();
  Value product = MulOp::create(b, loc, g[0], getResult());
  Value sum = ReduceOp::create(b, loc, ReduceKind::Sum, product,
                               {getType().getRank() - 1}, /*keep_dims=*/true);
  Value centered = SubOp::create(b, loc, g[0], sum);
  gradients.push_back(MulOp::create(b, loc, getResult(), centered));
  return success();
}

LogicalResult SoftmaxCrossEntropyOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  auto logits = dyn_cast<RankedTensorType>(adaptor.getLogits().getType());
  auto labels = dyn_cast<RankedTensorType>(adaptor.getLabels().getType());
  if (failed(checkLabels(loc, getOperationName(), logits, labels)))
    return failure();
  types.push_back(labels.clone(logits.getElementType()));
  return success();
}

LogicalResult
SoftmaxCrossEntropyOp::reifyResultShapes(OpBuilder &b,
                                         ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(tensor::getMixedSizes(b, getLoc(), getLabels()));
  return success();
}

FailureOr<SmallVector<Value>> SoftmaxCrossEntropyOp::decompose(OpBuilder &b) {
  Location loc = getLoc();
  SoftmaxParts parts(b, loc, getLogits());
  // A choice, not a product with zeros and ones: a logit of minus infinity
  // elsewhere must not make it not-a-number.
  Value mask = createLabelMask(b, loc, getLogits(), getLabels());
  Value zero = createScalarConstant(b, loc, getType().getElementType(), 0);
  Value chosen = SelectOp::create(b, loc, mask, parts.shifted, zero);
  Value atLabel =
      ReduceOp::create(b, loc, ReduceKind::Sum, chosen,
                       {getType().getRank() - 1}, /*keep_dims=*/true);
  Value log = LogOp::create(b, loc, parts.sum);
  Value loss = SubOp::create(b, loc, log, atLabel);
  return SmallVector<Value>{loss};
}

LogicalResult
SoftmaxCrossEntropyOp::buildGradient(OpBuilder &b, ValueRange g,
                                     SmallVectorImpl<Value> &gradients) {
  Location loc = getLoc();
  Type type = getLogits().getType();
  Value softmax = SoftmaxOp::create(b, loc, type, getLogits());
  Value mask = createLabelMask(b, loc, getLogits(), getLabels());
  Value oneHot = CastOp::create(b, loc, type, mask);
  Value difference = SubOp::create(b, loc, softmax, oneHot);
  gradients.push_back(MulOp::create(b, loc, difference, g[0]));
  gradients.push_back(Value());
  return success();
}

LogicalResult AccuracyOp::inferReturnTypes(MLIRContext *context,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  auto logits = dyn_cast<RankedTensorType>(adaptor.getLogits().getType());
  auto labels = dyn_cast<RankedTensorType>(adaptor.getLabels().getType());
  if (failed(checkLabels(loc, getOperationName(), logits, labels)))
    return failure();
  types.push_back(RankedTensorType::get({}, logits.getElementType()));
  return success();
}

LogicalResult
AccuracyOp::reifyResultShapes(OpBuilder &b,
                              ReifiedRankedShapedTypeDims &shapes) {
  shapes.emplace_back();
  return success();
}

FailureOr<SmallVector<Value>> AccuracyOp::decompose(OpBuilder &b) {
  Location loc = getLoc();
  Value best = ArgmaxOp::create(b, loc, getLogits());
  Value labels = getLabels();
  if (labels.getType() != best.getType())
    labels = CastOp::create(b, loc, best.getType(), labels);
  Value hit = CompareOp::create(b, loc, ComparePredicate::Eq, best, labels);
  Type type =
      cast<RankedTensorType>(hit.getType()).clone(getType().getElementType());
  Value ones = CastOp::create(b, loc, type, hit);
  Value mean = MeanOp::create(b, loc, ones);
  return SmallVector<Value>{mean};
}

LogicalResult AccuracyOp::buildGradient(OpBuilder &, ValueRange,
                                        SmallVectorImpl<Value> &) {
  return emitOpError("has no gradient, since it changes in steps; minimize a "
                     "loss such as nn.softmax_cross_entropy");
}

//===----------------------------------------------------------------------===//
// embedding
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  FailureOr<RankedTensorType> type =
      inferGather(loc, getOperationName(), adaptor.getTable().getType(),
                  adaptor.getIds().getType());
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

LogicalResult EmbeddingOp::verify() {
  std::optional<uint64_t> padding = getPaddingIdx();
  int64_t rows = getTable().getType().getDimSize(0);
  if (padding && *padding >= static_cast<uint64_t>(rows))
    return emitOpError("has 'padding_idx' ")
           << static_cast<int64_t>(*padding) << ", but the table has rows 0 to "
           << rows - 1;
  return success();
}

LogicalResult
EmbeddingOp::reifyResultShapes(OpBuilder &b,
                               ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    return std::pair<Value, int64_t>(getIds(), d);
  }));
  return success();
}

SmallVector<RowNumbers> EmbeddingOp::getRowNumbers() {
  return {{getIds(), getTable().getType().getDimSize(0)}};
}

/// `rows`, one an id, with zeros where the id is the padding.
static Value maskPadding(OpBuilder &b, EmbeddingOp op, Value rows) {
  if (!op.getPaddingIdx())
    return rows;
  Location loc = op.getLoc();
  auto idsType = cast<RankedTensorType>(op.getIds().getType());
  Value padding = ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(
          RankedTensorType::get({}, idsType.getElementType()),
          b.getIntegerAttr(idsType.getElementType(), *op.getPaddingIdx())));
  Value isRow =
      CompareOp::create(b, loc, ComparePredicate::Ne, op.getIds(), padding);
  if (idsType.getShape().back() != 1)
    isRow = BroadcastOp::create(b, loc, isRow, rows,
                                ArrayRef<int64_t>{idsType.getRank()});
  Value zero =
      createScalarConstant(b, loc, getElementTypeOrSelf(rows.getType()), 0);
  return SelectOp::create(b, loc, isRow, rows, zero);
}

FailureOr<SmallVector<Value>> EmbeddingOp::decompose(OpBuilder &b) {
  Value rows = GatherOp::create(b, getLoc(), getTable(), getIds());
  return SmallVector<Value>{maskPadding(b, *this, rows)};
}

LogicalResult EmbeddingOp::buildGradient(OpBuilder &b, ValueRange g,
                                         SmallVectorImpl<Value> &gradients) {
  gradients.push_back(ScatterAddOp::create(b, getLoc(), getTable().getType(),
                                           maskPadding(b, *this, g[0]),
                                           getIds()));
  gradients.push_back(Value());
  return success();
}

//===----------------------------------------------------------------------===//
// sum_to
//===----------------------------------------------------------------------===//

LogicalResult SumToOp::verify() {
  RankedTensorType from = getOperand().getType();
  RankedTensorType to = getType();
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the element type from ")
           << from.getElementType() << " to " << to.getElementType();
  if (!broadcastsTo(to.getShape(), from.getShape()))
    return emitOpError("cannot sum shape ")
           << formatShape(from.getShape()) << " to "
           << formatShape(to.getShape()) << ", which does not broadcast to it";
  return success();
}

LogicalResult SumToOp::reifyResultShapes(OpBuilder &b,
                                         ReifiedRankedShapedTypeDims &shapes) {
  int64_t lead = getOperand().getType().getRank() - getType().getRank();
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    return std::pair<Value, int64_t>(getOperand(), lead + d);
  }));
  return success();
}

OpFoldResult SumToOp::fold(FoldAdaptor) {
  return getOperand().getType() == getType() ? OpFoldResult(getOperand())
                                             : OpFoldResult();
}

FailureOr<SmallVector<Value>> SumToOp::decompose(OpBuilder &b) {
  Value sum = getOperand();
  RankedTensorType from = getOperand().getType();
  int64_t lead = from.getRank() - getType().getRank();
  SmallVector<int64_t> stretched;
  for (int64_t d = 0; d < getType().getRank(); ++d)
    if (getType().getDimSize(d) != from.getDimSize(lead + d))
      stretched.push_back(lead + d);
  if (!stretched.empty())
    sum = ReduceOp::create(b, getLoc(), ReduceKind::Sum, sum, stretched,
                           /*keep_dims=*/true);
  if (lead > 0)
    sum = ReduceOp::create(b, getLoc(), ReduceKind::Sum, sum,
                           llvm::to_vector(llvm::seq<int64_t>(0, lead)),
                           /*keep_dims=*/false);
  return SmallVector<Value>{sum};
}

LogicalResult SumToOp::buildGradient(OpBuilder &b, ValueRange g,
                                     SmallVectorImpl<Value> &gradients) {
  gradients.push_back(BroadcastOp::create(b, getLoc(), g[0], getOperand()));
  return success();
}
