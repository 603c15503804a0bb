//===- CollectiveStep.cpp - The time of a step among equals ---------------===//
//
// Part of the Fleet project.
//
// Started by mpirun: every rank trains by the trainer's plan of a collective
// job, on rows of its own, with one thread. Times, in turn, the step as it was
// compiled, the step with all calls begun behind the backward pass, the step
// without calls, and the calls alone. A sample is the time of the slowest rank
// for one step, over as many as make a fraction of a second. Writes the initial
// parameters, and prints rank 0's losses of the first steps, and a line each:
// name, the samples in ms; and one for how long a step on this
// link takes at least. The first two have to give the same parameters, to the
// bit, before anything is timed.
//
//===----------------------------------------------------------------------===//

#include "SaveParameters.h"
#include "StepVariants.h"

#include "runtime/collective/open/OpenCollective.h"
#include "runtime/data/Dataset.h"
#include "runtime/executor/Program.h"
#include "runtime/job/TrainLoop.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>

using namespace fleet;

static constexpr double kSampleSeconds = 0.25;
static constexpr int kCheckedSteps = 10;

namespace {

struct Arguments {
  const char *plan = nullptr, *data = nullptr;
  std::string backend, checkpoint;
  int batch = 0, rounds = 0;
};

struct Contestant {
  const char *name;
  Variant variant;
  std::unique_ptr<Program> program{};
  Step *step = nullptr;
  int64_t count = 1; ///< steps a sample
  std::vector<double> samples{};
};

/// When each instruction of a step ended.
class Ends : public StepObserver {
public:
  TimePoint now() override { return std::chrono::steady_clock::now(); }
  void executed(const Step &, int instruction, TimePoint begin,
                TimePoint end) override {
    if (instruction == 0)
      first = begin;
    seconds.push_back(std::chrono::duration<double>(end - first).count());
  }
  std::vector<double> seconds;

private:
  TimePoint first{};
};

class Bench {
public:
  Bench(const Arguments &arguments, Collective &collective)
      : arguments(arguments), collective(collective) {}
  Status run();

private:
  Status load(const LoadedPlan &plan);
  Status prepare(const LoadedPlan &plan, Contestant &contestant);
  Status steps(Contestant &contestant, int64_t count,
               StepObserver *observer = nullptr);
  Status checkEqual();
  /// The largest of all ranks.
  Status agree(double &value);
  StatusOr<double> measure(Contestant &contestant, int64_t count);
  Status bound(const LoadedPlan &plan, std::vector<double> &bounds);

  const Arguments &arguments;
  Collective &collective;
  SystemFiles files;
  std::optional<Dataset> data;
  std::vector<const void *> inputs;
  std::vector<double> losses;
  std::vector<Contestant> contestants;
};

} // namespace

/// Rows of this rank's own, the same at every step.
Status Bench::load(const LoadedPlan &plan) {
  FLEET_ASSIGN_OR_RETURN(DataSpec spec, parseDataSpec(arguments.data));
  FLEET_ASSIGN_OR_RETURN(auto requests, inputRequests(plan, "main"));
  FLEET_ASSIGN_OR_RETURN(Dataset loaded, loadDataset(spec, requests, files));
  int64_t first = int64_t(arguments.batch) * collective.rank();
  if (loaded.rows() < int64_t(arguments.batch) * collective.size())
    return makeError(StatusCode::InvalidArgument,
                     "{}: {} rows, expected {} for each of {} ranks",
                     loaded.source(), loaded.rows(), arguments.batch,
                     collective.size());
  for (const DatasetInput &input : loaded.inputs())
    inputs.push_back(input.row(first));
  data = std::move(loaded);
  return Status();
}

Status Bench::prepare(const LoadedPlan &plan, Contestant &contestant) {
  FLEET_ASSIGN_OR_RETURN(PlanPtr variant,
                         makeVariant(plan, contestant.variant));
  ProgramOptions options;
  options.seed = 1;
  options.collective = &collective;
  FLEET_ASSIGN_OR_RETURN(contestant.program, Program::create(variant, options));
  FLEET_ASSIGN_OR_RETURN(Step * startup,
                         contestant.program->instantiate("startup", 1));
  FLEET_RETURN_IF_ERROR(startup->run(StepArguments()));
  FLEET_ASSIGN_OR_RETURN(contestant.step, contestant.program->instantiate(
                                              "main", arguments.batch));
  return Status();
}

