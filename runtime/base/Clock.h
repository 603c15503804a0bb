//===- Clock.h - Time behind an interface -----------------------*- C++ -*-===//
//
// Protocol code never reads a clock of the system itself: a test runs a whole
// job in virtual time. Only steady time exists here; deadlines do not jump when
// somebody sets the wall clock.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_BASE_CLOCK_H
#define FLEET_RUNTIME_BASE_CLOCK_H

#include <chrono>

namespace fleet {

using Duration = std::chrono::nanoseconds;
/// A point in the steady time of a Clock.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Thread-safe. Owned by whoever made the rank; outlives it.
class Clock {
public:
  virtual ~Clock() = default;
  virtual TimePoint now() = 0;
  virtual void sleepUntil(TimePoint time) = 0;
};

/// The machine's steady clock.
class SystemClock final : public Clock {
public:
  TimePoint now() override { return std::chrono::steady_clock::now(); }
  void sleepUntil(TimePoint time) override;
};

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_CLOCK_H
