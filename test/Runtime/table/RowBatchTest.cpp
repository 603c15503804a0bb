//===- RowBatchTest.cpp ---------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/table/RowBatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace fleet;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

plan::Table makeTable(plan::Table::Placement placement, int64_t rows,
                      int shards, int64_t columns = 2,
                      plan::DataType dtype = plan::F32) {
  plan::Table table;
  table.set_name("emb");
  table.set_placement(placement);
  table.set_dtype(dtype);
  table.set_rows(rows);
  table.set_columns(columns);
  for (int i = 0; i < shards; ++i) {
    plan::Table::Shard &shard = *table.add_shards();
    if (placement == plan::Table::SPARSE) {
      shard.set_first_row(rows * i / shards);
      shard.set_rows(rows * (i + 1) / shards - rows * i / shards);
    }
  }
  return table;
}

std::vector<int64_t> idsOf(const RowBatch &batch) {
  return {batch.ids(), batch.ids() + batch.size()};
}

TEST(RowBatchTest, RowsAreInOrderOfFirstOccurrence) {
  RowBatch batch(makeTable(plan::Table::SPARSE, 10, 1));
  int64_t a[] = {7, 3, 7, 3, 9};
  int32_t b[] = {3, 0};
  ASSERT_TRUE(batch.build({{a, plan::I64, 5}, {b, plan::I32, 2}}).ok());
  EXPECT_THAT(idsOf(batch), ElementsAre(7, 3, 9, 0));
  EXPECT_EQ(batch.shardBegin(0), 0);
  EXPECT_EQ(batch.shardBegin(1), 4);

  float values[] = {70, 71, 30, 31, 90, 91, 0, 1};
  float out[10];
  batch.expand(0, values, out);
  EXPECT_THAT(out, ElementsAre(70, 71, 30, 31, 70, 71, 30, 31, 90, 91));
  batch.expand(1, values, out);
  EXPECT_THAT(std::vector<float>(out, out + 4), ElementsAre(30, 31, 0, 1));

  float ga[] = {1, 2, 10, 20, 3, 4, 30, 40, 5, 6};
  float gb[] = {100, 200, 7, 8};
  const void *gradients[] = {ga, gb};
  float sums[8];
  batch.sum(gradients, nullptr, sums);
  EXPECT_THAT(sums, ElementsAre(4, 6, 140, 260, 5, 6, 7, 8));
  double weights[] = {0.5, 0.25};
  batch.sum(gradients, weights, sums);
  EXPECT_THAT(sums, ElementsAre(2, 3, 45, 80, 2.5, 3, 1.75, 2));
}

TEST(RowBatchTest, SumsFollowTheOrderOfOccurrence) {
  // In f32, (1e8 + 1) - 1e8 is 0.
  RowBatch batch(makeTable(plan::Table::SPARSE, 10, 1, 1));
  int64_t ids[] = {4, 4, 4};
  ASSERT_TRUE(batch.build({{ids, plan::I64, 3}}).ok());
  float sum;
  for (auto [gradient, expected] :
       {std::pair(std::array<float, 3>{1e8f, 1, -1e8f}, 0.0f),
        std::pair(std::array<float, 3>{1e8f, -1e8f, 1}, 1.0f)}) {
    const void *gradients[] = {gradient.data()};
    batch.sum(gradients, nullptr, &sum);
    EXPECT_EQ(sum, expected);
  }
}

TEST(RowBatchTest, PaddingIsZerosAndTakesNoGradient) {
  RowBatch batch(makeTable(plan::Table::SPARSE, 10, 1));
  int64_t ids[] = {0, 5, 0};
  ASSERT_TRUE(batch.build({{ids, plan::I64, 3, 0}, {ids, plan::I64, 1}}).ok());
  // The second list has no padding: its 0 is a row.
  EXPECT_THAT(idsOf(batch), ElementsAre(5, 0));
  float values[] = {50, 51, 1, 2};
  float out[6] = {9, 9, 9, 9, 9, 9};
  batch.expand(0, values, out);
  EXPECT_THAT(out, ElementsAre(0, 0, 50, 51, 0, 0));
  float ga[] = {1, 1, 2, 3, 1, 1}, gb[] = {8, 9};
  const void *gradients[] = {ga, gb};
  float sums[4];
  batch.sum(gradients, nullptr, sums);
  EXPECT_THAT(sums, ElementsAre(2, 3, 8, 9));
}

