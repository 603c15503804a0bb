//===- MpiModule.cpp - MPI, when it is asked for --------------------------===//

#include "runtime/collective/mpi/MpiModule.h"

#include "runtime/base/Module.h"

using namespace fleet;

StatusOr<std::unique_ptr<Collective>>
fleet::openMpiCollective(Duration deadline) {
  // Open MPI's own plugins look for its symbols among everybody's.
  FLEET_RETURN_IF_ERROR(
      loadLibrary("backend mpi", "libmpi.so.40", "libopenmpi3"));
  auto open = loadModule<OpenMpiFunction>("backend mpi", "libFleetMpi.so",
                                          "fleetOpenMpiCollective");
  if (!open.ok())
    return open.status();
  StatusOr<std::unique_ptr<Collective>> result = Status(
      StatusCode::Internal, "libFleetMpi.so did not say what came of it");
  (*open)(deadline, &result);
  return result;
}
