//===- NcclBuffers.h - Memory that CUDA gave out ----------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLBUFFERS_H
#define FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLBUFFERS_H

#include "runtime/collective/nccl/NcclStatus.h"

#include <cstddef>
#include <map>

namespace fleet {

/// A block of memory that is made larger when it has to be.
class NcclBuffer {
public:
  enum class Kind : uint8_t { Device, PinnedHost };

  explicit NcclBuffer(Kind kind) : kind(kind) {}
  ~NcclBuffer() { release(); }
  NcclBuffer(const NcclBuffer &) = delete;
  NcclBuffer &operator=(const NcclBuffer &) = delete;

  /// At least `bytes`, zeroed when they are new; what was there is gone then.
  /// Nothing that uses the memory may be under way.
  Status reserve(size_t bytes);
  unsigned char *data() const { return static_cast<unsigned char *>(memory); }
  size_t size() const { return bytes; }

private:
  void release();

  Kind kind;
  void *memory = nullptr;
  size_t bytes = 0;
};

/// Blocks that stay where they are, so that calls can be told to use them.
class NcclAllocations {
public:
  explicit NcclAllocations(NcclBuffer::Kind kind) : kind(kind) {}

  /// Zeroed.
  StatusOr<void *> allocate(size_t bytes);
  /// Whether all `bytes` from `address` on lie in one block.
  bool contains(const void *address, size_t bytes) const;

private:
  NcclBuffer::Kind kind;
  std::map<const unsigned char *, std::unique_ptr<NcclBuffer>> blocks;
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLBUFFERS_H
