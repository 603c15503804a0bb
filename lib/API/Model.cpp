//===- Model.cpp - A program that is trained call by call -----------------===//

#include "fleet/API/Model.h"

#include "lib/API/Execution.h"
#include "runtime/base/DataTypes.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace fleet;
using namespace fleet::api;

/// States of MergeGradientsPass and of #optim.variable_rate.
static constexpr const char *kGradientSlot = "gradient_sum";
static constexpr const char *kRateSlot = "rate_factor";

DistributedModel::DistributedModel(std::unique_ptr<Execution> execution)
    : execution(std::move(execution)) {}
DistributedModel::DistributedModel(DistributedModel &&) noexcept = default;
DistributedModel &
DistributedModel::operator=(DistributedModel &&) noexcept = default;
DistributedModel::~DistributedModel() = default;

static plan::DataType dataType(ElementType type) {
  switch (type) {
  case ElementType::Float32:
    return plan::F32;
  case ElementType::Float64:
    return plan::F64;
  case ElementType::Int32:
    return plan::I32;
  case ElementType::Int64:
    return plan::I64;
  }
  return plan::DATA_TYPE_UNSPECIFIED;
}

/// Kernels rely on the bound.
template <typename T>
static Status checkNumbers(const InputRequest &request, const TensorView &view,
                           int64_t count) {
  const T *values = static_cast<const T *>(view.data);
  for (int64_t i = 0; i < count; ++i)
    if (values[i] < 0 || int64_t(values[i]) >= request.upperBound)
      return makeError(StatusCode::InvalidArgument,
                       "input '{}': element {} is {}, expected 0 to {}",
                       request.name, i, values[i], request.upperBound - 1);
  return Status();
}

static Status checkInput(const InputRequest &request, const TensorView &view) {
  std::vector<int64_t> rowShape(view.shape.begin() + !view.shape.empty(),
                                view.shape.end());
  if (view.shape.empty() || view.shape[0] < 0 ||
      dataType(view.type) != request.dtype || rowShape != request.rowShape) {
    std::vector<int64_t> expected = request.rowShape;
    return makeError(
        StatusCode::InvalidArgument,
        "input '{}' is {} of {}, expected rows of {} of {}", request.name,
        formatShape(view.shape), dataTypeName(dataType(view.type)),
        formatShape(request.rowShape), dataTypeName(request.dtype));
  }
  FLEET_ASSIGN_OR_RETURN(int64_t count, elementCount(view.shape));
  if (count > 0 && !view.data)
    return makeError(StatusCode::InvalidArgument, "input '{}' has no data",
                     request.name);
  if (request.upperBound == 0)
    return Status();
  return request.dtype == plan::I32
             ? checkNumbers<int32_t>(request, view, count)
             : checkNumbers<int64_t>(request, view, count);
}

/// A pointer an input, in the order of `requests`.
static StatusOr<std::vector<const void *>>
bindInputs(const std::vector<InputRequest> &requests, const Batch &batch,
           int64_t &rows) {
  std::vector<const void *> pointers;
  const InputRequest *first = nullptr;
  for (const InputRequest &request : requests) {
    auto it = batch.find(request.name);
    if (it == batch.end())
      return makeError(StatusCode::InvalidArgument,
                       "the batch has no input '{}'", request.name);
    FLEET_RETURN_IF_ERROR(checkInput(request, it->second));
    int64_t own = it->second.shape[0];
    if (first && own != rows)
      return makeError(StatusCode::InvalidArgument,
                       "input '{}' has {} rows, '{}' has {}", request.name, own,
                       first->name, rows);
    rows = own;
    first = &request;
    pointers.push_back(it->second.data);
  }
  return pointers;
}

/// Also that the batch has nothing else: a misspelt name would not be seen.
static Status checkNames(const std::vector<InputRequest> &requests,
                         const Batch &batch) {
  for (const auto &[name, view] : batch) {
    bool isKnown = false;
    for (const InputRequest &request : requests)
      isKnown |= request.name == name;
    if (!isKnown)
      return makeError(StatusCode::InvalidArgument,
                       "the program has no input '{}'", name);
  }
  return Status();
}

