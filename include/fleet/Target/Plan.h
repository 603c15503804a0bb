//===- Plan.h - The plan dialect to plan.proto ------------------*- C++ -*-===//

#ifndef FLEET_TARGET_PLAN_H
#define FLEET_TARGET_PLAN_H

#include "dialects/Plan/IR/Plan.h"
#include "fleet/Plan/plan.pb.h"

namespace mlir::fleet {

/// Writes what `program` says into `proto`: states, servers, kernels, functions
/// and the service. What it does not say (job, hash, mode, library) is the
/// caller's. Errors are emitted at the op at fault.
LogicalResult translateToPlan(plan::ProgramOp program, ::fleet::plan::Plan &proto);

/// "file:line:column" of the user's source, as far as `loc` knows it; the first
/// such location of a fused one. Empty if unknown.
std::string describeLocation(Location loc);

} // namespace mlir::fleet

#endif // FLEET_TARGET_PLAN_H
