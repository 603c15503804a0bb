//===- ShardMap.h - Which server owns a row ---------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TABLE_SHARDMAP_H
#define FLEET_RUNTIME_TABLE_SHARDMAP_H

#include "fleet/Plan/plan.pb.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fleet {

/// The shards of a table: of a SPARSE one consecutive ranges of rows, of a
/// DISTRIBUTED one the ids with the same remainder. Made from a checked plan.
class ShardMap {
public:
  /// One shard with everything.
  ShardMap() = default;
  explicit ShardMap(const plan::Table &table)
      : shardCount(static_cast<uint32_t>(table.shards_size())),
        isDistributed(table.placement() == plan::Table::DISTRIBUTED) {
    for (const plan::Table::Shard &shard : table.shards())
      ends.push_back(shard.first_row() + shard.rows());
  }

  uint32_t count() const { return shardCount; }

  /// The shard of a row of the table.
  uint32_t shardOf(int64_t id) const {
    if (isDistributed)
      return static_cast<uint32_t>(static_cast<uint64_t>(id) % shardCount);
    return static_cast<uint32_t>(
        std::upper_bound(ends.begin(), ends.end(), id) - ends.begin());
  }

private:
  uint32_t shardCount = 1;
  bool isDistributed = true;
  std::vector<int64_t> ends; ///< SPARSE: behind the last row of each
};

} // namespace fleet

#endif // FLEET_RUNTIME_TABLE_SHARDMAP_H
