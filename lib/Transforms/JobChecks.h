//===- JobChecks.h - Checks of a distributed job -----------*- C++ -*-===//
//
// The parts of fleet-verify-job. Every check emits its errors and goes on, so
// that one run shows them all.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_TRANSFORMS_JOBCHECKS_H
#define FLEET_LIB_TRANSFORMS_JOBCHECKS_H

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::fleet {

/// A server's program, and what it promises to trainers.
struct ServerRole {
  ModuleOp module;
  int64_t index = 0;
  dist::ServeOp serve; ///< null if there is no single one
  llvm::MapVector<StringAttr, dist::OnOp> byGradient;
  llvm::MapVector<StringAttr, dist::OnOp> byBlock;
  llvm::MapVector<StringAttr, dist::OnRowsOp> byTable;
};

/// The roles of a job.
struct JobRoles {
  ModuleOp job;
  dist::JobAttr attr;
  ModuleOp trainer;
  SmallVector<ServerRole> servers;
  llvm::StringMap<size_t> serverIndex; ///< into `servers`, by name

  /// The parameter that a handler serves; null if the symbol is not one.
  optim::ParameterOp getServedParameter(dist::OnOp on) {
    return tables.lookupNearestSymbolFrom<optim::ParameterOp>(
        on, on.getParameterAttr());
  }

  SymbolTableCollection tables;

  /// The server whose module is called `name`, or null.
  ServerRole *findServer(StringRef name);
};

/// Checks each server by itself and against the others; fills in what they
/// serve.
LogicalResult checkServers(JobRoles &roles);

/// Checks the trainer's program and its transfers against the servers.
LogicalResult checkTrainer(JobRoles &roles);

/// Checks that blocks hold the rows of a parameter that the trainer takes them
/// for, and that it gets all rows.
LogicalResult checkBlocks(JobRoles &roles);

/// Checks that trainer and servers mean the same tables, that every row has one
/// server, and that rows are pulled and pushed where a step may.
LogicalResult checkTables(JobRoles &roles);

/// Checks the program that all trainers of a collective job run.
LogicalResult checkCollective(JobRoles &roles);

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_JOBCHECKS_H
