//===- RowServiceTest.cpp - Rows in the service, without a network --------===//

#include "runtime/transport/Connection.h"
#include "test/Runtime/ps/TestRows.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using Push = ParameterService::Push;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

/// A service of the table "item" alone: 40 rows of one f64 that start as 1.
class RowServiceTest : public ::testing::Test {
protected:
  void make(uint32_t trainers, plan::SyncMode mode = plan::SYNC,
            uint32_t shards = 1) {
    auto created = RowTable::create(testTables(shards)[1], 0, {});
    ASSERT_TRUE(created.ok());
    table = std::move(*created);
    auto made = ParameterService::create(
        {}, trainers, mode,
        [](size_t, const void *, const void *) { return Status(); }, {},
        {testService(*table, advances)});
    ASSERT_TRUE(made.ok()) << made.status().message();
    service = std::move(*made);
  }

  using Rows = std::vector<std::pair<int64_t, double>>;

  Status land(uint32_t rank, const Rows &rows) {
    std::vector<int64_t> words = {static_cast<int64_t>(rows.size())};
    for (auto [id, gradient] : rows)
      words.push_back(id);
    for (auto [id, gradient] : rows) {
      words.emplace_back();
      std::memcpy(&words.back(), &gradient, sizeof(gradient));
    }
    return landBytes(rank, words.data(), words.size() * 8);
  }
  Status landBytes(uint32_t rank, const void *data, size_t bytes) {
    auto to = service->rowLanding(rank, bytes);
    EXPECT_TRUE(to.ok());
    std::memcpy(*to, data, bytes);
    return service->takeRows(rank, bytes);
  }
  void push(Push expected, uint32_t rank, uint64_t step, uint64_t examples,
            const Rows &rows) {
    if (examples > 0)
      EXPECT_TRUE(land(rank, rows).ok());
    auto result = service->push(rank, step, examples, TimePoint());
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(*result, expected);
  }
  double row(int64_t id) {
    double value = 0;
    EXPECT_TRUE(table->gather(&id, 1, &value).ok());
    return value;
  }

  std::unique_ptr<RowTable> table;
  int advances = 0;
  std::unique_ptr<ParameterService> service;
};

TEST_F(RowServiceTest, RowsAreMergedByExamples) {
  make(3);
  push(Push::Waiting, 0, 1, 1, {{3, 8}, {5, 16}});
  push(Push::Waiting, 2, 1, 1, {{5, 4}, {9, 4}});
  EXPECT_EQ(row(3), 1);
  push(Push::Applied, 1, 1, 2, {{5, 6}});
  EXPECT_EQ(row(3), 1 - 0.5 * (8 * 0.25));
  EXPECT_EQ(row(5), 1 - 0.5 * (16 * 0.25 + 6 * 0.5 + 4 * 0.25));
  EXPECT_EQ(row(9), 1 - 0.5 * (4 * 0.25));
  EXPECT_EQ(row(4), 1);
  EXPECT_EQ(advances, 1);
}

TEST_F(RowServiceTest, TheMergeFollowsRanksNotArrival) {
  make(3);
  // In f64, (1e17 + 1) - 1e17 is 0.
  push(Push::Waiting, 2, 1, 1, {{3, -3e17}});
  push(Push::Waiting, 1, 1, 1, {{3, 3}});
  push(Push::Applied, 0, 1, 1, {{3, 3e17}});
  EXPECT_EQ(row(3), 1);
}

TEST_F(RowServiceTest, OneContributorKeepsItsBits) {
  make(2);
  push(Push::Waiting, 0, 1, 0, {});
  push(Push::Applied, 1, 1, 7, {{3, 0x1.23456789abcdep-3}});
  EXPECT_EQ(row(3), 1 - 0.5 * 0x1.23456789abcdep-3);
  EXPECT_EQ(advances, 1);
}

TEST_F(RowServiceTest, AStepWithoutExamplesChangesNothing) {
  make(2);
  push(Push::Waiting, 0, 1, 1, {{3, 2}});
  push(Push::Applied, 1, 1, 1, {{3, 2}});
  double before = row(3);
  push(Push::Waiting, 0, 2, 0, {}); // what landed at step 1 is still there
  push(Push::Applied, 1, 2, 0, {});
  EXPECT_EQ(row(3), before);
  EXPECT_EQ(advances, 1);
}

TEST_F(RowServiceTest, AStepOfNoRowsAdvances) {
  make(1);
  push(Push::Applied, 0, 1, 4, {});
  EXPECT_EQ(advances, 1);
}

TEST_F(RowServiceTest, APushIsAppliedOnce) {
  make(1);
  push(Push::Applied, 0, 1, 1, {{3, 2}});
  EXPECT_EQ(row(3), 0);
  push(Push::Duplicate, 0, 1, 1, {{3, 2}});
  EXPECT_EQ(row(3), 0);
  EXPECT_EQ(advances, 1);
}

TEST_F(RowServiceTest, HalfAsyncAppliesEachPush) {
  make(2, plan::HALF_ASYNC);
  push(Push::Applied, 1, 1, 3, {{3, 2}});
  EXPECT_EQ(row(3), 0);
  push(Push::Applied, 0, 1, 1, {{3, 2}});
  EXPECT_EQ(row(3), -1);
  EXPECT_EQ(advances, 2);
}

