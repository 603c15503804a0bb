//===- Scheduler.h - One thread at a time, in virtual time ------*- C++ -*-===//
//
// Threads of a simulation are threads of the system, but only the one that
// holds the baton runs. It passes the baton where it would block: to a thread
// drawn by the seed among those that can go on, and when there is none, time
// moves to the first moment at which one can. So a seed determines everything.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TRANSPORT_SIM_SCHEDULER_H
#define FLEET_RUNTIME_TRANSPORT_SIM_SCHEDULER_H

#include "runtime/base/Clock.h"
#include "runtime/base/Status.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace fleet::sim {

/// Numbers from a seed, the same on every machine.
class Dice {
public:
  explicit Dice(uint64_t seed) : engine(seed) {}
  /// A number from 0 to `count` - 1.
  uint64_t below(uint64_t count) { return count ? engine() % count : 0; }
  bool chance(double probability) {
    return static_cast<double>(engine() >> 11) * 0x1p-53 < probability;
  }
  Duration between(Duration low, Duration high) {
    return low + Duration(below((high - low).count() + 1));
  }

private:
  std::mt19937_64 engine;
};

/// When a thread that waits can go on; kNever until something happens.
using ReadyAt = std::function<TimePoint()>;
constexpr TimePoint kNever = TimePoint::max();
constexpr TimePoint kStart = TimePoint(std::chrono::seconds(1));

/// Everything but construction and the results of run() is called by the thread
/// that holds the baton, so that users need no locks of their own.
class Scheduler {
public:
  explicit Scheduler(uint64_t seed) : dice(seed) {}

  /// Runs `main` as the first thread until it and all that it spawned have
  /// returned. Internal when they all waited for each other.
  Status run(const std::function<void()> &main);

  /// Starts a thread, which runs when the baton reaches it; returns its number.
  size_t spawn(std::function<void()> body);
  /// Waits until thread `number` has returned.
  void join(size_t number);

  /// Passes the baton. True once readyAt() is now or past; false when
  /// `deadline` came first or all threads wait for each other. `what` is for
  /// the report of a deadlock.
  bool wait(const ReadyAt &readyAt, TimePoint deadline,
            const std::string &what);
  bool deadlocked() const { return !deadlock.empty(); }

  /// Calls `action` when time reaches `time`.
  void at(TimePoint time, std::function<void()> action);

  TimePoint now() const { return time; }
  Dice &random() { return dice; }
  size_t current() const { return running; }

private:
  struct Task {
    std::condition_variable woken;
    ReadyAt readyAt;
    TimePoint deadline = kNever;
    std::string what;
    bool done = false;
    std::thread thread; ///< none for the first
  };
  struct Action {
    TimePoint time;
    std::function<void()> run;
  };

  TimePoint wakeTime(const Task &task) const;
  void pickNext();
  void reportDeadlock();

  std::mutex mutex; ///< hands everything below from one thread to the next
  std::vector<std::unique_ptr<Task>> tasks;
  std::vector<Action> actions;
  Dice dice;
  TimePoint time = kStart;
  size_t running = 0;
  std::string deadlock; ///< who waited for what
};

} // namespace fleet::sim

#endif // FLEET_RUNTIME_TRANSPORT_SIM_SCHEDULER_H
