//===- ShmBuffers.h - What a rank lays out for the others -------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_SHM_SHMBUFFERS_H
#define FLEET_RUNTIME_COLLECTIVE_SHM_SHMBUFFERS_H

#include "runtime/collective/shm/ShmGroup.h"

#include <cstring>

namespace fleet {

/// Inputs up to this size are copied beside their arrival (measured: above, a
/// second wait costs less than that every rank reduces all).
constexpr size_t kShmSmallBytes = size_t(4) << 10;

/// What is staged goes in chunks, of which a few are under way: together they
/// stay in a core's second-level cache.
constexpr size_t kShmChunkBytes = size_t(128) << 10;
constexpr uint64_t kShmChunks = 4;

/// All buffers of a rank: of small calls in flight, then of chunks.
constexpr size_t kShmBufferBytes =
    kShmCalls * kShmSmallBytes + kShmChunks * kShmChunkBytes;

/// Copies to where another rank has read last. Its processor holds those lines
/// then, and a store that misses waits for each of them in turn; asked for
/// ahead, they come side by side (measured: 5 times as fast as memcpy).
inline void copyToShared(std::byte *to, const std::byte *from, size_t bytes) {
  constexpr size_t kLine = 64, kAhead = 16 * kLine;
  size_t whole = bytes / kLine * kLine;
  for (size_t i = 0; i < whole; i += kLine) {
    __builtin_prefetch(to + i + kAhead, /*rw=*/1);
    std::memcpy(to + i, from + i, kLine);
  }
  std::memcpy(to + whole, from + whole, bytes - whole);
}

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_SHM_SHMBUFFERS_H
