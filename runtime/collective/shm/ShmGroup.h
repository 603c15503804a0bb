//===- ShmGroup.h - How ranks on a host wait for each other -----*- C++ -*-===//
//
// What a group keeps in the arena: a block a rank, which only that rank writes
// (but its doorbell). Counters only grow, so a rank that is ahead is never
// mistaken for one that is behind. Each lies on a cache line of its own.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_SHM_SHMGROUP_H
#define FLEET_RUNTIME_COLLECTIVE_SHM_SHMGROUP_H

#include "runtime/collective/CallSignature.h"
#include "runtime/collective/shm/ShmArena.h"

#include <atomic>
#include <functional>

namespace fleet {

/// Calls of a rank that can be in flight; start() waits for the oldest beyond.
constexpr uint64_t kShmCalls = 16;
/// Not in the arena.
constexpr uint64_t kShmPrivate = UINT64_MAX;

/// A rank has started call `number`.
struct alignas(64) ShmArrival {
  std::atomic<uint64_t> number;
  CallSignature signature;
  uint64_t in, out; ///< offsets in the rank's region, or kShmPrivate
};
static_assert(sizeof(ShmArrival) == 64);

struct alignas(64) ShmCounter {
  std::atomic<uint64_t> value;
};

struct ShmRank {
  ShmArrival arrivals[kShmCalls]; ///< by number modulo their count
  ShmCounter staged;   ///< chunks that the rank has laid out for others
  ShmCounter reduced;  ///< chunks of which it has reduced its slice
  ShmCounter taken;    ///< chunks that it needs no more from others
  ShmCounter finished; ///< calls for which it needs nothing more from others
  ShmCounter buffers;  ///< offset of its buffers, plus one
  alignas(64) std::atomic<uint32_t> doorbell; ///< counts rings; a futex
  alignas(64) std::atomic<uint32_t> sleeping;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free &&
              std::atomic<uint32_t>::is_always_lock_free);

/// One rank's view of a group: who is in it, and how to wait.
class ShmGroup {
public:
  /// `names`: the ranks of the arena in the group, in their order. `control` is
  /// the offset of the group's blocks in the region of the first.
  ShmGroup(std::shared_ptr<ShmArena> arena,
           std::shared_ptr<Rendezvous> rendezvous, std::vector<uint32_t> names,
           uint32_t self, ShmRank *blocks);
  ~ShmGroup();

  uint32_t size() const { return static_cast<uint32_t>(names.size()); }
  ShmRank &block(uint32_t rank) { return blocks[rank]; }
  ShmRank &mine() { return blocks[self]; }

  /// Why the job has ended, if it has.
  Status failure() {
    return events.load(std::memory_order_acquire) == 0 ? Status()
                                                       : rendezvous->failure();
  }

  /// Stores `value`. Who spins sees it at once; who sleeps is woken when this
  /// rank has to wait itself, or by wakeSleepers(), which has to follow. (To
  /// look for sleepers waits until the store is everywhere, which is half of
  /// what a small call takes.)
  void post(std::atomic<uint64_t> &counter, uint64_t value) {
    counter.store(value, std::memory_order_release);
    posted = true;
  }
  void wakeSleepers();

  /// Waits until `counter` of every rank's block is at least `value`; the error
  /// names `signature`, `number` and who did not `what`.
  Status await(ShmCounter ShmRank::*counter, uint64_t value,
               const CallSignature &signature, uint64_t number) {
    return awaitAll(
        [&](uint32_t rank) -> std::atomic<uint64_t> & {
          return (blocks[rank].*counter).value;
        },
        value, 0, size(), signature, number, "finish");
  }
  /// The same for one rank's counter.
  Status awaitOne(uint32_t rank, ShmCounter ShmRank::*counter, uint64_t value,
                  const CallSignature &signature, uint64_t number) {
    return awaitAll(
        [&](uint32_t r) -> std::atomic<uint64_t> & {
          return (blocks[r].*counter).value;
        },
        value, rank, rank + 1, signature, number, "finish");
  }
  /// Waits until every rank has started call `number`.
  Status awaitArrival(const CallSignature &signature, uint64_t number) {
    return awaitAll(
        [&](uint32_t rank) -> std::atomic<uint64_t> & {
          return blocks[rank].arrivals[number % kShmCalls].number;
        },
        number, 0, size(), signature, number, "come");
  }

  const std::shared_ptr<ShmArena> arena;
  const std::shared_ptr<Rendezvous> rendezvous;
  const std::vector<uint32_t> names; ///< in the arena, the job and messages
  const uint32_t self;

private:
  template <typename CounterOf>
  Status awaitAll(const CounterOf &counterOf, uint64_t value, uint32_t begin,
                  uint32_t end, const CallSignature &signature, uint64_t number,
                  const char *what) {
    // The loop that matters: everybody is there, or about to be.
    for (uint32_t r = begin; r < end; ++r)
      if (counterOf(r).load(std::memory_order_acquire) < value)
        return awaitSlowly( // two words, so that nothing is allocated
            [&counterOf, &value](uint32_t rank) {
              return counterOf(rank).load(std::memory_order_acquire) >= value;
            },
            r, end, signature, number, what);
    return Status();
  }
  Status awaitSlowly(const std::function<bool(uint32_t)> &isThere,
                     uint32_t begin, uint32_t end,
                     const CallSignature &signature, uint64_t number,
                     const char *what);
  void ring(ShmRank &block);
  void sleep(uint32_t seen, TimePoint until);

  ShmRank *blocks;
  std::atomic<uint64_t> events{0}; ///< of the rendezvous
  bool posted = false; ///< something that sleepers have not been told
  uint64_t watcher;
  bool crowded; ///< more ranks than processors
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_SHM_SHMGROUP_H
