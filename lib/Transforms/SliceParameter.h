//===- SliceParameter.h - The blocks of a parameter -------------*- C++ -*-===//
//
// The one place that knows how parameters are cut: whatever deals parameters
// to processes deals the blocks that this returns.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_TRANSFORMS_SLICEPARAMETER_H
#define FLEET_LIB_TRANSFORMS_SLICEPARAMETER_H

#include "dialects/Optim/IR/Optim.h"
#include "mlir/IR/BuiltinTypes.h"

#include "llvm/ADT/StringSet.h"

#include <string>

namespace mlir::fleet {

/// Consecutive rows (dimension 0) of a parameter.
struct ParameterBlock {
  std::string name; ///< unique among the blocks of a job
  int64_t firstRow;
  RankedTensorType type;

  int64_t getBytes() const {
    return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
  }
};

struct SliceOptions {
  /// More blocks than this are not made; the number of servers, or 1 to keep
  /// parameters whole.
  int64_t maxBlocks = 1;
  /// A parameter with fewer than two times as many elements is not cut.
  int64_t minBlockElements = 8192;
};

/// The numbers of rows of the blocks of a parameter of type `type`, in order:
/// as even as whole rows allow, the last one may be smaller. With N elements in
/// rows of W, blocks get ceil(N / k) elements rounded up to whole rows, where
/// k = min(maxBlocks, max(1, N / minBlockElements)); rounding may leave fewer
/// than k blocks. A vector is cut anywhere, a scalar never (one block of one
/// row). DistributeTranspiler cuts the same way.
SmallVector<int64_t> sliceRows(RankedTensorType type,
                               const SliceOptions &options);

/// The blocks of a parameter `name`, by first row: `name` itself if it is
/// whole, else "<name>.block0", "<name>.block1", ... Names that are in `taken`
/// get underscores at their end until they are not, and are added to it.
SmallVector<ParameterBlock> sliceParameter(StringRef name,
                                           RankedTensorType type,
                                           const SliceOptions &options,
                                           llvm::StringSet<> &taken);

/// Makes a variable the rows that `block` has of it; a scalar stays, and
/// remembers its origin.
void cutVariable(optim::ParameterOp variable, const ParameterBlock &block);
void cutVariable(optim::StateOp variable, const ParameterBlock &block);

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_SLICEPARAMETER_H