TEST_F(RowServiceTest, WhatIsNoRowsIsRefused) {
  make(1, plan::SYNC, 2); // owns rows 0 to 19
  EXPECT_THAT(land(0, {{20, 1}}).message(),
              HasSubstr("row 20 of table 'item' belongs to another server"));
  EXPECT_THAT(land(0, {{40, 1}}).message(), HasSubstr("there is no row 40"));
  EXPECT_THAT(land(0, {{-1, 1}}).message(), HasSubstr("there is no row -1"));
  auto messageOf = [&](std::vector<int64_t> words, size_t bytes) {
    words.resize(16);
    Status status = landBytes(0, words.data(), bytes);
    EXPECT_EQ(status.code(), StatusCode::DataLoss);
    return status.message();
  };
  EXPECT_THAT(messageOf({}, 0), HasSubstr("too few for their counts"));
  EXPECT_THAT(messageOf({}, 7), HasSubstr("too few for their counts"));
  EXPECT_THAT(messageOf({1}, 8), HasSubstr("too few for their ids"));
  EXPECT_THAT(messageOf({-1}, 64), HasSubstr("too few for their ids"));
  EXPECT_THAT(messageOf({INT64_MIN + 1}, 64),
              HasSubstr("too few for their ids"));
  EXPECT_THAT(messageOf({1, 5}, 16), HasSubstr("too few for their rows"));
  EXPECT_THAT(messageOf({1, 5}, 23), HasSubstr("too few for their rows"));
  EXPECT_THAT(messageOf({1, 5}, 32), HasSubstr("too many"));
  EXPECT_THAT(messageOf({0}, 16), HasSubstr("too many"));
  EXPECT_THAT(service->rowLanding(0, kMaxRowPayload + 1).status().message(),
              HasSubstr("more than 4294967296"));
}

/// What a receiver of `parts` has from `offset` bytes into the payload on.
std::vector<int64_t> receive(const std::vector<ConstBuffer> &parts,
                             size_t offset, size_t &size) {
  std::vector<int64_t> words(payloadBytes(parts) / 8 + 1, -1);
  auto *bytes = reinterpret_cast<char *>(words.data());
  size = 0;
  for (const ConstBuffer &part : parts) {
    size_t padding = paddingBefore(size, part.size);
    std::memset(bytes + size, 0, padding);
    std::memcpy(bytes + size + padding, part.data, part.size);
    size += padding + part.size;
  }
  std::memmove(bytes, bytes + offset, size - offset);
  size -= offset;
  return words;
}

TEST(RowFramesTest, WhatIsAppendedIsParsed) {
  std::vector<size_t> rowBytes = {4, 8, 12};
  // From a few bytes to parts that are laid on cache lines.
  for (size_t scale : {size_t(1), size_t(5000), size_t(30001)})
    for (size_t blockBytes : {size_t(0), size_t(24), size_t(70000)})
      for (bool withRows : {true, false}) {
        std::vector<int64_t> a(3 * scale), b(scale);
        for (size_t i = 0; i < a.size(); ++i)
          a[i] = static_cast<int64_t>(i);
        b.back() = 9;
        std::vector<float> rowsA(a.size(), 1.5f), rowsB(3 * b.size(), 2.5f);
        rowsA.back() = 7;
        auto count = static_cast<int64_t>(scale);
        std::vector<RowSpan> tables = {{a.data(), 3 * count, rowsA.data()},
                                       {},
                                       {b.data(), count, rowsB.data()}};
        std::vector<char> block(blockBytes);
        std::vector<ConstBuffer> parts;
        if (blockBytes > 0)
          parts.push_back({block.data(), block.size()});
        RowPayload payload;
        payload.append(tables, withRows ? &rowBytes : nullptr, parts);
        uint64_t length = payloadBytes(parts);
        uint64_t bytes = rowSectionBytes(blockBytes, length);
        // The receiver takes the section as one part.
        std::vector<ConstBuffer> asReceived = {{nullptr, blockBytes},
                                               {nullptr, bytes}};
        EXPECT_EQ(payloadBytes(asReceived), length);
        size_t size = 0;
        std::vector<int64_t> words = receive(parts, length - bytes, size);
        ASSERT_EQ(size, bytes);
        std::vector<RowSpan> parsed;
        Status status = parseRows(words.data(), size, 3,
                                  withRows ? &rowBytes : nullptr, parsed);
        ASSERT_TRUE(status.ok()) << status.message();
        EXPECT_EQ(std::memcmp(parsed[0].ids, a.data(), 8 * a.size()), 0);
        EXPECT_EQ(parsed[1].count, 0);
        ASSERT_EQ(parsed[2].count, count);
        EXPECT_EQ(std::memcmp(parsed[2].ids, b.data(), 8 * b.size()), 0);
        if (withRows) {
          EXPECT_EQ(std::memcmp(parsed[0].rows, rowsA.data(), 4 * a.size()), 0);
          EXPECT_EQ(std::memcmp(parsed[2].rows, rowsB.data(), 12 * b.size()),
                    0);
        }
      }
}

} // namespace
