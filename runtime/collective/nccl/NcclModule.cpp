//===- NcclModule.cpp - NCCL, when it is asked for ------------------------===//

#include "runtime/collective/nccl/NcclModule.h"

#include "runtime/base/Module.h"

using namespace fleet;

StatusOr<std::unique_ptr<Collective>>
fleet::openNcclCollective(std::shared_ptr<Rendezvous> rendezvous,
                          uint32_t localRank, NcclMemory memory) {
  auto open = loadModule<OpenNcclFunction>("backend nccl", "libFleetNccl.so",
                                           "fleetOpenNcclCollective");
  if (!open.ok()) {
    rendezvous->fail(
        open.status().withContext(fmt::format("rank {}", rendezvous->rank())));
    return open.status();
  }
  NcclMeeting meeting;
  meeting.rank = rendezvous->rank();
  meeting.size = rendezvous->size();
  meeting.localRank = localRank;
  meeting.deadline = rendezvous->deadline();
  meeting.memory = memory;
  meeting.exchange = [rendezvous](const std::string &mine) {
    return rendezvous->exchange(mine);
  };
  meeting.failure = [rendezvous] { return rendezvous->failure(); };
  meeting.fail = [rendezvous](const Status &status) {
    rendezvous->fail(status);
  };
  StatusOr<std::unique_ptr<Collective>> result = Status(
      StatusCode::Internal, "libFleetNccl.so did not say what came of it");
  (*open)(&meeting, &result);
  return result;
}
