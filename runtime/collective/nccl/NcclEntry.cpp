//===- NcclEntry.cpp - What the module is loaded for ----------------------===//

#include "runtime/collective/nccl/NcclCollective.h"

extern "C" __attribute__((visibility("default"))) void fleetOpenNcclCollective(
    fleet::NcclMeeting *meeting,
    fleet::StatusOr<std::unique_ptr<fleet::Collective>> *result) {
  *result = fleet::NcclCollective::create(std::move(*meeting));
}
