//===- MpiModule.h - MPI, when it is asked for ------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_MPI_MPIMODULE_H
#define FLEET_RUNTIME_COLLECTIVE_MPI_MPIMODULE_H

#include "runtime/base/Clock.h"
#include "runtime/collective/Collective.h"

namespace fleet {

/// The group of all ranks that mpirun has started; all of them call it. Loads
/// libFleetMpi.so and Open MPI, of which nothing is needed before; the error
/// says what is missing.
StatusOr<std::unique_ptr<Collective>> openMpiCollective(Duration deadline);

/// What libFleetMpi.so has under the name fleetOpenMpiCollective.
using OpenMpiFunction = void (*)(Duration deadline,
                                 StatusOr<std::unique_ptr<Collective>> *result);

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_MPI_MPIMODULE_H
