//===- NNMovementOps.cpp - Primitives that move elements ------------------===//

#include "dialects/NN/IR/NN.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::fleet::nn;

//===----------------------------------------------------------------------===//
// gather, scatter_add
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType>
mlir::fleet::nn::inferGather(std::optional<Location> loc, StringRef opName,
                             Type tableType, Type idsType) {
  auto table = dyn_cast<RankedTensorType>(tableType);
  auto ids = dyn_cast<RankedTensorType>(idsType);
  if (!table || table.getRank() != 2 || !table.hasStaticShape()) {
    (void)emitOptionalError(loc, "'", opName,
                            "' op takes a table of rank 2 with a static "
                            "shape, but it is ",
                            tableType);
    return failure();
  }
  if (table.getDimSize(0) == 0) {
    (void)emitOptionalError(loc, "'", opName, "' op has no rows to choose from",
                            " in ", table);
    return failure();
  }
  if (!ids || ids.getRank() < 2 || ids.isDynamicDim(ids.getRank() - 1)) {
    (void)emitOptionalError(loc, "'", opName,
                            "' op takes ids of rank 2 or more with a static "
                            "last extent, such as tensor<?x1xi64>, but they "
                            "are ",
                            idsType);
    return failure();
  }
  SmallVector<int64_t> shape(ids.getShape());
  if (shape.back() == 1)
    shape.pop_back();
  shape.push_back(table.getDimSize(1));
  return table.clone(shape);
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *context,
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

LogicalResult GatherOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyFrom(b, getLoc(), getType(), [&](int64_t d) {
    return std::pair<Value, int64_t>(getIds(), d);
  }));
  return success();
}

SmallVector<RowNumbers> GatherOp::getRowNumbers() {
  return {{getIds(), getTable().getType().getDimSize(0)}};
}

LogicalResult GatherOp::buildGradient(OpBuilder &b, ValueRange g,
                                      SmallVectorImpl<Value> &gradients) {
  gradients.push_back(
      ScatterAddOp::create(b, getLoc(), getTable().getType(), g[0], getIds()));
  gradients.push_back(Value());
  return success();
}

LogicalResult ScatterAddOp::verify() {
  FailureOr<RankedTensorType> expected =
      inferGather(getLoc(), getOperationName(), getType(), getIds().getType());
  if (failed(expected))
    return failure();
  if (getUpdates().getType() != *expected)
    return emitOpError("adds updates of type ")
           << getUpdates().getType() << ", but ids of shape "
           << formatShape(getIds().getType().getShape()) << " and a result of "
           << getType() << " need " << *expected;
  return success();
}

LogicalResult
ScatterAddOp::reifyResultShapes(OpBuilder &b,
                                ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(reifyBroadcast(b, getLoc(), {}, getType()));
  return success();
}

SmallVector<RowNumbers> ScatterAddOp::getRowNumbers() {
  return {{getIds(), getType().getDimSize(0)}};
}

LogicalResult ScatterAddOp::buildGradient(OpBuilder &b, ValueRange g,
                                          SmallVectorImpl<Value> &gradients) {
  gradients.push_back(GatherOp::create(b, getLoc(), g[0], getIds()));
  gradients.push_back(Value());
  return success();
}

//===----------------------------------------------------------------------===//
// concat, slice
//===----------------------------------------------------------------------===//

static int64_t getLastExtent(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (adaptor.getParts().empty())
    return emitOptionalError(loc, "'", getOperationName(),
                             "' op joins at least one tensor");
  SmallVector<int64_t> shape;
  RankedTensorType first;
  for (Value part : adaptor.getParts()) {
    auto type = dyn_cast<RankedTensorType>(part.getType());
    if (!type || type.getRank() < 2 ||
        ShapedType::isDynamic(type.getShape().back()))
      return emitOptionalError(loc, "'", getOperationName(),
                               "' op joins tensors of rank 2 or more with a "
                               "static last extent, but one is ",
                               part.getType());
    if (!first) {
      first = type;
      shape.assign(type.getShape().begin(), type.getShape().end());
      continue;
    }
    if (type.getElementType() != first.getElementType() ||
        type.getShape().drop_back() != first.getShape().drop_back())
      return emitOptionalError(loc, "'", getOperationName(), "' op joins ",
                               first, " and ", type,
                               "; they may differ in the last extent only");
    shape.back() += type.getShape().back();
  }
  types.push_back(first.clone(shape));
  return success();
}

LogicalResult ConcatOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &shapes) {
  auto type = cast<RankedTensorType>(getType());
  shapes.push_back(reifyFrom(b, getLoc(), type, [&](int64_t d) {
    return std::pair<Value, int64_t>(getParts().front(), d);
  }));
  return success();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getParts().size() == 1 ? OpFoldResult(getParts().front())
                                : OpFoldResult();
}

LogicalResult ConcatOp::buildGradient(OpBuilder &b, ValueRange g,
                                      SmallVectorImpl<Value> &gradients) {
  int64_t offset = 0;
  for (Value part : getParts()) {
    gradients.push_back(
        SliceOp::create(b, getLoc(), part.getType(), g[0], offset));
    offset += getLastExtent(part);
  }
  return success();
}

