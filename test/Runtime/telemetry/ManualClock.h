//===- ManualClock.h - Time that a test moves -------------------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_TELEMETRY_MANUALCLOCK_H
#define FLEET_TEST_RUNTIME_TELEMETRY_MANUALCLOCK_H

#include "runtime/base/Clock.h"

namespace fleet::test {

class ManualClock final : public Clock {
public:
  TimePoint now() override { return time; }
  void sleepUntil(TimePoint until) override {
    if (until > time)
      time = until;
  }
  void advance(Duration duration) { time += duration; }

private:
  TimePoint time{std::chrono::hours(1)};
};

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_TELEMETRY_MANUALCLOCK_H
