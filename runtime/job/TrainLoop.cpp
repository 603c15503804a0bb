//===- TrainLoop.cpp - The steps of a trainer or a local job --------------===//

#include "runtime/job/TrainLoop.h"

#include "runtime/job/BetweenSteps.h"
#include "runtime/telemetry/Metrics.h"
#include "runtime/telemetry/Progress.h"
#include "runtime/telemetry/Trace.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace fleet;

/// A step may take well under a microsecond, a look at the clock 20 ns: without
/// metrics, progress is looked at only every so many steps.
static constexpr int64_t kProgressStride = 32;

/// Rows that an evaluation handles at once: enough to be fast, little memory.
static constexpr int64_t kEvaluationRows = 1024;

StatusOr<std::vector<InputRequest>>
fleet::inputRequests(const LoadedPlan &plan, const std::string &function) {
  std::optional<uint32_t> index = plan.findFunction(function);
  if (!index)
    return makeError(StatusCode::InvalidArgument,
                     "{}: the plan has no function '{}'", plan.path, function);
  std::vector<InputRequest> requests;
  for (const plan::Buffer &buffer :
       plan.proto.functions(static_cast<int>(*index)).buffers()) {
    if (!buffer.has_input())
      continue;
    if (buffer.type().dims_size() == 0 ||
        buffer.type().dims(0).kind_case() != plan::Dim::kSymbol)
      return makeError(StatusCode::InvalidArgument,
                       "{}: input '{}' of '{}' has no batch dimension; its "
                       "first dimension has to be dynamic (tensor<?x...>)",
                       plan.path, buffer.name(), function);
    size_t argument = buffer.input().argument();
    if (requests.size() <= argument)
      requests.resize(argument + 1);
    InputRequest &request = requests[argument];
    request.name = buffer.name();
    request.dtype = buffer.type().dtype();
    request.upperBound = buffer.input().upper_bound();
    for (int d = 1; d < buffer.type().dims_size(); ++d)
      request.rowShape.push_back(buffer.type().dims(d).extent());
  }
  return requests;
}

namespace {

/// Writes one event an instruction to a trace.
class InstructionTracer final : public StepObserver {
public:
  InstructionTracer(TraceWriter &writer, const Program &program)
      : writer(writer), program(program) {}
  TimePoint now() override { return writer.now(); }
  void executed(const Step &step, int instruction, TimePoint begin,
                TimePoint end) override {
    auto index = static_cast<size_t>(instruction);
    std::vector<uint32_t> &names = namesOf[step.function()];
    while (names.size() <= index)
      names.push_back(
          writer.addName(program.plan().describe(
                             step.function(), static_cast<int>(names.size())),
                         "instruction"));
    writer.event(names[index], begin, end);
  }

private:
  TraceWriter &writer;
  const Program &program;
  std::map<uint32_t, std::vector<uint32_t>> namesOf; ///< by function
};

class TrainLoop {
public:
  TrainLoop(Program &program, BatchReader &data, const RunOptions &options,
            const RoleChoice &role, RunEnvironment &environment,
            ParameterExchange *exchange, TrainResult &result,
            const TrainProgress &course)
      : program(program), data(data), options(options), role(role),
        environment(environment), exchange(exchange), result(result),
        course(course) {}

  Status run();

private:
  Status open();
  Status runStep(const Batch &batch, int64_t step, int64_t epoch);
  Status close(Status status);
  /// By this process so far; -1 if it talks to nobody.
  int64_t bytesSent() const;

  Program &program;
  BatchReader &data;
  const RunOptions &options;
  const RoleChoice &role;
  RunEnvironment &environment;
  ParameterExchange *exchange;
  TrainResult &result;
  const TrainProgress &course;

  std::unique_ptr<MetricsWriter> metrics;
  std::unique_ptr<Progress> progress;
  std::unique_ptr<TraceWriter> trace;
  std::unique_ptr<InstructionTracer> tracer;
  Step *current = nullptr; ///< for batches of current->batch() rows
  BetweenSteps between;
  double lossSum = 0; ///< of the current epoch, weighted by examples
  int64_t examples = 0;
  double lastLoss = 0;
  bool warned = false;
};

} // namespace

