//===- RowIndexTest.cpp ---------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/table/RowIndex.h"

#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace fleet;

namespace {

/// Random look-ups and additions, against a map of the standard library.
template <typename Key> void compareWithMap(uint64_t keys, uint64_t stride) {
  RowIndex<Key> index;
  std::map<uint64_t, uint32_t> reference;
  std::mt19937_64 random(7);
  EXPECT_EQ(index.find(0), RowIndex<Key>::kNone);
  for (int i = 0; i < 30000; ++i) {
    uint64_t key = random() % keys * stride;
    index.prefetch(static_cast<Key>(key));
    auto known = reference.find(key);
    uint32_t slot = index.find(static_cast<Key>(key));
    if (known != reference.end()) {
      ASSERT_EQ(slot, known->second);
      continue;
    }
    ASSERT_EQ(slot, RowIndex<Key>::kNone);
    reference[key] = static_cast<uint32_t>(index.size());
    ASSERT_TRUE(index.add(static_cast<Key>(key)).ok());
  }
  EXPECT_EQ(index.size(), static_cast<int64_t>(reference.size()));
  size_t seen = 0;
  index.forEach([&](uint64_t key, uint32_t slot) {
    ++seen;
    EXPECT_EQ(reference.at(key), slot);
  });
  EXPECT_EQ(seen, reference.size());
}

TEST(RowIndexTest, FindsWhatWasAdded) {
  compareWithMap<uint32_t>(20000, 1);
  compareWithMap<uint64_t>(20000, 1);
}

TEST(RowIndexTest, PatternsOfIdsDoNotMatter) {
  compareWithMap<uint32_t>(10000, 1 << 16);
  compareWithMap<uint64_t>(10000, uint64_t(1) << 44);
  compareWithMap<uint64_t>(uint64_t(1) << 63, 1);
}

} // namespace
