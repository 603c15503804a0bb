//===- RowInstructions.cpp - Rows of tables
//--------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/InstructionValidator.h"

using namespace fleet;

Status InstructionValidator::checkTable(uint32_t table) const {
  if (table >= static_cast<uint32_t>(plan.tables_size()))
    return invalid("table {}, the plan has {} tables", table,
                   plan.tables_size());
  return Status();
}

/// The ids of an item, and `rows`, which has a row for each of them.
template <typename Item>
Status InstructionValidator::checkRows(const plan::Table &table,
                                       const Item &item, uint32_t rows) {
  FLEET_RETURN_IF_ERROR(checkIndex(item.ids()));
  FLEET_RETURN_IF_ERROR(checkIndex(rows));
  const plan::Buffer &ids = get(item.ids());
  const plan::TensorType &type = ids.type();
  // Nothing changes an input, so what was looked up is what is updated.
  if (!ids.has_input() ||
      (type.dtype() != plan::I32 && type.dtype() != plan::I64))
    return invalid("ids {}, expected an input of i32 or i64",
                   spell(item.ids()));
  plan::TensorType expected = type;
  expected.set_dtype(table.dtype());
  if (int last = type.dims_size() - 1;
      last >= 0 && type.dims(last).kind_case() == plan::Dim::kExtent &&
      type.dims(last).extent() == 1)
    expected.mutable_dims()->RemoveLast();
  expected.add_dims()->set_extent(table.columns());
  if (!sameType(expected, get(rows).type()))
    return invalid("rows {} of table '{}' for ids {}, expected {}", spell(rows),
                   table.name(), spell(item.ids()),
                   formatType(expected, plan.symbols()));
  if (item.has_padding_idx() &&
      (item.padding_idx() < 0 || item.padding_idx() >= table.rows()))
    return invalid("padding {} is no row of table '{}', which has {}",
                   item.padding_idx(), table.name(), table.rows());
  return Status();
}

Status InstructionValidator::checkPullRows(const plan::PullRows &pull) {
  if (pull.items().empty())
    return invalid("it pulls no rows");
  for (const plan::PullRows::Item &item : pull.items()) {
    FLEET_RETURN_IF_ERROR(checkTable(item.table()));
    FLEET_RETURN_IF_ERROR(checkRows(plan.tables(static_cast<int>(item.table())),
                                    item, item.out()));
    FLEET_RETURN_IF_ERROR(checkWritable(item.out()));
  }
  return Status();
}

Status InstructionValidator::checkPushRows(const plan::PushRows &push) {
  FLEET_RETURN_IF_ERROR(checkTable(push.table()));
  const plan::Table &table = plan.tables(static_cast<int>(push.table()));
  if (push.items().empty())
    return invalid("it pushes no rows");
  for (const plan::PushRows::Item &item : push.items())
    FLEET_RETURN_IF_ERROR(checkRows(table, item, item.gradient()));
  if (!pushed.insert(push.table()).second)
    return invalid("rows of table '{}' are pushed twice in a step",
                   table.name());
  if (plan.role() == plan::LOCAL && table.update() == 0)
    return invalid("table '{}' has no update function", table.name());
  return Status();
}

Status InstructionValidator::checkMergeRows(const plan::MergeRows &merge) {
  if (plan.mode() == plan::PARAMETER_SERVER)
    return invalid("rows are merged where all of them are, which is not so in "
                   "a job with servers");
  if (merge.has_group() != (plan.mode() == plan::COLLECTIVE))
    return invalid("it merges rows of {} in mode {}",
                   merge.has_group() ? "a group" : "this process alone",
                   plan::Mode_Name(plan.mode()));
  if (merge.has_group())
    FLEET_RETURN_IF_ERROR(checkGroup(merge.group()));
  FLEET_RETURN_IF_ERROR(checkTable(merge.table()));
  const plan::Table &table = plan.tables(static_cast<int>(merge.table()));
  if (!inFlight.empty())
    return invalid("it waits for the others while a collective works on "
                   "bucket '{}'",
                   plan.buckets(static_cast<int>(inFlight.front())).name());
  if (merge.items().empty())
    return invalid("it merges no rows");
  for (const plan::PushRows::Item &item : merge.items())
    FLEET_RETURN_IF_ERROR(checkRows(table, item, item.gradient()));
  if (!pushed.insert(merge.table()).second)
    return invalid("rows of table '{}' are merged twice in a step",
                   table.name());
  merged.insert(merge.table());
  return Status();
}

Status InstructionValidator::checkUpdateRows(const plan::UpdateRows &update) {
  FLEET_RETURN_IF_ERROR(checkTable(update.table()));
  const plan::Table &table = plan.tables(static_cast<int>(update.table()));
  if (merged.erase(update.table()) == 0)
    return invalid("it updates rows of table '{}', which have not been merged",
                   table.name());
  if (table.update() == 0)
    return invalid("table '{}' has no update function", table.name());
  if (update.has_sum() != (table.part() != 0))
    return invalid("it updates rows of table '{}' {} a sum, but the table has "
                   "{} part",
                   table.name(), update.has_sum() ? "by" : "without",
                   table.part() == 0 ? "no" : "a");
  return update.has_sum() ? checkScalar(table, update.sum()) : Status();
}

/// Of the type of the table's elements.
Status InstructionValidator::checkScalar(const plan::Table &table,
                                         uint32_t buffer) {
  FLEET_RETURN_IF_ERROR(checkIndex(buffer));
  plan::TensorType scalar;
  scalar.set_dtype(table.dtype());
  if (sameType(scalar, get(buffer).type()))
    return Status();
  return invalid("{} for a sum over gradients of table '{}', expected {}",
                 spell(buffer), table.name(),
                 formatType(scalar, plan.symbols()));
}

Status InstructionValidator::checkRowsPart(const plan::RowsPart &part) {
  FLEET_RETURN_IF_ERROR(checkTable(part.table()));
  const plan::Table &table = plan.tables(static_cast<int>(part.table()));
  if (merged.count(part.table()) == 0)
    return invalid("it is a part of rows of table '{}', which have not been "
                   "merged",
                   table.name());
  if (table.part() == 0)
    return invalid("table '{}' has no part", table.name());
  FLEET_RETURN_IF_ERROR(checkScalar(table, part.out()));
  return checkWritable(part.out());
}

Status
InstructionValidator::checkBroadcastRows(const plan::BroadcastRows &broadcast) {
  FLEET_RETURN_IF_ERROR(checkGroup(broadcast.group()));
  FLEET_RETURN_IF_ERROR(checkTable(broadcast.table()));
  const plan::Table &table = plan.tables(static_cast<int>(broadcast.table()));
  if (broadcast.component() > static_cast<uint32_t>(table.row_states_size()))
    return invalid("it gives component {} of table '{}', which has {}",
                   broadcast.component(), table.name(),
                   1 + table.row_states_size());
  if (broadcast.root() >= plan.trainers())
    return invalid("it gives the rows of rank {}, the job has {} trainers",
                   broadcast.root(), plan.trainers());
  return Status();
}
