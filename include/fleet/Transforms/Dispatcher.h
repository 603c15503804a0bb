//===- Dispatcher.h - Which server gets which block -------------*- C++ -*-===//

#ifndef FLEET_TRANSFORMS_DISPATCHER_H
#define FLEET_TRANSFORMS_DISPATCHER_H

#include "mlir/Support/LLVM.h"

#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>
#include <string>

namespace mlir::fleet {

/// How blocks of parameters are dealt to servers.
enum class Dispatcher {
  /// Largest block first, to the server that has the fewest bytes.
  Balanced,
  /// One after the other, over all parameters in the order of their updates.
  RoundRobin,
  /// By the XXH3 of the block's name: a block stays where it is when other
  /// parameters come or go.
  Hash
};

/// What a dispatcher sees of a block.
struct DispatchedBlock {
  std::string name;
  int64_t bytes;
  /// Blocks of one group go to different servers; there are at most as many.
  std::optional<size_t> group = std::nullopt;
};

/// The number of the server of each block. `servers` is positive.
SmallVector<int64_t> dispatchBlocks(ArrayRef<DispatchedBlock> blocks,
                                    int64_t servers, Dispatcher dispatcher);

} // namespace mlir::fleet

#endif // FLEET_TRANSFORMS_DISPATCHER_H
