//===- Processes.h - What each role does ------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_PROCESSES_H
#define FLEET_RUNTIME_JOB_PROCESSES_H

#include "runtime/job/Role.h"
#include "runtime/job/RunOptions.h"
#include "runtime/job/StateFile.h"
#include "runtime/job/TrainLoop.h"
#include "runtime/transport/JobIdentity.h"

namespace fleet {

/// What all processes of a job agree on, from a plan and the flags.
JobIdentity identify(const plan::Plan &plan, const RunOptions &options);

/// Data, and who deals it.
struct TrainingData {
  std::unique_ptr<Dataset> rows; ///< `batches` has its address
  BatchReader batches;
};

/// What "main" of `program` reads, as this trainer gets it.
StatusOr<std::unique_ptr<TrainingData>> loadData(Program &program,
                                                 const RoleChoice &role,
                                                 const RunOptions &options,
                                                 RunEnvironment &environment);

/// How good the parameters are, by "evaluate" over all of `data` if there is
/// such a function. It looks up at `exchange` the rows that this process does
/// not have; null where there are none.
StatusOr<std::string> rateParameters(Program &program, const Dataset &data,
                                     const TrainResult &result,
                                     ParameterExchange *exchange);

/// Prints how a training went; `quality` is what rateParameters() says.
void printResult(const std::string &quality, const TrainResult &result,
                 RunEnvironment &environment);

/// A trainer of a collective job; `program` has its collective.
Status runCollectiveTrainer(Program &program, const RoleChoice &role,
                            const RunOptions &options,
                            RunEnvironment &environment);

/// A trainer with servers, or a local job.
Status runTrainer(Program &program, const RoleChoice &role,
                  const RunOptions &options, RunEnvironment &environment);

Status runServer(Program &program, const RoleChoice &role,
                 const RunOptions &options, RunEnvironment &environment);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_PROCESSES_H
