//===- NcclBuffers.cpp - Memory that CUDA gave out ------------------------===//

#include "runtime/collective/nccl/NcclBuffers.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

Status NcclBuffer::reserve(size_t atLeast) {
  atLeast = std::max<size_t>(atLeast, 1); // an address of its own
  if (memory && bytes >= atLeast)
    return Status();
  release();
  if (kind == Kind::Device) {
    FLEET_RETURN_IF_ERROR(
        cudaStatus(cudaMalloc(&memory, atLeast), "cudaMalloc"));
    FLEET_RETURN_IF_ERROR(
        cudaStatus(cudaMemset(memory, 0, atLeast), "cudaMemset"));
    // Streams that do not wait for the default one may use it from now on.
    FLEET_RETURN_IF_ERROR(
        cudaStatus(cudaDeviceSynchronize(), "cudaDeviceSynchronize"));
  } else {
    FLEET_RETURN_IF_ERROR(
        cudaStatus(cudaHostAlloc(&memory, atLeast, cudaHostAllocPortable),
                   "cudaHostAlloc"));
    std::memset(memory, 0, atLeast);
  }
  bytes = atLeast;
  return Status();
}

void NcclBuffer::release() {
  if (memory && kind == Kind::Device)
    cudaFree(memory);
  else if (memory)
    cudaFreeHost(memory);
  memory = nullptr;
  bytes = 0;
}

StatusOr<void *> NcclAllocations::allocate(size_t bytes) {
  auto block = std::make_unique<NcclBuffer>(kind);
  FLEET_RETURN_IF_ERROR(block->reserve(bytes));
  unsigned char *data = block->data();
  blocks.emplace(data, std::move(block));
  return static_cast<void *>(data);
}

bool NcclAllocations::contains(const void *address, size_t bytes) const {
  auto *begin = static_cast<const unsigned char *>(address);
  auto next = blocks.upper_bound(begin);
  if (next == blocks.begin())
    return false;
  const NcclBuffer &block = *std::prev(next)->second;
  return begin + bytes <= block.data() + block.size();
}
