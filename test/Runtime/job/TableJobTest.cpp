//===- TableJobTest.cpp - Whole jobs with tables of rows ------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/checkpoint/Checkpoint.h"
#include "test/Runtime/job/TestJob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <map>

using namespace fleet;
using fleet::test::TestJob;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

constexpr auto kSparse = plan::Table::SPARSE;
constexpr auto kDistributed = plan::Table::DISTRIBUTED;

void expectAllOk(const std::vector<TestJob::Outcome> &outcomes) {
  for (const TestJob::Outcome &outcome : outcomes)
    EXPECT_TRUE(outcome.status.ok())
        << outcome.name << ": " << outcome.status.message();
}

using Row = std::array<float, 4>; ///< two values, two of the velocity

/// The rows that a run saved, by id; and the rate.
std::map<int64_t, Row> savedRows(const TestJob &job, float *rate = nullptr,
                                 const std::string &folder = "saved") {
  SystemFiles files;
  auto checkpoint = Checkpoint::open(files, job.path(folder));
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  std::map<int64_t, Row> rows;
  if (!checkpoint.ok())
    return rows;
  const auto &tensors = checkpoint->tensors();
  std::vector<int64_t> ids;
  if (auto listed = tensors.find("emb/ids"); listed != tensors.end()) {
    ids.resize(static_cast<size_t>(listed->second.shape[0]));
    EXPECT_TRUE(
        checkpoint->read("emb/ids", plan::I64, listed->second.shape, ids.data())
            .ok());
  } else {
    for (int64_t i = 0; i < 1000; ++i)
      ids.push_back(i);
  }
  std::vector<float> values(2 * ids.size()), velocity(2 * ids.size());
  auto n = static_cast<int64_t>(ids.size());
  Status status = checkpoint->read("emb", plan::F32, {n, 2}, values.data());
  EXPECT_TRUE(status.ok()) << status.message();
  status = checkpoint->read("emb/velocity", plan::F32, {n, 2}, velocity.data());
  EXPECT_TRUE(status.ok()) << status.message();
  for (size_t i = 0; i < ids.size(); ++i)
    rows[ids[i]] = {values[2 * i], values[2 * i + 1], velocity[2 * i],
                    velocity[2 * i + 1]};
  if (rate)
    EXPECT_TRUE(checkpoint->read("emb/rate", plan::F32, {}, rate).ok());
  return rows;
}

/// `part` is those rows of `all` that it has.
void expectSameRows(const std::map<int64_t, Row> &part,
                    const std::map<int64_t, Row> &all, float tolerance = 0) {
  EXPECT_FALSE(part.empty());
  for (const auto &[id, row] : part)
    for (size_t c = 0; c < row.size(); ++c)
      ASSERT_NEAR(row[c], all.at(id)[c], tolerance) << "row " << id;
}

std::string finalLine(const std::vector<TestJob::Outcome> &outcomes) {
  for (const TestJob::Outcome &outcome : outcomes)
    for (const std::string &line : outcome.printed)
      if (line.rfind("final ", 0) == 0)
        return line.substr(0, line.find(" ("));
  return "";
}

TEST(TableJob, OneTrainerGivesTheBitsOfOneMachine) {
  TestJob local;
  local.writeTables(kSparse, 0, 0);
  local.writeTableData(30);
  RunOptions options = local.tableOptions();
  options.saveDirectory = local.path("saved");
  auto alone = local.run(options);
  expectAllOk(alone);
  float rate = 0;
  std::map<int64_t, Row> expected = savedRows(local, &rate);
  EXPECT_EQ(rate, std::ldexp(0.5f, -10));
  EXPECT_THAT(finalLine(alone), HasSubstr("final loss "));
  for (auto placement : {kSparse, kDistributed})
    for (uint32_t servers : {0u, 1u, 3u}) {
      TestJob job;
      job.writeTables(placement, 1, servers);
      job.writeTableData(30);
      options = job.tableOptions();
      options.saveDirectory = job.path("saved");
      auto outcomes = job.run(options);
      expectAllOk(outcomes);
      float itsRate = 0;
      std::map<int64_t, Row> rows = savedRows(job, &itsRate);
      SCOPED_TRACE(fmt::format(
          "{} on {} servers", plan::Table::Placement_Name(placement), servers));
      EXPECT_EQ(itsRate, rate);
      expectSameRows(rows, expected);
      EXPECT_EQ(rows.size() == 1000, placement == kSparse);
      EXPECT_EQ(finalLine(outcomes), finalLine(alone));
    }
}

