//===- ArenaLayoutTest.cpp ------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/ArenaLayout.h"

#include <gtest/gtest.h>

#include <set>

using namespace fleet;

TEST(ArenaLayout, BuffersAreDisjointAndOnCacheLines) {
  ArenaLayout layout;
  int64_t end = 0;
  for (int64_t bytes : {0, 1, 64, 65, 4096, 5000, 4, 1 << 20, 1 << 20}) {
    int64_t offset = layout.add(bytes);
    EXPECT_EQ(offset % 64, 0);
    EXPECT_GE(offset, end);
    end = offset + (bytes == 0 ? 1 : bytes);
    EXPECT_LE(end, layout.size());
  }
}

TEST(ArenaLayout, BigBuffersStartAtDifferentDistancesFromAPage) {
  ArenaLayout layout;
  std::set<int64_t> residues;
  for (int i = 0; i < 64; ++i)
    residues.insert(layout.add(1 << 16) % 4096);
  EXPECT_EQ(residues.size(), 64u);
}
