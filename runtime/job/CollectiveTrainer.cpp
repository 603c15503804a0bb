//===- CollectiveTrainer.cpp - A trainer among equals ---------------------===//

#include "runtime/job/BetweenSteps.h"
#include "runtime/job/Processes.h"
#include "runtime/job/Resume.h"
#include "runtime/job/ShardedStates.h"

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

/// Whether rank 0 writes checkpoints, for which trainers have to meet; they
/// must also agree on when.
static Status agreeOnSaving(Collective &collective, const RunOptions &options,
                            bool &saves) {
  int64_t first[] = {saves, options.saveEvery};
  CollectiveCall call;
  call.kind = CollectiveCall::Kind::Broadcast;
  call.dtype = plan::I64;
  call.in = call.out = first;
  call.count = 2;
  FLEET_RETURN_IF_ERROR(collective.run(call));
  saves = first[0] != 0;
  if (saves && first[1] != options.saveEvery)
    return makeError(StatusCode::InvalidArgument,
                     "--save-every={} here and {} on rank 0; all trainers have "
                     "a part of what is saved, so they must have the same",
                     options.saveEvery, first[1]);
  return Status();
}

namespace {
/// One trainer's run, in the order in which things happen.
class CollectiveTrainer {
public:
  CollectiveTrainer(Program &program, const RoleChoice &role,
                    const RunOptions &options, RunEnvironment &environment)
      : program(program), role(role), options(options),
        environment(environment), isFirst(role.rank == 0),
        saves(isFirst && !options.saveDirectory.empty()) {}

  Status run();

private:
  Status begin();
  StatusOr<std::vector<RemoteState>> gather();

  Program &program;
  const RoleChoice &role;
  const RunOptions &options;
  RunEnvironment &environment;
  bool isFirst;
  bool saves; ///< takes part in saving
  TrainProgress progress;
};
} // namespace

/// Loads or resumes, and makes all trainers start with what rank 0 has.
Status CollectiveTrainer::begin() {
  // Not after hours of training.
  if (saves)
    FLEET_RETURN_IF_ERROR(
        environment.files.makeDirectories(options.saveDirectory)
            .withContext("--save"));
  std::string loaded; // where from
  if (isFirst && !options.loadDirectory.empty()) {
    loaded = options.loadDirectory;
    FLEET_RETURN_IF_ERROR(
        loadStates(program, environment.files, loaded).withContext("--load"));
  }
  if (options.saveEvery > 0)
    FLEET_RETURN_IF_ERROR(
        checkContinuable(program.plan(), options.saveEvery, "--save-every"));
  if (saves && options.resume) {
    FLEET_ASSIGN_OR_RETURN(progress.firstStep,
                           resumeRun(program, options, environment));
    FLEET_RETURN_IF_ERROR(
        checkContinuable(program.plan(), progress.firstStep, "--resume"));
    if (progress.firstStep > 0)
      loaded = options.saveDirectory;
  }
  FLEET_RETURN_IF_ERROR(runStartup(program));
  Collective &collective = *program.collective();
  if (options.resume)
    FLEET_RETURN_IF_ERROR(agreeOnStep(collective, progress.firstStep));
  if (hasShardedStates(program)) {
    FLEET_RETURN_IF_ERROR(scatterStates(program, environment.files, loaded));
    FLEET_RETURN_IF_ERROR(agreeOnSaving(collective, options, saves));
  }
  if (saves)
    progress.save = [this](const TrainResult &result) -> Status {
      FLEET_ASSIGN_OR_RETURN(std::vector<RemoteState> gathered, gather());
      return isFirst
                 ? saveRun(program, gathered, options, environment, result)
                 : Status();
    };
  return Status();
}

/// What trainers have parts of, on rank 0.
StatusOr<std::vector<RemoteState>> CollectiveTrainer::gather() {
  if (!saves || !hasShardedStates(program))
    return std::vector<RemoteState>();
  return gatherStates(program);
}

Status CollectiveTrainer::run() {
  FLEET_ASSIGN_OR_RETURN(std::unique_ptr<TrainingData> data,
                         loadData(program, role, options, environment));
  FLEET_RETURN_IF_ERROR(begin());
  TrainResult result;
  FLEET_RETURN_IF_ERROR(train(program, data->batches, options, role,
                              environment, /*exchange=*/nullptr, result,
                              progress));
  FLEET_ASSIGN_OR_RETURN(std::vector<RemoteState> gathered, gather());
  // Nobody leaves while others may still read what it shares.
  CollectiveCall barrier;
  barrier.kind = CollectiveCall::Kind::Barrier;
  FLEET_RETURN_IF_ERROR(program.collective()->run(barrier));
  if (!isFirst)
    return Status();
  if (saves)
    FLEET_RETURN_IF_ERROR(
        saveRun(program, gathered, options, environment, result));
  FLEET_ASSIGN_OR_RETURN(
      std::string quality,
      rateParameters(program, *data->rows, result, /*exchange=*/nullptr));
  printResult(quality, result, environment);
  return Status();
}

Status fleet::runCollectiveTrainer(Program &program, const RoleChoice &role,
                                   const RunOptions &options,
                                   RunEnvironment &environment) {
  Status status = CollectiveTrainer(program, role, options, environment).run();
  if (!status.ok())
    program.collective()->abort(
        fmt::format("{}: {}", role.name(), status.message()));
  return status;
}
