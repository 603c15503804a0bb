//===- RowTable.cpp - The rows of a table that a process owns -------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/table/RowTable.h"

#include "runtime/base/DataTypes.h"
#include "runtime/base/Random.h"
#include "runtime/table/CopyRow.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unistd.h>

using namespace fleet;

namespace {

/// Records are allocated so many bytes at a time: enough for large pages,
/// little enough that the last piece is no waste.
constexpr uint64_t kChunkBytes = uint64_t(8) << 20;

/// How many ids ahead the index is fetched.
constexpr int64_t kAhead = 32;

/// Rows that are initialized at once.
constexpr uint64_t kFillRows = 1024;

/// Every row of a range is where its number says.
struct RangeIndex {
  void prefetch(uint64_t) const {}
  uint32_t find(uint64_t key) const { return static_cast<uint32_t>(key); }
};

uint64_t physicalMemory() {
  long pages = ::sysconf(_SC_PHYS_PAGES), bytes = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0
             ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(bytes)
             : UINT64_MAX;
}

} // namespace

RowTable::RowTable(const plan::Table &table, uint32_t shard, Options options)
    : tableName(table.name()), type(table.dtype()),
      distributed(table.placement() == plan::Table::DISTRIBUTED),
      limit(table.rows()), options(options) {
  const plan::Table::Shard &own = table.shards(static_cast<int>(shard));
  if (distributed) {
    shardCount = static_cast<uint64_t>(table.shards_size());
    remainder = shard;
    range =
        (static_cast<uint64_t>(limit) + shardCount - 1 - shard) / shardCount;
  } else {
    firstRow = own.first_row();
    range = static_cast<uint64_t>(own.rows());
  }
  auto add = [&](const std::string &slot, int64_t columns,
                 const plan::Initializer &initializer) {
    size_t bytes = static_cast<size_t>(columns) * dataTypeSize(type);
    parts.push_back({slot, columns, initializer, bytes, stride});
    stride += bytes;
  };
  add("", table.columns(), table.initializer());
  for (const plan::Table::RowState &state : table.row_states())
    add(state.slot(), state.columns(), state.initializer());
}

