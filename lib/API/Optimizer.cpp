//===- Optimizer.cpp - What a program is trained with, and how ------------===//

#include "fleet/API/Optimizer.h"

#include "lib/API/Compile.h"
#include "lib/API/Execution.h"
#include "runtime/job/Processes.h"
#include "runtime/job/Run.h"

using namespace fleet;
using namespace fleet::api;

/// Of a strategy: a page of text.
static constexpr uint64_t kMostBytes = 1 << 20;

StatusOr<DistributedStrategy>
DistributedStrategy::readFile(const std::string &path) {
  SystemFiles files;
  FLEET_ASSIGN_OR_RETURN(std::string text,
                         ::fleet::readFile(files, path, kMostBytes));
  return parse(text, path);
}

StatusOr<DistributedStrategy>
DistributedStrategy::parse(const std::string &text, const std::string &name) {
  return DistributedStrategy(text, name);
}

/// As a float attribute is written, with all its digits.
static std::string number(double value) {
  return fmt::format("{:.16e}", value);
}

Optimizer optim::sgd(double learningRate) {
  return {fmt::format("#optim.sgd<learning_rate = {}>", number(learningRate))};
}

Optimizer optim::momentum(double learningRate, double momentum,
                          bool useNesterov) {
  return {fmt::format("#optim.momentum<learning_rate = {}, momentum = {}, "
                      "nesterov = {}>",
                      number(learningRate), number(momentum), useNesterov)};
}

Optimizer optim::adam(double learningRate, double beta1, double beta2,
                      double epsilon) {
  return {fmt::format("#optim.adam<learning_rate = {}, beta1 = {}, beta2 = {}, "
                      "epsilon = {}>",
                      number(learningRate), number(beta1), number(beta2),
                      number(epsilon))};
}

StatusOr<TrainingJob>
DistributedOptimizer::minimize(const Program &program) const {
  auto execution = Execution::create(
      session, program, {optimizer, strategy, session->place().workers});
  if (!execution.ok())
    return execution.status().withContext("minimize");
  return TrainingJob(std::move(*execution));
}

TrainingJob::TrainingJob(std::unique_ptr<Execution> execution)
    : execution(std::move(execution)) {}
TrainingJob::TrainingJob(TrainingJob &&) noexcept = default;
TrainingJob &TrainingJob::operator=(TrainingJob &&) noexcept = default;
TrainingJob::~TrainingJob() = default;

Status TrainingJob::train(const TrainOptions &options) {
  Session &session = execution->session();
  RoleChoice role;
  role.role = plan::TRAINER;
  role.rank = session.place().index;
  RunOptions run;
  run.data = options.data;
  run.batchSize = options.batchSize;
  run.epochs = options.epochs;
  run.steps = options.steps;
  run.shuffle = options.shuffle;
  run.seed = session.options().seed;
  run.saveDirectory = options.saveDirectory;
  run.loadDirectory = options.loadDirectory;
  run.metricsFile = options.metricsFile;
  run.threads = session.options().threads;
  run.deadline = session.options().deadline;
  // Before anybody waits for this worker.
  FLEET_RETURN_IF_ERROR(
      session.agree(checkOptions(run, role), "train").withContext("train"));
  RunEnvironment environment{session.files(),
                             session.clock(),
                             session.transport(),
                             StopToken(),
                             session.log(),
                             options.print ? options.print
                                           : [](const std::string &) {}};
  return runCollectiveTrainer(execution->program(), role, run, environment)
      .withContext("train");
}

StatusOr<StateDict> TrainingJob::stateDict() { return execution->stateDict(); }

Status TrainingJob::savePersistables(const std::string &directory) {
  return execution->save(directory);
}

Status TrainingJob::writeJob(const std::string &directory) const {
  return writeJobFolder(directory, execution->compiled().files)
      .withContext("writeJob");
}
