//===- OpenCollective.h - The backend of a job ------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_OPEN_OPENCOLLECTIVE_H
#define FLEET_RUNTIME_COLLECTIVE_OPEN_OPENCOLLECTIVE_H

#include "runtime/collective/Collective.h"
#include "runtime/transport/JobIdentity.h"
#include "runtime/transport/Transport.h"

namespace fleet {

struct CollectiveOptions {
  /// "auto", "shm", "mpi" or "nccl"; the same on all ranks.
  std::string backend = "auto";
  JobIdentity job; ///< `trainers` is the number of ranks
  uint32_t rank = 0;
  /// This process among those of its host: which device is its.
  uint32_t localRank = 0;
  /// HOST:PORT at which the ranks meet: rank 0 listens there. Not needed by one
  /// rank, nor under mpirun.
  std::string endpoint;
  /// mpirun has started the ranks.
  bool mpirun = false;
  /// Of finding each other, and of every wait.
  Duration deadline{};
};

/// Whether mpirun of Open MPI has started this process.
bool isUnderMpirun();

/// This process' part in the group of all ranks of a job; all of them call it.
/// "auto" takes
///   inproc  for one rank,
///   shm     for ranks on one host,
///   mpi     for ranks on several that mpirun has started;
/// others on several hosts are refused, and nccl has to be asked for. Under
/// mpirun, ranks that do not use MPI meet by it: it then ends before this
/// returns. `transport` outlives the collective.
StatusOr<std::unique_ptr<Collective>>
openCollective(const CollectiveOptions &options, Transport &transport);

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_OPEN_OPENCOLLECTIVE_H
