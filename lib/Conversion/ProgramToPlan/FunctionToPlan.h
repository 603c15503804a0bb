//===- FunctionToPlan.h - A function to a plan function ---------*- C++ -*-===//
//
// Private to the conversion.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_CONVERSION_PROGRAMTOPLAN_FUNCTIONTOPLAN_H
#define FLEET_LIB_CONVERSION_PROGRAMTOPLAN_FUNCTIONTOPLAN_H

#include "Tables.h"

#include "dialects/Plan/IR/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::fleet {

/// Where a name on the wire leads.
struct BlockAddress {
  int64_t server, block;
};

/// The servers of a job and the blocks that they own, as all programs number
/// them.
struct ServerTable {
  struct Block {
    std::string name, gradient;
    MemRefType type;
    Location loc;
  };
  struct Server {
    std::string endpoint;
    SmallVector<Block> blocks;
    Location loc;
  };
  SmallVector<Server> servers;
  llvm::StringMap<int64_t> index; ///< by the name of the server's module

  /// The block that `peer` has under `name`: the parameter's, or with
  /// `isGradient` the gradient's.
  std::optional<BlockAddress> find(StringRef peer, StringRef name,
                                   bool isGradient) const;
};

/// Converts `function` into a plan function at `b`, in a plan.program.
LogicalResult convertFunction(func::FuncOp function, OpBuilder &b,
                              const ServerTable &servers,
                              const TableList &tables);

} // namespace mlir::fleet

#endif // FLEET_LIB_CONVERSION_PROGRAMTOPLAN_FUNCTIONTOPLAN_H
