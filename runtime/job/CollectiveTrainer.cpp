//===- CollectiveTrainer.cpp - A trainer among equals ---------------------===//

#include "runtime/job/BetweenSteps.h"
#include "runtime/job/Processes.h"
#include "runtime/job/Resume.h"

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

/// All trainers go on at the step that rank 0 has found.
static Status agreeOnStep(Collective &collective, int64_t &step) {
  CollectiveCall call;
  call.kind = CollectiveCall::Kind::Broadcast;
  call.dtype = plan::I64;
  call.in = call.out = &step;
  call.count = 1;
  return collective.run(call);
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
  if (options.saveEvery > 0)
    FLEET_RETURN_IF_ERROR(
        checkContinuable(program.plan(), options.saveEvery, "--save-every"));
  TrainProgress progress;
  if (saves && options.resume) {
    FLEET_ASSIGN_OR_RETURN(progress.firstStep,
                           resumeRun(program, options, environment));
    FLEET_RETURN_IF_ERROR(
        checkContinuable(program.plan(), progress.firstStep, "--resume"));
  }
  FLEET_RETURN_IF_ERROR(runStartup(program));
  Collective &collective = *program.collective();
  if (options.resume)
    FLEET_RETURN_IF_ERROR(agreeOnStep(collective, progress.firstStep));
  if (saves)
    progress.save = [&](const TrainResult &result) {
      return saveRun(program, options, environment, result);
    };
  TrainResult result;
  FLEET_RETURN_IF_ERROR(train(program, data->batches, options, role,
                              environment, /*exchange=*/nullptr, result,
                              progress));
  // Nobody leaves while others may still read what it shares.
  CollectiveCall barrier;
  barrier.kind = CollectiveCall::Kind::Barrier;
  FLEET_RETURN_IF_ERROR(collective.run(barrier));
  if (saves)
    FLEET_RETURN_IF_ERROR(saveRun(program, options, environment, result));
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
