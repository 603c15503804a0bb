//===- PlanLoader.h - Plans that may be executed ----------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// A plan file is input from outside. Everything that the executor relies on is
// checked here, once: after that no index, size or type of a plan is checked
// again.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PLAN_PLANLOADER_H
#define FLEET_RUNTIME_PLAN_PLANLOADER_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Files.h"
#include "runtime/base/Status.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace fleet {

/// A plan that was checked. Immutable; shared by the ranks of one process.
struct LoadedPlan {
  std::string path; ///< for messages
  plan::Plan proto;

  /// The index of a function, or nothing.
  std::optional<uint32_t> findFunction(std::string_view name) const;

  /// "function 'main', instruction 3 (fit_a_line.mlir:12:8)".
  std::string describe(uint32_t function, int instruction) const;
};

using PlanPtr = std::shared_ptr<const LoadedPlan>;

/// Reads and checks the plan in the file `path` (at most 2 GiB).
StatusOr<PlanPtr> loadPlan(Files &files, const std::string &path);

/// The same for the bytes of a plan file; `name` begins every message.
StatusOr<PlanPtr> parsePlan(std::string_view bytes, const std::string &name);

/// Checks a plan. The last step of both of the above.
StatusOr<PlanPtr> checkPlan(plan::Plan proto, const std::string &name);

} // namespace fleet

#endif // FLEET_RUNTIME_PLAN_PLANLOADER_H
