//===- ProgramTables.cpp - The tables of rows of a program ----------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/ProgramTables.h"

#include "runtime/executor/Program.h"

using namespace fleet;

/// The shard of a table that a process owns, if it does.
static std::optional<uint32_t> findShard(const plan::Plan &plan,
                                         const plan::Table &table) {
  if (plan.role() == plan::TRAINER)
    return std::nullopt;
  uint32_t self = plan.role() == plan::LOCAL ? 0 : plan.service().server();
  for (int i = 0; i < table.shards_size(); ++i)
    if (table.shards(i).server() == self)
      return static_cast<uint32_t>(i);
  return std::nullopt;
}

StatusOr<std::unique_ptr<ProgramTables>> ProgramTables::create(Program &program,
                                                               uint64_t seed) {
  auto result = std::make_unique<ProgramTables>();
  const plan::Plan &plan = program.plan().proto;
  for (const plan::Table &declared : plan.tables()) {
    Table &table = result->tables.emplace_back();
    std::optional<uint32_t> shard = findShard(plan, declared);
    if (!shard)
      continue;
    RowTable::Options options;
    options.seed = seed;
    FLEET_ASSIGN_OR_RETURN(table.rows,
                           RowTable::create(declared, *shard, options));
    if (declared.update() != 0) {
      FLEET_ASSIGN_OR_RETURN(
          Step * update,
          program.instantiate(declared.update() - 1, RowTable::kUpdateRows));
      table.updater = [update](void *const *inputs) {
        StepArguments arguments;
        arguments.inputs = inputs;
        return update->run(arguments);
      };
    }
    if (declared.advance() != 0) {
      FLEET_ASSIGN_OR_RETURN(table.advance,
                             program.instantiate(declared.advance() - 1, 1));
    }
  }
  return result;
}

Status ProgramTables::update(uint32_t table, const int64_t *ids, int64_t count,
                             const void *gradients) {
  Table &to = tables[table];
  if (!to.updater)
    return makeError(StatusCode::InvalidArgument,
                     "table '{}' has no function that updates it",
                     to.rows->name());
  return to.rows->update(ids, count, gradients, to.updater);
}

Status ProgramTables::advance(uint32_t table) {
  if (!tables[table].advance)
    return Status();
  return tables[table].advance->run({});
}

Status ProgramTables::pullRows(const std::vector<RowSet> &sets) {
  for (const RowSet &set : sets)
    FLEET_RETURN_IF_ERROR(tables[set.table].rows->gather(
        set.batch->ids(), set.batch->size(), set.rows));
  return Status();
}

Status ProgramTables::pushRows(const RowSet &set) {
  FLEET_RETURN_IF_ERROR(
      update(set.table, set.batch->ids(), set.batch->size(), set.rows));
  return advance(set.table);
}