Status TrainLoop::open() {
  std::string kind = role.role == plan::TRAINER ? "trainer" : "local";
  // A rank of its own file, so that the processes of a job can be given the
  // same flags.
  auto ranked = [&](const std::string &path) {
    return role.role == plan::TRAINER && role.rank > 0
               ? fmt::format("{}.{}", path, role.rank)
               : path;
  };
  if (!options.metricsFile.empty()) {
    FLEET_ASSIGN_OR_RETURN(
        metrics, MetricsWriter::open(
                     environment.files, ranked(options.metricsFile), kind,
                     static_cast<int>(role.rank), environment.clock));
  }
  if (!options.traceFile.empty()) {
    FLEET_ASSIGN_OR_RETURN(
        trace, TraceWriter::open(environment.files, ranked(options.traceFile),
                                 role.name(), static_cast<int>(role.rank),
                                 environment.clock));
    tracer = std::make_unique<InstructionTracer>(*trace, program);
  }
  FLEET_ASSIGN_OR_RETURN(
      between,
      BetweenSteps::create(program, exchange, tracer.get(), course.firstStep));
  return Status();
}

Status TrainLoop::close(Status status) {
  progress.reset();
  if (metrics)
    if (Status closed = metrics->close(); status.ok())
      status = closed;
  if (trace)
    if (Status closed = trace->close(); status.ok())
      status = closed;
  return status;
}

int64_t TrainLoop::bytesSent() const {
  if (exchange)
    return static_cast<int64_t>(exchange->bytesSent());
  if (Collective *collective = program.collective())
    return static_cast<int64_t>(collective->bytesSent());
  return -1;
}

Status TrainLoop::runStep(const Batch &batch, int64_t step, int64_t epoch) {
  TimePoint begin{};
  int64_t sent = 0;
  if (metrics) {
    begin = environment.clock.now();
    sent = bytesSent();
  }
  if (!current || (batch.rows > 0 && batch.rows != current->batch())) {
    FLEET_ASSIGN_OR_RETURN(
        current, program.instantiate("main", std::max<int64_t>(1, batch.rows)));
  }
  StepArguments arguments;
  arguments.inputs = batch.inputs;
  arguments.ownExamples = batch.rows;
  arguments.allExamples = batch.globalRows;
  arguments.exchange = exchange;
  arguments.observer = tracer.get();
  if (batch.rows == 0)
    return current->runEmpty(arguments);
  FLEET_RETURN_IF_ERROR(current->run(arguments));
  double loss = current->output(0);
  lastLoss = loss;
  lossSum += loss * static_cast<double>(batch.rows);
  examples += batch.rows;
  if (!std::isfinite(loss) && !warned) {
    environment.log.warning("the loss is {} at step {}", loss, step);
    warned = true;
  }
  if (metrics) {
    TimePoint now = environment.clock.now();
    metrics->record(
        {step, epoch, loss, batch.rows,
         std::chrono::duration<double, std::micro>(now - begin).count(),
         sent < 0 ? -1 : bytesSent() - sent,
         exchange ? exchange->staleness() : -1});
    if (progress)
      progress->update(step + 1, epoch, loss, now);
  } else if (progress && step % kProgressStride == 0) {
    progress->update(step + 1, epoch, loss);
  }
  return Status();
}

Status TrainLoop::run() {
  int64_t perEpoch = data.stepsPerEpoch();
  int64_t total = options.steps;
  if (total == 0 && __builtin_mul_overflow(options.epochs, perEpoch, &total))
    return makeError(StatusCode::InvalidArgument,
                     "--epochs={} of {} steps are more than can be counted",
                     options.epochs, perEpoch);
  FLEET_RETURN_IF_ERROR(open());
  if (environment.showProgress) {
    ProgressOptions shown = detectProgress(2);
    shown.prefix = role.role == plan::TRAINER ? role.name() : "";
    shown.totalSteps = total;
    shown.totalEpochs = options.steps > 0 ? 0 : options.epochs;
    progress = std::make_unique<Progress>(shown, environment.clock);
  }
  TimePoint begin = environment.clock.now();
  Status status;
  auto describe = [&](int64_t steps) {
    result.steps = steps;
    result.epochs = (steps + perEpoch - 1) / perEpoch;
    result.lastEpochLoss =
        examples > 0 ? lossSum / static_cast<double>(examples) : 0;
    result.seconds =
        std::chrono::duration<double>(environment.clock.now() - begin).count();
  };
  int64_t step = course.firstStep;
  for (; step < total; ++step) {
    int64_t epoch = step / perEpoch, stepInEpoch = step % perEpoch;
    if (stepInEpoch == 0 || step == course.firstStep) {
      if (epoch > 0)
        data.beginEpoch(epoch);
      lossSum = 0;
      examples = 0;
    }
    if (environment.stop.stopRequested()) {
      Status stopped = environment.stop.status();
      status = Status(stopped.code(),
                      fmt::format("{} at step {}", stopped.message(), step));
      break;
    }
    Batch batch = data.read(stepInEpoch);
    status = runStep(batch, step, epoch);
    if (status.ok())
      status = between.stepDone(step + 1, batch.rows, batch.globalRows);
    if (status.ok() && options.saveEvery > 0 && course.save &&
        (step + 1) % options.saveEvery == 0 && step + 1 < total) {
      describe(step + 1);
      status = course.save(result);
    }
    if (!status.ok())
      break;
  }
  if (status.ok())
    status = between.finish();
  if (progress && status.ok()) {
    progress->update(step, (step - 1) / perEpoch, lastLoss);
    progress->finish();
  }
  describe(step);
  return close(status);
}

