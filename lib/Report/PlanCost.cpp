//===- PlanCost.cpp - What a plan function computes and holds -------------===//

#include "lib/Report/PlanCost.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fleet;

/// The product of the extents; the one that is dynamic is the batch.
static void addProduct(PerBatch &sum, ArrayRef<int64_t> extents, int64_t each) {
  bool isPerRow = false;
  for (int64_t extent : extents) {
    if (ShapedType::isDynamic(extent))
      isPerRow = true;
    else
      each *= extent;
  }
  (isPerRow ? sum.perRow : sum.fixed) += each;
}

static void addMatmul(PerBatch &flops, plan::MatMulOp op) {
  auto a = cast<MemRefType>(op.getA().getType());
  auto out = cast<MemRefType>(op.getOut().getType());
  int64_t k = a.getDimSize(op.getTransposeA() ? 0 : 1);
  addProduct(flops, {out.getDimSize(0), out.getDimSize(1), k}, 2);
}

PlanCosts::PlanCosts(plan::ProgramOp program) {
  for (auto kernel : program.getBody().getOps<plan::KernelOp>())
    kernels[kernel.getSymNameAttr()] = kernel;
}

PerBatch PlanCosts::flopsOf(Operation &op) const {
  PerBatch flops;
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](plan::LaunchOp launch) {
        plan::KernelOp kernel =
            kernels.lookup(launch.getKernelAttr().getAttr());
        auto rows = static_cast<int64_t>(launch.getRows());
        addProduct(flops, {rows == -1 ? ShapedType::kDynamic : rows},
                   kernel.getFlops());
      })
      .Case([&](plan::MatMulOp matmul) { addMatmul(flops, matmul); });
  return flops;
}

PlanCost PlanCosts::of(plan::FunctionOp function) const {
  PlanCost cost;
  SmallVector<PerBatch> slots(function.getNumSlots());
  for (Operation &op : function.getBody().front()) {
    PerBatch flops = flopsOf(op);
    cost.flops.fixed += flops.fixed;
    cost.flops.perRow += flops.perRow;
    auto temporary = dyn_cast<plan::TemporaryOp>(op);
    if (!temporary || !temporary.getSlot() ||
        *temporary.getSlot() >= slots.size())
      continue;
    auto type = cast<MemRefType>(temporary.getResult().getType());
    PerBatch size;
    addProduct(size, type.getShape(),
               std::max(1u, type.getElementTypeBitWidth() / 8));
    PerBatch &slot = slots[*temporary.getSlot()];
    slot.fixed = std::max(slot.fixed, size.fixed);
    slot.perRow = std::max(slot.perRow, size.perRow);
  }
  for (const PerBatch &slot : slots) {
    cost.bytes.fixed += slot.fixed;
    cost.bytes.perRow += slot.perRow;
  }
  return cost;
}
