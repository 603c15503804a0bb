//===- CollectiveInstructions.cpp - What trainers do together ------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/InstructionValidator.h"

using namespace fleet;
using fleet::plan::Instruction;

Status InstructionValidator::checkGroup(uint32_t group) const {
  if (group < static_cast<uint32_t>(plan.groups_size()))
    return Status();
  return invalid("group {}, the plan has {} groups", group, plan.groups_size());
}

/// Every call ends, in the order in which they begin.
Status InstructionValidator::checkCollective(const Instruction &instruction) {
  if (plan.mode() != plan::COLLECTIVE)
    return invalid("only a collective job calls collectives, this plan's mode "
                   "is {}",
                   plan::Mode_Name(plan.mode()));
  if (instruction.has_connect())
    return checkGroup(instruction.connect().group());
  if (instruction.has_broadcast_rows())
    return checkBroadcastRows(instruction.broadcast_rows());
  if (instruction.has_broadcast()) {
    const plan::Broadcast &broadcast = instruction.broadcast();
    FLEET_RETURN_IF_ERROR(checkGroup(broadcast.group()));
    FLEET_RETURN_IF_ERROR(checkIndex(broadcast.buffer()));
    if (!get(broadcast.buffer()).has_state())
      return invalid("it gives {} to all, which is no state",
                     spell(broadcast.buffer()));
    if (broadcast.root() >= plan.trainers())
      return invalid("it gives the state of rank {}, the job has {} trainers",
                     broadcast.root(), plan.trainers());
    return Status();
  }
  if (instruction.has_copy_part()) {
    const plan::CopyPart &copy = instruction.copy_part();
    FLEET_RETURN_IF_ERROR(checkGroup(copy.group()));
    FLEET_RETURN_IF_ERROR(checkIndex(copy.from()));
    FLEET_RETURN_IF_ERROR(checkIndex(copy.to()));
    FLEET_RETURN_IF_ERROR(checkWritable(copy.to()));
    const plan::TensorType &from = get(copy.from()).type();
    const plan::TensorType &to = get(copy.to()).type();
    int64_t members = plan.groups(static_cast<int>(copy.group())).size();
    if (!isStatic(from) || !isStatic(to) || from.dtype() != to.dtype() ||
        *countElements(to, {}) !=
            (*countElements(from, {}) + members - 1) / members)
      return invalid("{} is none of {} equal parts of {}", spell(copy.to()),
                     members, spell(copy.from()));
    return Status();
  }
  const plan::Parts *parts = instruction.has_reduce_scatter_start()
                                 ? &instruction.reduce_scatter_start().parts()
                             : instruction.has_all_gather_start()
                                 ? &instruction.all_gather_start().parts()
                                 : nullptr;
  uint32_t bucket = parts ? parts->bucket()
                    : instruction.has_collective_wait()
                        ? instruction.collective_wait().bucket()
                        : instruction.all_reduce_start().bucket();
  if (bucket >= static_cast<uint32_t>(plan.buckets_size()))
    return invalid("bucket {}, the plan has {} buckets", bucket,
                   plan.buckets_size());
  const std::string &name = plan.buckets(static_cast<int>(bucket)).name();
  if (parts)
    FLEET_RETURN_IF_ERROR(checkParts(*parts));
  if (instruction.has_all_reduce_start() || parts) {
    FLEET_RETURN_IF_ERROR(checkGroup(
        parts ? parts->group() : instruction.all_reduce_start().group()));
    if (std::count(inFlight.begin(), inFlight.end(), bucket) != 0)
      return invalid("a collective works on bucket '{}' already", name);
    inFlight.push_back(bucket);
    return Status();
  }
  if (inFlight.empty() || inFlight.front() != bucket)
    return invalid(
        "it waits for bucket '{}', but {}", name,
        inFlight.empty()
            ? std::string("nothing is under way")
            : fmt::format("bucket '{}' comes first",
                          plan.buckets(int(inFlight.front())).name()));
  inFlight.pop_front();
  return Status();
}

/// Each member's parts, and all between them, must lie in the bucket.
Status InstructionValidator::checkParts(const plan::Parts &parts) {
  FLEET_RETURN_IF_ERROR(checkGroup(parts.group()));
  int64_t members = plan.groups(static_cast<int>(parts.group())).size();
  int64_t size = plan.buckets(static_cast<int>(parts.bucket())).elements();
  if (parts.offsets_size() != parts.elements_size() ||
      parts.offsets_size() == 0)
    return invalid("{} offsets of {} tensors", parts.offsets_size(),
                   parts.elements_size());
  int64_t end = 0;
  for (int i = 0; i < parts.offsets_size(); ++i) {
    int64_t offset = parts.offsets(i), elements = parts.elements(i);
    if (offset < end || offset > size || elements < 1 ||
        elements > (size - offset) / members)
      return invalid("{} parts of {} elements from {} on overlap others or do "
                     "not lie in a bucket of {} elements",
                     members, elements, offset, size);
    end = offset + elements * members;
  }
  return Status();
}
