//===- NNPrimitiveOps.cpp - Constants, reductions, labels, products -------===//

#include "dialects/NN/IR/NN.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::fleet::nn;

//===----------------------------------------------------------------------===//
// constant
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::verify() {
  if (isa<DenseElementsAttr, DenseResourceElementsAttr>(getValue()))
    return success();
  return emitOpError("takes dense elements");
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult
ConstantOp::reifyResultShapes(OpBuilder &b,
                              ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyBroadcast(b, getLoc(), {}, getType()));
  return success();
}

//===----------------------------------------------------------------------===//
// reduce
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto operand = dyn_cast<RankedTensorType>(adaptor.getOperand().getType());
  if (!operand)
    return emitOptionalError(loc, "'", getOperationName(),
                             "' op takes a ranked tensor");
  ArrayRef<int64_t> dims = adaptor.getDims();
  for (auto [i, d] : llvm::enumerate(dims)) {
    if (d < 0 || d >= operand.getRank())
      return emitOptionalError(loc, "'", getOperationName(),
                               "' op reduces dimension ", d, " of ", operand,
                               ", which has rank ", operand.getRank());
    if (i > 0 && d <= dims[i - 1])
      return emitOptionalError(loc, "'", getOperationName(),
                               "' op 'dims' must be in increasing order, but ",
                               d, " comes after ", dims[i - 1]);
  }
  SmallVector<int64_t> shape;
  for (int64_t d = 0; d < operand.getRank(); ++d) {
    if (!llvm::is_contained(dims, d))
      shape.push_back(operand.getDimSize(d));
    else if (adaptor.getKeepDims())
      shape.push_back(1);
  }
  types.push_back(operand.clone(shape));
  return success();
}

LogicalResult ReduceOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<int64_t> sources;
  for (int64_t d = 0; d < getOperand().getType().getRank(); ++d)
    if (getKeepDims() || !llvm::is_contained(getDims(), d))
      sources.push_back(d);
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    return std::pair<Value, int64_t>(getOperand(), sources[d]);
  }));
  return success();
}

OpFoldResult ReduceOp::fold(FoldAdaptor) {
  return getDims().empty() ? OpFoldResult(getOperand()) : OpFoldResult();
}

LogicalResult ReduceOp::buildGradient(OpBuilder &b, ValueRange g,
                                      SmallVectorImpl<Value> &gradients) {
  Location loc = getLoc();
  // With the reduced dimensions kept a value broadcasts by itself; without,
  // it has to be told where they were.
  auto spread = [&](Value value) -> Value {
    if (getKeepDims())
      return value;
    return BroadcastOp::create(b, loc, value, getOperand(), getDims());
  };
  if (getKind() == ReduceKind::Sum) {
    gradients.push_back(
        BroadcastOp::create(b, loc, g[0], getOperand(),
                            getKeepDims() ? ArrayRef<int64_t>() : getDims()));
    return success();
  }
  Value isLargest = CompareOp::create(b, loc, ComparePredicate::Eq,
                                      getOperand(), spread(getResult()));
  Type elementType = getType().getElementType();
  Value ones = CastOp::create(b, loc, getOperand().getType(), isLargest);
  Value count =
      ReduceOp::create(b, loc, ReduceKind::Sum, ones, getDims(), getKeepDims());
  Value share = DivOp::create(b, loc, g[0], count);
  Value zero = createScalarConstant(b, loc, elementType, 0);
  gradients.push_back(SelectOp::create(b, loc, isLargest, spread(share), zero));
  return success();
}

//===----------------------------------------------------------------------===//
// argmax, one_hot, count
//===----------------------------------------------------------------------===//

LogicalResult ArgmaxOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto operand = dyn_cast<RankedTensorType>(adaptor.getOperand().getType());
  if (!operand || operand.getRank() == 0)
    return emitOptionalError(loc, "'", getOperationName(),
                             "' op takes a tensor of rank 1 or more");
  if (operand.getShape().back() == 0)
    return emitOptionalError(loc, "'", getOperationName(),
                             "' op has no elements to choose from in ",
                             operand);
  SmallVector<int64_t> shape(operand.getShape());
  shape.back() = 1;
  types.push_back(RankedTensorType::get(shape, IntegerType::get(context, 64)));
  return success();
}

LogicalResult ArgmaxOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    return std::pair<Value, int64_t>(getOperand(), d);
  }));
  return success();
}

