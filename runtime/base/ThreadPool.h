//===- ThreadPool.h - The one pool of a device ------------------*- C++ -*-===//
//
// The runtime owns all threads; libraries run single-threaded under it. A range
// is cut at multiples of the grain, whatever the number of threads, so that a
// result can depend on neither timing nor the size of the pool. Each thread
// starts on its own contiguous share of the pieces (caches stay warm from one
// operation to the next) and then takes over what others have not begun.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_BASE_THREADPOOL_H
#define FLEET_RUNTIME_BASE_THREADPOOL_H

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace fleet {

struct ThreadPoolOptions {
  /// Including the calling thread; 1 means no threads of its own. At least 1.
  int threads = 1;
  /// How long an idle worker spins after its last work before it sleeps. Zero
  /// when processes outnumber cores: then spinning takes time from others.
  std::chrono::nanoseconds spin{0};
};

/// One thread at a time hands out work; a call from within a piece, or from a
/// second thread meanwhile, is right but runs in line.
class ThreadPool {
public:
  explicit ThreadPool(ThreadPoolOptions options);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return static_cast<int>(workers.size()) + 1; }

  /// Calls fn(b, e) for consecutive pieces of [begin, end), each `grain` long
  /// but the last; returns when all are done, with their writes visible. The
  /// caller takes part. Never allocates. `fn` must not throw. A grain below 1
  /// counts as 1; a grain that would give more than 2^20 pieces is raised (as a
  /// function of the length alone).
  template <typename Fn>
  void parallelFor(int64_t begin, int64_t end, int64_t grain, Fn &&fn) {
    using Callable = std::remove_reference_t<Fn>;
    runPieces(
        begin, end, grain,
        [](void *context, int64_t b, int64_t e) {
          (*static_cast<Callable *>(context))(b, e);
        },
        const_cast<void *>(static_cast<const void *>(std::addressof(fn))));
  }

  /// Wakes sleeping workers ahead of work that is about to come, e.g. at the
  /// start of a step. They spin for Options::spin. Does nothing without spin.
  void rouse();

private:
  using PieceFunction = void (*)(void *context, int64_t begin, int64_t end);

  /// The pieces of one participant: generation << 32 | next piece. The owner
  /// and thieves alike claim by compare-and-swap, which a new generation fails.
  struct alignas(64) Share {
    std::atomic<uint64_t> ticket{0};
    std::atomic<uint32_t> end{0};
  };

  void runPieces(int64_t begin, int64_t end, int64_t grain, PieceFunction fn,
                 void *context);
  bool claimAndRun(int share);
  void drain(int self);
  void workerMain(int self);
  void announce();

  // The job at hand; written by the caller while all shares are closed.
  std::atomic<PieceFunction> jobFunction{nullptr};
  std::atomic<void *> jobContext{nullptr};
  std::atomic<int64_t> jobBegin{0}, jobEnd{0}, jobGrain{1};
  std::vector<Share> shares;
  uint32_t generation = 0; // the caller's
  std::atomic<bool> busy{false};
  alignas(64) std::atomic<int64_t> done{0};
  alignas(64) std::atomic<uint64_t> epoch{0};
  std::atomic<int> sleepers{0};
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable wake;
  std::chrono::nanoseconds spin;
  std::vector<std::thread> workers;
};

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_THREADPOOL_H
