//===- Failpoints.h - Named places to fail at -------------------*- C++ -*-===//
//
// A test makes a process die, fail or lag at an exact place of its life instead
// of hoping to hit it by time: FLEET_FAILPOINT=after-push:kill:3. This header
// has the one table of all places. Nothing is global: who can fail is given its
// failpoints, and without any a place costs one branch.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_BASE_FAILPOINTS_H
#define FLEET_RUNTIME_BASE_FAILPOINTS_H

#include "runtime/base/Clock.h"
#include "runtime/base/Status.h"

#include <memory>
#include <string_view>

namespace fleet {

enum class Failpoint : unsigned {
  BeforePush,     ///< trainer: gradients are computed, none is sent
  AfterPush,      ///< trainer: all servers have been sent their gradients
  AfterFetch,     ///< trainer: parameters are here, also at the start
  BeforeComplete, ///< trainer: all steps are done, no server knows
  BeforeApply,    ///< server: a push has arrived, nothing is done with it
  BeforeAnswer,   ///< server: a step is applied, nobody knows
  BeforeState,    ///< server: asked for its state, for a checkpoint
  BeforeSave,     ///< trainer: has everything for a checkpoint, wrote nothing
  BeforeAgree,    ///< trainer: has the parts of a sum, no server has the sum
};

/// Their names, in that order.
inline constexpr const char *failpointNames[] = {
    "before-push",     "after-push",   "after-fetch",
    "before-complete", "before-apply", "before-answer",
    "before-state",    "before-save",  "before-agree"};

/// What to do where. Copies share their counts. Thread-safe.
class Failpoints {
public:
  /// None.
  Failpoints() = default;

  /// Reads NAME:ACTION[:NTH], separated by commas. The NTH time (from 1, the
  /// default) that the place is reached: `kill` ends the process by SIGKILL,
  /// `exit` by status 86 without any clean-up, `fail` makes it an error there,
  /// `delay=MS` waits that many milliseconds of the clock. Empty: none.
  static StatusOr<Failpoints> parse(std::string_view text);

  /// The process is at `point`. An error if it was told to fail here.
  Status hit(Failpoint point, Clock &clock) const {
    return table ? act(point, clock) : Status();
  }

private:
  struct Table;
  Status act(Failpoint point, Clock &clock) const;
  std::shared_ptr<Table> table;
};

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_FAILPOINTS_H
