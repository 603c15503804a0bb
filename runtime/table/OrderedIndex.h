//===- OrderedIndex.h - Which rows exist ------------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TABLE_ORDEREDINDEX_H
#define FLEET_RUNTIME_TABLE_ORDEREDINDEX_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <cstring>

namespace fleet {

/// A set of keys below some number, whose slots are the keys: one bit a key.
/// The counterpart of RowIndex for tables that may have room for all rows.
class OrderedIndex {
public:
  /// No keys, which will be below `range` (at most UINT32_MAX).
  static StatusOr<OrderedIndex> create(uint64_t range) {
    OrderedIndex index;
    index.words = (range + 63) / 64;
    FLEET_ASSIGN_OR_RETURN(
        index.memory,
        AlignedBuffer::allocateLarge(index.words * 8, "the index of a table"));
    std::memset(index.memory.data(), 0, index.words * 8);
    return index;
  }

  int64_t size() const { return count; }
  /// Bits of tables that fit into memory fit into a cache.
  void prefetch(uint64_t) const {}
  /// The slot of `key`, or UINT32_MAX.
  uint32_t find(uint64_t key) const {
    return bits()[key / 64] >> (key % 64) & 1 ? static_cast<uint32_t>(key)
                                              : UINT32_MAX;
  }
  uint32_t nextSlot(uint64_t key) const { return static_cast<uint32_t>(key); }
  /// Adds a key that is not there.
  StatusOr<uint32_t> add(uint64_t key) {
    bits()[key / 64] |= uint64_t(1) << (key % 64);
    ++count;
    return static_cast<uint32_t>(key);
  }
  /// Calls fn(key, slot) for all, in ascending order.
  template <typename Fn> void forEach(Fn &&fn) const {
    for (uint64_t word = 0; word < words; ++word)
      for (uint64_t left = bits()[word]; left != 0; left &= left - 1) {
        uint64_t key = word * 64 + static_cast<uint64_t>(__builtin_ctzll(left));
        fn(key, static_cast<uint32_t>(key));
      }
  }

private:
  uint64_t *bits() { return reinterpret_cast<uint64_t *>(memory.data()); }
  const uint64_t *bits() const {
    return reinterpret_cast<const uint64_t *>(memory.data());
  }

  AlignedBuffer memory;
  uint64_t words = 0;
  int64_t count = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TABLE_ORDEREDINDEX_H
