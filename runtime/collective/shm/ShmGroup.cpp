//===- ShmGroup.cpp - How ranks on a host wait for each other -------------===//

#include "runtime/collective/shm/ShmGroup.h"

#include <algorithm>
#include <climits>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

using namespace fleet;

/// How long a rank looks again and again before it sleeps. A sleeper on an idle
/// processor takes several microseconds to wake; one that spins on a processor
/// that another rank needs takes it from there, so then it yields in between.
static constexpr auto kSpin = std::chrono::microseconds(100);

/// Looks between two looks at the clock.
static constexpr int kLooks = 64;

/// A sleeper looks up this often, whatever the others do: a rank that dies
/// between a store and its wake-up call must not cost a deadline.
static constexpr auto kNap = std::chrono::milliseconds(200);

static int processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return CPU_COUNT(&set);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

static long futex(std::atomic<uint32_t> &word, int operation, uint32_t value,
                  const timespec *timeout) {
  return syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
}

ShmGroup::ShmGroup(std::shared_ptr<ShmArena> arena,
                   std::shared_ptr<Rendezvous> rendezvous,
                   std::vector<uint32_t> names, uint32_t self, ShmRank *blocks)
    : arena(std::move(arena)), rendezvous(std::move(rendezvous)),
      names(std::move(names)), self(self), blocks(blocks),
      crowded(static_cast<int>(this->rendezvous->size()) > processors()) {
  watcher = this->rendezvous->watch([this] {
    events.fetch_add(1);
    ring(mine());
  });
}

ShmGroup::~ShmGroup() { rendezvous->unwatch(watcher); }

void ShmGroup::ring(ShmRank &block) {
  block.doorbell.fetch_add(1);
  futex(block.doorbell, FUTEX_WAKE, INT_MAX, nullptr);
}

void ShmGroup::wakeSleepers() {
  if (!posted)
    return;
  posted = false;
  // Either the sleeper sees the value, or this one sees the sleeper.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (uint32_t r = 0; r < size(); ++r)
    if (r != self && blocks[r].sleeping.load(std::memory_order_relaxed) != 0)
      ring(blocks[r]);
}

/// Until the doorbell has been rung since it was `seen`.
void ShmGroup::sleep(uint32_t seen, TimePoint until) {
  Duration rest =
      std::min<Duration>(until - std::chrono::steady_clock::now(), kNap);
  if (rest <= Duration::zero())
    return;
  timespec timeout;
  timeout.tv_sec = static_cast<time_t>(rest / std::chrono::seconds(1));
  timeout.tv_nsec = static_cast<long>((rest % std::chrono::seconds(1)).count());
  futex(mine().doorbell, FUTEX_WAIT, seen, &timeout);
}

Status ShmGroup::awaitSlowly(const std::function<bool(uint32_t)> &isThere,
                             uint32_t begin, uint32_t end,
                             const CallSignature &signature, uint64_t number,
                             const char *what) {
  uint32_t next = begin; // those before are there
  auto complete = [&] {
    while (next < end && isThere(next))
      ++next;
    return next == end;
  };
  auto missing = [&](bool onlyLeft) {
    std::vector<uint32_t> ranks;
    for (uint32_t r = next; r < end; ++r)
      if ((!onlyLeft || rendezvous->hasLeft(names[r])) && !isThere(r))
        ranks.push_back(names[r]);
    return ranks;
  };
  TimePoint start = std::chrono::steady_clock::now();
  TimePoint deadline = start + rendezvous->deadline();
  TimePoint spinUntil = start + kSpin;
  uint64_t seenEvents = UINT64_MAX;
  for (;;) {
    for (int look = 0; look < (crowded ? 1 : kLooks); ++look) {
      if (complete())
        return Status();
      if (crowded)
        sched_yield();
      else
        __builtin_ia32_pause();
    }
    wakeSleepers();
    if (uint64_t now = events.load(); now != seenEvents) {
      seenEvents = now;
      Status failure = rendezvous->failure();
      if (complete()) // whatever has happened since
        return Status();
      if (!failure.ok())
        return addCall(failure, signature, number);
      if (std::vector<uint32_t> gone = missing(/*onlyLeft=*/true);
          !gone.empty()) {
        Status status =
            makeError(StatusCode::Unavailable, "{}: {} left before it",
                      describeCall(signature, number), describeRanks(gone));
        rendezvous->fail(status);
        return status;
      }
    }
    TimePoint now = std::chrono::steady_clock::now();
    if (now >= deadline) {
      if (complete())
        return Status();
      Status status = makeError(
          StatusCode::DeadlineExceeded, "{}: {} did not {} within {} s",
          describeCall(signature, number),
          describeRanks(missing(/*onlyLeft=*/false)), what,
          std::chrono::duration<double>(rendezvous->deadline()).count());
      rendezvous->fail(status);
      return status;
    }
    if (now < spinUntil)
      continue;
    uint32_t rings = mine().doorbell.load();
    mine().sleeping.store(1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!complete() && events.load() == seenEvents)
      sleep(rings, deadline);
    mine().sleeping.store(0);
    if (next == end)
      return Status();
  }
}
