//===- PlanValidation.h - What a plan must satisfy --------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// The checks behind PlanLoader.h, in two parts: the tables of a plan, and the
// instructions of its functions.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PLAN_PLANVALIDATION_H
#define FLEET_RUNTIME_PLAN_PLANVALIDATION_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <string>

namespace fleet {

/// Checks everything.
Status validatePlan(const plan::Plan &plan);

/// Checks the instructions and outputs of one function, whose buffers were
/// checked before.
Status validateInstructions(const plan::Plan &plan, int function);

/// "function 'main', instruction 3 (fit_a_line.mlir:12:8)"; without the
/// parentheses when the location is unknown.
std::string describeInstruction(const plan::Plan &plan, int function,
                                int instruction);

/// Checks that this program knows the mode.
Status validateSyncMode(plan::SyncMode mode);

/// Checks "host:port" with a port in 1..65535.
Status validateEndpoint(const std::string &endpoint);

} // namespace fleet

#endif // FLEET_RUNTIME_PLAN_PLANVALIDATION_H