LogicalResult OneHotOp::verify() {
  RankedTensorType labels = getLabels().getType();
  RankedTensorType result = getType();
  if (labels.getRank() == 0 || labels.getShape().back() != 1)
    return emitOpError("labels must be one a row, in a last dimension of "
                       "extent 1, but their shape is ")
           << formatShape(labels.getShape());
  if (result.getRank() != labels.getRank() ||
      result.getShape().drop_back() != labels.getShape().drop_back())
    return emitOpError("result of shape ")
           << formatShape(result.getShape())
           << " does not have the rows of labels of shape "
           << formatShape(labels.getShape());
  if (result.isDynamicDim(result.getRank() - 1))
    return emitOpError("result type must give the number of classes, but is ")
           << result;
  return success();
}

LogicalResult OneHotOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    return std::pair<Value, int64_t>(getLabels(), d);
  }));
  return success();
}

LogicalResult OneHotOp::buildGradient(OpBuilder &, ValueRange,
                                      SmallVectorImpl<Value> &gradients) {
  gradients.push_back(Value());
  return success();
}

LogicalResult CountOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location> loc,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get(
      {}, getElementTypeOrSelf(adaptor.getOperand().getType())));
  return success();
}

LogicalResult CountOp::reifyResultShapes(OpBuilder &b,
                                         ReifiedRankedShapedTypeDims &shapes) {
  shapes.emplace_back();
  return success();
}

OpFoldResult CountOp::fold(FoldAdaptor) {
  RankedTensorType operand = getOperand().getType();
  if (!operand.hasStaticShape())
    return {};
  return DenseElementsAttr::get(
      getType(), FloatAttr::get(getType().getElementType(),
                                static_cast<double>(operand.getNumElements())));
}

LogicalResult CountOp::buildGradient(OpBuilder &, ValueRange,
                                     SmallVectorImpl<Value> &gradients) {
  gradients.push_back(Value());
  return success();
}

//===----------------------------------------------------------------------===//
// matmul
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto lhs = dyn_cast<RankedTensorType>(adaptor.getLhs().getType());
  auto rhs = dyn_cast<RankedTensorType>(adaptor.getRhs().getType());
  for (RankedTensorType type : {lhs, rhs})
    if (!type || type.getRank() != 2)
      return emitOptionalError(loc, "'", getOperationName(),
                               "' op takes two tensors of rank 2");
  if (lhs.getElementType() != rhs.getElementType())
    return emitOptionalError(
        loc, "'", getOperationName(), "' op operands have element types ",
        lhs.getElementType(), " and ", rhs.getElementType(),
        "; nn.cast converts between them");
  bool transposeA = adaptor.getTransposeA();
  bool transposeB = adaptor.getTransposeB();
  int64_t inner = lhs.getDimSize(transposeA ? 0 : 1);
  int64_t rhsInner = rhs.getDimSize(transposeB ? 1 : 0);
  if (inner != rhsInner)
    return emitOptionalError(
        loc, "'", getOperationName(), "' op contracts ", formatExtent(inner),
        transposeA ? " rows" : " columns", " of the left operand with ",
        formatExtent(rhsInner), transposeB ? " columns" : " rows",
        " of the right operand");
  types.push_back(lhs.clone({lhs.getDimSize(transposeA ? 1 : 0),
                             rhs.getDimSize(transposeB ? 0 : 1)}));
  return success();
}

LogicalResult MatmulOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    if (d == 0)
      return std::pair<Value, int64_t>(getLhs(), getTransposeA() ? 1 : 0);
    return std::pair<Value, int64_t>(getRhs(), getTransposeB() ? 0 : 1);
  }));
  return success();
}

LogicalResult MatmulOp::buildGradient(OpBuilder &b, ValueRange g,
                                      SmallVectorImpl<Value> &gradients) {
  Location loc = getLoc();
  bool ta = getTransposeA();
  bool tb = getTransposeB();
  // C = A B gives dA = dC B', dB = A' dC; a transposed operand gets the
  // transpose of that.
  if (ta)
    gradients.push_back(MatmulOp::create(b, loc, getRhs(), g[0], tb, true));
  else
    gradients.push_back(MatmulOp::create(b, loc, g[0], getRhs(), false, !tb));
  if (tb)
    gradients.push_back(MatmulOp::create(b, loc, g[0], getLhs(), true, ta));
  else
    gradients.push_back(MatmulOp::create(b, loc, getLhs(), g[0], !ta, false));
  return success();
}
