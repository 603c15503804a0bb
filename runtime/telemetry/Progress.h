//===- Progress.h - How far a job is ----------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TELEMETRY_PROGRESS_H
#define FLEET_RUNTIME_TELEMETRY_PROGRESS_H

#include "runtime/base/Clock.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace fleet {

struct ProgressOptions {
  int descriptor = 2;    ///< where to write; not owned
  bool terminal = false; ///< a bar that is redrawn; else plain lines
  int width = 80;        ///< columns of the terminal
  std::string prefix;    ///< e.g. "trainer 0"; may be empty
  int64_t totalSteps = 0;
  int64_t totalEpochs = 0; ///< 0: counted in steps only
};

/// Options for `descriptor` as it is: isatty and the terminal's width.
ProgressOptions detectProgress(int descriptor);

/// On a terminal a bar on one line, redrawn about ten times a second; elsewhere
/// a plain line every five seconds at most, and one at the end. update() costs
/// one clock read and does not allocate in the steady state. Not thread-safe.
class Progress {
public:
  /// `clock` must outlive it.
  Progress(ProgressOptions options, Clock &clock);
  /// Ends the bar's line if finish() was not called, so that an error does not
  /// land in the middle of it.
  ~Progress();

  /// `stepsDone` counts from 1; `loss` may be anything.
  void update(int64_t stepsDone, int64_t epoch, double loss);
  /// The same when the caller has read the clock already.
  void update(int64_t stepsDone, int64_t epoch, double loss, TimePoint now);
  /// Shows the last state for good.
  void finish();

private:
  void drawBar(TimePoint now, bool last);
  void printLine(TimePoint now);
  void emit();

  ProgressOptions options;
  Clock &clock;
  TimePoint started;
  TimePoint nextDraw;
  int64_t done = 0;
  int64_t currentEpoch = 0;
  double currentLoss = 0;
  bool any = false;
  bool lineOpen = false;
  bool finished = false;
  fmt::memory_buffer text;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TELEMETRY_PROGRESS_H