TEST(TableJob, TrainersShareABatch) {
  TestJob local;
  local.writeTables(kSparse, 0, 0);
  local.writeTableData(29);
  RunOptions options = local.tableOptions();
  options.batchSize = 12;
  options.saveDirectory = local.path("saved");
  expectAllOk(local.run(options));
  std::map<int64_t, Row> expected = savedRows(local);
  for (auto placement : {kSparse, kDistributed}) {
    TestJob job;
    job.writeTables(placement, 3, 2);
    job.writeTableData(29); // some parts of some batches are empty
    options = job.tableOptions();
    options.saveDirectory = job.path("saved");
    expectAllOk(job.run(options));
    expectSameRows(savedRows(job), expected, 1e-5f);
  }
}

TEST(TableJob, CheckpointsMoveBetweenJobsOfAllKinds) {
  struct Kind {
    plan::Table::Placement placement;
    uint32_t servers;
  };
  const Kind kinds[] = {{kSparse, 0},      {kSparse, 1},
                        {kSparse, 3},      {kDistributed, 0},
                        {kDistributed, 2}, {kDistributed, 3}};
  // Ten steps in one go, on one machine.
  TestJob whole;
  whole.writeTables(kSparse, 0, 0);
  whole.writeTableData(20); // five steps an epoch
  RunOptions options = whole.tableOptions();
  options.saveDirectory = whole.path("saved");
  expectAllOk(whole.run(options));
  std::map<int64_t, Row> expected = savedRows(whole);
  for (const Kind &first : kinds)
    for (const Kind &second : kinds) {
      SCOPED_TRACE(fmt::format(
          "{} on {} servers, then {} on {}",
          plan::Table::Placement_Name(first.placement), first.servers,
          plan::Table::Placement_Name(second.placement), second.servers));
      TestJob job;
      job.writeTables(first.placement, 1, first.servers);
      job.writeTableData(20);
      options = job.tableOptions();
      options.steps = 5;
      options.saveDirectory = job.path("half");
      expectAllOk(job.run(options));
      TestJob other;
      other.writeTables(second.placement, 1, second.servers);
      other.writeTableData(20);
      options = other.tableOptions();
      options.steps = 5;
      options.loadDirectory = job.path("half");
      options.saveDirectory = other.path("saved");
      expectAllOk(other.run(options));
      expectSameRows(savedRows(other), expected);
      if (HasFatalFailure())
        return;
    }
}

/// What a local job says about a checkpoint with these tensors.
std::string messageOfLoading(const std::vector<int64_t> &ids,
                             std::vector<int64_t> shape,
                             plan::DataType dtype = plan::F32,
                             bool hasVelocity = true) {
  TestJob job;
  job.writeTables(kDistributed, 0, 0);
  job.writeTableData(4);
  SystemFiles files;
  std::vector<double> values(64);
  auto n = static_cast<int64_t>(ids.size());
  std::vector<CheckpointTensor> tensors = {
      {"emb", dtype, shape, values.data()},
      {"emb/rate", plan::F32, {}, values.data()},
      {"emb/ids", plan::I64, {n}, ids.data()}};
  if (hasVelocity)
    tensors.push_back({"emb/velocity", plan::F32, {n, 2}, values.data()});
  Status written = writeCheckpoint(files, job.path("bad"), tensors, {});
  EXPECT_TRUE(written.ok()) << written.message();
  RunOptions options = job.tableOptions();
  options.loadDirectory = job.path("bad");
  std::string message = job.run(options)[0].status.message();
  EXPECT_EQ(message.find('\n'), std::string::npos);
  return message;
}

