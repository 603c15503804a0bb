//===- RowTable.h - The rows of a table that a process owns -----*- C++ -*-===//
//
// Part of the Fleet project.
//
// Rows are records: the values of a row and its optimizer state lie side by
// side, so that an update is one visit to memory. What a row starts as follows
// from seed, table and id alone (runtime/base/Random.h): a row that is made
// when it is first used has the very values that it would have had in a whole
// tensor.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TABLE_ROWTABLE_H
#define FLEET_RUNTIME_TABLE_ROWTABLE_H

#include "runtime/table/OrderedIndex.h"
#include "runtime/table/RowIndex.h"

#include "fleet/Plan/plan.pb.h"

#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <variant>
#include <vector>

namespace fleet {

/// A copy of all rows of a shard, in ascending order of their ids.
struct TableSnapshot {
  int64_t rows = 0;
  AlignedBuffer ids;                     ///< int64_t, one a row
  std::vector<AlignedBuffer> components; ///< row major
};

/// One shard of a table. Thread-safe; updates exclude everything else.
class RowTable {
public:
  /// What a row consists of: its values, then its states.
  struct Component {
    std::string slot; ///< empty: the values
    int64_t columns = 0;
    plan::Initializer initializer;
    size_t bytes = 0;  ///< of one row
    size_t offset = 0; ///< in a record
  };

  /// An update handles so many rows at once, which stay in the cache: large
  /// enough that the calls do not count.
  static constexpr int64_t kUpdateRows = 256;

  /// Changes kUpdateRows rows: inputs[0] has gradients and is only read,
  /// inputs[1] values, the rest one state each; rows without a meaning at the
  /// end are zeros.
  using Updater = std::function<Status(void *const *inputs)>;

  struct Options {
    uint64_t seed = 0;
    /// Records take no more bytes than this; 0: than the machine has.
    uint64_t maxBytes = 0;
  };

  /// `table` is of a checked plan. The rows of a SPARSE shard are made at once.
  static StatusOr<std::unique_ptr<RowTable>>
  create(const plan::Table &table, uint32_t shard, Options options);

  const std::string &name() const { return tableName; }
  plan::DataType dtype() const { return type; }
  bool isDistributed() const { return distributed; }
  /// Of the whole table.
  int64_t rowLimit() const { return limit; }
  /// SPARSE: the first row that is here.
  int64_t rangeBegin() const { return firstRow; }
  const std::vector<Component> &components() const { return parts; }
  /// Bytes of the values of a row.
  size_t rowBytes() const { return parts[0].bytes; }
  /// Rows that exist here.
  int64_t size() const;

  /// Whether a row belongs to this shard.
  bool owns(int64_t id) const { return keyOf(id) < range; }
  /// An error that names the first id that is no row of this shard.
  Status checkIds(const int64_t *ids, int64_t count) const;

  /// Writes the values of rows `ids` to `out`, one row after the other. Rows of
  /// a DISTRIBUTED table that do not exist are made.
  Status gather(const int64_t *ids, int64_t count, void *out) {
    return read(0, ids, count, out);
  }
  /// The same with component number `component`.
  Status read(size_t component, const int64_t *ids, int64_t count, void *out);

  /// Runs `updater` over rows `ids`, all of them different, with a row of
  /// `gradients` each. When it fails, some rows may have been updated.
  Status update(const int64_t *ids, int64_t count, const void *gradients,
                const Updater &updater);

  /// Overwrites component number `component` of rows `ids`.
  Status assign(size_t component, const int64_t *ids, int64_t count,
                const void *data);

  StatusOr<TableSnapshot> snapshot() const;

private:
  RowTable(const plan::Table &table, uint32_t shard, Options options);
  Status makeRange();
  /// Makes the record in `slot`, which is the next one.
  Status makeRecord(uint32_t slot, int64_t id);
  Status makeChunk(uint64_t slot);
  Status notHere(int64_t id) const;
  /// The number of a row in this shard; of one that is not in it, at least
  /// `range`.
  uint64_t keyOf(int64_t id) const {
    auto row = static_cast<uint64_t>(id); // negative ones are huge
    if (!distributed)
      return row - static_cast<uint64_t>(firstRow);
    if (row >= static_cast<uint64_t>(limit))
      return UINT64_MAX;
    if (shardCount == 1)
      return row;
    return row % shardCount == remainder ? row / shardCount : UINT64_MAX;
  }
  int64_t idOf(uint64_t key) const {
    return static_cast<int64_t>(distributed ? key * shardCount + remainder
                                            : key) +
           firstRow;
  }
  std::byte *record(uint32_t slot) const {
    return chunks[slot >> chunkShift] + (slot & chunkMask) * stride;
  }
  template <bool Create, typename Index, typename Fn>
  StatusOr<int64_t> walk(Index &index, const int64_t *ids, int64_t count,
                         size_t bytes, Fn &&fn);
  template <bool Create, typename Fn>
  StatusOr<int64_t> walkRows(const int64_t *ids, int64_t count, size_t bytes,
                             Fn &&fn);
  template <typename Ahead>
  Status updateRows(const uint32_t *slots, int64_t count, const void *gradients,
                    const Updater &updater, Ahead &&ahead);

  std::string tableName;
  plan::DataType type;
  bool distributed;
  int64_t limit;           ///< rows of the whole table
  uint64_t range = 0;      ///< rows that can be here
  int64_t firstRow = 0;    ///< SPARSE
  uint64_t remainder = 0;  ///< DISTRIBUTED: of the ids that are here,
  uint64_t shardCount = 1; ///< by this
  Options options;
  std::vector<Component> parts;
  size_t stride = 0; ///< bytes of a record

  mutable std::shared_mutex mutex; ///< guards what follows
  int chunkShift = 0;              ///< log2 of the records of a chunk
  uint64_t chunkMask = 0;
  std::vector<AlignedBuffer> memory;
  std::vector<std::byte *> chunks; ///< their addresses; null: none yet
  uint64_t memoryBytes = 0;
  /// DISTRIBUTED.
  std::variant<RowIndex<uint32_t>, RowIndex<uint64_t>, OrderedIndex> index;
  std::vector<AlignedBuffer> compact; ///< kUpdateRows rows of each component
  AlignedBuffer compactGradient;
  std::vector<void *> updateInputs;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TABLE_ROWTABLE_H
