//===- ProgramTables.cpp - The tables of rows of a program ----------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/ProgramTables.h"

#include "runtime/executor/Program.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

/// The shard of a table that a process owns, if it does.
static std::optional<uint32_t> findShard(const plan::Plan &plan,
                                         const plan::Table &table) {
  if (plan.role() == plan::LOCAL || plan.mode() == plan::COLLECTIVE)
    return 0;
  if (plan.role() == plan::TRAINER)
    return std::nullopt;
  uint32_t self = plan.service().server();
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
    if (declared.part() != 0) {
      FLEET_ASSIGN_OR_RETURN(
          table.part,
          program.instantiate(declared.part() - 1, RowTable::kUpdateRows));
      FLEET_ASSIGN_OR_RETURN(table.block,
                             AlignedBuffer::allocate(
                                 table.rows->rowBytes() *
                                     static_cast<size_t>(RowTable::kUpdateRows),
                                 "gradients of rows"));
      table.inputs.resize(table.rows->components().size() + 2);
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

Status ProgramTables::part(const RowSet &set, void *out) {
  Table &table = tables[set.table];
  size_t bytes = table.rows->rowBytes();
  auto *gradients = static_cast<std::byte *>(set.rows);
  // In the type of the elements, as kernels add.
  auto add = [&](auto sum) -> Status {
    for (int64_t row = 0; row < set.batch->size();
         row += RowTable::kUpdateRows) {
      int64_t rows = std::min(RowTable::kUpdateRows, set.batch->size() - row);
      const void *block = gradients + static_cast<size_t>(row) * bytes;
      if (rows < RowTable::kUpdateRows) {
        std::memset(table.block.data(), 0, table.block.size());
        std::memcpy(table.block.data(), block,
                    static_cast<size_t>(rows) * bytes);
        block = table.block.data();
      }
      StepArguments arguments;
      arguments.inputs = &block;
      FLEET_RETURN_IF_ERROR(table.part->run(arguments));
      sum += static_cast<decltype(sum)>(table.part->output(0));
    }
    std::memcpy(out, &sum, sizeof(sum));
    return Status();
  };
  return table.rows->dtype() == plan::F64 ? add(double(0)) : add(float(0));
}

Status ProgramTables::pushRows(const RowSet &set, const void *sum) {
  Table &table = tables[set.table];
  if (!table.part) {
    FLEET_RETURN_IF_ERROR(
        update(set.table, set.batch->ids(), set.batch->size(), set.rows));
    return advance(set.table);
  }
  table.inputs.back() = const_cast<void *>(sum);
  FLEET_RETURN_IF_ERROR(table.rows->update(
      set.batch->ids(), set.batch->size(), set.rows, [&](void *const *inputs) {
        std::copy_n(inputs, table.inputs.size() - 1, table.inputs.begin());
        return table.updater(table.inputs.data());
      }));
  return advance(set.table);
}
