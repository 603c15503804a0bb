//===- StepVariants.cpp - A collective step, rearranged -------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "StepVariants.h"

#include "runtime/base/DataTypes.h"

#include <algorithm>

using namespace fleet;

static bool isCall(const plan::Instruction &instruction) {
  return instruction.has_all_reduce_start() ||
         instruction.has_collective_wait();
}

StatusOr<PlanPtr> fleet::makeVariant(const LoadedPlan &plan, Variant variant) {
  plan::Plan proto = plan.proto;
  auto index = plan.findFunction("main");
  if (!index)
    return makeError(StatusCode::InvalidArgument, "{}: no function 'main'",
                     plan.path);
  plan::Function &main = *proto.mutable_functions(static_cast<int>(*index));
  std::vector<plan::Instruction> kept, starts;
  for (const plan::Instruction &instruction : main.instructions()) {
    if (variant == Variant::Serial && instruction.has_all_reduce_start()) {
      starts.push_back(instruction);
      continue;
    }
    if (instruction.has_collective_wait() && !starts.empty()) {
      kept.insert(kept.end(), starts.begin(), starts.end());
      starts.clear();
    }
    bool leaves = (variant == Variant::Compute && isCall(instruction)) ||
                  (variant == Variant::Calls && !isCall(instruction));
    if (!leaves)
      kept.push_back(instruction);
  }
  main.mutable_instructions()->Assign(kept.begin(), kept.end());
  if (variant == Variant::Calls)
    main.clear_outputs(); // nothing computes them
  return checkPlan(std::move(proto), plan.path);
}

std::vector<CallPlace> fleet::findCalls(const LoadedPlan &plan) {
  std::vector<CallPlace> places;
  int computed = 0;
  auto index = plan.findFunction("main");
  if (!index)
    return places;
  const plan::Function &main = plan.proto.functions(static_cast<int>(*index));
  for (const plan::Instruction &instruction : main.instructions()) {
    if (instruction.has_all_reduce_start()) {
      const plan::Bucket &bucket = plan.proto.buckets(
          static_cast<int>(instruction.all_reduce_start().bucket()));
      places.push_back({computed, static_cast<size_t>(bucket.elements()) *
                                      dataTypeSize(bucket.dtype())});
    }
    computed += !isCall(instruction);
  }
  return places;
}

double fleet::boundStep(const std::vector<CallPlace> &places,
                        const std::vector<double> &compute, double calls) {
  size_t bytes = 0;
  for (const CallPlace &place : places)
    bytes += place.bytes;
  double done = 0, lastReady = 0;
  for (const CallPlace &place : places) {
    lastReady = place.instruction == 0
                    ? 0
                    : compute[static_cast<size_t>(place.instruction) - 1];
    done = std::max(done, lastReady) + calls *
                                           static_cast<double>(place.bytes) /
                                           static_cast<double>(bytes);
  }
  // Updates follow; what else stands behind the last start is little.
  return done + (compute.back() - lastReady);
}
