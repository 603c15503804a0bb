//===- CollectiveRows.h - Rows that all trainers have -----------*- C++ -*-===//
//
// Part of the Fleet project.
//
// In a collective job every trainer has all rows of a table, and all of them
// update the same rows by the same gradients.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_COLLECTIVEROWS_H
#define FLEET_RUNTIME_EXECUTOR_COLLECTIVEROWS_H

#include "runtime/collective/Collective.h"
#include "runtime/executor/RowTransfers.h"
#include "runtime/table/RowTable.h"

namespace fleet {

/// A MergeRows, and what it leaves for the UpdateRows of its table.
class RowMerge {
public:
  /// Without others where `collective` is null.
  RowMerge(const plan::Table &table, Collective *collective)
      : dtype(table.dtype()), collective(collective), all(table) {}

  RowItems own; ///< what this trainer names

  Status run(void *const *operands);
  /// Takes part without rows.
  Status runEmpty();
  /// Rows of all trainers and the sums of their gradients; after run().
  RowSet rows() const { return {own.table, merged, sums}; }

private:
  Status exchange(int64_t count);
  Status gatherCounts(int64_t count);

  plan::DataType dtype;
  Collective *collective;
  RowBatch all;                     ///< of a group
  const RowBatch *merged = nullptr; ///< `all`, or `own`
  void *sums = nullptr;             ///< of `merged`
  // By rank, as long as the longest of them.
  AlignedBuffer ids, gradients;
  std::vector<int64_t> counts;
  // Kept from run to run.
  std::vector<RowIds> lists;
  std::vector<const void *> parts;
};

/// A BroadcastRows. `rows` is whole.
Status broadcastRows(RowTable &rows, size_t component, uint32_t root,
                     Collective &collective);

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_COLLECTIVEROWS_H
