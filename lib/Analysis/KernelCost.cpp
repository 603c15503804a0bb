//===- KernelCost.cpp - What a kernel costs and allows --------------------===//

#include "fleet/Analysis/KernelCost.h"

#include "dialects/NN/IR/NN.h"
#include "fleet/Analysis/Rows.h"

using namespace mlir;
using namespace mlir::fleet;

/// Elements of one row, or all of them for what is not swept.
static int64_t countRowElements(Type type, int64_t rows) {
  auto tensor = cast<RankedTensorType>(type);
  ArrayRef<int64_t> shape = tensor.getShape();
  if (!shape.empty() && shape[0] == rows)
    shape = shape.drop_front();
  int64_t elements = 1;
  for (int64_t extent : shape)
    elements *= ShapedType::isDynamic(extent) ? 1 : extent;
  return elements;
}

static bool isSwept(Type type, int64_t rows) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getRank() > 0 && tensor.getDimSize(0) == rows && rows != 1;
}

/// Operations an element, as far as the elementary functions go that kernels
/// expand into polynomials.
static int64_t getWeight(Operation *op) {
  if (isa<nn::StandardNormalOp>(op))
    return 60;
  return isa<nn::ExpOp, nn::LogOp, nn::TanhOp, nn::SigmoidOp>(op) ? 10 : 1;
}

KernelCost mlir::fleet::getKernelCost(func::FuncOp kernel, int64_t rows) {
  KernelCost cost;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    RowRole role = getRowRole(&op, rows);
    if (role == RowRole::Accumulate)
      cost.splittable = false;
    if (role == RowRole::Invariant)
      continue;
    int64_t elements = countRowElements(op.getResult(0).getType(), rows);
    if (isa<nn::ReduceOp, nn::ArgmaxOp>(op))
      elements = countRowElements(op.getOperand(0).getType(), rows);
    if (isa<nn::MatmulOp>(op))
      elements = 2 * countRowElements(op.getOperand(0).getType(), rows) *
                 countRowElements(role == RowRole::Accumulate
                                      ? op.getOperand(1).getType()
                                      : op.getResult(0).getType(),
                                  rows);
    cost.flopsPerRow += getWeight(&op) * elements;
  }
  auto addBytes = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    if (isSwept(type, rows))
      cost.bytesPerRow +=
          countRowElements(type, rows) *
          std::max<int64_t>(1, tensor.getElementTypeBitWidth() / 8);
  };
  llvm::for_each(kernel.getArgumentTypes(), addBytes);
  llvm::for_each(kernel.getResultTypes(), addBytes);
  for (Type type : kernel.getResultTypes())
    if (!isSwept(type, rows))
      cost.splittable = false;
  return cost;
}
