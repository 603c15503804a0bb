//===- RowBatch.h - The distinct rows of a step -----------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// A step names rows of a table by ids, most of them more than once. A row
// travels once, is looked up once and updated once: here the ids of a step
// become distinct rows, values of rows go back to where they were asked for,
// and gradients are summed by row.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TABLE_ROWBATCH_H
#define FLEET_RUNTIME_TABLE_ROWBATCH_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Status.h"
#include "runtime/table/ShardMap.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fleet {

/// Ids as a step brings them.
struct RowIds {
  const void *ids = nullptr;
  plan::DataType dtype = plan::I64; ///< I32 or I64
  int64_t count = 0;
  /// Ids that are this name no row.
  std::optional<int64_t> padding{};
};

/// The distinct rows of one table that some lists of ids name: those of shard 0
/// first, then those of shard 1, and so on; within a shard in the order of
/// their first occurrence. Not thread-safe. No allocation once it has seen its
/// largest step.
class RowBatch {
public:
  /// Of all lists of a build().
  static constexpr int64_t kMaxIds = (int64_t(1) << 31) - 2;

  explicit RowBatch(const plan::Table &table);
  /// Rows of a table that all belong to the same shard.
  RowBatch(std::string name, int64_t rows, int64_t columns,
           plan::DataType dtype);

  /// Forgets what was there. An id that is no row of the table is an error.
  Status build(const std::vector<RowIds> &lists);

  int64_t size() const { return static_cast<int64_t>(rows.size()); }
  const int64_t *ids() const { return rows.data(); }
  /// The rows of shard s are those from shardBegin(s) to shardBegin(s + 1).
  int64_t shardBegin(uint32_t shard) const { return begins[shard]; }
  const ShardMap &shardMap() const { return shards; }

  /// Bytes of one row of values.
  size_t rowBytes() const { return bytes; }
  /// Room for one row of values a distinct row; the same memory until the next
  /// call.
  StatusOr<void *> makeRoom();

  /// Writes to `out` (a row for each id of list number `list`) the rows that
  /// its ids name, from `values`, which has the distinct rows. Padding is
  /// zeros.
  void expand(size_t list, const void *values, void *out) const;

  /// Sums gradients by row into `out`, in the order of occurrence: gradients[l]
  /// has a row for each id of list l, and counts weights[l] times (once, bit
  /// for bit, where `weights` is null). Every distinct row is written.
  void sum(const void *const *gradients, const double *weights,
           void *out) const;

private:
  /// Bits of an entry of `places`.
  static constexpr uint32_t kFirst = uint32_t(1) << 31;
  static constexpr uint32_t kPadding = UINT32_MAX;

  struct Entry {
    int64_t id;
    uint32_t stamp; ///< of the build() that wrote it
    uint32_t row;
  };

  template <typename Id> Status add(const RowIds &list, uint32_t *place);
  Status reserve(int64_t ids);
  void groupByShard();
  template <typename T>
  void sumAs(const void *const *gradients, const double *weights,
             void *out) const;

  std::string name;
  int64_t rowLimit, columns;
  plan::DataType dtype;
  size_t bytes;
  ShardMap shards;
  std::vector<int64_t> rows;     ///< the distinct ids
  std::vector<int64_t> begins;   ///< of shards in `rows`, and their end
  std::vector<uint32_t> places;  ///< of each id of each list, in `rows`
  std::vector<size_t> listBegin; ///< of lists in `places`, and their end
  AlignedBuffer table;           ///< a hash table of entries
  uint64_t capacity = 0, mask = 0;
  int shift = 0;
  uint32_t stamp = 0;
  AlignedBuffer room;
  // Of groupByShard().
  std::vector<int64_t> ungrouped;
  std::vector<uint32_t> moved;
};

/// Distinct rows of one table, and a row of values (or gradients) for each.
struct RowSet {
  uint32_t table; ///< index into Plan.tables
  const RowBatch *batch;
  void *rows; ///< batch->size() rows of batch->rowBytes() bytes
};

} // namespace fleet

#endif // FLEET_RUNTIME_TABLE_ROWBATCH_H
