//===- RowTransfers.h - The look-ups of a step ------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_ROWTRANSFERS_H
#define FLEET_RUNTIME_EXECUTOR_ROWTRANSFERS_H

#include "runtime/executor/RowExchange.h"

#include <memory>
#include <vector>

namespace fleet {

/// The items of one table in a PullRows or a PushRows: lists of ids, and a row
/// for each id.
struct RowItems {
  struct Item {
    plan::DataType dtype; ///< of the ids
    int64_t count;
    std::optional<int64_t> padding;
    uint32_t idsBuffer; ///< index into Function.buffers
    size_t ids, rows;   ///< operands of the instruction
  };
  uint32_t table;
  std::vector<Item> items;
  /// A push of exactly what was looked up finds the distinct rows here already.
  std::shared_ptr<RowBatch> batch;
  bool isBuilt = false;
  // Kept from run to run.
  std::vector<RowIds> lists;
  std::vector<const void *> gradients;

  bool sameIds(const RowItems &other) const;
  /// Makes `batch` of the ids at hand, unless it is.
  Status build(void *const *operands);
};

/// A PullRows.
struct RowPull {
  std::vector<RowItems> tables;
  std::vector<RowSet> sets;

  Status run(void *const *operands, RowExchange &exchange);
};

/// A PushRows.
struct RowPush {
  RowItems table;

  Status run(void *const *operands, RowExchange &exchange);
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_ROWTRANSFERS_H
