//===- PlanLoader.cpp - Plans that may be executed ------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanLoader.h"

#include "runtime/plan/PlanFile.h"
#include "runtime/plan/PlanValidation.h"

using namespace fleet;

std::optional<uint32_t> LoadedPlan::findFunction(std::string_view name) const {
  for (int i = 0; i < proto.functions_size(); ++i)
    if (proto.functions(i).name() == name)
      return static_cast<uint32_t>(i);
  return std::nullopt;
}

std::string LoadedPlan::describe(uint32_t function, int instruction) const {
  return describeInstruction(proto, static_cast<int>(function), instruction);
}

StatusOr<PlanPtr> fleet::loadPlan(Files &files, const std::string &path) {
  FLEET_ASSIGN_OR_RETURN(
      std::string bytes,
      readFile(files, path, kMaxPlanPayloadBytes + kPlanHeaderBytes));
  return parsePlan(bytes, path);
}

StatusOr<PlanPtr> fleet::parsePlan(std::string_view bytes,
                                   const std::string &name) {
  FLEET_ASSIGN_OR_RETURN(plan::Plan proto, decodePlanFile(bytes, name));
  return checkPlan(std::move(proto), name);
}

StatusOr<PlanPtr> fleet::checkPlan(plan::Plan proto, const std::string &name) {
  auto loaded = std::make_shared<LoadedPlan>();
  loaded->path = name;
  loaded->proto = std::move(proto);
  FLEET_RETURN_IF_ERROR(validatePlan(loaded->proto).withContext(name));
  return PlanPtr(std::move(loaded));
}
