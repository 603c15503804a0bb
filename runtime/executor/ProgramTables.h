//===- ProgramTables.h - The tables of rows of a program --------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_PROGRAMTABLES_H
#define FLEET_RUNTIME_EXECUTOR_PROGRAMTABLES_H

#include "runtime/executor/RowExchange.h"
#include "runtime/table/RowTable.h"

#include <memory>
#include <vector>

namespace fleet {

class Program;
class Step;

/// The rows that a program owns (all of them in a local or collective job, a
/// shard on a server, none on its trainers) and the functions of its plan that
/// update them. As a RowExchange it is what steps use where all rows are here.
class ProgramTables final : public RowExchange {
public:
  /// Makes and initializes the tables of `program`, which outlives them.
  static StatusOr<std::unique_ptr<ProgramTables>> create(Program &program,
                                                         uint64_t seed);

  /// The rows of a table (an index into Plan.tables) that are here; null: none.
  RowTable *rows(uint32_t table) { return tables[table].rows.get(); }

  /// Updates rows of a table that is here: RowTable::update with the plan's
  /// update function. An error when there is none.
  Status update(uint32_t table, const int64_t *ids, int64_t count,
                const void *gradients);
  /// Once a step, after all rows have been updated.
  Status advance(uint32_t table);

  /// Writes to `out`, a scalar, the part of gradients of rows in a sum over all
  /// gradients. For a table with a Table.part.
  Status part(const RowSet &set, void *out);

  Status pullRows(const std::vector<RowSet> &sets) override;
  Status pushRows(const RowSet &set) override {
    return pushRows(set, /*sum=*/nullptr);
  }
  /// With the sum over all gradients, for a table with a Table.part.
  Status pushRows(const RowSet &set, const void *sum);

private:
  struct Table {
    std::unique_ptr<RowTable> rows;
    RowTable::Updater updater; ///< none: rows are never updated
    Step *advance = nullptr;
    Step *part = nullptr;
    /// Gradients, values, states and the sum, where there is a part.
    std::vector<void *> inputs;
    AlignedBuffer block; ///< gradients of the last rows, filled up with zeros
  };
  std::vector<Table> tables;
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_PROGRAMTABLES_H
