//===- RowTransfers.cpp - The look-ups of a step --------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/RowTransfers.h"

using namespace fleet;

bool RowItems::sameIds(const RowItems &other) const {
  if (table != other.table || items.size() != other.items.size())
    return false;
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].idsBuffer != other.items[i].idsBuffer ||
        items[i].padding != other.items[i].padding)
      return false;
  return true;
}

Status RowItems::build(void *const *operands) {
  if (isBuilt)
    return Status();
  lists.clear();
  for (const Item &item : items)
    lists.push_back({operands[item.ids], item.dtype, item.count, item.padding});
  return batch->build(lists);
}

Status RowPull::run(void *const *operands, RowExchange &exchange) {
  sets.clear();
  for (RowItems &table : tables) {
    FLEET_RETURN_IF_ERROR(table.build(operands));
    FLEET_ASSIGN_OR_RETURN(void *rows, table.batch->makeRoom());
    sets.push_back({table.table, table.batch.get(), rows});
  }
  FLEET_RETURN_IF_ERROR(exchange.pullRows(sets));
  for (size_t t = 0; t < tables.size(); ++t)
    for (size_t i = 0; i < tables[t].items.size(); ++i)
      sets[t].batch->expand(i, sets[t].rows, operands[tables[t].items[i].rows]);
  return Status();
}

Status RowPush::run(void *const *operands, RowExchange &exchange) {
  FLEET_RETURN_IF_ERROR(table.build(operands));
  table.gradients.clear();
  for (const RowItems::Item &item : table.items)
    table.gradients.push_back(operands[item.rows]);
  // The values that were looked up have been handed out.
  FLEET_ASSIGN_OR_RETURN(void *rows, table.batch->makeRoom());
  table.batch->sum(table.gradients.data(), nullptr, rows);
  return exchange.pushRows({table.table, table.batch.get(), rows});
}
