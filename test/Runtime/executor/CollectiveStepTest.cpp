//===- CollectiveStepTest.cpp ---------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/collective/inproc/InprocCollective.h"
#include "runtime/executor/Program.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

using namespace fleet;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class CollectiveStepTest : public testing::Test {
protected:
  void SetUp() override {
    StatusOr<PlanPtr> loaded = checkPlan(test::makeCollectivePlan(), "a.plan");
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
        auto program = Program::create(plan, options);
        ASSERT_TRUE(program.ok()) << program.status().message();
        work(**program, rank);
      });
    for (std::thread &thread : threads)
      thread.join();
  }

  static std::vector<float> weights(Program &program) {
    auto *w = static_cast<float *>(program.stateData(0));
    return {w, w + 6};
  }

  PlanPtr plan;
};

TEST_F(CollectiveStepTest, RanksAddWhatTheyHave) {
  onBoth([&](Program &program, uint32_t rank) {
    // The six rows of ExchangeTest's batch of two, one on each rank
    float x[2][3] = {{1, 2, 3}, {4, 5, 6}};
    const void *inputs[] = {x[rank]};
    StepArguments arguments;
    arguments.inputs = inputs;
    arguments.ownExamples = 1;
    arguments.allExamples = 4;
    Step *step = *program.instantiate("main", 1);
    Status status = step->run(arguments);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_THAT(weights(program), ElementsAre(33, 33, 43.5, 43.5, 54, 54));
    EXPECT_EQ(step->output(0), 0.25);
    EXPECT_EQ(step->output(1), 1);
    EXPECT_EQ(step->output(2), 4);
  });
}

TEST_F(CollectiveStepTest, ARankWithoutRowsAddsNothingAndUpdates) {
  onBoth([&](Program &program, uint32_t rank) {
    float x[3] = {1, 2, 3};
    const void *inputs[] = {x};
    StepArguments arguments;
    arguments.inputs = inputs;
    arguments.allExamples = 1;
    Step *step = *program.instantiate("main", 1);
    // What is in the bucket from the step before must not count.
    for (int i = 0; i < 2; ++i) {
      arguments.ownExamples = rank == 0;
      Status status =
          rank == 0 ? step->run(arguments) : step->runEmpty(arguments);
      ASSERT_TRUE(status.ok()) << status.message();
      if (i == 0)
        EXPECT_THAT(weights(program), ElementsAre(3, 3, 6, 6, 9, 9));
    }
    EXPECT_THAT(weights(program), ElementsAre(42, 42, 84, 84, 126, 126));
  });
}

TEST_F(CollectiveStepTest, AllStartWithWhatRankZeroHas) {
  onBoth([&](Program &program, uint32_t rank) {
    static_cast<float *>(program.stateData(0))[3] = rank == 0 ? 7 : 9;
    Status status = (*program.instantiate("startup", 1))->run(StepArguments());
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_THAT(weights(program), ElementsAre(0.5, 0.5, 0.5, 7, 0.5, 0.5));
  });
}

TEST_F(CollectiveStepTest, ErrorsNameTheInstructionAndTheRank) {
  onBoth([&](Program &program, uint32_t rank) {
    float x[3] = {1, 2, 3};
    const void *inputs[] = {x};
    StepArguments arguments;
    arguments.inputs = inputs;
    if (rank == 1)
      return program.collective()->abort("trainer 1: out of disk");
    Status status = (*program.instantiate("main", 1))->run(arguments);
    EXPECT_THAT(status.message(), HasSubstr("function 'main', instruction "));
    EXPECT_THAT(status.message(), HasSubstr("trainer 1: out of disk"));
  });
}

TEST_F(CollectiveStepTest, NeedsTheOtherTrainers) {
  auto program = Program::create(plan, {});
  ASSERT_FALSE(program.ok());
  EXPECT_THAT(program.status().message(),
              HasSubstr("it cannot run without the other trainers"));
}

} // namespace
