//===- CollectiveTrainer.cpp - A trainer among equals ---------------------===//

#include "runtime/job/Processes.h"

using namespace fleet;

/// Connects, and makes all trainers start with what rank 0 has.
static Status runStartup(Program &program) {
  FLEET_ASSIGN_OR_RETURN(Step * startup, program.instantiate("startup", 1));
  if (startup->numInputs() != 0)
    return makeError(StatusCode::InvalidArgument,
                     "{}: function 'startup' reads data, it may only connect",
                     program.plan().path);
  return startup->run(StepArguments());
}

static Status trainAndReport(Program &program, const RoleChoice &role,
                             const RunOptions &options,
                             RunEnvironment &environment) {
  FLEET_ASSIGN_OR_RETURN(std::unique_ptr<TrainingData> data,
                         loadData(program, role, options, environment));
  bool saves = role.rank == 0 && !options.saveDirectory.empty();
  // Not after hours of training.
  if (saves)
    FLEET_RETURN_IF_ERROR(
        environment.files.makeDirectories(options.saveDirectory)
            .withContext("--save"));
  // The others get it from rank 0.
  if (role.rank == 0 && !options.loadDirectory.empty())
    FLEET_RETURN_IF_ERROR(
        loadStates(program, environment.files, options.loadDirectory)
            .withContext("--load"));
  FLEET_RETURN_IF_ERROR(runStartup(program));
  TrainResult result;
  FLEET_RETURN_IF_ERROR(train(program, data->batches, options, role,
                              environment, /*exchange=*/nullptr, result));
  // Nobody leaves while others may still read what it shares.
  CollectiveCall barrier;
  barrier.kind = CollectiveCall::Kind::Barrier;
  Collective &collective = *program.collective();
  FLEET_ASSIGN_OR_RETURN(Collective::Ticket ticket, collective.start(barrier));
  FLEET_RETURN_IF_ERROR(collective.wait(ticket));
  if (saves) {
    CheckpointMetadata metadata{{"job", program.plan().proto.job()},
                                {"step", std::to_string(result.steps)},
                                {"epoch", std::to_string(result.epochs)},
                                {"seed", std::to_string(options.seed)}};
    FLEET_RETURN_IF_ERROR(
        environment.failpoints.hit(Failpoint::BeforeSave, environment.clock));
    FLEET_RETURN_IF_ERROR(saveStates(program, /*remote=*/{}, environment.files,
                                     options.saveDirectory, metadata));
  }
  if (role.rank != 0)
    return Status();
  FLEET_ASSIGN_OR_RETURN(
      std::string quality,
      rateParameters(program, *data->rows, result, /*exchange=*/nullptr));
  printResult(quality, result, environment);
  return Status();
}

Status fleet::runCollectiveTrainer(Program &program, const RoleChoice &role,
                                   const RunOptions &options,
                                   RunEnvironment &environment) {
  Status status = trainAndReport(program, role, options, environment);
  if (!status.ok())
    program.collective()->abort(
        fmt::format("{}: {}", role.name(), status.message()));
  return status;
}
