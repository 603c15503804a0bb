//===- Metrics.h - One JSON line a step -------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TELEMETRY_METRICS_H
#define FLEET_RUNTIME_TELEMETRY_METRICS_H

#include "runtime/base/Clock.h"
#include "runtime/base/Files.h"
#include "runtime/base/Status.h"

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>

namespace fleet {

struct StepMetrics {
  int64_t step = 0; ///< counted over the whole job, from 0
  int64_t epoch = 0;
  double loss = 0; ///< null in the file when not finite
  int64_t examples = 0;
  double stepTimeUs = 0;
  int64_t sentBytes = -1; ///< to servers, during the step; -1: there are none
  int64_t staleness = -1; ///< own steps that its parameters lacked; -1: n/a
};

/// Writes `--metrics=FILE.jsonl`:
///   {"role":"trainer","rank":0,"step":12,"epoch":0,"loss":0.53,
///    "examples":20,"step_time_us":91}
/// and at its end "sent_bytes":268 where there are servers, "staleness":3 in
/// asynchronous jobs.
/// Lines are collected and written about once a second, when much has come
/// together, and on close(). record() does not allocate in the steady state.
/// The first error is kept and returned by close(). Not thread-safe.
class MetricsWriter {
public:
  /// `clock` must outlive it. Creates (or empties) the file.
  static StatusOr<std::unique_ptr<MetricsWriter>> open(Files &files,
                                                       const std::string &path,
                                                       const std::string &role,
                                                       int rank, Clock &clock);
  ~MetricsWriter();

  void record(const StepMetrics &metrics);
  /// Writes what is left. No record() after it.
  Status close();

private:
  MetricsWriter(std::unique_ptr<WritableFile> file, std::string prefix,
                Clock &clock);
  void flush();
  std::unique_ptr<WritableFile> file;
  std::string prefix; // {"role":...,"rank":0,
  Clock &clock;
  TimePoint lastFlush;
  fmt::memory_buffer buffer;
  Status firstError;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TELEMETRY_METRICS_H
