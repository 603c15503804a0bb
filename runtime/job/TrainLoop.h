//===- TrainLoop.h - The steps of a trainer or a local job ------*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_TRAINLOOP_H
#define FLEET_RUNTIME_JOB_TRAINLOOP_H

#include "runtime/data/BatchSchedule.h"
#include "runtime/executor/Program.h"
#include "runtime/job/Role.h"
#include "runtime/job/RunOptions.h"

namespace fleet {

struct TrainResult {
  int64_t steps = 0, epochs = 0;
  double lastEpochLoss = 0; ///< mean over this rank's examples
  double seconds = 0;
};

/// What the program's function reads: its inputs, as data has to bring them.
StatusOr<std::vector<InputRequest>> inputRequests(const LoadedPlan &plan,
                                                  const std::string &function);

/// Where a run begins, and what it does on its way.
struct TrainProgress {
  int64_t firstStep = 0; ///< steps that were done before
  /// Is told after every options.saveEvery steps; may be empty.
  std::function<Status(const TrainResult &)> save;
};

/// Runs "main" over the data, step by step, until options.epochs or
/// options.steps are done or a stop is requested (Aborted, at a step boundary;
/// `result` says how far it came). `exchange` is null for a local job.
Status train(Program &program, BatchReader &data, const RunOptions &options,
             const RoleChoice &role, RunEnvironment &environment,
             ParameterExchange *exchange, TrainResult &result,
             const TrainProgress &progress = {});

/// Whether "evaluate" needs servers: it looks rows up that this process does
/// not have.
bool evaluatesWithServers(const Program &program);

/// Runs "evaluate" over all of `data`. One mean over examples for each output,
/// as "loss 14.75, accuracy 0.9". `exchange` is null where it needs no servers.
StatusOr<std::string> evaluate(Program &program, const Dataset &data,
                               ParameterExchange *exchange);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_TRAINLOOP_H
