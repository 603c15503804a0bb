//===- Supervisor.h - Runs the processes of a job ---------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_LAUNCH_SUPERVISOR_H
#define FLEET_RUNTIME_LAUNCH_SUPERVISOR_H

#include "runtime/base/Signals.h"
#include "runtime/base/Status.h"
#include "runtime/launch/JobProcesses.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace fleet {

struct SupervisorOptions {
  int out = 1; ///< where the processes' stdout goes; not owned
  int err = 2; ///< where their stderr goes; not owned
  /// `err` is a terminal, and is this process's stderr: the process that shows
  /// progress writes to it directly.
  bool terminal = false;
  /// Where each process gets a file NAME.log ("trainer-0.log") with all that it
  /// prints; the folder exists. Then only what the first that is no server
  /// prints to stdout is passed on: its results. Empty: everything is passed
  /// on.
  std::string logDirectory;
  /// Told one line an event: a start, a server that listens, an end. May be
  /// empty.
  std::function<void(const std::string &)> event;
  /// Trainers start when every server said that it listens, or after this.
  std::chrono::milliseconds serverStart{10000};
  /// What the others have, once one failed, to end by themselves: servers and
  /// trainers tell each other at once.
  std::chrono::milliseconds ownEnd{3000};
  /// From SIGTERM to SIGKILL.
  std::chrono::milliseconds termination{10000};
};

struct JobResult {
  int status = 0;      ///< exit status for the whole job
  std::string message; ///< one line that says who failed; empty for success
  /// The last lines of who failed, if they went to a file only.
  std::vector<std::string> lastLines;
};

/// Runs `processes` (servers first, then the others) until all have ended, and
/// relays what they print with "[NAME] " before each line. When one fails the
/// others end too, by SIGTERM and then SIGKILL if they do not by themselves;
/// the same when `stop` asks for it. No process is left when it returns. The
/// status is 0 when all ended with 0, else that of the first failure (1 when a
/// signal ended it), or 1 when `stop` was asked for. An error means that a
/// process could not be started. Not for two threads at once.
StatusOr<JobResult> superviseJob(const std::vector<JobProcess> &processes,
                                 const SupervisorOptions &options,
                                 const StopToken &stop);

} // namespace fleet

#endif // FLEET_RUNTIME_LAUNCH_SUPERVISOR_H
