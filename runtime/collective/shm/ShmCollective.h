//===- ShmCollective.h - Ranks that share memory ----------------*- C++ -*-===//
//
// Three ways, by size and by where the memory of a call lies:
//
//   small   what a rank gives is copied beside its arrival; everybody reduces
//   all
//           of it. One wait.
//   direct  all memory is in the arena: each rank reduces its slice of all
//           inputs into all outputs. Nothing is copied; two waits.
//   staged  anything else goes through buffers in the arena, chunk by chunk,
//   which
//           stay in the cache; laying out a chunk overlaps the one before.
//
// A call is made by the thread that waits for it; start() says that the rank is
// there, so the others need not wait for it.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_SHM_SHMCOLLECTIVE_H
#define FLEET_RUNTIME_COLLECTIVE_SHM_SHMCOLLECTIVE_H

#include "runtime/collective/Rendezvous.h"
#include "runtime/collective/shm/ShmGroup.h"

namespace fleet {

/// One rank of a group.
class ShmCollective final : public Collective {
public:
  /// The group of all ranks of `rendezvous`, which call it together and have to
  /// be on one host. Waits end after the rendezvous' deadline.
  static StatusOr<std::unique_ptr<Collective>>
  create(std::shared_ptr<Rendezvous> rendezvous);

  uint32_t rank() const override { return group.self; }
  uint32_t size() const override { return group.size(); }
  const char *name() const override { return "shm"; }
  StatusOr<void *> allocate(size_t bytes) override;
  StatusOr<Ticket> start(const CollectiveCall &call) override;
  Status wait(Ticket ticket) override;
  Status run(const CollectiveCall &call) override;
  StatusOr<std::unique_ptr<Collective>> split(uint32_t colour,
                                              uint32_t key) override;
  uint64_t bytesSent() const override { return sent; }
  void abort(const std::string &reason) override;

private:
  ShmCollective(std::shared_ptr<ShmArena> arena,
                std::shared_ptr<Rendezvous> rendezvous,
                std::vector<uint32_t> names, uint32_t self, ShmRank *blocks);

  /// start() without telling sleepers.
  StatusOr<Ticket> enter(const CollectiveCall &call);
  Status begin(const CollectiveCall &call, uint64_t number);
  Status finish(uint64_t number);
  /// Where `count` bytes of `rank`'s call lie, or an error.
  StatusOr<std::byte *> resolve(uint32_t rank, uint64_t offset, size_t bytes);
  void readSmall(const CollectiveCall &call, uint64_t number);
  Status runDirect(const CollectiveCall &call, uint64_t number);
  Status runStaged(const CollectiveCall &call, uint64_t number);

  // Staging (ShmStaging.cpp).
  struct Chunk;
  Chunk chunkOf(const CollectiveCall &call, size_t index) const;
  Status stage(const CollectiveCall &call, const Chunk &chunk, uint64_t number);
  Status reduce(const CollectiveCall &call, const Chunk &chunk,
                uint64_t number);
  Status take(const CollectiveCall &call, const Chunk &chunk, uint64_t number);

  std::byte *smallBuffer(uint32_t rank, uint64_t number) const;
  std::byte *chunkBuffer(uint32_t rank, uint64_t chunk) const;

  ShmGroup group;
  std::vector<std::byte *> buffers; ///< of each rank: small ones, then chunks
  uint64_t started = 0, completed = 0;
  uint64_t chunks = 0; ///< staged by all calls before the one at hand
  CollectiveCall pending[kShmCalls];
  std::vector<CallSignature> signatures; ///< of the call at hand
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
  std::atomic<uint64_t> sent{0};
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_SHM_SHMCOLLECTIVE_H
