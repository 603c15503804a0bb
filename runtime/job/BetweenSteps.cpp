//===- BetweenSteps.cpp - What runs every so many steps -------------------===//

#include "runtime/job/BetweenSteps.h"

#include <algorithm>
#include <cmath>

using namespace fleet;

/// More steps until a function runs again than any is meant to choose.
static constexpr double kMostSteps = 1e9;

StatusOr<BetweenSteps> BetweenSteps::create(Program &program,
                                            ParameterExchange *exchange,
                                            StepObserver *observer,
                                            int64_t firstStep) {
  BetweenSteps between;
  between.exchange = exchange;
  between.observer = observer;
  for (const plan::Function &function : program.plan().proto.functions()) {
    if (function.every() == 0)
      continue;
    FLEET_ASSIGN_OR_RETURN(Step * step,
                           program.instantiate(function.name(), 1));
    between.functions.push_back({step, function.every(), function.begin(),
                                 function.outputs_size() > 0,
                                 firstStep + function.every()});
  }
  return between;
}

Status BetweenSteps::runDue(int64_t steps, int64_t own, int64_t all) {
  for (Function &function : functions) {
    ++function.since;
    function.own += own;
    function.all += all;
    if (function.isDue(steps))
      FLEET_RETURN_IF_ERROR(run(function, steps));
  }
  return Status();
}

Status BetweenSteps::run(Function &function, int64_t steps) {
  StepArguments arguments;
  arguments.ownExamples = function.own;
  arguments.allExamples = function.all;
  arguments.exchange = exchange;
  arguments.observer = observer;
  function.since = function.own = function.all = 0;
  FLEET_RETURN_IF_ERROR(function.step->run(arguments));
  if (function.choosesNext) {
    double chosen = std::ceil(function.step->output(0));
    // Not a number is no reason to stop being equal.
    function.next =
        steps +
        (chosen >= 1 ? static_cast<int64_t>(std::min(chosen, kMostSteps)) : 1);
  }
  return Status();
}

Status BetweenSteps::finish() {
  for (Function &function : functions)
    if (function.since > 0)
      FLEET_RETURN_IF_ERROR(run(function, /*steps=*/0));
  return Status();
}

Status fleet::checkContinuable(const LoadedPlan &plan, int64_t step,
                               const char *flag) {
  for (const plan::Function &function : plan.proto.functions()) {
    if (function.every() == 0)
      continue;
    if (function.outputs_size() > 0)
      return makeError(StatusCode::InvalidArgument,
                       "{}: '{}' of {} chooses after how many steps it runs "
                       "next, which no checkpoint holds",
                       flag, function.name(), plan.path);
    if (step % function.every() != 0)
      return makeError(StatusCode::InvalidArgument,
                       "{}: '{}' of {} runs every {} steps, so a checkpoint at "
                       "step {} does not hold all there is to know; expected a "
                       "multiple of {}",
                       flag, function.name(), plan.path, function.every(), step,
                       function.every());
  }
  return Status();
}