Status Bench::steps(Contestant &contestant, int64_t count,
                    StepObserver *observer) {
  StepArguments step;
  step.inputs = inputs.data();
  step.observer = observer;
  step.ownExamples = arguments.batch;
  step.allExamples = int64_t(arguments.batch) * collective.size();
  for (int64_t i = 0; i < count; ++i)
    FLEET_RETURN_IF_ERROR(contestant.step->run(step));
  return Status();
}

/// When a call begins must not show in what it gives.
Status Bench::checkEqual() {
  std::vector<std::vector<std::byte>> before;
  Program &compiled = *contestants[0].program;
  Program &serial = *contestants[1].program;
  auto states = static_cast<uint32_t>(compiled.plan().proto.states_size());
  for (uint32_t s = 0; s < states; ++s) {
    auto *data = static_cast<const std::byte *>(compiled.stateData(s));
    before.emplace_back(data, data + compiled.stateBytes(s));
  }
  for (int i = 0; i < kCheckedSteps; ++i) {
    FLEET_RETURN_IF_ERROR(steps(contestants[0], 1));
    losses.push_back(contestants[0].step->output(0));
  }
  FLEET_RETURN_IF_ERROR(steps(contestants[1], kCheckedSteps));
  for (uint32_t s = 0; s < states; ++s) {
    size_t bytes = compiled.stateBytes(s);
    const std::string &name = compiled.plan().proto.states(int(s)).name();
    if (std::memcmp(compiled.stateData(s), serial.stateData(s), bytes) != 0)
      return makeError(StatusCode::Internal, "'{}' depends on when calls begin",
                       name);
    if (std::memcmp(compiled.stateData(s), before[s].data(), bytes) == 0)
      return makeError(StatusCode::Internal, "'{}' was not trained", name);
  }
  return Status();
}

Status Bench::agree(double &value) {
  CollectiveCall call;
  call.dtype = plan::F64;
  call.reduction = Reduction::Max;
  call.in = call.out = &value;
  call.count = 1;
  return collective.run(call);
}

/// Seconds a step, of the slowest rank.
StatusOr<double> Bench::measure(Contestant &contestant, int64_t count) {
  CollectiveCall barrier;
  barrier.kind = CollectiveCall::Kind::Barrier;
  FLEET_RETURN_IF_ERROR(collective.run(barrier));
  auto begin = std::chrono::steady_clock::now();
  FLEET_RETURN_IF_ERROR(steps(contestant, count));
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  double seconds = took.count() / static_cast<double>(count);
  FLEET_RETURN_IF_ERROR(agree(seconds));
  return seconds;
}

/// From what the computation and the calls took in this round.
Status Bench::bound(const LoadedPlan &plan, std::vector<double> &bounds) {
  CollectiveCall barrier;
  barrier.kind = CollectiveCall::Kind::Barrier;
  FLEET_RETURN_IF_ERROR(collective.run(barrier));
  Ends ends;
  FLEET_RETURN_IF_ERROR(steps(contestants[2], 1, &ends));
  // One step tells the proportions, the samples how long it takes.
  double scale = contestants[2].samples.back() / ends.seconds.back();
  for (double &end : ends.seconds)
    end *= scale;
  bounds.push_back(
      boundStep(findCalls(plan), ends.seconds, contestants[3].samples.back()));
  return agree(bounds.back());
}

static void print(const char *name, const std::vector<double> &seconds) {
  fmt::print("{}", name);
  for (double sample : seconds)
    fmt::print("\t{:.3f}", sample * 1e3);
  fmt::print("\n");
}

