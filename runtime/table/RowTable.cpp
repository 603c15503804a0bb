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

/// Distributed tables that would take no more than this part of the memory if
/// all rows existed have records in the order of ids: then the index is one bit
/// a row, which stays in the cache, and a look-up is the record alone.
constexpr uint64_t kOrderedShare = 32;

constexpr uint32_t kNoSlot = UINT32_MAX;

/// Every row of a range is where its number says.
struct RangeIndex {
  void prefetch(uint64_t) const {}
  uint32_t find(uint64_t key) const { return static_cast<uint32_t>(key); }
  uint32_t nextSlot(uint64_t key) const { return static_cast<uint32_t>(key); }
  StatusOr<uint32_t> add(uint64_t key) { return nextSlot(key); }
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
  if (result->distributed) {
    uint64_t share = result->options.maxBytes / kOrderedShare;
    if (result->range <= share / result->stride && result->range < UINT32_MAX) {
      FLEET_ASSIGN_OR_RETURN(result->index,
                             OrderedIndex::create(result->range));
    } else if (result->range > UINT32_MAX) {
      result->index.emplace<RowIndex<uint64_t>>();
    }
  }
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

/// Makes memory for the record in `slot`.
Status RowTable::makeChunk(uint64_t slot) {
  uint64_t chunk = slot >> chunkShift;
  if (chunk < chunks.size() && chunks[chunk])
    return Status();
  uint64_t bytes = (chunkMask + 1) * stride;
  // A slot is 32 bits, one of which stands for none.
  if (memoryBytes + bytes > options.maxBytes || slot >= kNoSlot)
    return makeError(StatusCode::InvalidArgument,
                     "table '{}': {} rows of {} bytes each (values and state) "
                     "do not fit into a process with {} bytes of memory; use "
                     "more servers",
                     tableName, distributed ? slot + 1 : range, stride,
                     options.maxBytes);
  FLEET_ASSIGN_OR_RETURN(
      AlignedBuffer buffer,
      AlignedBuffer::allocateLarge(bytes, "the rows of a table"));
  if (chunk >= chunks.size())
    chunks.resize(chunk + 1, nullptr);
  chunks[chunk] = buffer.data();
  memory.push_back(std::move(buffer));
  memoryBytes += bytes;
  return Status();
}

Status RowTable::makeRange() {
  for (uint64_t slot = 0; slot < range; slot += chunkMask + 1)
    FLEET_RETURN_IF_ERROR(makeChunk(slot));
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
  FLEET_RETURN_IF_ERROR(makeChunk(slot));
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

/// Calls fn(first, rows, slots, ahead) for pieces of `ids` of kUpdateRows each
/// but the last. While a piece is handled, row by row, the one after it comes
/// from memory: `fn` calls ahead(i) for each i below `rows`, which looks up row
/// i of the next piece and fetches the first `bytes` bytes of its record; the
/// index is fetched some ids before. Returns how many ids were handled; all of
/// them, unless a row does not exist and may not be made.
template <bool Create, typename Index, typename Fn>
StatusOr<int64_t> RowTable::walk(Index &index, const int64_t *ids,
                                 int64_t count, size_t bytes, Fn &&fn) {
  uint32_t slots[2][kUpdateRows];
  bool isMissing = false;
  auto prefetch = [&](int64_t i) {
    if (uint64_t key = i < count ? keyOf(ids[i]) : range; key < range)
      index.prefetch(key);
  };
  auto look = [&](int64_t i, uint32_t &slot) {
    prefetch(i + kAhead);
    uint64_t key = keyOf(ids[i]);
    slot = key < range ? index.find(key) : kNoSlot;
    if (slot == kNoSlot) {
      isMissing = true;
      return;
    }
    const std::byte *from = record(slot);
    for (size_t at = 0; at < bytes; at += 64)
      __builtin_prefetch(from + at);
  };
  int64_t rows = std::min(kUpdateRows, count);
  for (int64_t i = 0; i < kAhead; ++i)
    prefetch(i);
  for (int64_t i = 0; i < rows; ++i)
    look(i, slots[0][i]);
  for (int64_t first = 0; first < count;) {
    uint32_t *here = slots[first / kUpdateRows % 2];
    for (int64_t i = 0; isMissing && i < rows; ++i) {
      if (here[i] != kNoSlot)
        continue;
      int64_t id = ids[first + i];
      uint64_t key = keyOf(id);
      if (key >= range)
        return notHere(id);
      if (!Create)
        return first;
      here[i] = index.find(key); // an id may have come before in this piece
      if (here[i] != kNoSlot)
        continue;
      FLEET_RETURN_IF_ERROR(makeRecord(index.nextSlot(key), id));
      FLEET_ASSIGN_OR_RETURN(here[i], index.add(key));
    }
    isMissing = false;
    int64_t next = first + rows;
    int64_t nextRows = std::min(kUpdateRows, count - next);
    uint32_t *there = slots[next / kUpdateRows % 2];
    FLEET_RETURN_IF_ERROR(fn(first, rows, here, [&](int64_t i) {
      if (i < nextRows)
        look(next + i, there[i]);
    }));
    first = next;
    rows = nextRows;
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

Status RowTable::read(size_t component, const int64_t *ids, int64_t count,
                      void *out) {
  size_t bytes = parts[component].bytes, offset = parts[component].offset;
  auto *to = static_cast<std::byte *>(out);
  auto copyRows = [&](int64_t first, int64_t rows, const uint32_t *slots,
                      auto ahead) {
    withRowCopy(bytes, [&](auto copy) {
      for (int64_t i = 0; i < rows; ++i) {
        ahead(i);
        copy(to + static_cast<size_t>(first + i) * bytes,
             record(slots[i]) + offset);
      }
    });
    return Status();
  };
  // Most often all rows are there, and others may read at the same time.
  int64_t done = 0;
  {
    std::shared_lock<std::shared_mutex> lock(mutex);
    FLEET_ASSIGN_OR_RETURN(
        done, walkRows<false>(ids, count, offset + bytes, copyRows));
  }
  if (done == count)
    return Status();
  std::unique_lock<std::shared_mutex> lock(mutex);
  to += static_cast<size_t>(done) * bytes;
  return walkRows<true>(ids + done, count - done, offset + bytes, copyRows)
      .status();
}

Status RowTable::update(const int64_t *ids, int64_t count,
                        const void *gradients, const Updater &updater) {
  std::unique_lock<std::shared_mutex> lock(mutex);
  return walkRows<true>(ids, count, stride,
                        [&](int64_t first, int64_t rows, const uint32_t *slots,
                            auto ahead) {
                          return updateRows(
                              slots, rows,
                              static_cast<const std::byte *>(gradients) +
                                  static_cast<size_t>(first) * rowBytes(),
                              updater, ahead);
                        })
      .status();
}

template <typename Ahead>
Status RowTable::updateRows(const uint32_t *slots, int64_t count,
                            const void *gradients, const Updater &updater,
                            Ahead &&ahead) {
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
      for (size_t i = 0; i < rows; ++i) {
        if (c == 0)
          ahead(static_cast<int64_t>(i));
        copy(record(slots[i]) + offset, from + i * bytes);
      }
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
  return walkRows<true>(ids, count, stride,
                        [&](int64_t first, int64_t rows, const uint32_t *slots,
                            auto ahead) {
                          for (int64_t i = 0; i < rows; ++i) {
                            ahead(i);
                            std::memcpy(record(slots[i]) + part.offset,
                                        static_cast<const std::byte *>(data) +
                                            static_cast<size_t>(first + i) *
                                                part.bytes,
                                        part.bytes);
                          }
                          return Status();
                        })
      .status();
}

StatusOr<TableSnapshot> RowTable::snapshot() const {
  std::shared_lock<std::shared_mutex> lock(mutex);
  TableSnapshot result;
  struct Row {
    int64_t id;
    uint32_t slot;
  };
  result.rows =
      distributed
          ? std::visit([](const auto &map) { return map.size(); }, index)
          : static_cast<int64_t>(range);
  auto rows = static_cast<size_t>(result.rows);
  auto allocate = [&](AlignedBuffer &buffer, size_t bytes) {
    FLEET_ASSIGN_OR_RETURN(
        buffer, AlignedBuffer::allocateLarge(bytes, "a copy of a table"));
    return Status();
  };
  AlignedBuffer list;
  FLEET_RETURN_IF_ERROR(allocate(list, rows * sizeof(Row)));
  auto *row = reinterpret_cast<Row *>(list.data());
  size_t next = 0;
  auto add = [&](uint64_t key, uint32_t slot) {
    row[next++] = {idOf(key), slot};
  };
  if (distributed)
    std::visit([&](const auto &map) { map.forEach(add); }, index);
  else
    for (uint64_t key = 0; key < range; ++key)
      add(key, static_cast<uint32_t>(key));
  auto byId = [](const Row &a, const Row &b) { return a.id < b.id; };
  if (!std::is_sorted(row, row + rows, byId))
    std::sort(row, row + rows, byId);
  FLEET_RETURN_IF_ERROR(allocate(result.ids, rows * sizeof(int64_t)));
  auto *ids = reinterpret_cast<int64_t *>(result.ids.data());
  for (size_t i = 0; i < rows; ++i)
    ids[i] = row[i].id;
  for (const Component &part : parts) {
    AlignedBuffer &to = result.components.emplace_back();
    FLEET_RETURN_IF_ERROR(allocate(to, rows * part.bytes));
    withRowCopy(part.bytes, [&](auto copy) {
      for (size_t i = 0; i < rows; ++i)
        copy(to.data() + i * part.bytes, record(row[i].slot) + part.offset);
    });
  }
  return result;
}
