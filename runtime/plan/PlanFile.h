//===- PlanFile.h - A plan on disk ------------------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// The container that both halves of Fleet agree on. All integers are little
// endian:
//
//   offset  bytes
//        0      8  "FLEETPLN"
//        8      4  schema version
//       12      4  reserved, zero
//       16      8  length of the payload
//       24      8  XXH3-64 of the payload
//       32      -  payload: one serialized fleet.plan.Plan
//
// The compiler writes it, the runtime reads it; the checksum tells a damaged
// file from one that was meant to be as it is. What the payload says is not
// checked here (see PlanLoader.h).
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PLAN_PLANFILE_H
#define FLEET_RUNTIME_PLAN_PLANFILE_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fleet {

/// The schema that this version of Fleet writes, and the only one it reads.
constexpr uint32_t kPlanSchemaVersion = 1;

/// Bytes before the payload.
constexpr size_t kPlanHeaderBytes = 32;

/// A protobuf message cannot be longer than 2 GiB.
constexpr uint64_t kMaxPlanPayloadBytes = (uint64_t(1) << 31) - 1;

/// The bytes of a plan file. Sets `schema_version` in the payload. The same
/// plan gives the same bytes. Fails when the plan is larger than a plan can be.
StatusOr<std::string> encodePlanFile(const plan::Plan &plan);

/// Reads a plan file; `name` (its path) begins every message. DataLoss when the
/// bytes are truncated or corrupt, InvalidArgument when they are no plan, or
/// one of another schema version.
StatusOr<plan::Plan> decodePlanFile(std::string_view bytes,
                                    const std::string &name);

} // namespace fleet

#endif // FLEET_RUNTIME_PLAN_PLANFILE_H
