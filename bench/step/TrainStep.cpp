//===- TrainStep.cpp - The time of a training step ------------------------===//
//
// Part of the Fleet project.
//
// Runs "main" of a local job over whole batches of its data, in order and over
// and over. Writes the initial parameters, prints the losses of the first
// steps, and then, for every number of steps N on standard input, the
// nanoseconds a step of N steps took.
//
//===----------------------------------------------------------------------===//

#include "SaveParameters.h"

#include "runtime/data/Dataset.h"
#include "runtime/job/TrainLoop.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>

using namespace fleet;

static constexpr int kLosses = 200;

/// Steps one after the other; remembers where it is.
class Trainer {
public:
  Trainer(Step &step, const Dataset &data, int64_t batch)
      : step(step), data(data), batch(batch), inputs(data.inputs().size()) {}

  Status advance() {
    for (size_t i = 0; i < inputs.size(); ++i)
      inputs[i] = data.inputs()[i].row(next);
    if ((next += batch) + batch > data.rows())
      next = 0;
    StepArguments arguments;
    arguments.inputs = inputs.data();
    return step.run(arguments);
  }

private:
  Step &step;
  const Dataset &data;
  int64_t batch, next = 0;
  std::vector<const void *> inputs;
};

static Status run(const char *planFile, const char *dataSpec, int64_t batch,
                  int threads, const char *directory) {
  SystemFiles files;
  FLEET_ASSIGN_OR_RETURN(PlanPtr plan, loadPlan(files, planFile));
  FLEET_ASSIGN_OR_RETURN(DataSpec spec, parseDataSpec(dataSpec));
  FLEET_ASSIGN_OR_RETURN(auto requests, inputRequests(*plan, "main"));
  FLEET_ASSIGN_OR_RETURN(Dataset data, loadDataset(spec, requests, files));
  if (data.rows() < batch)
    return makeError(StatusCode::InvalidArgument, "{}: {} rows, fewer than {}",
                     data.source(), data.rows(), batch);
  ThreadPool pool({threads, std::chrono::microseconds(100)});
  ProgramOptions options;
  options.seed = 1;
  options.pool = threads > 1 ? &pool : nullptr; // as fleet-run does
  FLEET_ASSIGN_OR_RETURN(auto program, Program::create(plan, options));
  FLEET_RETURN_IF_ERROR(saveParameters(*program, files, directory));
  FLEET_ASSIGN_OR_RETURN(Step * step, program->instantiate("main", batch));
  Trainer trainer(*step, data, batch);
  for (int i = 0; i < kLosses; ++i) {
    FLEET_RETURN_IF_ERROR(trainer.advance());
    fmt::print("{} ", step->output(0));
  }
  fmt::print("\n");
  std::fflush(stdout);
  for (char line[64]; std::fgets(line, sizeof(line), stdin);) {
    int64_t count = 0;
    std::from_chars(line, line + std::strlen(line), count);
    auto begin = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < count; ++i)
      FLEET_RETURN_IF_ERROR(trainer.advance());
    std::chrono::duration<double, std::nano> took =
        std::chrono::steady_clock::now() - begin;
    fmt::print("{}\n", took.count() / static_cast<double>(count));
    std::fflush(stdout);
  }
  return Status();
}

static bool parse(const char *text, int &value) {
  const char *end = text + std::strlen(text);
  auto [rest, error] = std::from_chars(text, end, value);
  return error == std::errc() && rest == end && value > 0;
}

int main(int argc, char **argv) {
  int batch = 0, threads = 0;
  if (argc != 6 || !parse(argv[3], batch) || !parse(argv[4], threads)) {
    fmt::print(stderr, "usage: bench-train-step PLAN DATA BATCH THREADS "
                       "CHECKPOINT_DIR\n");
    return 2;
  }
  if (Status status = run(argv[1], argv[2], batch, threads, argv[5]);
      !status.ok()) {
    fmt::print(stderr, "bench-train-step: {}\n", status.message());
    return 1;
  }
  return 0;
}
