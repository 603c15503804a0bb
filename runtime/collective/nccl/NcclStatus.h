//===- NcclStatus.h - Errors of CUDA and NCCL -------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLSTATUS_H
#define FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLSTATUS_H

#include "runtime/base/Status.h"

#include <cuda_runtime_api.h>
#include <nccl.h>

namespace fleet {

inline Status cudaStatus(cudaError_t error, const char *function) {
  if (error == cudaSuccess)
    return Status();
  return makeError(StatusCode::Unavailable, "{}: {}", function,
                   cudaGetErrorString(error));
}

inline Status ncclStatus(ncclResult_t result, const char *function) {
  if (result == ncclSuccess)
    return Status();
  return makeError(StatusCode::Unavailable, "{}: {}", function,
                   ncclGetErrorString(result));
}

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLSTATUS_H