TEST(RowBatchTest, RowsOfAShardLieSideBySide) {
  int64_t ids[] = {9, 2, 4, 9, 3, 7, 2};
  RowBatch distributed(makeTable(plan::Table::DISTRIBUTED, 10, 3));
  ASSERT_TRUE(distributed.build({{ids, plan::I64, 7}}).ok());
  EXPECT_THAT(idsOf(distributed), ElementsAre(9, 3, 4, 7, 2));
  EXPECT_EQ(distributed.shardBegin(1), 2);
  EXPECT_EQ(distributed.shardBegin(2), 4);
  EXPECT_EQ(distributed.shardBegin(3), 5);
  float values[] = {9, 9, 3, 3, 4, 4, 7, 7, 2, 2};
  float out[14];
  distributed.expand(0, values, out);
  EXPECT_THAT(out, ElementsAre(9, 9, 2, 2, 4, 4, 9, 9, 3, 3, 7, 7, 2, 2));

  RowBatch sparse(makeTable(plan::Table::SPARSE, 10, 3)); // 0..2 3..5 6..9
  ASSERT_TRUE(sparse.build({{ids, plan::I64, 7}}).ok());
  EXPECT_THAT(idsOf(sparse), ElementsAre(2, 4, 3, 9, 7));
  EXPECT_EQ(sparse.shardBegin(1), 1);
  EXPECT_EQ(sparse.shardBegin(2), 3);
}

TEST(RowBatchTest, IdsOutsideOfTheTableAreAnError) {
  RowBatch batch(makeTable(plan::Table::SPARSE, 10, 1));
  for (int64_t bad : {int64_t(10), int64_t(-1), INT64_MAX, INT64_MIN}) {
    Status status = batch.build({{&bad, plan::I64, 1}});
    EXPECT_THAT(
        status.message(),
        HasSubstr(fmt::format("there is no row {} of table 'emb', which "
                              "has rows 0 to 9",
                              bad)));
  }
  int32_t negative = -3;
  EXPECT_FALSE(batch.build({{&negative, plan::I32, 1}}).ok());
  // It can be used again.
  int64_t good = 3;
  ASSERT_TRUE(batch.build({{&good, plan::I64, 1}}).ok());
  EXPECT_THAT(idsOf(batch), ElementsAre(3));
}

/// Steps of all sizes, against maps.
template <typename T> void compareWithMaps(plan::DataType dtype, int shards) {
  std::mt19937_64 random(3);
  RowBatch batch(makeTable(plan::Table::DISTRIBUTED, 1000, shards, 3, dtype));
  EXPECT_EQ(batch.rowBytes(), 3 * sizeof(T));
  for (int round = 0; round < 60; ++round) {
    std::vector<int64_t> ids[2];
    std::vector<T> gradients[2];
    std::map<int64_t, std::array<T, 3>> sums;
    for (int l = 0; l < 2; ++l) {
      size_t count = random() % (round % 5 == 0 ? 3 : 700);
      for (size_t i = 0; i < count; ++i) {
        ids[l].push_back(static_cast<int64_t>(random() % 1000));
        auto &sum = sums[ids[l].back()];
        for (T &element : sum) {
          gradients[l].push_back(static_cast<T>(random() % 64));
          element += gradients[l].back();
        }
      }
    }
    ASSERT_TRUE(batch
                    .build({{ids[0].data(), plan::I64,
                             static_cast<int64_t>(ids[0].size())},
                            {ids[1].data(), plan::I64,
                             static_cast<int64_t>(ids[1].size())}})
                    .ok());
    ASSERT_EQ(batch.size(), static_cast<int64_t>(sums.size()));
    StatusOr<void *> room = batch.makeRoom();
    ASSERT_TRUE(room.ok());
    auto *summed = static_cast<T *>(*room);
    const void *lists[] = {gradients[0].data(), gradients[1].data()};
    batch.sum(lists, nullptr, summed);
    for (uint32_t s = 0; s < static_cast<uint32_t>(shards); ++s)
      for (int64_t i = batch.shardBegin(s); i < batch.shardBegin(s + 1); ++i) {
        int64_t id = batch.ids()[i];
        EXPECT_EQ(id % shards, s);
        for (int c = 0; c < 3; ++c)
          ASSERT_EQ(summed[3 * i + c], sums.at(id)[static_cast<size_t>(c)]);
      }
    for (size_t l = 0; l < 2; ++l) {
      std::vector<T> out(3 * ids[l].size());
      batch.expand(l, summed, out.data());
      for (size_t i = 0; i < ids[l].size(); ++i)
        ASSERT_EQ(out[3 * i + 2], sums.at(ids[l][i])[2]);
    }
  }
}

TEST(RowBatchTest, RandomSteps) {
  compareWithMaps<float>(plan::F32, 1);
  compareWithMaps<float>(plan::F32, 4);
  compareWithMaps<double>(plan::F64, 3);
}

} // namespace
