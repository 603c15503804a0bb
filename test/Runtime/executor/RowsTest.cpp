//===- RowsTest.cpp - Steps that look rows up -----------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Program.h"
#include "test/Runtime/executor/TestKernels.h"
#include "test/Runtime/plan/TestPlan.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class RowsTest : public testing::Test {
protected:
  void load(plan::Plan plan) {
    plan.set_library(test::testKernels());
    StatusOr<PlanPtr> loaded = checkPlan(plan, "a.plan");
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    ProgramOptions options;
    options.seed = 3;
    options.poison = true;
    auto made = Program::create(*loaded, options);
    ASSERT_TRUE(made.ok()) << made.status().message();
    program = std::move(*made);
  }

  Status run(const char *function, const std::vector<int64_t> &ids,
             ParameterExchange *exchange = nullptr) {
    std::vector<float> y(ids.size() * 2, 0.0f);
    const void *inputs[] = {ids.data(), y.data()};
    StepArguments arguments;
    arguments.inputs = inputs;
    arguments.exchange = exchange;
    auto step =
        program->instantiate(function, static_cast<int64_t>(ids.size() / 2));
    if (!step.ok())
      return step.status();
    Status status = (*step)->run(arguments);
    if (status.ok())
      loss = (*step)->output(0);
    return status;
  }

  std::vector<float> row(int64_t id) {
    std::vector<float> values(2);
    EXPECT_TRUE(program->tables()->rows(0)->gather(&id, 1, values.data()).ok());
    return values;
  }

  std::unique_ptr<Program> program;
  double loss = 0;
};

TEST_F(RowsTest, ALocalStepUpdatesTheRowsThatItNames) {
  for (auto placement : {plan::Table::SPARSE, plan::Table::DISTRIBUTED}) {
    load(test::makeTablePlan(plan::LOCAL, placement, 10));
    std::vector<float> a = row(3), b = row(7), other = row(4);
    // Row 3 twice, row 7 twice: y is 0, so the gradient of a row is 2/2 of it
    // each time it is named.
    ASSERT_TRUE(run("main", {3, 7, 7, 3}).ok());
    double squares = a[0] * a[0] + a[1] * a[1] + b[0] * b[0] + b[1] * b[1];
    EXPECT_NEAR(loss, squares, 1e-6);
    // rate 0.5, velocity 2 * row
    EXPECT_THAT(row(3), ElementsAre(0, 0));
    EXPECT_THAT(row(7), ElementsAre(0, 0));
    EXPECT_EQ(row(4), other);
    // The second step has half the rate, and a velocity from the first.
    ASSERT_TRUE(run("main", {3, 3}).ok());
    EXPECT_THAT(row(3), ElementsAre(-0.25f * a[0], -0.25f * a[1]));
    EXPECT_THAT(row(7), ElementsAre(0, 0));
    EXPECT_EQ(*static_cast<const float *>(program->stateData(0)), 0.125f);
  }
}

