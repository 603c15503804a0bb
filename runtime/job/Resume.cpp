//===- Resume.cpp - Going on where a checkpoint was written ---------------===//

#include "runtime/job/Resume.h"

#include <charconv>

using namespace fleet;

/// Which rows a step has follows from these, and from the data.
static CheckpointMetadata describeBatches(const Program &program,
                                          const RunOptions &options) {
  int64_t trainers = std::max<int64_t>(1, program.plan().proto.trainers());
  return {{"seed", std::to_string(options.seed)},
          {"shuffle", options.shuffle ? "true" : "false"},
          {"global_batch", std::to_string(options.batchSize * trainers)}};
}

CheckpointMetadata fleet::describeRun(const Program &program,
                                      const RunOptions &options,
                                      const TrainResult &result) {
  CheckpointMetadata metadata = describeBatches(program, options);
  metadata["job"] = program.plan().proto.job();
  metadata["step"] = std::to_string(result.steps);
  metadata["epoch"] = std::to_string(result.epochs);
  return metadata;
}

Status fleet::saveRun(Program &program,
                      const std::vector<RemoteState> &gathered,
                      const RunOptions &options, RunEnvironment &environment,
                      const TrainResult &result) {
  FLEET_RETURN_IF_ERROR(
      environment.failpoints.hit(Failpoint::BeforeSave, environment.clock));
  return saveStates(program, gathered, environment.files, options.saveDirectory,
                    describeRun(program, options, result));
}

StatusOr<int64_t> fleet::resumeRun(Program &program, const RunOptions &options,
                                   RunEnvironment &environment) {
  std::string file = checkpointFile(options.saveDirectory);
  FLEET_ASSIGN_OR_RETURN(bool exists, environment.files.exists(file));
  if (!exists)
    return 0;
  FLEET_ASSIGN_OR_RETURN(
      Checkpoint checkpoint,
      Checkpoint::open(environment.files, options.saveDirectory));
  const CheckpointMetadata &written = checkpoint.metadata();
  for (const auto &[name, now] : describeBatches(program, options)) {
    auto then = written.find(name);
    if (then == written.end() || then->second != now)
      return makeError(StatusCode::InvalidArgument,
                       "--resume: {} was written with {} {}, this run has {}; "
                       "its steps would have other rows",
                       file, name,
                       then == written.end() ? "unknown" : then->second, now);
  }
  auto text = written.find("step");
  int64_t step = -1;
  if (text != written.end()) {
    const char *end = text->second.data() + text->second.size();
    auto [at, error] = std::from_chars(text->second.data(), end, step);
    if (error != std::errc() || at != end)
      step = -1;
  }
  if (step < 0)
    return makeError(StatusCode::InvalidArgument,
                     "--resume: {} does not say at which step it was written",
                     file);
  FLEET_RETURN_IF_ERROR(
      loadStates(program, environment.files, options.saveDirectory)
          .withContext("--resume"));
  return step;
}
