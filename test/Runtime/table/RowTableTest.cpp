//===- RowTableTest.cpp ---------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/table/RowTable.h"

#include "runtime/base/Random.h"

#include <array>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <thread>

using namespace fleet;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

constexpr uint64_t kSeed = 11;
constexpr int64_t kColumns = 3;
constexpr int64_t kBlock = RowTable::kUpdateRows;

/// Values drawn from a normal distribution, a velocity of zeros and a norm of
/// one column that starts as 0.5.
plan::Table makeTable(plan::Table::Placement placement, int64_t rows,
                      int shards = 1) {
  plan::Table table;
  table.set_name("emb");
  table.set_placement(placement);
  table.set_dtype(plan::F32);
  table.set_rows(rows);
  table.set_columns(kColumns);
  table.mutable_initializer()->mutable_normal()->set_stddev(2);
  plan::Table::RowState &velocity = *table.add_row_states();
  velocity.set_slot("velocity");
  velocity.set_columns(kColumns);
  velocity.mutable_initializer()->mutable_constant()->set_value(0);
  plan::Table::RowState &norm = *table.add_row_states();
  norm.set_slot("norm");
  norm.set_columns(1);
  norm.mutable_initializer()->mutable_constant()->set_value(0.5);
  for (int i = 0; i < shards; ++i) {
    plan::Table::Shard &shard = *table.add_shards();
    if (placement == plan::Table::SPARSE) {
      shard.set_first_row(rows * i / shards);
      shard.set_rows(rows * (i + 1) / shards - rows * i / shards);
    }
  }
  return table;
}

std::unique_ptr<RowTable> create(const plan::Table &table, uint32_t shard = 0,
                                 uint64_t maxBytes = 0) {
  auto made = RowTable::create(table, shard, {kSeed, maxBytes});
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() ? std::move(*made) : nullptr;
}

/// velocity = velocity / 2 + g; w -= velocity; norm += 1.
Status momentum(void *const *inputs) {
  auto *g = static_cast<const float *>(inputs[0]);
  auto *w = static_cast<float *>(inputs[1]);
  auto *velocity = static_cast<float *>(inputs[2]);
  auto *norm = static_cast<float *>(inputs[3]);
  for (int64_t i = 0; i < kBlock * kColumns; ++i) {
    velocity[i] = velocity[i] / 2 + g[i];
    w[i] -= velocity[i];
  }
  for (int64_t i = 0; i < kBlock; ++i)
    norm[i] += 1;
  return Status();
}

std::vector<float> wholeTensor(const plan::Table &table) {
  std::vector<float> values(static_cast<size_t>(table.rows() * kColumns));
  EXPECT_TRUE(fillInitial(table.initializer(), plan::F32, kSeed, "emb", 0,
                          table.rows() * kColumns, values.data())
                  .ok());
  return values;
}

