//===- MpiModule.cpp - Streams over MPI, when asked for -------------------===//

#include "runtime/transport/mpi/MpiModule.h"

#include "runtime/base/Files.h"

#include <dlfcn.h>
#include <unistd.h>

using namespace fleet;

/// lib/libFleetTransportMpi.so beside the bin/ that the program lies in, else
/// wherever the loader looks.
static void *loadModule() {
  constexpr char name[] = "libFleetTransportMpi.so";
  char path[4096];
  ssize_t size = ::readlink("/proc/self/exe", path, sizeof(path));
  if (size > 0 && size < static_cast<ssize_t>(sizeof(path))) {
    std::string folder =
        directoryOf(std::string(path, static_cast<size_t>(size)));
    std::string beside = joinPath(folder, std::string("../lib/") + name);
    if (::access(beside.c_str(), R_OK) == 0)
      return ::dlopen(beside.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  return ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

StatusOr<std::unique_ptr<Transport>>
fleet::openMpiTransport(const MpiTransportOptions &options) {
  // Open MPI's own plugins look for its symbols among everybody's.
  if (!::dlopen("libmpi.so.40", RTLD_NOW | RTLD_GLOBAL))
    return makeError(StatusCode::Unavailable,
                     "--transport=mpi needs Open MPI 4.1 (package "
                     "libopenmpi3): {}",
                     ::dlerror());
  void *module = loadModule();
  void *symbol = module ? ::dlsym(module, "fleetOpenMpiTransport") : nullptr;
  if (!symbol)
    return makeError(StatusCode::Unavailable,
                     "--transport=mpi: this fleet was built without MPI "
                     "(package libopenmpi-dev): {}",
                     ::dlerror());
  StatusOr<std::unique_ptr<Transport>> result =
      Status(StatusCode::Internal,
             "libFleetTransportMpi.so did not say what came of it");
  reinterpret_cast<OpenMpiTransportFunction>(symbol)(&options, &result);
  return result;
}
