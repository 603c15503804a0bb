//===- MpiModule.cpp - MPI, when it is asked for --------------------------===//

#include "runtime/collective/mpi/MpiModule.h"

#include "runtime/collective/Module.h"

#include <dlfcn.h>

using namespace fleet;

StatusOr<std::unique_ptr<Collective>>
fleet::openMpiCollective(Duration deadline) {
  // Open MPI's own plugins look for its symbols among everybody's.
  if (!dlopen("libmpi.so.40", RTLD_NOW | RTLD_GLOBAL))
    return makeError(StatusCode::Unavailable,
                     "backend mpi needs Open MPI 4.1 (package libopenmpi3): {}",
                     dlerror());
  auto open = loadModule<OpenMpiFunction>("mpi", "libFleetMpi.so",
                                          "fleetOpenMpiCollective");
  if (!open.ok())
    return open.status();
  StatusOr<std::unique_ptr<Collective>> result = Status(
      StatusCode::Internal, "libFleetMpi.so did not say what came of it");
  (*open)(deadline, &result);
  return result;
}
