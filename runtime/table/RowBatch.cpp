//===- RowBatch.cpp - The distinct rows of a step -------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/table/RowBatch.h"

#include "runtime/base/DataTypes.h"
#include "runtime/table/CopyRow.h"

#include <cstring>

using namespace fleet;

/// How many ids ahead the hash table is fetched: what is under way at once
/// hides the way to memory.
static constexpr int64_t kAhead = 16;

RowBatch::RowBatch(std::string name, int64_t rows, int64_t columns,
                   plan::DataType dtype)
    : name(std::move(name)), rowLimit(rows), columns(columns), dtype(dtype),
      bytes(static_cast<size_t>(columns) * dataTypeSize(dtype)), begins(2, 0),
      listBegin(1, 0) {}

RowBatch::RowBatch(const plan::Table &table)
    : RowBatch(table.name(), table.rows(), table.columns(), table.dtype()) {
  shards = ShardMap(table);
  begins.assign(shards.count() + 1, 0);
}

Status RowBatch::reserve(int64_t ids) {
  if (ids > kMaxIds)
    return makeError(StatusCode::InvalidArgument,
                     "a step looks up {} rows of table '{}', at most {} are "
                     "possible; use smaller batches",
                     ids, name, kMaxIds);
  places.resize(static_cast<size_t>(ids));
  // Half empty when all ids differ. A table that was larger before is used in
  // part, so that a small step stays in the cache.
  uint64_t needed = 64;
  while (needed < 2 * static_cast<uint64_t>(ids))
    needed *= 2;
  mask = needed - 1;
  shift = __builtin_clzll(needed) + 1;
  if (needed > capacity) {
    FLEET_ASSIGN_OR_RETURN(
        table, AlignedBuffer::allocateLarge(needed * sizeof(Entry),
                                            "the look-ups of a step"));
    capacity = needed;
    stamp = 0;
  }
  if (++stamp == 1 || stamp == 0) { // new, or used up
    std::memset(table.data(), 0, capacity * sizeof(Entry));
    stamp = 1;
  }
  return Status();
}

template <typename Id>
Status RowBatch::add(const RowIds &list, uint32_t *place) {
  const Id *ids = static_cast<const Id *>(list.ids);
  auto *entries = reinterpret_cast<Entry *>(table.data());
  auto home = [this](int64_t id) {
    return (static_cast<uint64_t>(id) * 0x9e3779b97f4a7c15u) >> shift;
  };
  bool hasPadding = list.padding.has_value();
  int64_t padding = list.padding.value_or(0);
  for (int64_t i = 0; i < list.count; ++i) {
    if (i + kAhead < list.count)
      __builtin_prefetch(entries + home(ids[i + kAhead]));
    int64_t id = ids[i];
    if (hasPadding && id == padding) {
      place[i] = kPadding;
      continue;
    }
    uint64_t at = home(id);
    while (entries[at].stamp == stamp && entries[at].id != id)
      at = (at + 1) & mask;
    Entry &entry = entries[at];
    if (entry.stamp == stamp) {
      place[i] = entry.row;
      continue;
    }
    if (static_cast<uint64_t>(id) >= static_cast<uint64_t>(rowLimit))
      return makeError(StatusCode::InvalidArgument,
                       "there is no row {} of table '{}', which has rows 0 to "
                       "{}",
                       id, name, rowLimit - 1);
    entry = {id, stamp, static_cast<uint32_t>(rows.size())};
    place[i] = entry.row | kFirst;
    rows.push_back(id);
  }
  return Status();
}

Status RowBatch::build(const std::vector<RowIds> &lists) {
  int64_t total = 0;
  for (const RowIds &list : lists)
    total += list.count;
  rows.clear();
  listBegin.assign(1, 0);
  std::fill(begins.begin(), begins.end(), 0);
  FLEET_RETURN_IF_ERROR(reserve(total));
  for (const RowIds &list : lists) {
    uint32_t *place = places.data() + listBegin.back();
    Status status = list.dtype == plan::I32 ? add<int32_t>(list, place)
                                            : add<int64_t>(list, place);
    if (!status.ok()) {
      rows.clear();
      return status;
    }
    listBegin.push_back(listBegin.back() + static_cast<size_t>(list.count));
  }
  if (shards.count() > 1)
    groupByShard();
  else
    begins[1] = size();
  return Status();
}

/// A stable counting sort by shard.
void RowBatch::groupByShard() {
  moved.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    moved[i] = shards.shardOf(rows[i]);
    ++begins[moved[i] + 1];
  }
  for (uint32_t s = 0; s < shards.count(); ++s)
    begins[s + 1] += begins[s];
  ungrouped.swap(rows);
  rows.resize(ungrouped.size());
  for (size_t i = 0; i < ungrouped.size(); ++i) {
    // begins[s] runs up to begins[s + 1] and is put back below.
    int64_t to = begins[moved[i]]++;
    rows[static_cast<size_t>(to)] = ungrouped[i];
    moved[i] = static_cast<uint32_t>(to);
  }
  for (uint32_t s = shards.count(); s > 0; --s)
    begins[s] = begins[s - 1];
  begins[0] = 0;
  for (uint32_t &place : places)
    if (place != kPadding)
      place = moved[place & ~kFirst] | (place & kFirst);
}

StatusOr<void *> RowBatch::makeRoom() {
  size_t needed = rows.size() * bytes;
  if (!room.data() || room.size() < needed) {
    // With some space for the steps to come.
    FLEET_ASSIGN_OR_RETURN(room,
                           AlignedBuffer::allocateLarge(needed + needed / 4,
                                                        "the rows of a step"));
  }
  return static_cast<void *>(room.data());
}

void RowBatch::expand(size_t list, const void *values, void *out) const {
  const uint32_t *place = places.data() + listBegin[list];
  size_t count = listBegin[list + 1] - listBegin[list];
  const auto *from = static_cast<const std::byte *>(values);
  auto *to = static_cast<std::byte *>(out);
  withRowCopy(bytes, [&](auto copy) {
    for (size_t i = 0; i < count; ++i, to += bytes) {
      if (i + kAhead < count)
        __builtin_prefetch(from + (place[i + kAhead] & ~kFirst) * bytes);
      if (place[i] != kPadding)
        copy(to, from + (place[i] & ~kFirst) * bytes);
      else
        std::memset(to, 0, bytes);
    }
  });
}

template <typename T>
void RowBatch::sumAs(const void *const *gradients, const double *weights,
                     void *out) const {
  auto width = static_cast<size_t>(columns);
  for (size_t l = 0; l + 1 < listBegin.size(); ++l) {
    const T *__restrict in = static_cast<const T *>(gradients[l]);
    T weight = weights ? static_cast<T>(weights[l]) : T(1);
    for (size_t i = listBegin[l]; i < listBegin[l + 1]; ++i, in += width) {
      if (places[i] == kPadding)
        continue;
      T *__restrict sum = static_cast<T *>(out) + (places[i] & ~kFirst) * width;
      if (places[i] & kFirst)
        for (size_t c = 0; c < width; ++c)
          sum[c] = weight * in[c];
      else
        for (size_t c = 0; c < width; ++c)
          sum[c] += weight * in[c];
    }
  }
}

void RowBatch::sum(const void *const *gradients, const double *weights,
                   void *out) const {
  if (dtype == plan::F64)
    sumAs<double>(gradients, weights, out);
  else
    sumAs<float>(gradients, weights, out);
}