LogicalResult SliceOp::verify() {
  auto from = cast<RankedTensorType>(getOperand().getType());
  auto to = cast<RankedTensorType>(getType());
  if (from.getRank() < 2 || ShapedType::isDynamic(from.getShape().back()))
    return emitOpError("takes a tensor of rank 2 or more with a static last "
                       "extent, but it is ")
           << from;
  if (to.getRank() != from.getRank() ||
      to.getElementType() != from.getElementType() ||
      to.getShape().drop_back() != from.getShape().drop_back() ||
      ShapedType::isDynamic(to.getShape().back()))
    return emitOpError("takes columns of ")
           << from << ", so its result cannot be " << to
           << "; they may differ in the last extent only";
  int64_t offset = getOffset(), columns = from.getShape().back();
  int64_t size = to.getShape().back();
  if (offset < 0 || offset > columns || size > columns - offset)
    return emitOpError("takes ")
           << size << " columns from column " << offset << " on of " << from;
  return success();
}

LogicalResult SliceOp::reifyResultShapes(OpBuilder &b,
                                         ReifiedRankedShapedTypeDims &shapes) {
  auto type = cast<RankedTensorType>(getType());
  shapes.push_back(reifyFrom(b, getLoc(), type, [&](int64_t d) {
    return std::pair<Value, int64_t>(getOperand(), d);
  }));
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  int64_t offset = getOffset();
  if (auto inner = getOperand().getDefiningOp<SliceOp>()) {
    setOffset(offset + inner.getOffset());
    setOperand(inner.getOperand());
    return getResult();
  }
  if (auto concat = getOperand().getDefiningOp<ConcatOp>()) {
    int64_t size = getLastExtent(getResult());
    for (Value part : concat.getParts()) {
      int64_t columns = getLastExtent(part);
      if (offset >= 0 && size <= columns - offset) {
        setOffset(offset);
        setOperand(part);
        return getResult();
      }
      offset -= columns;
    }
  }
  return {};
}

LogicalResult SliceOp::buildGradient(OpBuilder &b, ValueRange g,
                                     SmallVectorImpl<Value> &gradients) {
  // Zeros beside the gradient; slices of the operand give them their shape.
  auto from = cast<RankedTensorType>(getOperand().getType());
  int64_t offset = getOffset(), size = getLastExtent(getResult());
  Value zero = createScalarConstant(b, getLoc(), from.getElementType(), 0);
  auto zeros = [&](int64_t begin, int64_t columns) -> Value {
    SmallVector<int64_t> shape(from.getShape());
    shape.back() = columns;
    Value like =
        SliceOp::create(b, getLoc(), from.clone(shape), getOperand(), begin);
    return BroadcastOp::create(b, getLoc(), zero, like, ArrayRef<int64_t>());
  };
  SmallVector<Value> parts;
  if (offset > 0)
    parts.push_back(zeros(0, offset));
  parts.push_back(g[0]);
  if (int64_t rest = from.getShape().back() - offset - size)
    parts.push_back(zeros(offset + size, rest));
  gradients.push_back(ConcatOp::create(b, getLoc(), parts));
  return success();
}

//===----------------------------------------------------------------------===//
// reshape
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  auto from = cast<RankedTensorType>(getOperand().getType());
  auto to = cast<RankedTensorType>(getType());
  for (RankedTensorType type : {from, to})
    if (type.getRank() < 2 ||
        ShapedType::isDynamicShape(type.getShape().drop_front()))
      return emitOpError("takes and gives tensors of rank 2 or more that are "
                         "static beyond dimension 0, but one is ")
             << type;
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the element type from ")
           << from.getElementType() << " to " << to.getElementType()
           << "; nn.cast does that";
  if (from.getDimSize(0) != to.getDimSize(0))
    return emitOpError("changes dimension 0 from ")
           << formatExtent(from.getDimSize(0)) << " to "
           << formatExtent(to.getDimSize(0));
  auto countRow = [](RankedTensorType type) {
    return ShapedType::getNumElements(type.getShape().drop_front());
  };
  if (countRow(from) != countRow(to))
    return emitOpError("gives rows of ")
           << countRow(from) << " elements the shape of "
           << formatShape(to.getShape().drop_front()) << ", which has "
           << countRow(to);
  return success();
}

LogicalResult
ReshapeOp::reifyResultShapes(OpBuilder &b,
                             ReifiedRankedShapedTypeDims &shapes) {
  auto type = cast<RankedTensorType>(getType());
  shapes.push_back(reifyFrom(b, getLoc(), type, [&](int64_t d) {
    return std::pair<Value, int64_t>(getOperand(), d);
  }));
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  if (auto inner = getOperand().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getOperand());
    return getResult();
  }
  return {};
}

LogicalResult ReshapeOp::buildGradient(OpBuilder &b, ValueRange g,
                                       SmallVectorImpl<Value> &gradients) {
  gradients.push_back(
      ReshapeOp::create(b, getLoc(), getOperand().getType(), g[0]));
  return success();
}
