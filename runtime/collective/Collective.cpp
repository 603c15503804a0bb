//===- Collective.cpp - Calls that all ranks make together ----------------===//

#include "runtime/collective/Collective.h"

using namespace fleet;

const char *fleet::collectiveName(CollectiveCall::Kind kind) {
  switch (kind) {
  case CollectiveCall::Kind::AllReduce:
    return "all-reduce";
  case CollectiveCall::Kind::ReduceScatter:
    return "reduce-scatter";
  case CollectiveCall::Kind::AllGather:
    return "all-gather";
  case CollectiveCall::Kind::Broadcast:
    return "broadcast";
  case CollectiveCall::Kind::Barrier:
    return "barrier";
  }
  return "unknown";
}

Status Collective::run(const CollectiveCall &call) {
  FLEET_ASSIGN_OR_RETURN(Ticket ticket, start(call));
  return wait(ticket);
}

StatusOr<std::unique_ptr<Collective>> Collective::split(uint32_t, uint32_t) {
  return makeError(StatusCode::InvalidArgument,
                   "a group of backend {} cannot be split", name());
}
