//===- PlanValidation.h - What a plan must satisfy --------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// The checks behind PlanLoader.h, in three parts: the lists of a plan, its
// tables of rows, and the instructions of its functions.
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

/// Checks the tables of rows. States were checked before.
Status validateTables(const plan::Plan &plan);

/// Checks the functions that update tables, which were checked before, as were
/// the functions.
Status validateTableFunctions(const plan::Plan &plan);

/// Checks the initial values of a tensor of `dtype`.
Status validateInitializer(const plan::Initializer &initializer,
                           plan::DataType dtype);

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
