//===- AssignBuffers.cpp - Give every temporary a slot of the arena -------===//

#include "dialects/Plan/Transforms/Passes.h"

namespace mlir::fleet::plan {
#define GEN_PASS_DEF_ASSIGNBUFFERSPASS
#include "dialects/Plan/Transforms/Passes.h.inc"
} // namespace mlir::fleet::plan

using namespace mlir;
using namespace mlir::fleet;

namespace {

/// What a buffer takes: bytes, or bytes a row of the batch.
struct Size {
  bool perRow = false;
  int64_t bytes = 0;
};

struct Lifetime {
  plan::TemporaryOp temporary;
  Size size;
  int64_t first = 0, last = 0; ///< positions of instructions, inclusive
};

struct Slot {
  Size size; ///< of the largest buffer that lies in it
  int64_t busyUntil = -1;
};

struct AssignBuffersPass
    : plan::impl::AssignBuffersPassBase<AssignBuffersPass> {
  void runOnOperation() override;
};

} // namespace

static Size sizeOf(MemRefType type) {
  Size size;
  size.bytes = std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
  for (int64_t extent : type.getShape()) {
    if (ShapedType::isDynamic(extent))
      size.perRow = true;
    else
      size.bytes *= extent;
  }
  return size;
}

/// The position of the barrier that completes the transfer at `from`.
template <typename... Barrier>
static int64_t findBarrier(ArrayRef<Operation *> instructions, int64_t from) {
  int64_t end = instructions.size();
  for (int64_t i = from; i < end; ++i)
    if (isa<Barrier...>(instructions[i]))
      return i;
  return end;
}

static SmallVector<Lifetime> findLifetimes(plan::FunctionOp function) {
  SmallVector<Operation *> instructions;
  llvm::DenseMap<Value, unsigned> index;
  SmallVector<Lifetime> lifetimes;
  for (Operation &op : function.getBody().front()) {
    if (auto temporary = dyn_cast<plan::TemporaryOp>(op)) {
      index[temporary.getResult()] = lifetimes.size();
      auto type = cast<MemRefType>(temporary.getResult().getType());
      lifetimes.push_back({temporary, sizeOf(type), -1, -1});
    }
    if (op.getNumResults() == 0)
      instructions.push_back(&op);
  }
  int64_t end = instructions.size();
  for (auto [position, op] : llvm::enumerate(instructions))
    for (Value operand : op->getOperands()) {
      auto it = index.find(operand);
      if (it == index.end())
        continue;
      Lifetime &lifetime = lifetimes[it->second];
      int64_t last = position;
      if (isa<plan::SendOp>(op))
        last = findBarrier<plan::SendBarrierOp, plan::SubmitOp>(instructions,
                                                                position);
      else if (isa<plan::PushRowsOp>(op)) {
        // Where there is no barrier, rows are pushed to the process itself.
        int64_t barrier = findBarrier<plan::SendBarrierOp, plan::SubmitOp>(
            instructions, position);
        last = barrier == end ? last : barrier;
      } else if (isa<plan::RecvOp>(op))
        last = findBarrier<plan::FetchBarrierOp, plan::FetchLatestOp>(
            instructions, position);
      else if (isa<plan::OutputOp>(op))
        last = end;
      if (lifetime.first < 0)
        lifetime.first = position;
      lifetime.last = std::max(lifetime.last, last);
    }
  return lifetimes;
}

void AssignBuffersPass::runOnOperation() {
  SmallVector<Lifetime> lifetimes = findLifetimes(getOperation());
  llvm::sort(lifetimes, [](Lifetime &a, Lifetime &b) {
    return a.first != b.first ? a.first < b.first
                              : a.temporary->isBeforeInBlock(b.temporary);
  });
  SmallVector<Slot> slots;
  Builder b(&getContext());
  for (Lifetime &lifetime : lifetimes) {
    Slot *best = nullptr;
    for (Slot &slot : slots)
      if (slot.busyUntil < lifetime.first &&
          slot.size.perRow == lifetime.size.perRow &&
          (!best || std::abs(slot.size.bytes - lifetime.size.bytes) <
                        std::abs(best->size.bytes - lifetime.size.bytes)))
        best = &slot;
    if (!best) {
      slots.push_back({lifetime.size, -1});
      best = &slots.back();
    }
    best->size.bytes = std::max(best->size.bytes, lifetime.size.bytes);
    best->busyUntil = lifetime.last;
    lifetime.temporary.setSlotAttr(b.getI64IntegerAttr(best - slots.data()));
  }
  getOperation().setNumSlots(slots.size());
  numTemporaries += lifetimes.size();
  numSlots += slots.size();
}
