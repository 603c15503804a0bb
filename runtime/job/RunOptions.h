//===- RunOptions.h - What one process of a job is asked to do --*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_RUNOPTIONS_H
#define FLEET_RUNTIME_JOB_RUNOPTIONS_H

#include "runtime/base/Clock.h"
#include "runtime/base/Failpoints.h"
#include "runtime/base/Files.h"
#include "runtime/base/Log.h"
#include "runtime/base/Signals.h"
#include "runtime/collective/Collective.h"
#include "runtime/transport/Transport.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fleet {

/// The command line of fleet-run, without its role.
struct RunOptions {
  std::string jobDirectory;
  /// Where the servers are, by rank; empty: as transpiled.
  std::vector<std::string> pservers;
  std::string data; ///< --data=SPEC
  int64_t batchSize = 0;
  int64_t epochs = 0; ///< 0: counted by steps
  int64_t steps = 0;  ///< 0: counted by epochs
  uint64_t seed = 0;
  bool shuffle = false;
  std::string saveDirectory, loadDirectory; ///< empty: do not
  int64_t saveEvery = 0;                    ///< steps; 0: at the end only
  bool resume = false; ///< from saveDirectory, if a checkpoint is there
  std::string metricsFile, traceFile; ///< empty: none
  int threads = 0;                    ///< 0: chosen by the role
  Duration deadline = std::chrono::seconds(60);
  /// Tests: fill temporaries with NaN before each step.
  bool poison = false;
};

/// Meets the other ranks of a collective job; every wait ends at the deadline.
using CollectiveFactory = std::function<StatusOr<std::unique_ptr<Collective>>(
    uint32_t rank, uint32_t size, Duration deadline)>;

/// What a process gets from outside; everything outlives the run. Tests give
/// every rank its own, in one process.
struct RunEnvironment {
  Files &files;
  Clock &clock;
  Transport &transport; ///< not used by local jobs
  StopToken stop;
  const Logger &log;
  /// Takes lines that are results, for standard output.
  std::function<void(const std::string &)> print;
  bool showProgress = false;
  Failpoints failpoints{};
  CollectiveFactory collective{}; ///< used by collective jobs only
};

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_RUNOPTIONS_H
