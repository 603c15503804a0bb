//===- Rows.cpp - How operations behave row by row ------------------------===//

#include "fleet/Analysis/Rows.h"

#include "dialects/NN/IR/NN.h"

using namespace mlir;
using namespace mlir::fleet;

/// Above this many elements a static tensor is worth a sweep of its own.
static constexpr int64_t kMaxInvariantElements = 1024;

/// Above this many elements of its stationary matrix, a product is faster as a
/// library call than as part of a sweep.
static constexpr int64_t kMaxSweptMatrix = 64;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// True if every extent but perhaps that of dimension 0 is static.
static bool hasStaticRows(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && llvm::none_of(type.getShape().drop_front(type.getRank() > 0),
                               ShapedType::isDynamic);
}

static bool isStatic(Value value) {
  return cast<RankedTensorType>(value.getType()).hasStaticShape();
}

static bool isLarge(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return !type.hasStaticShape() ||
         type.getNumElements() > kMaxInvariantElements;
}

bool mlir::fleet::isReadByRow(Operation *op, Value operand, int64_t rows) {
  ArrayRef<int64_t> shape = shapeOf(operand);
  if (shape.empty() || shape[0] != rows || rows == 1)
    return false;
  if (auto gather = dyn_cast<nn::GatherOp>(op))
    if (operand == gather.getTable())
      return false;
  auto scalar = dyn_cast<nn::ScalarOpInterface>(op);
  if (!scalar)
    return true;
  // Elementwise: where the first index of the operand is that of the result.
  for (auto [value, map] :
       llvm::zip(scalar.getScalarOperands(), scalar.getScalarOperandMaps()))
    if (value == operand &&
        map.getResult(0) != getAffineDimExpr(0, op->getContext()))
      return false;
  return true;
}

static bool isSmallMatrix(ArrayRef<int64_t> shape) {
  return !ShapedType::isDynamicShape(shape) &&
         shape[0] * shape[1] <= kMaxSweptMatrix;
}

/// The tensor whose rows an operation sweeps over.
static Value getSweptValue(Operation *op) {
  if (isa<nn::ReduceOp, nn::ArgmaxOp, nn::MatmulOp>(op))
    return op->getOperand(0);
  return op->getNumResults() == 1 ? op->getResult(0) : Value();
}

std::optional<int64_t> mlir::fleet::getRowExtent(Operation *op) {
  if (isa<nn::CountOp, nn::ConstantOp>(op))
    return std::nullopt;
  if (auto scatter = dyn_cast<nn::ScatterAddOp>(op))
    return scatter.getType().getDimSize(0);
  Value swept = getSweptValue(op);
  if (!swept || !isLarge(swept) || shapeOf(swept).empty())
    return std::nullopt;
  int64_t rows = shapeOf(swept)[0];
  RowRole role = getRowRole(op, rows);
  if (role == RowRole::Row || role == RowRole::Accumulate)
    return rows;
  // One row, which is large: a kernel of its own does it as a whole.
  if (getRowRole(op, 1) != RowRole::Opaque)
    return 1;
  return std::nullopt;
}

RowRole mlir::fleet::getRowRole(Operation *op, int64_t rows) {
  if (isa<nn::CountOp>(op))
    return RowRole::Invariant;
  if (auto constant = dyn_cast<nn::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue()) ? RowRole::Invariant
                                                       : RowRole::Opaque;
  Value swept = getSweptValue(op);
  if (!swept || !hasStaticRows(swept) ||
      !llvm::all_of(op->getOperands(), hasStaticRows))
    return RowRole::Opaque;
  ArrayRef<int64_t> shape = shapeOf(swept);
  if (isa<nn::ScatterAddOp>(op)) // every row looks at all ids
    return shape[0] == rows ? RowRole::Range : RowRole::Opaque;
  bool isSwept = !shape.empty() && shape[0] == rows && rows != 1;
  bool isWhole = !isLarge(swept) || (rows == 1 && isStatic(swept));

  if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
    ArrayRef<int64_t> b = shapeOf(matmul->getOperand(1));
    if (!isSwept)
      return RowRole::Opaque;
    if (!matmul.getTransposeA())
      return isSmallMatrix(b) ? RowRole::Row : RowRole::Opaque;
    if (!matmul.getTransposeB() && b[0] == rows &&
        isSmallMatrix(shapeOf(matmul.getResult())))
      return RowRole::Accumulate;
    return RowRole::Opaque;
  }
  if (auto reduce = dyn_cast<nn::ReduceOp>(op)) {
    if (isSwept)
      return llvm::is_contained(reduce.getDims(), 0) ? RowRole::Accumulate
                                                     : RowRole::Row;
    return isWhole ? RowRole::Invariant : RowRole::Opaque;
  }
  if (isa<nn::ArgmaxOp, nn::OneHotOp, nn::GatherOp, nn::ConcatOp, nn::SliceOp,
          nn::ReshapeOp, nn::ScalarOpInterface>(op)) {
    if (isSwept && (shape.size() > 1 || !isa<nn::ArgmaxOp>(op)))
      return RowRole::Row;
    return isWhole ? RowRole::Invariant : RowRole::Opaque;
  }
  return RowRole::Opaque;
}
