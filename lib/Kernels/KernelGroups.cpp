//===- KernelGroups.cpp - Which operations share a kernel -----------------===//

#include "KernelGroups.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "fleet/Analysis/Rows.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::fleet;

/// Groups do not grow beyond this: checking and compiling a kernel costs more
/// than linear time in its operations.
static constexpr size_t kMaxGroupSize = 256;

bool KernelSchedule::isFree(Operation *op) {
  auto constant = dyn_cast<nn::ConstantOp>(op);
  return constant && isa<SplatElementsAttr>(constant.getValue());
}

KernelSchedule::KernelSchedule(Block &block) {
  // Values that are there from the start (parameters, constants) come first, or
  // what needs one of them could not join a kernel that stands before it.
  for (Operation &op : block.without_terminator()) {
    if (isa<dist::PullRowsOp>(op)) // of tables, which nothing reads as a whole
      continue;
    if (!isMemoryEffectFree(&op) && !hasSingleEffect<MemoryEffects::Read>(&op))
      break;
    if (op.getNumOperands() == 0 && !isFree(&op))
      place(&op);
  }
  for (Operation &op : block.without_terminator())
    if (!isFree(&op) && !position.count(&op))
      place(&op);
  sink();
}

void KernelSchedule::append(Operation *op, bool isKernel,
                            std::optional<int64_t> rows) {
  position[op] = groups.size();
  KernelGroup group;
  group.isKernel = isKernel;
  group.rows = rows;
  group.ops.push_back(op);
  groups.push_back(std::move(group));
}

void KernelSchedule::place(Operation *op) {
  // Only these have rows; results of others need not be tensors.
  bool isMath = isa_and_nonnull<nn::NNDialect>(op->getDialect());
  std::optional<int64_t> extent = isMath ? getRowExtent(op) : std::nullopt;
  if (!isMath || getRowRole(op, extent.value_or(1)) == RowRole::Opaque) {
    append(op, /*isKernel=*/false, std::nullopt);
    return;
  }
  size_t first = 0;
  for (Value operand : op->getOperands())
    if (Operation *def = operand.getDefiningOp(); def && position.count(def)) {
      size_t at = position[def];
      bool shares = groups[at].isKernel && canJoin(op, at, extent);
      first = std::max(first, shares ? at : at + 1);
    }
  for (size_t i = first; i < groups.size(); ++i) {
    if (!groups[i].isKernel || !canJoin(op, i, extent))
      continue;
    groups[i].ops.push_back(op);
    if (!groups[i].rows)
      groups[i].rows = extent;
    position[op] = i;
    return;
  }
  append(op, /*isKernel=*/true, extent);
}

bool KernelSchedule::canJoin(Operation *op, size_t index,
                             std::optional<int64_t> extent) const {
  const KernelGroup &group = groups[index];
  if (group.ops.size() >= kMaxGroupSize ||
      (group.rows && extent && *group.rows != *extent))
    return false;
  std::optional<int64_t> rows = group.rows ? group.rows : extent;
  SmallVector<Operation *> ops(group.ops);
  ops.push_back(op);
  return isLegal(ops, rows.value_or(1));
}

/// Elements of a row of `value`, or all of them.
static int64_t countElements(Value value) {
  int64_t elements = 1;
  for (int64_t extent : cast<RankedTensorType>(value.getType()).getShape())
    elements *= ShapedType::isDynamic(extent) ? 1 : extent;
  return elements;
}

void KernelSchedule::sink() {
  // The derivative of an activation, say, is ready in the forward kernel but is
  // used by a backward one, which can compute it from what it reads anyway.
  for (size_t from = groups.size(); from-- > 0;) {
    if (!groups[from].isKernel)
      continue;
    SmallVector<Operation *> ops(groups[from].ops);
    for (Operation *op : llvm::reverse(ops)) {
      std::optional<size_t> to;
      bool isMovable = groups[from].ops.size() > 1 && !op->use_empty();
      for (Operation *user : op->getUsers()) {
        auto it = position.find(user);
        isMovable &= it != position.end() && it->second != from &&
                     (!to || *to == it->second);
        if (it != position.end())
          to = it->second;
      }
      if (isMovable && to && groups[*to].isKernel)
        sinkInto(op, from, *to);
    }
  }
}

void KernelSchedule::sinkInto(Operation *op, size_t from, size_t to) {
  // What newly passes between the kernels, against the result that no longer
  // does.
  int64_t added = 0;
  for (Value operand : op->getOperands()) {
    Operation *def = operand.getDefiningOp();
    if (!def || !position.count(def) || position[def] != from)
      continue;
    bool passes = llvm::any_of(operand.getUsers(), [&](Operation *user) {
      auto it = position.find(user);
      return it == position.end() || it->second != from;
    });
    if (!passes)
      added += countElements(operand);
  }
  if (added > countElements(op->getResult(0)))
    return;
  std::optional<int64_t> extent = getRowExtent(op);
  std::optional<int64_t> rows = groups[to].rows ? groups[to].rows : extent;
  if (extent && extent != rows)
    return;
  SmallVector<Operation *> ops{op};
  llvm::append_range(ops, groups[to].ops);
  if (ops.size() > kMaxGroupSize || !isLegal(ops, rows.value_or(1)))
    return;
  groups[to].ops = std::move(ops);
  groups[to].rows = rows;
  llvm::erase(groups[from].ops, op);
  position[op] = to;
}

bool KernelSchedule::isLegal(ArrayRef<Operation *> ops, int64_t rows) const {
  // What is known only when the sweep has ended.
  llvm::SmallDenseSet<Operation *> members(ops.begin(), ops.end()), late;
  for (Operation *op : ops) {
    RowRole role = getRowRole(op, rows);
    if (role == RowRole::Opaque || (role == RowRole::Range && ops.size() > 1))
      return false;
    bool sweeps = role != RowRole::Invariant;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      Operation *def = operand.getDefiningOp();
      if (!def || !members.contains(def))
        continue;
      RowRole defRole = getRowRole(def, rows);
      bool isLate = defRole == RowRole::Accumulate || late.contains(def);
      if (isLate && sweeps)
        return false;
      if (isLate)
        late.insert(op);
      if (defRole != RowRole::Row || isa<nn::CountOp>(op))
        continue;
      // A value that exists one row at a time must be read that way.
      if (!sweeps || !isReadByRow(op, operand, rows))
        return false;
      if (isa<nn::MatmulOp>(op) && i == 1 && role == RowRole::Row)
        return false;
    }
  }
  return true;
}