TEST_F(RowsTest, BothPlacementsGiveTheSameBits) {
  std::vector<std::vector<float>> results[2];
  for (int p = 0; p < 2; ++p) {
    load(test::makeTablePlan(
        plan::LOCAL, p == 0 ? plan::Table::SPARSE : plan::Table::DISTRIBUTED,
        1000));
    for (int64_t s = 0; s < 5; ++s) {
      std::vector<int64_t> ids;
      for (int64_t i = 0; i < 600; ++i)
        ids.push_back((i * i + s * 17) % 1000);
      ASSERT_TRUE(run("main", ids).ok());
    }
    for (int64_t id = 0; id < 1000; ++id)
      results[p].push_back(row(id));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST_F(RowsTest, EvaluationOnlyLooksUp) {
  load(test::makeTablePlan(plan::LOCAL, plan::Table::DISTRIBUTED, 10));
  std::vector<float> a = row(3);
  ASSERT_TRUE(run("evaluate", {3, 3}).ok());
  EXPECT_NEAR(loss, 2 * (a[0] * a[0] + a[1] * a[1]), 1e-6);
  EXPECT_EQ(row(3), a);
  EXPECT_EQ(*static_cast<const float *>(program->stateData(0)), 0.5f);
}

TEST_F(RowsTest, PaddingStaysAndIsZeros) {
  plan::Plan plan = test::makeTablePlan(plan::LOCAL, plan::Table::SPARSE, 10);
  for (plan::Function &function : *plan.mutable_functions())
    for (plan::Instruction &i : *function.mutable_instructions()) {
      if (i.has_pull_rows())
        i.mutable_pull_rows()->mutable_items(0)->set_padding_idx(0);
      if (i.has_push_rows())
        i.mutable_push_rows()->mutable_items(0)->set_padding_idx(0);
    }
  load(plan);
  std::vector<float> a = row(0), b = row(1);
  ASSERT_TRUE(run("main", {0, 1}).ok());
  EXPECT_NEAR(loss, b[0] * b[0] + b[1] * b[1], 1e-6);
  EXPECT_EQ(row(0), a);
  EXPECT_THAT(row(1), ElementsAre(0, 0));
}

TEST_F(RowsTest, APushOfOtherRowsThanWereLookedUp) {
  // "main" looks up with padding and pushes without.
  plan::Plan plan = test::makeTablePlan(plan::LOCAL, plan::Table::SPARSE, 10);
  for (plan::Function &function : *plan.mutable_functions())
    for (plan::Instruction &i : *function.mutable_instructions())
      if (i.has_pull_rows())
        i.mutable_pull_rows()->mutable_items(0)->set_padding_idx(0);
  load(plan);
  std::vector<float> a = row(0);
  ASSERT_TRUE(run("main", {0, 1}).ok());
  EXPECT_EQ(row(0), a); // its gradient was that of zeros
  EXPECT_THAT(row(1), ElementsAre(0, 0));
}

TEST_F(RowsTest, IdsThatAreNoRowAreAnError) {
  load(test::makeTablePlan(plan::LOCAL, plan::Table::SPARSE, 10));
  Status status = run("main", {3, 10});
  EXPECT_THAT(status.message(),
              HasSubstr("function 'main', instruction 0: there is no row 10 of "
                        "table 'emb', which has rows 0 to 9"));
}

/// Gives every row the values (id, shard) and writes down what is pushed.
class RecordingRows : public ParameterExchange {
public:
  Status enqueueSend(uint32_t, uint32_t, const void *, size_t) override {
    return Status();
  }
  Status enqueueRecv(uint32_t, uint32_t, void *, size_t) override {
    return Status();
  }
  Status sendBarrier(int64_t examples) override {
    calls.push_back(fmt::format("send barrier {}", examples));
    return Status();
  }
  Status agree(const plan::Agree &, bool) override { return Status(); }
  Status fetchBarrier() override {
    calls.push_back("fetch barrier");
    return Status();
  }
  Status submit(int64_t) override { return Status(); }
  Status fetchLatest() override { return Status(); }
  Status pullRows(const std::vector<RowSet> &sets) override {
    const RowBatch &batch = *sets[0].batch;
    calls.push_back(fmt::format("pull {} of {}", batch.size(), sets[0].table));
    auto *rows = static_cast<float *>(sets[0].rows);
    for (uint32_t s = 0; s < batch.shardMap().count(); ++s)
      for (int64_t i = batch.shardBegin(s); i < batch.shardBegin(s + 1); ++i) {
        rows[2 * i] = static_cast<float>(batch.ids()[i]);
        rows[2 * i + 1] = static_cast<float>(s);
      }
    return Status();
  }
  Status pushRows(const RowSet &set) override {
    const RowBatch &batch = *set.batch;
    calls.push_back(fmt::format("push {} of {}", batch.size(), set.table));
    auto *rows = static_cast<const float *>(set.rows);
    pushed.assign(rows, rows + 2 * batch.size());
    return Status();
  }

  std::vector<std::string> calls;
  std::vector<float> pushed;
};

TEST_F(RowsTest, ATrainerExchangesDistinctRows) {
  plan::Plan plan =
      test::makeTablePlan(plan::TRAINER, plan::Table::DISTRIBUTED, 10,
                          {"127.0.0.1:6170", "127.0.0.1:6171"});
  load(plan);
  EXPECT_EQ(program->tables()->rows(0), nullptr);
  RecordingRows exchange;
  ASSERT_TRUE(run("main", {5, 4, 5, 5}, &exchange).ok());
  EXPECT_THAT(exchange.calls, ElementsAre("pull 2 of 0", "push 2 of 0",
                                          "send barrier 2", "fetch barrier"));
  // Shard 0 first: row 4, then row 5, three times.
  EXPECT_THAT(exchange.pushed, ElementsAre(4, 0, 15, 3));
  exchange.calls.clear();
  StepArguments arguments;
  arguments.exchange = &exchange;
  ASSERT_TRUE((*program->instantiate("main", 1))->runEmpty(arguments).ok());
  EXPECT_THAT(exchange.calls, ElementsAre("send barrier 0", "fetch barrier"));
  EXPECT_EQ(run("main", {5, 4}).code(), StatusCode::Internal);
}

} // namespace
