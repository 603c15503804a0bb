//===- RowIndex.h - From ids to slots ---------------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TABLE_ROWINDEX_H
#define FLEET_RUNTIME_TABLE_ROWINDEX_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Status.h"

#include <algorithm>
#include <cstdint>

namespace fleet {

/// A hash map from keys to slots 0, 1, 2, ... in the order in which keys were
/// added. Nothing is ever removed. Open addressing with linear probing: a
/// look-up is one cache miss, which prefetch() takes ahead of time. Not
/// thread-safe.
///
/// `Key` is uint32_t where all keys are below 2^32 (8 bytes an entry), else
/// uint64_t (16 bytes).
template <typename Key> class RowIndex {
public:
  static constexpr uint32_t kNone = UINT32_MAX;

  int64_t size() const { return count; }

  void prefetch(Key key) const {
    if (entries)
      __builtin_prefetch(entries + home(key));
  }

  /// The slot of `key`, or kNone.
  uint32_t find(Key key) const {
    if (!entries)
      return kNone;
    for (uint64_t i = home(key);; i = (i + 1) & mask) {
      if (entries[i].slot == kNone || entries[i].key == key)
        return entries[i].slot;
    }
  }

  /// Where a key that is not there would be added.
  uint32_t nextSlot(Key) const { return static_cast<uint32_t>(count); }
  /// Adds a key that is not there. Fails when memory does.
  StatusOr<uint32_t> add(Key key) {
    if (count >= limit)
      FLEET_RETURN_IF_ERROR(grow());
    insert(key, static_cast<uint32_t>(count));
    return static_cast<uint32_t>(count++);
  }

  /// Calls fn(key, slot) for all, in no order.
  template <typename Fn> void forEach(Fn &&fn) const {
    for (uint64_t i = 0; entries && i <= mask; ++i)
      if (entries[i].slot != kNone)
        fn(entries[i].key, entries[i].slot);
  }

  /// Bytes taken.
  size_t bytes() const { return memory.size(); }

private:
  struct Entry {
    Key key;
    uint32_t slot;
  };

  /// The upper bits of a product by the golden ratio: consecutive ids spread
  /// evenly, and so do multiples of a power of two.
  uint64_t home(Key key) const {
    return (uint64_t(key) * 0x9e3779b97f4a7c15u) >> shift;
  }

  void insert(Key key, uint32_t slot) {
    uint64_t i = home(key);
    while (entries[i].slot != kNone)
      i = (i + 1) & mask;
    entries[i] = {key, slot};
  }

  Status grow() {
    uint64_t capacity = entries ? 2 * (mask + 1) : 1024;
    FLEET_ASSIGN_OR_RETURN(AlignedBuffer larger, AlignedBuffer::allocateLarge(
                                                     capacity * sizeof(Entry),
                                                     "the index of a table"));
    AlignedBuffer old = std::move(memory);
    const Entry *oldEntries = entries;
    uint64_t oldCapacity = entries ? mask + 1 : 0;
    memory = std::move(larger);
    entries = reinterpret_cast<Entry *>(memory.data());
    mask = capacity - 1;
    shift = __builtin_clzll(capacity) + 1;
    // At two thirds a look-up still reads two entries on average.
    limit = static_cast<int64_t>(capacity / 3 * 2);
    std::fill_n(entries, capacity, Entry{0, kNone});
    for (uint64_t i = 0; i < oldCapacity; ++i)
      if (oldEntries[i].slot != kNone)
        insert(oldEntries[i].key, oldEntries[i].slot);
    return Status();
  }

  AlignedBuffer memory;
  Entry *entries = nullptr;
  uint64_t mask = 0;
  int shift = 0;
  int64_t count = 0, limit = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TABLE_ROWINDEX_H
