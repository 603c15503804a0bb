//===- BetweenSteps.h - What runs every so many steps -----------*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_BETWEENSTEPS_H
#define FLEET_RUNTIME_JOB_BETWEENSTEPS_H

#include "runtime/executor/Program.h"

#include <vector>

namespace fleet {

/// The functions of a program that run between steps (Function.every), in the
/// order of the plan: exchanges of mode GEO, updates for the gradients of
/// several steps, averages of trainers that train by themselves.
class BetweenSteps {
public:
  /// `exchange` and `observer` as in StepArguments. `firstStep` steps were done
  /// before.
  static StatusOr<BetweenSteps> create(Program &program,
                                       ParameterExchange *exchange,
                                       StepObserver *observer,
                                       int64_t firstStep);

  /// A step has been run, the `steps`th of all, on `own` rows of a batch of
  /// `all`. Runs what is due.
  Status stepDone(int64_t steps, int64_t own, int64_t all) {
    return functions.empty() ? Status() : runDue(steps, own, all);
  }
  /// There are no more steps: what has waited for more runs now.
  Status finish();

private:
  struct Function {
    Step *step;
    int64_t every, begin;
    bool choosesNext;  ///< its first output is the number of steps until then
    int64_t next;      ///< choosesNext: due after that many of all steps
    int64_t since = 0; ///< steps since it ran
    int64_t own = 0, all = 0; ///< rows of these

    bool isDue(int64_t steps) const {
      return steps <= begin ||
             (choosesNext ? steps >= next : steps % every == 0);
    }
  };

  Status runDue(int64_t steps, int64_t own, int64_t all);
  Status run(Function &function, int64_t steps);

  std::vector<Function> functions;
  ParameterExchange *exchange = nullptr;
  StepObserver *observer = nullptr;
};

/// Whether parameters and state after `step` steps are all that a run needs to
/// go on as if it had not been interrupted. `flag` is what asks for it.
Status checkContinuable(const LoadedPlan &plan, int64_t step, const char *flag);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_BETWEENSTEPS_H
