//===- MpiModule.h - Streams over MPI, when asked for -----------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_MPI_MPIMODULE_H
#define FLEET_RUNTIME_TRANSPORT_MPI_MPIMODULE_H

#include "runtime/transport/Transport.h"

#include <map>

namespace fleet {

struct MpiTransportOptions {
  /// Which rank of MPI_COMM_WORLD serves an endpoint. One that is not in here
  /// is looked for in the own process.
  std::map<std::string, int> ranks;
  /// What the launcher's variables say of this process, to be checked; -1: no
  /// check.
  int self = -1, size = -1;
};

/// Streams between the processes that mpirun has started; all of them call it,
/// once. Loads libFleetTransportMpi.so and Open MPI, of which nothing is needed
/// before; the error says what is missing. Destroying the transport waits for
/// all others to do the same, as MPI has it: a process that failed ends
/// without.
StatusOr<std::unique_ptr<Transport>>
openMpiTransport(const MpiTransportOptions &options);

/// What libFleetTransportMpi.so has under the name fleetOpenMpiTransport.
using OpenMpiTransportFunction =
    void (*)(const MpiTransportOptions *options,
             StatusOr<std::unique_ptr<Transport>> *result);

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_MPI_MPIMODULE_H
