//===- SliceParameter.h - The blocks of a parameter -------------*- C++ -*-===//
//
// The one place that knows how parameters are cut: whatever deals parameters
// to processes deals the blocks that this returns.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_TRANSFORMS_SLICEPARAMETER_H
#define FLEET_LIB_TRANSFORMS_SLICEPARAMETER_H

#include "dialects/Optim/IR/Optim.h"

#include <string>

namespace mlir::fleet {

/// Consecutive rows (dimension 0) of a parameter.
struct ParameterBlock {
  std::string name; ///< unique among the blocks of a job
  int64_t rowOffset;
  RankedTensorType type;

  /// What its gradient is called on the wire.
  std::string gradientName() const { return name + "@GRAD"; }
};

/// The blocks of `parameter` for a job with `servers` servers, by row offset.
/// Today it is one block, the whole parameter under its own name.
SmallVector<ParameterBlock> sliceParameter(optim::ParameterOp parameter,
                                           int64_t servers);

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_SLICEPARAMETER_H
