//===- NcclModule.h - NCCL, when it is asked for ----------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLMODULE_H
#define FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLMODULE_H

#include "runtime/collective/Collective.h"
#include "runtime/collective/Rendezvous.h"

namespace fleet {

/// Where what allocate() gives, and all memory of calls, lies.
enum class NcclMemory : uint8_t { Host, Device };

/// What the module needs of a rendezvous, which it does not know.
struct NcclMeeting {
  uint32_t rank = 0, size = 1;
  uint32_t localRank = 0; ///< device number localRank modulo their count
  Duration deadline{};
  NcclMemory memory = NcclMemory::Host;
  /// Capture what is called again (memory of the device; on the host, copies
  /// take the time, and graphs made nothing faster).
  bool graphs = true;
  std::function<StatusOr<std::vector<std::string>>(const std::string &)>
      exchange;
  std::function<Status()> failure;
  std::function<void(const Status &)> fail;
};

/// The group of all ranks of `rendezvous`, which call it together. Loads
/// libFleetNccl.so, CUDA and NCCL, of which nothing is needed before; the error
/// says what is missing, on all ranks.
StatusOr<std::unique_ptr<Collective>>
openNcclCollective(std::shared_ptr<Rendezvous> rendezvous, uint32_t localRank,
                   NcclMemory memory);

/// What libFleetNccl.so has under the name fleetOpenNcclCollective.
using OpenNcclFunction = void (*)(
    NcclMeeting *meeting, StatusOr<std::unique_ptr<Collective>> *result);

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLMODULE_H