StatusOr<double> DistributedModel::forwardBackward(const Batch &batch) {
  Execution &e = *execution;
  int64_t rows = 0;
  FLEET_RETURN_IF_ERROR(
      checkNames(e.inputs, batch).withContext("forwardBackward"));
  auto pointers = bindInputs(e.inputs, batch, rows);
  if (!pointers.ok())
    return pointers.status().withContext("forwardBackward");
  StepArguments arguments;
  arguments.inputs = pointers->data();
  arguments.ownExamples = arguments.allExamples = rows;
  if (e.countsRows) {
    FLEET_ASSIGN_OR_RETURN(std::vector<int64_t> all, e.session().gather(rows));
    arguments.allExamples = std::accumulate(all.begin(), all.end(), int64_t(0));
  }
  FLEET_ASSIGN_OR_RETURN(
      Step * step, e.program().instantiate("main", std::max<int64_t>(1, rows)));
  e.ownRows += rows;
  e.allRows += arguments.allExamples;
  ++e.calls;
  if (rows == 0) {
    FLEET_RETURN_IF_ERROR(step->runEmpty(arguments));
    return std::numeric_limits<double>::quiet_NaN();
  }
  FLEET_RETURN_IF_ERROR(step->run(arguments));
  return step->output(0);
}

StatusOr<double> DistributedModel::forward(const Batch &batch) {
  Execution &e = *execution;
  if (!e.hasEvaluate)
    return Status(StatusCode::InvalidArgument,
                  "forward: the program has no function 'evaluate'");
  int64_t rows = 0;
  auto pointers = bindInputs(e.evaluateInputs, batch, rows);
  if (!pointers.ok())
    return pointers.status().withContext("forward");
  if (rows == 0)
    return Status(StatusCode::InvalidArgument,
                  "forward: the batch has no rows, so there is no loss");
  FLEET_ASSIGN_OR_RETURN(Step * step,
                         e.program().instantiate("evaluate", rows));
  StepArguments arguments;
  arguments.inputs = pointers->data();
  FLEET_RETURN_IF_ERROR(step->run(arguments));
  return step->output(0);
}

Status DistributedModel::step() {
  Execution &e = *execution;
  if (e.calls == 0)
    return Status(StatusCode::InvalidArgument,
                  "step: there are no gradients; call forwardBackward() first, "
                  "once or more for each step()");
  StepArguments arguments;
  arguments.ownExamples = e.ownRows;
  arguments.allExamples = e.allRows;
  if (!e.countsRows) {
    FLEET_ASSIGN_OR_RETURN(std::vector<int64_t> all,
                           e.session().gather(e.ownRows));
    arguments.allExamples = std::accumulate(all.begin(), all.end(), int64_t(0));
  }
  if (arguments.allExamples == 0)
    return Status(StatusCode::InvalidArgument,
                  "step: no worker had rows, so there is no gradient; call "
                  "clearGrad() to go on without an update");
  FLEET_ASSIGN_OR_RETURN(Step * update, e.program().instantiate("update", 1));
  FLEET_RETURN_IF_ERROR(update->run(arguments));
  e.ownRows = e.allRows = e.calls = 0;
  return Status();
}

Status DistributedModel::clearGrad() {
  execution->fillSlot(kGradientSlot, 0);
  execution->ownRows = execution->allRows = execution->calls = 0;
  return Status();
}

Status DistributedModel::setLr(double rate) {
  Execution &e = *execution;
  if (!e.compiled().learningRate)
    return makeError(StatusCode::InvalidArgument,
                     "setLr: the learning rate cannot be set: {}",
                     e.compiled().whyNoLearningRate);
  if (!std::isfinite(rate) || rate <= 0)
    return makeError(StatusCode::InvalidArgument,
                     "setLr: expected a number greater than 0, got {}", rate);
  FLEET_ASSIGN_OR_RETURN(std::vector<double> rates, e.session().gather(rate));
  for (size_t worker = 1; worker < rates.size(); ++worker)
    if (rates[worker] != rates[0])
      return makeError(StatusCode::InvalidArgument,
                       "setLr: worker {} says {}, worker 0 says {}; all have "
                       "to say the same",
                       worker, rates[worker], rates[0]);
  e.learningRate = rate;
  e.fillSlot(kRateSlot, rate / *e.compiled().learningRate);
  return Status();
}

StatusOr<double> DistributedModel::getLr() const {
  if (!execution->compiled().learningRate)
    return makeError(StatusCode::InvalidArgument,
                     "getLr: there is no one learning rate: {}",
                     execution->compiled().whyNoLearningRate);
  return execution->learningRate;
}

StatusOr<StateDict> DistributedModel::stateDict() {
  return execution->stateDict();
}

Status DistributedModel::setStateDict(const StateDict &states) {
  FLEET_RETURN_IF_ERROR(
      execution->session()
          .agree(execution->checkStates(states), "setStateDict")
          .withContext("setStateDict"));
  FLEET_RETURN_IF_ERROR(execution->setStates(states));
  FLEET_RETURN_IF_ERROR(clearGrad());
  // What is made of parameters, such as the part of each that a worker updates.
  return execution->runStartup();
}

Status DistributedModel::savePersistables(const std::string &directory) {
  return execution->save(directory);
}
