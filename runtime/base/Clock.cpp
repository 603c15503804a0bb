//===- Clock.cpp - Time behind an interface -------------------------------===//

#include "runtime/base/Clock.h"

#include <thread>

void fleet::SystemClock::sleepUntil(TimePoint time) {
  std::this_thread::sleep_until(time);
}
