//===- MpiModule.cpp - Streams over MPI, when asked for -------------------===//

#include "runtime/transport/mpi/MpiModule.h"

#include "runtime/base/Module.h"

using namespace fleet;

StatusOr<std::unique_ptr<Transport>>
fleet::openMpiTransport(const MpiTransportOptions &options) {
  // Open MPI's own plugins look for its symbols among everybody's.
  FLEET_RETURN_IF_ERROR(
      loadLibrary("--transport=mpi", "libmpi.so.40", "libopenmpi3"));
  FLEET_ASSIGN_OR_RETURN(
      auto open, loadModule<OpenMpiTransportFunction>("--transport=mpi",
                                                      "libFleetTransportMpi.so",
                                                      "fleetOpenMpiTransport"));
  StatusOr<std::unique_ptr<Transport>> result =
      Status(StatusCode::Internal,
             "libFleetTransportMpi.so did not say what came of it");
  (*open)(&options, &result);
  return result;
}