Status fleet::train(Program &program, BatchReader &data,
                    const RunOptions &options, const RoleChoice &role,
                    RunEnvironment &environment, ParameterExchange *exchange,
                    TrainResult &result, const TrainProgress &progress) {
  const LoadedPlan &plan = program.plan();
  std::optional<uint32_t> main = plan.findFunction("main");
  if (!main ||
      plan.proto.functions(static_cast<int>(*main)).outputs_size() == 0)
    return makeError(StatusCode::InvalidArgument,
                     "{}: function 'main' has no output; the first one is the "
                     "loss",
                     plan.path);
  return TrainLoop(program, data, options, role, environment, exchange, result,
                   progress)
      .run();
}

bool fleet::evaluatesWithServers(const Program &program) {
  const plan::Plan &plan = program.plan().proto;
  std::optional<uint32_t> index = program.plan().findFunction("evaluate");
  if (!index || plan.role() != plan::TRAINER || plan.servers().empty())
    return false;
  const auto &instructions =
      plan.functions(static_cast<int>(*index)).instructions();
  return std::any_of(
      instructions.begin(), instructions.end(),
      [](const plan::Instruction &i) { return i.has_pull_rows(); });
}

StatusOr<std::string> fleet::evaluate(Program &program, const Dataset &data,
                                      ParameterExchange *exchange) {
  std::optional<uint32_t> index = program.plan().findFunction("evaluate");
  if (!index)
    return makeError(StatusCode::NotFound, "{}: no function 'evaluate'",
                     program.plan().path);
  const plan::Function &function =
      program.plan().proto.functions(static_cast<int>(*index));
  // The data was loaded for "main", which may read more, in another order.
  FLEET_ASSIGN_OR_RETURN(auto requests,
                         inputRequests(program.plan(), "evaluate"));
  std::vector<const DatasetInput *> columns;
  for (const InputRequest &request : requests) {
    auto found = std::find_if(
        data.inputs().begin(), data.inputs().end(),
        [&](const DatasetInput &input) { return input.name == request.name; });
    if (found == data.inputs().end() || found->dtype != request.dtype ||
        found->rowShape != request.rowShape)
      return makeError(StatusCode::InvalidArgument,
                       "{}: 'evaluate' reads the input '{}', which 'main' does "
                       "not read, or as another type",
                       program.plan().path, request.name);
    FLEET_RETURN_IF_ERROR(
        checkUpperBound(request, *found, data.rows(), data.source()));
    columns.push_back(&*found);
  }
  std::vector<double> sums(static_cast<size_t>(function.outputs_size()));
  std::vector<const void *> inputs(columns.size());
  for (int64_t begin = 0; begin < data.rows(); begin += kEvaluationRows) {
    int64_t rows = std::min(kEvaluationRows, data.rows() - begin);
    FLEET_ASSIGN_OR_RETURN(Step * step, program.instantiate("evaluate", rows));
    for (size_t i = 0; i < inputs.size(); ++i)
      inputs[i] = columns[i]->row(begin);
    StepArguments arguments;
    arguments.inputs = inputs.data();
    arguments.exchange = exchange;
    FLEET_RETURN_IF_ERROR(step->run(arguments));
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] +=
          step->output(static_cast<uint32_t>(i)) * static_cast<double>(rows);
  }
  std::string text;
  for (size_t i = 0; i < sums.size(); ++i)
    text += fmt::format("{}{} {:.6g}", i == 0 ? "" : ", ",
                        function.outputs(static_cast<int>(i)).name(),
                        sums[i] / static_cast<double>(data.rows()));
  return text;
}
