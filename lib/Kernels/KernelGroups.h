//===- KernelGroups.h - Which operations share a kernel ---------*- C++ -*-===//
//
// Private to the pass. Sorts the operations of a block into a schedule: a list
// of groups that run one after another, each either a kernel (one sweep over
// rows) or a single operation that stays as it is.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_KERNELS_KERNELGROUPS_H
#define FLEET_LIB_KERNELS_KERNELGROUPS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace mlir::fleet {

struct KernelGroup {
  bool isKernel = false;
  /// Rows of the sweep; nullopt while every member would fit into any.
  std::optional<int64_t> rows;
  SmallVector<Operation *> ops;
};

class KernelSchedule {
public:
  explicit KernelSchedule(Block &block);
  ArrayRef<KernelGroup> getGroups() const { return groups; }

  /// True for an op that each kernel that needs it computes by itself.
  static bool isFree(Operation *op);

private:
  void place(Operation *op);
  void append(Operation *op, bool isKernel, std::optional<int64_t> rows);
  bool canJoin(Operation *op, size_t index,
               std::optional<int64_t> extent) const;
  /// True if `ops` may all be part of one sweep over `rows`.
  bool isLegal(ArrayRef<Operation *> ops, int64_t rows) const;
  /// Moves ops to the kernel that uses their results where that lets less data
  /// pass between kernels.
  void sink();
  void sinkInto(Operation *op, size_t from, size_t to);

  SmallVector<KernelGroup> groups;
  llvm::DenseMap<Operation *, size_t> position;
};

} // namespace mlir::fleet

#endif // FLEET_LIB_KERNELS_KERNELGROUPS_H
