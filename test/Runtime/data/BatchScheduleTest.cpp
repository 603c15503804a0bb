//===- BatchScheduleTest.cpp ----------------------------------------------===//

#include "runtime/data/BatchSchedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

using namespace fleet;
using testing::HasSubstr;

namespace {

/// Row i of "x" is {i, i}, of "y" it is 10 * i.
Dataset numbered(int64_t rows) {
  std::vector<DatasetInput> inputs(2);
  inputs[0].name = "x";
  inputs[0].dtype = plan::F32;
  inputs[0].rowShape = {2};
  inputs[0].rowBytes = 8;
  inputs[1].name = "y";
  inputs[1].dtype = plan::I64;
  inputs[1].rowBytes = 8;
  for (DatasetInput &input : inputs)
    input.values = std::move(
        *AlignedBuffer::allocate(static_cast<size_t>(rows) * 8, "a test"));
  for (int64_t i = 0; i < rows; ++i) {
    float pair[2] = {static_cast<float>(i), static_cast<float>(i)};
    int64_t ten = 10 * i;
    std::memcpy(inputs[0].values.data() + i * 8, pair, 8);
    std::memcpy(inputs[1].values.data() + i * 8, &ten, 8);
  }
  auto data = Dataset::create("memory", rows, std::move(inputs));
  EXPECT_TRUE(data.ok()) << data.status().message();
  return std::move(*data);
}

BatchOptions deal(int64_t batchSize, int trainers, int rank,
                  bool shuffle = false, uint64_t seed = 1) {
  return {batchSize, trainers, rank, shuffle, seed};
}

/// The row numbers of a batch; checks that both inputs agree.
std::vector<int64_t> rowsOf(const Batch &batch) {
  auto *x = static_cast<const float *>(batch.inputs[0]);
  auto *y = static_cast<const int64_t *>(batch.inputs[1]);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < batch.rows; ++i) {
    rows.push_back(y[i] / 10);
    EXPECT_EQ(x[2 * i], static_cast<float>(rows.back()));
    EXPECT_EQ(x[2 * i + 1], static_cast<float>(rows.back()));
  }
  return rows;
}

TEST(BatchSchedule, OneMachineCoversTheRowsInOrder) {
  auto schedule = BatchSchedule::create(506, "f", deal(20, 1, 0));
  ASSERT_TRUE(schedule.ok());
  EXPECT_EQ(schedule->stepsPerEpoch(), 26);
  EXPECT_EQ(schedule->part(0).begin, 0);
  EXPECT_EQ(schedule->part(0).count, 20);
  EXPECT_EQ(schedule->part(25).begin, 500);
  EXPECT_EQ(schedule->part(25).count, 6);
  EXPECT_EQ(schedule->part(25).globalCount, 6);
}

TEST(BatchSchedule, TrainersTogetherSeeExactlyWhatOneMachineSees) {
  for (int64_t rows : {1, 7, 20, 41, 100, 506})
    for (int trainers : {1, 2, 3, 7})
      for (int64_t batch : {1, 2, 10}) {
        if (batch * trainers > rows)
          continue;
        auto whole =
            BatchSchedule::create(rows, "f", deal(batch * trainers, 1, 0));
        ASSERT_TRUE(whole.ok());
        for (int64_t step = 0; step < whole->stepsPerEpoch(); ++step) {
          BatchSchedule::Part all = whole->part(step);
          int64_t next = all.begin, smallest = rows, largest = 0;
          for (int rank = 0; rank < trainers; ++rank) {
            auto schedule =
                BatchSchedule::create(rows, "f", deal(batch, trainers, rank));
            ASSERT_TRUE(schedule.ok());
            ASSERT_EQ(schedule->stepsPerEpoch(), whole->stepsPerEpoch());
            BatchSchedule::Part part = schedule->part(step);
            EXPECT_EQ(part.begin, next);
            EXPECT_EQ(part.globalCount, all.count);
            EXPECT_LE(part.count, schedule->maxCount());
            next += part.count;
            smallest = std::min(smallest, part.count);
            largest = std::max(largest, part.count);
          }
          EXPECT_EQ(next, all.begin + all.count);
          EXPECT_LE(largest - smallest, 1);
        }
      }
}

