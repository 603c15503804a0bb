//===- RowExchange.h - Where a step's rows come from and go to --*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_ROWEXCHANGE_H
#define FLEET_RUNTIME_EXECUTOR_ROWEXCHANGE_H

#include "runtime/base/Status.h"
#include "runtime/table/RowBatch.h"

#include <cstdint>
#include <vector>

namespace fleet {

/// Looks rows up and updates them: in this process (a local job) or at servers.
/// Called by one thread.
class RowExchange {
public:
  virtual ~RowExchange() = default;

  /// Fills in the values of all rows of all sets.
  virtual Status pullRows(const std::vector<RowSet> &sets) = 0;
  /// Hands over gradients of rows. Servers get them at the next sendBarrier()
  /// or submit() of the step, until which the memory stays as it is; in a local
  /// job the rows are updated at once.
  virtual Status pushRows(const RowSet &set) = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_ROWEXCHANGE_H