std::vector<float> gather(RowTable &table, const std::vector<int64_t> &ids) {
  std::vector<float> out(ids.size() * kColumns);
  Status status =
      table.gather(ids.data(), static_cast<int64_t>(ids.size()), out.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

TEST(RowTableTest, RowsStartAsThoseOfTheWholeTensor) {
  for (auto placement : {plan::Table::SPARSE, plan::Table::DISTRIBUTED})
    for (int shards : {1, 3}) {
      plan::Table declared = makeTable(placement, 3000, shards);
      std::vector<float> whole = wholeTensor(declared);
      int64_t seen = 0;
      for (int s = 0; s < shards; ++s) {
        auto table = create(declared, static_cast<uint32_t>(s));
        ASSERT_TRUE(table);
        for (int64_t id = 2999; id >= 0; --id) { // in another order
          if (!table->checkIds(&id, 1).ok())
            continue;
          ++seen;
          std::vector<float> row = gather(*table, {id});
          ASSERT_EQ(std::memcmp(row.data(), whole.data() + id * kColumns,
                                sizeof(float) * kColumns),
                    0)
              << "row " << id;
        }
      }
      EXPECT_EQ(seen, 3000);
    }
}

TEST(RowTableTest, ElementsAreNumberedIn64Bits) {
  int64_t rows = int64_t(1) << 50;
  plan::Table declared = makeTable(plan::Table::DISTRIBUTED, rows, 2);
  auto table = create(declared, 1);
  for (int64_t id : {int64_t(1), (int64_t(1) << 40) + 1, rows - 1}) {
    std::vector<float> row = gather(*table, {id}), expected(kColumns);
    ASSERT_TRUE(fillInitial(declared.initializer(), plan::F32, kSeed, "emb",
                            id * kColumns, kColumns, expected.data())
                    .ok());
    EXPECT_EQ(row, expected);
  }
  EXPECT_EQ(table->size(), 3);
}

TEST(RowTableTest, RowsExistFromTheirFirstUseOn) {
  auto table = create(makeTable(plan::Table::DISTRIBUTED, 1000));
  EXPECT_EQ(table->size(), 0);
  gather(*table, {4, 999, 4});
  EXPECT_EQ(table->size(), 2);
  std::vector<float> gradient(kColumns, 1);
  int64_t id = 7;
  ASSERT_TRUE(table->update(&id, 1, gradient.data(), momentum).ok());
  EXPECT_EQ(table->size(), 3);
  auto snapshot = table->snapshot();
  ASSERT_TRUE(snapshot.ok());
  auto *ids = reinterpret_cast<const int64_t *>(snapshot->ids.data());
  EXPECT_THAT(std::vector<int64_t>(ids, ids + 3), ElementsAre(4, 7, 999));
  auto *norms = reinterpret_cast<const float *>(snapshot->components[2].data());
  EXPECT_THAT(std::vector<float>(norms, norms + 3),
              ElementsAre(0.5f, 1.5f, 0.5f));
}

/// Looks rows up and updates them at random, against a map of rows.
void compareWithMap(plan::Table::Placement placement, int64_t rows, int shards,
                    uint32_t shard, uint64_t maxBytes = 0) {
  plan::Table declared = makeTable(placement, rows, shards);
  auto table = create(declared, shard, maxBytes);
  ASSERT_TRUE(table);
  struct Row {
    std::array<float, kColumns> values, velocity{};
    float norm = 0.5;
  };
  std::vector<float> whole = wholeTensor(declared);
  std::map<int64_t, Row> reference;
  auto rowOf = [&](int64_t id) -> Row & {
    auto [it, isNew] = reference.try_emplace(id);
    if (isNew)
      std::memcpy(it->second.values.data(), whole.data() + id * kColumns,
                  sizeof(float) * kColumns);
    return it->second;
  };
  std::vector<int64_t> own;
  for (int64_t id = 0; id < rows; ++id)
    if (table->checkIds(&id, 1).ok())
      own.push_back(id);
  std::mt19937_64 random(5);
  for (int round = 0; round < 120; ++round) {
    std::shuffle(own.begin(), own.end(), random);
    size_t count = random() % (round % 4 == 0 ? 3 : 1500);
    std::vector<int64_t> ids(
        own.begin(),
        own.begin() + static_cast<ptrdiff_t>(std::min(count, own.size())));
    if (round % 3 == 0) {
      std::vector<float> values = gather(*table, ids);
      for (size_t i = 0; i < ids.size(); ++i)
        ASSERT_EQ(std::memcmp(values.data() + i * kColumns,
                              rowOf(ids[i]).values.data(),
                              sizeof(float) * kColumns),
                  0);
      continue;
    }
    std::vector<float> gradients;
    for (int64_t id : ids) {
      Row &row = rowOf(id);
      row.norm += 1;
      for (size_t c = 0; c < kColumns; ++c) {
        gradients.push_back(static_cast<float>(random() % 100));
        row.velocity[c] = row.velocity[c] / 2 + gradients.back();
        row.values[c] -= row.velocity[c];
      }
    }
    Status status = table->update(ids.data(), static_cast<int64_t>(ids.size()),
                                  gradients.data(), momentum);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  auto snapshot = table->snapshot();
  ASSERT_TRUE(snapshot.ok());
  ASSERT_EQ(snapshot->rows, table->size());
  if (placement == plan::Table::DISTRIBUTED)
    ASSERT_EQ(snapshot->rows, static_cast<int64_t>(reference.size()));
  auto *ids = reinterpret_cast<const int64_t *>(snapshot->ids.data());
  for (int64_t i = 0; i < snapshot->rows; ++i) {
    const Row &row = rowOf(ids[i]);
    if (i > 0)
      ASSERT_LT(ids[i - 1], ids[i]);
    size_t bytes = sizeof(float) * kColumns,
           at = static_cast<size_t>(i) * bytes;
    ASSERT_EQ(std::memcmp(snapshot->components[0].data() + at,
                          row.values.data(), bytes),
              0);
    ASSERT_EQ(std::memcmp(snapshot->components[1].data() + at,
                          row.velocity.data(), bytes),
              0);
    ASSERT_EQ(
        reinterpret_cast<const float *>(snapshot->components[2].data())[i],
        row.norm);
  }
  // A table that is given all of it is the same table.
  auto copy = create(declared, shard);
  for (size_t c = 0; c < 3; ++c)
    ASSERT_TRUE(
        copy->assign(c, ids, snapshot->rows, snapshot->components[c].data())
            .ok());
  auto again = copy->snapshot();
  ASSERT_TRUE(again.ok());
  ASSERT_EQ(again->rows, snapshot->rows);
  for (size_t c = 0; c < 3; ++c)
    ASSERT_EQ(std::memcmp(again->components[c].data(),
                          snapshot->components[c].data(),
                          snapshot->components[c].size()),
              0);
}

TEST(RowTableTest, RandomOperations) {
  compareWithMap(plan::Table::SPARSE, 2000, 1, 0);
  compareWithMap(plan::Table::SPARSE, 2000, 3, 1);
  compareWithMap(plan::Table::DISTRIBUTED, 2000, 1, 0);
  compareWithMap(plan::Table::DISTRIBUTED, 5000, 3, 2);
  // With too little memory for all rows in the order of ids: by a hash index.
  compareWithMap(plan::Table::DISTRIBUTED, 2000, 1, 0, 7 * 2000 * 28);
  compareWithMap(plan::Table::DISTRIBUTED, 5000, 3, 2, 7 * 1666 * 28);
}

TEST(RowTableTest, ForeignIdsAreRefused) {
  std::vector<float> out(kColumns);
  auto messageOf = [&](RowTable &table, int64_t id) {
    Status status = table.gather(&id, 1, out.data());
    EXPECT_EQ(status.message(), table.checkIds(&id, 1).message());
    EXPECT_EQ(status.message(),
              table.update(&id, 1, out.data(), momentum).message());
    return status.message();
  };
  auto sparse = create(makeTable(plan::Table::SPARSE, 10, 2), 1);
  EXPECT_EQ(messageOf(*sparse, 4), "row 4 of table 'emb' belongs to another "
                                   "server");
  EXPECT_EQ(messageOf(*sparse, 10),
            "there is no row 10 of table 'emb', which has rows 0 to 9");
  EXPECT_EQ(messageOf(*sparse, -1),
            "there is no row -1 of table 'emb', which has rows 0 to 9");
  auto distributed = create(makeTable(plan::Table::DISTRIBUTED, 10, 3), 1);
  EXPECT_EQ(messageOf(*distributed, 5), "row 5 of table 'emb' belongs to "
                                        "another server");
  EXPECT_THAT(messageOf(*distributed, 10), HasSubstr("there is no row 10"));
  EXPECT_THAT(messageOf(*distributed, INT64_MIN), HasSubstr("there is no row"));
  EXPECT_EQ(distributed->size(), 0);
}

TEST(RowTableTest, MemoryIsBounded) {
  plan::Table sparse = makeTable(plan::Table::SPARSE, 1 << 20);
  auto made = RowTable::create(sparse, 0, {kSeed, 1 << 20});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.status().message(),
              HasSubstr("table 'emb': 1048576 rows of 28 bytes each (values "
                        "and state) do not fit into a process with 1048576 "
                        "bytes of memory; use more servers"));
  // A distributed table fails when it has grown too large, and stays usable.
  auto table =
      create(makeTable(plan::Table::DISTRIBUTED, 1 << 24), 0, 10 << 20);
  std::vector<int64_t> ids(1 << 20);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int64_t>(i);
  std::vector<float> out(ids.size() * kColumns);
  Status status =
      table->gather(ids.data(), static_cast<int64_t>(ids.size()), out.data());
  EXPECT_THAT(status.message(), HasSubstr("do not fit"));
  EXPECT_EQ(gather(*table, {5}).size(), size_t(kColumns));
}

TEST(RowTableTest, AFailedUpdateSaysSo) {
  auto table = create(makeTable(plan::Table::SPARSE, 10));
  int64_t id = 1;
  float gradient[kColumns] = {};
  Status status = table->update(&id, 1, gradient, [](void *const *) {
    return makeError(StatusCode::Internal, "no");
  });
  EXPECT_EQ(status.message(), "no");
}

class RowTableReaders : public testing::TestWithParam<uint64_t> {};

TEST_P(RowTableReaders, MakeRowsAtTheSameTime) {
  plan::Table declared = makeTable(plan::Table::DISTRIBUTED, 20000);
  std::vector<float> whole = wholeTensor(declared);
  auto table = create(declared, 0, GetParam());
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<int64_t> ids;
      for (int64_t id = t * 2000; id < t * 2000 + 12000; ++id)
        ids.push_back(id);
      std::vector<float> rows = gather(*table, ids);
      wrong += std::memcmp(rows.data(), whole.data() + t * 2000 * kColumns,
                           rows.size() * sizeof(float)) != 0;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(table->size(), 18000);
}

/// In the order of ids, and by a hash index.
INSTANTIATE_TEST_SUITE_P(Indices, RowTableReaders,
                         testing::Values(0, 7 * 20000 * 28));

} // namespace
