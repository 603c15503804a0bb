//===- ShmArena.h - Memory that co-located ranks share ----------*- C++ -*-===//
//
// One anonymous file of memory, mapped by all ranks of a host: a region a rank,
// which only its owner allocates from and everybody reads and writes. It has no
// name in any file system, so nothing stays behind whatever happens: the others
// open it through the file table of rank 0's process.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_SHM_SHMARENA_H
#define FLEET_RUNTIME_COLLECTIVE_SHM_SHMARENA_H

#include "runtime/collective/Rendezvous.h"

namespace fleet {

/// What tells hosts, and namespaces on a host, apart: ranks whose text is the
/// same can share memory.
StatusOr<std::string> hostIdentity();

/// One rank's mapping. Not thread-safe.
class ShmArena {
public:
  /// Makes and maps the arena; all ranks of `rendezvous` call it. Memory is
  /// only taken when it is allocated.
  static StatusOr<std::shared_ptr<ShmArena>> create(Rendezvous &rendezvous);
  ~ShmArena();
  ShmArena(const ShmArena &) = delete;
  ShmArena &operator=(const ShmArena &) = delete;

  /// `bytes` of this rank's region, zeroed, on a cache line; from a page on, on
  /// a page. Returns its offset, the same on all ranks that allocate the same.
  StatusOr<uint64_t> allocate(size_t bytes);

  /// Where [offset, offset + bytes) of `rank`'s region is; null when that is
  /// not all in it.
  std::byte *at(uint32_t rank, uint64_t offset, size_t bytes) const;
  /// The offset of [data, data + bytes) when that is allocated memory of this
  /// rank.
  std::optional<uint64_t> find(const void *data, size_t bytes) const;

private:
  ShmArena() = default;
  Status make(uint32_t ranks);
  Status map();

  int file = -1;
  std::byte *base = nullptr;
  uint64_t regionBytes = 0, mappedBytes = 0;
  uint32_t self = 0;
  uint64_t used = 0; ///< of this rank's region
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_SHM_SHMARENA_H