TEST(TableJob, BadCheckpointsAreRefused) {
  EXPECT_EQ(messageOfLoading({3, 5}, {2, 2}), "");
  EXPECT_THAT(messageOfLoading({5, 3}, {2, 2}),
              HasSubstr("'emb/ids' has the id 3 after 5; ids have to ascend"));
  EXPECT_THAT(messageOfLoading({5, 5}, {2, 2}),
              HasSubstr("'emb/ids' has the id 5 after 5"));
  EXPECT_THAT(messageOfLoading({5, 1000}, {2, 2}),
              HasSubstr("has the id 1000, the table has rows 0 to 999"));
  EXPECT_THAT(messageOfLoading({-1, 5}, {2, 2}), HasSubstr("has the id -1"));
  EXPECT_THAT(messageOfLoading({3, 5}, {2, 3}),
              HasSubstr("tensor 'emb' is f32 [2, 3], but the program needs f32 "
                        "[2, 2]"));
  EXPECT_THAT(messageOfLoading({3, 5}, {3, 2}), HasSubstr("tensor 'emb' is"));
  EXPECT_THAT(messageOfLoading({3, 5}, {2, 2}, plan::F64),
              HasSubstr("tensor 'emb' is f64 [2, 2]"));
  EXPECT_THAT(messageOfLoading({3, 5}, {2, 2}, plan::F32, false),
              HasSubstr("has no tensor 'emb/velocity'"));
}

TEST(TableJob, HalfAsynchronousTrainersFinish) {
  TestJob job;
  job.writeTables(kDistributed, 3, 2, [](plan::Plan &plan) {
    plan.set_sync_mode(plan::HALF_ASYNC);
  });
  job.writeTableData(40);
  RunOptions options = job.tableOptions();
  options.saveDirectory = job.path("saved");
  expectAllOk(job.run(options));
  float rate = 0;
  savedRows(job, &rate);
  // Ten pushes of its own, and those of others that had come by then.
  EXPECT_LE(rate, std::ldexp(0.5f, -10));
  EXPECT_GE(rate, std::ldexp(0.5f, -30));
}

/// Steps that hand their gradients over and go on.
void makeAsynchronous(plan::Plan &plan, uint32_t queue, uint32_t merge) {
  plan.set_sync_mode(plan::ASYNC);
  if (plan.role() != plan::TRAINER)
    return;
  for (plan::Instruction &i :
       *plan.mutable_functions(0)->mutable_instructions()) {
    if (i.has_send_barrier()) {
      i.mutable_submit()->set_queue(queue);
      i.mutable_submit()->set_merge(merge);
    } else if (i.has_fetch_barrier()) {
      i.mutable_fetch_latest();
    }
  }
}

TEST(TableJob, AnAsynchronousTrainerPushesAllOfItsRows) {
  for (uint32_t servers : {1u, 3u}) {
    TestJob job;
    job.writeTables(kDistributed, 1, servers,
                    [](plan::Plan &plan) { makeAsynchronous(plan, 4, 1); });
    job.writeTableData(40);
    RunOptions options = job.tableOptions();
    options.saveDirectory = job.path("saved");
    expectAllOk(job.run(options));
    float rate = 0;
    std::map<int64_t, Row> rows = savedRows(job, &rate);
    EXPECT_EQ(rate, std::ldexp(0.5f, -10)); // ten pushes, none merged
    // Each row is updated by its own gradient only, however late.
    TestJob local;
    local.writeTables(kDistributed, 0, 0);
    local.writeTableData(40);
    options = local.tableOptions();
    options.saveDirectory = local.path("saved");
    expectAllOk(local.run(options));
    std::map<int64_t, Row> expected = savedRows(local);
    ASSERT_EQ(rows.size(), expected.size());
  }
}

TEST(TableJob, AsynchronousTrainersMergeSteps) {
  TestJob job;
  job.writeTables(kSparse, 3, 2,
                  [](plan::Plan &plan) { makeAsynchronous(plan, 8, 4); });
  job.writeTableData(40);
  RunOptions options = job.tableOptions();
  options.steps = 50;
  options.saveDirectory = job.path("saved");
  auto outcomes = job.run(options);
  expectAllOk(outcomes);
  for (const auto &[id, row] : savedRows(job))
    for (float element : row)
      ASSERT_TRUE(std::isfinite(element)) << id;
  EXPECT_THAT(finalLine(outcomes), HasSubstr("final loss "));
}

TEST(TableJob, IdsThatAreNoRowNameThePlace) {
  TestJob job;
  job.writeTables(kDistributed, 1, 2);
  std::ofstream(job.path("data.csv")) << "3,1000,1,1,1,1\n";
  RunOptions options = job.tableOptions();
  options.batchSize = 1;
  auto outcomes = job.run(options);
  EXPECT_THAT(outcomes[2].status.message(),
              HasSubstr("there is no row 1000 of table 'emb'"));
  EXPECT_THAT(outcomes[0].status.message(), HasSubstr("trainer 0"));
}

} // namespace
