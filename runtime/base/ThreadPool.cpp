//===- ThreadPool.cpp - The one pool of a device --------------------------===//
//
// How a job is handed over. Each participant has a Share with a ticket,
// generation << 32 | next piece, and an end. To publish a job the caller
//   1. closes every share: ticket = new generation | closed,
//   2. writes the job and the ends,
//   3. opens every share: ticket = new generation | first piece,
//   4. bumps `epoch`, which idle workers watch.
// A worker loads a ticket, then the job, then claims by compare-and-swap. If
// the swap succeeds the ticket did not change meanwhile, so what was read is
// the job of that generation: a later job would have closed the share first,
// and reading any word of a later job (acquire) makes that close visible.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/ThreadPool.h"

#include <algorithm>

using namespace fleet;

namespace {

constexpr uint32_t closed = UINT32_MAX;
constexpr int64_t maxPieces = int64_t(1) << 20;
/// Pauses between two looks at the clock.
constexpr int pausesPerLook = 64;
/// Pauses before a caller that waits for a last piece gives its core away.
constexpr int pausesBeforeYield = 4096;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint64_t makeTicket(uint32_t generation, uint32_t piece) {
  return (static_cast<uint64_t>(generation) << 32) | piece;
}

} // namespace

ThreadPool::ThreadPool(ThreadPoolOptions options)
    : shares(static_cast<size_t>(std::max(options.threads, 1))),
      spin(options.spin) {
  for (Share &share : shares)
    share.ticket.store(makeTicket(0, closed), std::memory_order_relaxed);
  workers.reserve(shares.size() - 1);
  for (size_t i = 1; i < shares.size(); ++i)
    workers.emplace_back([this, i] { workerMain(static_cast<int>(i)); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping.store(true);
  }
  wake.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::runPieces(int64_t begin, int64_t end, int64_t grain,
                           PieceFunction fn, void *context) {
  if (begin >= end)
    return;
  int64_t count = end - begin;
  grain = std::max<int64_t>({grain, 1, (count - 1) / maxPieces + 1});
  int64_t pieces = (count - 1) / grain + 1;
  if (pieces == 1 || workers.empty() ||
      busy.exchange(true, std::memory_order_acquire)) {
    for (int64_t b = begin; b < end;) {
      int64_t e = end - b <= grain ? end : b + grain;
      fn(context, b, e);
      b = e;
    }
    return;
  }

  ++generation;
  for (Share &share : shares)
    share.ticket.store(makeTicket(generation, closed),
                       std::memory_order_relaxed);
  jobFunction.store(fn, std::memory_order_release);
  jobContext.store(context, std::memory_order_release);
  jobBegin.store(begin, std::memory_order_release);
  jobEnd.store(end, std::memory_order_release);
  jobGrain.store(grain, std::memory_order_release);
  done.store(0, std::memory_order_relaxed);
  auto participants = static_cast<int64_t>(shares.size());
  for (int64_t i = 0; i < participants; ++i) {
    Share &share = shares[static_cast<size_t>(i)];
    share.end.store(static_cast<uint32_t>(pieces * (i + 1) / participants),
                    std::memory_order_release);
  }
  for (int64_t i = 0; i < participants; ++i)
    shares[static_cast<size_t>(i)].ticket.store(
        makeTicket(generation,
                   static_cast<uint32_t>(pieces * i / participants)),
        std::memory_order_release);
  announce();

  drain(0);
  for (int pauses = 0; done.load(std::memory_order_acquire) != pieces;) {
    pause();
    // Whoever has the last piece may be waiting for this very core.
    if (++pauses >= pausesBeforeYield) {
      std::this_thread::yield();
      pauses = 0;
    }
  }
  busy.store(false, std::memory_order_release);
}

/// Claims one piece of `share` and runs it; false when there is none left.
bool ThreadPool::claimAndRun(int index) {
  Share &share = shares[static_cast<size_t>(index)];
  uint64_t ticket = share.ticket.load(std::memory_order_acquire);
  while (true) {
    auto piece = static_cast<uint32_t>(ticket);
    if (piece == closed)
      return false;
    PieceFunction fn = jobFunction.load(std::memory_order_acquire);
    void *context = jobContext.load(std::memory_order_acquire);
    int64_t begin = jobBegin.load(std::memory_order_acquire);
    int64_t end = jobEnd.load(std::memory_order_acquire);
    int64_t grain = jobGrain.load(std::memory_order_acquire);
    if (piece >= share.end.load(std::memory_order_acquire))
      return false;
    if (!share.ticket.compare_exchange_weak(ticket, ticket + 1,
                                            std::memory_order_acq_rel,
                                            std::memory_order_acquire))
      continue;
    int64_t b = begin + static_cast<int64_t>(piece) * grain;
    fn(context, b, end - b <= grain ? end : b + grain);
    done.fetch_add(1, std::memory_order_release);
    return true;
  }
}

/// Runs pieces until none is left to begin: the own share, then the others'.
void ThreadPool::drain(int self) {
  auto participants = static_cast<int>(shares.size());
  for (int i = 0; i < participants; ++i)
    while (claimAndRun((self + i) % participants)) {
    }
}

void ThreadPool::announce() {
  // Sequentially consistent against the sleeper's count: either the sleeper
  // sees the new epoch, or we see the sleeper.
  epoch.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) > 0) {
    { std::lock_guard<std::mutex> lock(mutex); }
    wake.notify_all();
  }
}

void ThreadPool::rouse() {
  if (spin.count() > 0 && !workers.empty())
    announce();
}

void ThreadPool::workerMain(int self) {
  uint64_t seen = 0;
  while (true) {
    // Spin for a while, then sleep, until the epoch moves on.
    uint64_t current = epoch.load(std::memory_order_acquire);
    if (current == seen && spin.count() > 0) {
      auto deadline = std::chrono::steady_clock::now() + spin;
      do {
        for (int i = 0; i < pausesPerLook && current == seen; ++i) {
          pause();
          current = epoch.load(std::memory_order_acquire);
        }
      } while (current == seen && !stopping.load(std::memory_order_relaxed) &&
               std::chrono::steady_clock::now() < deadline);
    }
    if (current == seen) {
      std::unique_lock<std::mutex> lock(mutex);
      sleepers.fetch_add(1, std::memory_order_seq_cst);
      wake.wait(lock, [&] {
        return epoch.load(std::memory_order_seq_cst) != seen ||
               stopping.load(std::memory_order_relaxed);
      });
      sleepers.fetch_sub(1, std::memory_order_relaxed);
      current = epoch.load(std::memory_order_acquire);
    }
    if (stopping.load(std::memory_order_relaxed))
      return;
    seen = current;
    drain(self);
  }
}
