//===- NNShapes.cpp - Shape rules of the nn dialect -----------------------===//

#include "dialects/NN/IR/NNShapes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fleet;

FailureOr<SmallVector<int64_t>> nn::broadcastShapes(ArrayRef<int64_t> lhs,
                                                    ArrayRef<int64_t> rhs) {
  if (lhs.size() < rhs.size())
    std::swap(lhs, rhs);
  SmallVector<int64_t> shape(lhs);
  size_t lead = lhs.size() - rhs.size();
  for (auto [d, extent] : llvm::enumerate(rhs)) {
    int64_t &other = shape[lead + d];
    if (other == extent || extent == 1)
      continue;
    if (other != 1)
      return failure();
    other = extent;
  }
  return shape;
}

bool nn::broadcastsTo(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  FailureOr<SmallVector<int64_t>> shape = broadcastShapes(from, to);
  return succeeded(shape) && ArrayRef<int64_t>(*shape) == to;
}

AffineMap nn::getBroadcastMap(RankedTensorType operand,
                              RankedTensorType result) {
  MLIRContext *context = result.getContext();
  int64_t lead = result.getRank() - operand.getRank();
  SmallVector<AffineExpr> indices;
  for (int64_t d = 0; d < operand.getRank(); ++d) {
    bool stretches =
        operand.getDimSize(d) == 1 && result.getDimSize(lead + d) != 1;
    indices.push_back(stretches ? getAffineConstantExpr(0, context)
                                : getAffineDimExpr(lead + d, context));
  }
  return AffineMap::get(result.getRank(), 0, indices, context);
}

FailureOr<SmallVector<int64_t>>
nn::inferBroadcastShape(std::optional<Location> loc, StringRef opName,
                        ValueRange operands) {
  SmallVector<int64_t> shape;
  for (Value operand : operands) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      return emitOptionalError(loc, "'", opName,
                               "' op takes ranked tensors, but an operand is ",
                               operand.getType());
    FailureOr<SmallVector<int64_t>> joined =
        broadcastShapes(shape, type.getShape());
    if (failed(joined))
      return emitOptionalError(
          loc, "'", opName, "' op operands of shapes ", formatShape(shape),
          " and ", formatShape(type.getShape()),
          " do not broadcast: from the last dimension on, extents must be the "
          "same, or one of them 1");
    shape = std::move(*joined);
  }
  return shape;
}

LogicalResult nn::inferElementwise(std::optional<Location> loc,
                                   StringRef opName, ValueRange operands,
                                   SmallVectorImpl<Type> &types) {
  FailureOr<SmallVector<int64_t>> shape =
      inferBroadcastShape(loc, opName, operands);
  if (failed(shape))
    return failure();
  Type elementType = getElementTypeOrSelf(operands.front().getType());
  for (Value operand : operands.drop_front())
    if (getElementTypeOrSelf(operand.getType()) != elementType)
      return emitOptionalError(loc, "'", opName,
                               "' op operands have element types ", elementType,
                               " and ", getElementTypeOrSelf(operand.getType()),
                               "; nn.cast converts between them");
  types.push_back(RankedTensorType::get(*shape, elementType));
  return success();
}

SmallVector<OpFoldResult>
nn::reifyFrom(OpBuilder &b, Location loc, RankedTensorType result,
              function_ref<std::pair<Value, int64_t>(int64_t)> source) {
  SmallVector<OpFoldResult> extents;
  for (int64_t d = 0; d < result.getRank(); ++d) {
    if (!result.isDynamicDim(d)) {
      extents.push_back(b.getIndexAttr(result.getDimSize(d)));
      continue;
    }
    auto [value, dim] = source(d);
    extents.push_back(tensor::getMixedSize(b, loc, value, dim));
  }
  return extents;
}

SmallVector<OpFoldResult> nn::reifyBroadcast(OpBuilder &b, Location loc,
                                             ValueRange operands,
                                             RankedTensorType result) {
  // All dynamic extents that meet are the same, so any operand's will do.
  return reifyFrom(b, loc, result, [&](int64_t d) {
    for (Value operand : operands) {
      auto type = cast<RankedTensorType>(operand.getType());
      int64_t dim = d - (result.getRank() - type.getRank());
      if (dim >= 0 && type.isDynamicDim(dim))
        return std::pair(operand, dim);
    }
    llvm_unreachable("a dynamic extent comes from an operand");
  });
}

LogicalResult nn::verifyInferredTypes(Operation *op, TypeRange inferred) {
  if (TypeRange(op->getResultTypes()) == inferred)
    return success();
  return op->emitOpError("has result type ")
         << op->getResultTypes() << ", but its operands give " << inferred;
}

std::string nn::formatExtent(int64_t extent) {
  return ShapedType::isDynamic(extent) ? "?" : std::to_string(extent);
}

std::string nn::formatShape(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  return llvm::join(llvm::map_range(shape, formatExtent), "x");
}
