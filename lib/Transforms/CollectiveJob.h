//===- CollectiveJob.h - What passes on collective jobs share ---*- C++ -*-===//

#ifndef FLEET_LIB_TRANSFORMS_COLLECTIVEJOB_H
#define FLEET_LIB_TRANSFORMS_COLLECTIVEJOB_H

#include "dialects/Fleet/IR/Fleet.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fleet {

/// The parts of a job that fleet-distribute-collective made.
struct CollectiveJob {
  ModuleOp trainer;
  dist::GroupOp world; ///< all trainers
  int64_t trainers = 0;

  /// Fails, with an error, if `job` is something else.
  LogicalResult find(ModuleOp job);
};

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_COLLECTIVEJOB_H