Status Bench::run() {
  FLEET_ASSIGN_OR_RETURN(PlanPtr plan, loadPlan(files, arguments.plan));
  if (plan->proto.mode() != plan::COLLECTIVE ||
      plan->proto.trainers() != collective.size())
    return makeError(StatusCode::InvalidArgument,
                     "{}: expected a trainer of a collective job of {}",
                     arguments.plan, collective.size());
  if (findCalls(*plan).empty())
    return makeError(StatusCode::InvalidArgument,
                     "{}: 'main' makes no calls, there is nothing to compare",
                     arguments.plan);
  FLEET_RETURN_IF_ERROR(load(*plan));
  contestants.push_back({"overlap", Variant::Overlap});
  contestants.push_back({"serial", Variant::Serial});
  contestants.push_back({"compute", Variant::Compute});
  contestants.push_back({"calls", Variant::Calls});
  for (Contestant &contestant : contestants)
    FLEET_RETURN_IF_ERROR(prepare(*plan, contestant));
  if (collective.rank() == 0)
    FLEET_RETURN_IF_ERROR(
        saveParameters(*contestants[0].program, files, arguments.checkpoint));
  FLEET_RETURN_IF_ERROR(checkEqual());
  for (Contestant &contestant : contestants) {
    FLEET_ASSIGN_OR_RETURN(double once, measure(contestant, 2));
    contestant.count =
        static_cast<int64_t>(std::clamp(kSampleSeconds / once, 1.0, 1e4));
  }
  std::vector<double> bounds;
  for (int round = 0; round < arguments.rounds; ++round) {
    for (Contestant &contestant : contestants) {
      FLEET_ASSIGN_OR_RETURN(double sample,
                             measure(contestant, contestant.count));
      contestant.samples.push_back(sample);
    }
    FLEET_RETURN_IF_ERROR(bound(*plan, bounds));
  }
  if (collective.rank() == 0) {
    fmt::print("losses\t{}\n", fmt::join(losses, "\t"));
    for (const Contestant &contestant : contestants)
      print(contestant.name, contestant.samples);
    print("bound", bounds);
    std::fflush(stdout);
  }
  // Nobody leaves while others may still read what it shares.
  CollectiveCall barrier;
  barrier.kind = CollectiveCall::Kind::Barrier;
  return collective.run(barrier);
}

static uint32_t variable(const char *name, uint32_t otherwise) {
  const char *text = std::getenv(name);
  return text ? static_cast<uint32_t>(std::strtoul(text, nullptr, 10))
              : otherwise;
}

static Status run(const Arguments &arguments) {
  TcpTransport transport;
  CollectiveOptions options;
  options.backend = arguments.backend;
  options.mpirun = isUnderMpirun();
  options.rank = variable("OMPI_COMM_WORLD_RANK", 0);
  options.localRank = variable("OMPI_COMM_WORLD_LOCAL_RANK", 0);
  options.job.name = "bench-collective-step";
  options.job.programHash = std::string(64, 'a');
  options.job.trainers = variable("OMPI_COMM_WORLD_SIZE", 1);
  options.deadline = std::chrono::seconds(60);
  FLEET_ASSIGN_OR_RETURN(auto collective, openCollective(options, transport));
  Status status = Bench(arguments, *collective).run();
  if (!status.ok())
    collective->abort(status.message());
  return status;
}

static bool parse(const char *text, int &value) {
  const char *end = text + std::strlen(text);
  auto [rest, error] = std::from_chars(text, end, value);
  return error == std::errc() && rest == end && value > 0;
}

int main(int argc, char **argv) {
  Arguments arguments;
  if (argc != 7 || !parse(argv[3], arguments.batch) ||
      !parse(argv[4], arguments.rounds)) {
    fmt::print(stderr, "usage: bench-collective-step PLAN BACKEND BATCH ROUNDS "
                       "DATA CHECKPOINT_DIR\n");
    return 2;
  }
  arguments.plan = argv[1];
  arguments.backend = argv[2];
  arguments.data = argv[5];
  arguments.checkpoint = argv[6];
  if (Status status = run(arguments); !status.ok()) {
    fmt::print(stderr, "bench-collective-step: {}\n", status.message());
    return 1;
  }
  return 0;
}