TEST(BatchSchedule, ALastBatchMayLeaveHighRanksWithNothing) {
  auto low = BatchSchedule::create(7, "f", deal(2, 3, 0));
  auto high = BatchSchedule::create(7, "f", deal(2, 3, 2));
  EXPECT_EQ(low->part(1).count, 1);
  EXPECT_EQ(low->part(1).begin, 6);
  EXPECT_EQ(high->part(1).count, 0);
  EXPECT_EQ(high->part(1).begin, 7);
}

TEST(BatchSchedule, ABatchLargerThanTheDataIsAnError) {
  EXPECT_EQ(
      BatchSchedule::create(506, "h.csv", deal(600, 1, 0)).status().message(),
      "--batch-size=600 x 1 trainer is larger than the 506 rows of "
      "h.csv; use at most 506");
  EXPECT_EQ(
      BatchSchedule::create(506, "h.csv", deal(254, 2, 0)).status().message(),
      "--batch-size=254 x 2 trainers is larger than the 506 rows of "
      "h.csv; use at most 253");
  EXPECT_THAT(
      BatchSchedule::create(3, "h.csv", deal(1, 4, 0)).status().message(),
      HasSubstr("use at most 3 trainers"));
  EXPECT_FALSE(BatchSchedule::create(506, "f", deal(INT64_MAX, 2, 0)).ok());
  EXPECT_TRUE(BatchSchedule::create(506, "f", deal(253, 2, 1)).ok());
}

TEST(BatchSchedule, SizesAndRanksMustMakeSense) {
  EXPECT_THAT(BatchSchedule::create(9, "f", deal(0, 1, 0)).status().message(),
              HasSubstr("--batch-size=0"));
  EXPECT_FALSE(BatchSchedule::create(9, "f", deal(-1, 1, 0)).ok());
  EXPECT_FALSE(BatchSchedule::create(9, "f", deal(1, 0, 0)).ok());
  EXPECT_FALSE(BatchSchedule::create(9, "f", deal(1, 2, 2)).ok());
  EXPECT_FALSE(BatchSchedule::create(9, "f", deal(1, 2, -1)).ok());
}

TEST(BatchReader, UnshuffledBatchesAreTheDatasetItself) {
  Dataset data = numbered(7);
  auto reader = BatchReader::create(data, deal(3, 1, 0));
  ASSERT_TRUE(reader.ok());
  Batch batch = reader->read(1);
  EXPECT_EQ(batch.inputs[0], data.inputs()[0].row(3));
  EXPECT_EQ(rowsOf(batch), (std::vector<int64_t>{3, 4, 5}));
  batch = reader->read(2);
  EXPECT_EQ(rowsOf(batch), (std::vector<int64_t>{6}));
  EXPECT_EQ(batch.globalRows, 1);
}

TEST(BatchReader, AShuffledEpochHasEveryRowOnceAndOthersInTheNext) {
  Dataset data = numbered(50);
  auto reader = BatchReader::create(data, deal(8, 1, 0, /*shuffle=*/true));
  ASSERT_TRUE(reader.ok());
  std::set<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    reader->beginEpoch(epoch);
    std::vector<int64_t> order;
    for (int64_t step = 0; step < reader->stepsPerEpoch(); ++step)
      for (int64_t row : rowsOf(reader->read(step)))
        order.push_back(row);
    EXPECT_TRUE(orders.insert(order).second);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), 50u);
    for (int64_t i = 0; i < 50; ++i)
      EXPECT_EQ(order[static_cast<size_t>(i)], i);
  }
}

TEST(BatchReader, ShuffledTrainersSeeWhatOneShuffledMachineSees) {
  Dataset data = numbered(23);
  auto whole = BatchReader::create(data, deal(6, 1, 0, true));
  auto first = BatchReader::create(data, deal(3, 2, 0, true));
  auto second = BatchReader::create(data, deal(3, 2, 1, true));
  for (int64_t epoch : {0, 5}) {
    whole->beginEpoch(epoch);
    first->beginEpoch(epoch);
    second->beginEpoch(epoch);
    for (int64_t step = 0; step < whole->stepsPerEpoch(); ++step) {
      std::vector<int64_t> both = rowsOf(first->read(step));
      for (int64_t row : rowsOf(second->read(step)))
        both.push_back(row);
      EXPECT_EQ(both, rowsOf(whole->read(step)));
    }
  }
}

} // namespace
