//===- CollectiveRowsTest.cpp - Rows that all trainers have ---------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/collective/inproc/InprocCollective.h"
#include "runtime/executor/Program.h"
#include "test/Runtime/executor/TestKernels.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

using namespace fleet;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class CollectiveRowsTest : public testing::Test {
protected:
  using Rows = std::vector<std::vector<float>>;

  void SetUp() override {
    plan::Plan made = test::makeCollectiveTablePlan(10);
    made.set_library(test::testKernels());
    StatusOr<PlanPtr> loaded = checkPlan(made, "a.plan");
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    plan = *loaded;
  }

  /// Does the same on both ranks, each in a thread with a program of its own.
  void onBoth(const std::function<void(Program &, uint32_t)> &work) {
    auto group = InprocGroup::create(2, std::chrono::seconds(20));
    std::vector<std::thread> threads;
    for (uint32_t rank = 0; rank < 2; ++rank)
      threads.emplace_back([&, rank] {
        auto collective = group->join(rank);
        ASSERT_TRUE(collective.ok()) << collective.status().message();
        ProgramOptions options;
        options.collective = collective->get();
        options.seed = 3;
        options.poison = true;
        auto program = Program::create(plan, options);
        ASSERT_TRUE(program.ok()) << program.status().message();
        work(**program, rank);
      });
    for (std::thread &thread : threads)
      thread.join();
  }

  static Rows rows(Program &program, std::vector<int64_t> ids) {
    Rows result;
    for (int64_t id : ids) {
      std::vector<float> &row = result.emplace_back(2);
      EXPECT_TRUE(program.tables()->rows(0)->gather(&id, 1, row.data()).ok());
    }
    return result;
  }

  /// One example, or none.
  static Status run(Program &program, const std::vector<int64_t> &ids) {
    std::vector<float> y(ids.size() * 2, 0.0f);
    const void *inputs[] = {ids.data(), y.data()};
    StepArguments arguments;
    arguments.inputs = inputs;
    Step *step = *program.instantiate("main", 1);
    return ids.empty() ? step->runEmpty(arguments) : step->run(arguments);
  }

  static float rate(Program &program) {
    return *static_cast<float *>(program.stateData(0));
  }

  PlanPtr plan;
};

TEST_F(CollectiveRowsTest, AllUpdateTheRowsThatAnyoneNames) {
  onBoth([&](Program &program, uint32_t rank) {
    Rows old = rows(program, {3, 4, 7});
    Status status = rank == 0 ? run(program, {7, 3}) : run(program, {3, 3});
    ASSERT_TRUE(status.ok()) << status.message();
    // y is 0 and the batch one example, so a row's gradient is twice the row
    // each time that it is named; the rate is 0.5.
    Rows now = rows(program, {3, 4, 7});
    for (size_t i = 0; i < 2; ++i) {
      float velocity = 2 * old[0][i] + 4 * old[0][i];
      EXPECT_EQ(now[0][i], old[0][i] - 0.5f * velocity);
    }
    EXPECT_EQ(now[1], old[1]);
    EXPECT_THAT(now[2], ElementsAre(0, 0));
    EXPECT_EQ(rate(program), 0.25f);
    // Other rows, and more on the other rank.
    ASSERT_TRUE((rank == 0 ? run(program, {4, 4}) : run(program, {5, 6})).ok());
    now = rows(program, {4});
    EXPECT_THAT(now[0], ElementsAre(0, 0));
  });
}

TEST_F(CollectiveRowsTest, ARankWithoutRowsUpdatesThoseOfTheOthers) {
  onBoth([&](Program &program, uint32_t rank) {
    for (int step = 0; step < 3; ++step) {
      Status status = static_cast<int>(rank) == step % 2 ? run(program, {3, 7})
                                                         : run(program, {});
      ASSERT_TRUE(status.ok()) << status.message();
      if (step > 0)
        continue;
      Rows now = rows(program, {3, 7});
      EXPECT_THAT(now[0], ElementsAre(0, 0));
      EXPECT_THAT(now[1], ElementsAre(0, 0));
    }
    EXPECT_EQ(rate(program), 0.0625f);
    // Nobody has any: the schedule goes on.
    ASSERT_TRUE(run(program, {}).ok());
    EXPECT_EQ(rate(program), 0.03125f);
  });
}

TEST_F(CollectiveRowsTest, AllStartWithTheRowsOfRankZero) {
  onBoth([&](Program &program, uint32_t rank) {
    RowTable &table = *program.tables()->rows(0);
    int64_t id = 9;
    float value = rank == 0 ? 7 : 9;
    float row[] = {value, value + 1};
    for (size_t component : {0, 1})
      ASSERT_TRUE(table.assign(component, &id, 1, row).ok());
    Status status = (*program.instantiate("startup", 1))->run(StepArguments());
    ASSERT_TRUE(status.ok()) << status.message();
    for (size_t component : {0, 1}) {
      float now[2];
      ASSERT_TRUE(table.read(component, &id, 1, now).ok());
      EXPECT_THAT(now, ElementsAre(7, 8));
    }
  });
}

TEST_F(CollectiveRowsTest, ErrorsNameTheInstructionAndTheRank) {
  onBoth([&](Program &program, uint32_t rank) {
    if (rank == 1)
      return program.collective()->abort("trainer 1: out of disk");
    Status status = run(program, {1, 2});
    EXPECT_THAT(status.message(), HasSubstr("function 'main', instruction "));
    EXPECT_THAT(status.message(), HasSubstr("trainer 1: out of disk"));
  });
}

} // namespace