StatusOr<std::unique_ptr<RowTable>>
RowTable::create(const plan::Table &table, uint32_t shard, Options options) {
  std::unique_ptr<RowTable> result(new RowTable(table, shard, options));
  if (result->options.maxBytes == 0)
    result->options.maxBytes = physicalMemory();
  // A power of two of records, and no more than there can be.
  while ((uint64_t(2) << result->chunkShift) * result->stride <= kChunkBytes &&
         (uint64_t(1) << result->chunkShift) < result->range)
    ++result->chunkShift;
  result->chunkMask = (uint64_t(1) << result->chunkShift) - 1;
  if (result->range > UINT32_MAX)
    result->index.emplace<RowIndex<uint64_t>>();
  for (const Component &part : result->parts) {
    FLEET_ASSIGN_OR_RETURN(
        AlignedBuffer buffer,
        AlignedBuffer::allocate(part.bytes * kUpdateRows, "an update of rows"));
    result->compact.push_back(std::move(buffer));
  }
  result->updateInputs.push_back(nullptr); // the gradients
  for (AlignedBuffer &buffer : result->compact)
    result->updateInputs.push_back(buffer.data());
  FLEET_ASSIGN_OR_RETURN(
      result->compactGradient,
      AlignedBuffer::allocate(result->rowBytes() * kUpdateRows,
                              "an update of rows"));
  if (!result->distributed)
    FLEET_RETURN_IF_ERROR(
        result->makeRange().withContext("table '" + table.name() + "'"));
  return result;
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

/// Makes memory for records 0 to `slots`.
Status RowTable::reserve(uint64_t slots) {
  uint64_t perChunk = chunkMask + 1;
  while (chunks.size() * perChunk < slots) {
    uint64_t bytes = perChunk * stride;
    // A slot is 32 bits, one of which stands for none.
    if (memoryBytes + bytes > options.maxBytes || slots >= UINT32_MAX)
      return makeError(
          StatusCode::InvalidArgument,
          "table '{}': {} rows of {} bytes each (values and state) "
          "do not fit into a process with {} bytes of memory; use "
          "more servers",
          tableName, slots, stride, options.maxBytes);
    FLEET_ASSIGN_OR_RETURN(
        AlignedBuffer chunk,
        AlignedBuffer::allocateLarge(bytes, "the rows of a table"));
    chunks.push_back(chunk.data());
    memory.push_back(std::move(chunk));
    memoryBytes += bytes;
  }
  return Status();
}

Status RowTable::makeRange() {
  FLEET_RETURN_IF_ERROR(reserve(range));
  size_t widest = 0;
  for (const Component &part : parts)
    widest = std::max(widest, part.bytes);
  FLEET_ASSIGN_OR_RETURN(
      AlignedBuffer rows,
      AlignedBuffer::allocate(widest * kFillRows, "initial values"));
  for (uint64_t first = 0; first < range; first += kFillRows) {
    uint64_t count = std::min(kFillRows, range - first);
    for (const Component &part : parts) {
      FLEET_RETURN_IF_ERROR(
          fillInitial(part.initializer, type, options.seed, tableName,
                      (firstRow + static_cast<int64_t>(first)) * part.columns,
                      static_cast<int64_t>(count) * part.columns, rows.data()));
      withRowCopy(part.bytes, [&](auto copy) {
        for (uint64_t i = 0; i < count; ++i)
          copy(record(static_cast<uint32_t>(first + i)) + part.offset,
               rows.data() + i * part.bytes);
      });
    }
  }
  return Status();
}

Status RowTable::makeRecord(uint32_t slot, int64_t id) {
  FLEET_RETURN_IF_ERROR(reserve(uint64_t(slot) + 1));
  std::byte *to = record(slot);
  for (const Component &part : parts)
    FLEET_RETURN_IF_ERROR(fillInitial(part.initializer, type, options.seed,
                                      tableName, id * part.columns,
                                      part.columns, to + part.offset));
  return Status();
}

Status RowTable::notHere(int64_t id) const {
  if (id < 0 || id >= limit)
    return makeError(StatusCode::InvalidArgument,
                     "there is no row {} of table '{}', which has rows 0 to {}",
                     id, tableName, limit - 1);
  return makeError(StatusCode::InvalidArgument,
                   "row {} of table '{}' belongs to another server", id,
                   tableName);
}

int64_t RowTable::size() const {
  std::shared_lock<std::shared_mutex> lock(mutex);
  if (!distributed)
    return static_cast<int64_t>(range);
  return std::visit([](const auto &index) { return index.size(); }, index);
}

Status RowTable::checkIds(const int64_t *ids, int64_t count) const {
  for (int64_t i = 0; i < count; ++i)
    if (!owns(ids[i]))
      return notHere(ids[i]);
  return Status();
}

//===----------------------------------------------------------------------===//
// Visiting rows
//===----------------------------------------------------------------------===//

/// Calls fn(first, rows, slots) for pieces of `ids` of kUpdateRows each but the
/// last. The index is fetched some ids ahead, and when a row has been found, the
/// first `bytes` bytes of its record: by the time that `fn` comes to it they are
/// there. Returns how many ids were handled; all of them, unless a row does not
/// exist and may not be made.
template <bool Create, typename Index, typename Fn>
StatusOr<int64_t> RowTable::walk(Index &index, const int64_t *ids,
                                 int64_t count, size_t bytes, Fn &&fn) {
  uint32_t slots[kUpdateRows];
  for (int64_t i = 0; i < std::min(kAhead, count); ++i)
    index.prefetch(keyOf(ids[i]));
  for (int64_t first = 0; first < count; first += kUpdateRows) {
    int64_t rows = std::min(kUpdateRows, count - first);
    for (int64_t i = first; i < first + rows; ++i) {
      if (i + kAhead < count)
        index.prefetch(keyOf(ids[i + kAhead]));
      uint64_t key = keyOf(ids[i]);
      if (key >= range)
        return notHere(ids[i]);
      uint32_t slot = index.find(key);
      if constexpr (!std::is_same_v<Index, RangeIndex>)
        if (slot == Index::kNone) {
          if (!Create)
            return first;
          slot = static_cast<uint32_t>(index.size());
          FLEET_RETURN_IF_ERROR(makeRecord(slot, ids[i]));
          FLEET_RETURN_IF_ERROR(index.add(key));
        }
      slots[i - first] = slot;
      const std::byte *from = record(slot);
      for (size_t at = 0; at < bytes; at += 64)
        __builtin_prefetch(from + at);
    }
    FLEET_RETURN_IF_ERROR(fn(first, rows, slots));
  }
  return count;
}

template <bool Create, typename Fn>
StatusOr<int64_t> RowTable::walkRows(const int64_t *ids, int64_t count,
                                     size_t bytes, Fn &&fn) {
  if (!distributed) {
    RangeIndex all;
    return walk<Create>(all, ids, count, bytes, fn);
  }
  return std::visit(
      [&](auto &index) { return walk<Create>(index, ids, count, bytes, fn); },
      index);
}

Status RowTable::gather(const int64_t *ids, int64_t count, void *out) {
  size_t bytes = rowBytes();
  auto *to = static_cast<std::byte *>(out);
  auto copyRows = [&](int64_t first, int64_t rows, const uint32_t *slots) {
    withRowCopy(bytes, [&](auto copy) {
      for (int64_t i = 0; i < rows; ++i)
        copy(to + static_cast<size_t>(first + i) * bytes, record(slots[i]));
    });
    return Status();
  };
  // Most often all rows are there, and others may read at the same time.
  int64_t done = 0;
  {
    std::shared_lock<std::shared_mutex> lock(mutex);
    FLEET_ASSIGN_OR_RETURN(done, walkRows<false>(ids, count, bytes, copyRows));
  }
  if (done == count)
    return Status();
  std::unique_lock<std::shared_mutex> lock(mutex);
  to += static_cast<size_t>(done) * bytes;
  return walkRows<true>(ids + done, count - done, bytes, copyRows).status();
}

Status RowTable::update(const int64_t *ids, int64_t count,
                        const void *gradients, const Updater &updater) {
  std::unique_lock<std::shared_mutex> lock(mutex);
  return walkRows<true>(
             ids, count, stride,
             [&](int64_t first, int64_t rows, const uint32_t *slots) {
               return updateRows(slots, rows,
                                 static_cast<const std::byte *>(gradients) +
                                     static_cast<size_t>(first) * rowBytes(),
                                 updater);
             })
      .status();
}

Status RowTable::updateRows(const uint32_t *slots, int64_t count,
                            const void *gradients, const Updater &updater) {
  auto rows = static_cast<size_t>(count), all = size_t(kUpdateRows);
  void **inputs = updateInputs.data();
  inputs[0] = const_cast<void *>(gradients);
  if (rows < all) {
    std::memcpy(compactGradient.data(), gradients, rows * rowBytes());
    std::memset(compactGradient.data() + rows * rowBytes(), 0,
                (all - rows) * rowBytes());
    inputs[0] = compactGradient.data();
  }
  for (size_t c = 0; c < parts.size(); ++c) {
    std::byte *to = compact[c].data();
    size_t bytes = parts[c].bytes, offset = parts[c].offset;
    withRowCopy(bytes, [&](auto copy) {
      for (size_t i = 0; i < rows; ++i)
        copy(to + i * bytes, record(slots[i]) + offset);
    });
    std::memset(to + rows * bytes, 0, (all - rows) * bytes);
  }
  FLEET_RETURN_IF_ERROR(updater(inputs));
  for (size_t c = 0; c < parts.size(); ++c) {
    const std::byte *from = compact[c].data();
    size_t bytes = parts[c].bytes, offset = parts[c].offset;
    withRowCopy(bytes, [&](auto copy) {
      for (size_t i = 0; i < rows; ++i)
        copy(record(slots[i]) + offset, from + i * bytes);
    });
  }
  return Status();
}

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

Status RowTable::assign(size_t component, const int64_t *ids, int64_t count,
                        const void *data) {
  const Component &part = parts[component];
  std::unique_lock<std::shared_mutex> lock(mutex);
  return walkRows<true>(
             ids, count, stride,
             [&](int64_t first, int64_t rows, const uint32_t *slots) {
               for (int64_t i = 0; i < rows; ++i)
                 std::memcpy(record(slots[i]) + part.offset,
                             static_cast<const std::byte *>(data) +
                                 static_cast<size_t>(first + i) * part.bytes,
                             part.bytes);
               return Status();
             })
      .status();
}

StatusOr<TableSnapshot> RowTable::snapshot() const {
  std::shared_lock<std::shared_mutex> lock(mutex);
  TableSnapshot result;
  AlignedBuffer slots;
  if (distributed)
    result.rows =
        std::visit([](const auto &index) { return index.size(); }, index);
  else
    result.rows = static_cast<int64_t>(range);
  auto rows = static_cast<size_t>(result.rows);
  auto allocate = [&](AlignedBuffer &buffer, size_t bytes) {
    FLEET_ASSIGN_OR_RETURN(
        buffer, AlignedBuffer::allocateLarge(bytes, "a copy of a table"));
    return Status();
  };
  FLEET_RETURN_IF_ERROR(allocate(result.ids, rows * sizeof(int64_t)));
  FLEET_RETURN_IF_ERROR(allocate(slots, rows * sizeof(uint32_t)));
  auto *ids = reinterpret_cast<int64_t *>(result.ids.data());
  auto *slotOf = reinterpret_cast<uint32_t *>(slots.data());
  if (distributed) {
    // By slot first, then the slots by id.
    std::visit(
        [&](const auto &map) {
          map.forEach(
              [&](uint64_t key, uint32_t slot) { ids[slot] = idOf(key); });
        },
        index);
    for (size_t i = 0; i < rows; ++i)
      slotOf[i] = static_cast<uint32_t>(i);
    std::sort(slotOf, slotOf + rows,
              [&](uint32_t a, uint32_t b) { return ids[a] < ids[b]; });
    std::sort(ids, ids + rows);
  } else {
    for (size_t i = 0; i < rows; ++i) {
      slotOf[i] = static_cast<uint32_t>(i);
      ids[i] = idOf(i);
    }
  }
  for (const Component &part : parts) {
    AlignedBuffer &to = result.components.emplace_back();
    FLEET_RETURN_IF_ERROR(allocate(to, rows * part.bytes));
    withRowCopy(part.bytes, [&](auto copy) {
      for (size_t i = 0; i < rows; ++i)
        copy(to.data() + i * part.bytes, record(slotOf[i]) + part.offset);
    });
  }
  return result;
}
