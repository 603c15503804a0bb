//===- NNElementwiseOps.cpp - Types of the elementwise ops ----------------===//

#include "dialects/NN/IR/NN.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::fleet::nn;

//===----------------------------------------------------------------------===//
// compare, select, cast
//===----------------------------------------------------------------------===//

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location> loc,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  if (failed(inferElementwise(loc, getOperationName(), adaptor.getOperands(),
                              types)))
    return failure();
  types.back() =
      cast<RankedTensorType>(types.back()).clone(IntegerType::get(context, 1));
  return success();
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  SmallVector<Type> values;
  if (failed(inferElementwise(loc, getOperationName(),
                              {adaptor.getTrueValue(), adaptor.getFalseValue()},
                              values)))
    return failure();
  FailureOr<SmallVector<int64_t>> shape =
      inferBroadcastShape(loc, getOperationName(), adaptor.getOperands());
  if (failed(shape))
    return failure();
  types.push_back(cast<RankedTensorType>(values.front()).clone(*shape));
  return success();
}

static bool isHalf(Type element) { return element.isF16() || element.isBF16(); }

LogicalResult CastOp::verify() {
  if (getOperand().getType().getShape() != getType().getShape())
    return emitOpError("changes the shape from ")
           << formatShape(getOperand().getType().getShape()) << " to "
           << formatShape(getType().getShape())
           << "; only the element type may change";
  Type from = getOperand().getType().getElementType();
  Type to = getType().getElementType();
  auto isFull = [](Type element) { return element.isF32() || element.isF64(); };
  if (from != to &&
      ((isHalf(from) && !isFull(to)) || (isHalf(to) && !isFull(from))))
    return emitOpError("converts ")
           << from << " to " << to << "; half precision converts from and to "
           << "f32 and f64 only";
  return success();
}

//===----------------------------------------------------------------------===//
// broadcast
//===----------------------------------------------------------------------===//

/// The shape of a value after extents of 1 are put in at `along`, dimensions
/// of a result with `rank`. A value of lower rank is aligned at the last
/// dimension only when nothing is put in.
static SmallVector<int64_t> putInOnes(ArrayRef<int64_t> shape,
                                      ArrayRef<int64_t> along) {
  SmallVector<int64_t> result(shape);
  for (int64_t d : along)
    result.insert(result.begin() + d, 1);
  return result;
}

LogicalResult BroadcastOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto value = dyn_cast<RankedTensorType>(adaptor.getValue().getType());
  auto like = dyn_cast<RankedTensorType>(adaptor.getLike().getType());
  if (!value || !like)
    return emitOptionalError(loc, "'", getOperationName(),
                             "' op takes ranked tensors");
  ArrayRef<int64_t> along = adaptor.getAlong();
  if (!along.empty()) {
    if (static_cast<int64_t>(along.size()) + value.getRank() != like.getRank())
      return emitOptionalError(
          loc, "'", getOperationName(), "' op puts ", along.size(),
          " dimensions into a value of rank ", value.getRank(),
          ", which does not give rank ", like.getRank(), " of ", like);
    for (auto [i, d] : llvm::enumerate(along))
      if (d < 0 || d >= like.getRank() || (i > 0 && d <= along[i - 1]))
        return emitOptionalError(loc, "'", getOperationName(),
                                 "' op 'along' must list dimensions of ", like,
                                 " in increasing order");
  }
  SmallVector<int64_t> shape = putInOnes(value.getShape(), along);
  if (!broadcastsTo(shape, like.getShape()))
    return emitOptionalError(loc, "'", getOperationName(),
                             "' op cannot stretch shape ", formatShape(shape),
                             " to ", formatShape(like.getShape()));
  types.push_back(like.clone(value.getElementType()));
  return success();
}

LogicalResult
BroadcastOp::reifyResultShapes(OpBuilder &b,
                               ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(tensor::getMixedSizes(b, getLoc(), getLike()));
  return success();
}

SmallVector<Value> BroadcastOp::getScalarOperands() { return {getValue()}; }

SmallVector<AffineMap> BroadcastOp::getScalarOperandMaps() {
  RankedTensorType value = getValue().getType();
  SmallVector<int64_t> shape = putInOnes(value.getShape(), getAlong());
  AffineMap full = getBroadcastMap(value.clone(shape), getType());
  // Drop the indices of dimensions that the value does not have.
  SmallVector<AffineExpr> indices;
  for (auto [d, index] : llvm::enumerate(full.getResults()))
    if (!llvm::is_contained(getAlong(), static_cast<int64_t>(d)))
      indices.push_back(index);
  return {AffineMap::get(full.getNumDims(), 0, indices, getContext())};
}
