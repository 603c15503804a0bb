//===- ExchangeTest.cpp ---------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Program.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using testing::ElementsAre;

namespace {

/// Writes down what was asked and gives every block the value 9.
class RecordingExchange : public ParameterExchange {
public:
  Status enqueueSend(uint32_t server, uint32_t block, const void *data,
                     size_t bytes) override {
    sent.assign(static_cast<const float *>(data),
                static_cast<const float *>(data) + bytes / sizeof(float));
    calls.push_back(fmt::format("send {} {} {}", server, block, bytes));
    return failAt("send");
  }
  Status enqueueRecv(uint32_t server, uint32_t block, void *data,
                     size_t bytes) override {
    std::fill_n(static_cast<float *>(data), bytes / sizeof(float), 9.0f);
    calls.push_back(fmt::format("recv {} {} {}", server, block, bytes));
    return failAt("recv");
  }
  Status sendBarrier(int64_t examples) override {
    calls.push_back(fmt::format("send barrier {}", examples));
    return failAt("send barrier");
  }
  Status agree(const plan::Agree &agree, bool isDouble) override {
    std::string call = isDouble ? "agree f64" : "agree f32";
    for (const plan::Agree::Part &part : agree.parts())
      call += fmt::format(" {}.{}", part.server(), part.block());
    calls.push_back(call);
    return failAt("agree");
  }
  Status fetchBarrier() override {
    calls.push_back("fetch barrier");
    return failAt("fetch barrier");
  }
  Status submit(int64_t examples) override {
    calls.push_back(fmt::format("submit {}", examples));
    return failAt("submit");
  }
  Status fetchLatest() override {
    calls.push_back("fetch latest");
    return failAt("fetch latest");
  }

  std::vector<std::string> calls;
  std::vector<float> sent;
  std::string failing;

private:
  Status failAt(const std::string &call) {
    if (call != failing)
      return Status();
    return makeError(StatusCode::Unavailable, "127.0.0.1:6170 is gone");
  }
};

/// The trainer's plan with steps that do not wait.
plan::Plan makeAsyncPlan() {
  plan::Plan plan = test::makeTrainerPlan();
  plan.set_sync_mode(plan::ASYNC);
  auto &main = *plan.mutable_functions(0);
  main.mutable_instructions(4)->mutable_submit()->set_queue(4);
  main.mutable_instructions(4)->mutable_submit()->set_merge(4);
  main.mutable_instructions(6)->mutable_fetch_latest();
  return plan;
}

class ExchangeTest : public testing::Test {
protected:
  void SetUp() override { load(test::makeTrainerPlan()); }

  void load(const plan::Plan &plan) {
    StatusOr<PlanPtr> loaded = checkPlan(plan, "a.plan");
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    auto made = Program::create(*loaded, {});
    ASSERT_TRUE(made.ok()) << made.status().message();
    program = std::move(*made);
    arguments.inputs = inputs;
    arguments.exchange = &exchange;
  }

  Step &step(const char *function, int64_t batch) {
    return **program->instantiate(function, batch);
  }

  std::unique_ptr<Program> program;
  RecordingExchange exchange;
  StepArguments arguments;
  float x[6] = {1, 2, 3, 4, 5, 6};
  const void *inputs[1] = {x};
};

TEST_F(ExchangeTest, AStepSendsGradientsAndReceivesParameters) {
  Step &main = step("main", 2);
  EXPECT_TRUE(main.exchanges());
  ASSERT_TRUE(main.run(arguments).ok());
  EXPECT_THAT(exchange.calls, ElementsAre("send 0 0 24", "send barrier 2",
                                          "recv 0 0 24", "fetch barrier"));
  // w is 0.5 everywhere: h = x.w has rows 3 and 7.5, dw = x^T.h
  EXPECT_THAT(exchange.sent, ElementsAre(33, 33, 43.5, 43.5, 54, 54));
  EXPECT_EQ(static_cast<float *>(program->stateData(0))[5], 9);
  EXPECT_EQ(main.output(0), 1);
}

TEST_F(ExchangeTest, StartupOnlyReceives) {
  ASSERT_TRUE(step("startup", 0).run(arguments).ok());
  EXPECT_THAT(exchange.calls, ElementsAre("recv 0 0 24", "fetch barrier"));
  EXPECT_EQ(static_cast<float *>(program->stateData(0))[0], 9);
}

TEST_F(ExchangeTest, AnEmptyPartTakesPartWithoutSending) {
  ASSERT_TRUE(step("main", 0).runEmpty(arguments).ok());
  EXPECT_THAT(exchange.calls,
              ElementsAre("send barrier 0", "recv 0 0 24", "fetch barrier"));
  EXPECT_EQ(static_cast<float *>(program->stateData(0))[0], 9);
}

TEST_F(ExchangeTest, AgreesBetweenTheBarriers) {
  plan::Plan plan = test::makeTrainerPlan();
  auto &instructions = *plan.mutable_functions(0)->mutable_instructions();
  plan::Agree &agree = *instructions.Add()->mutable_agree();
  agree.add_parts();
  for (int i = instructions.size() - 1; i > 5; --i)
    instructions.SwapElements(i, i - 1);
  load(plan);
  ASSERT_TRUE(step("main", 2).run(arguments).ok());
  EXPECT_THAT(exchange.calls,
              ElementsAre("send 0 0 24", "send barrier 2", "agree f32 0.0",
                          "recv 0 0 24", "fetch barrier"));
  exchange.calls.clear();
  // Who has no rows leaves it to others.
  ASSERT_TRUE(step("main", 0).runEmpty(arguments).ok());
  EXPECT_THAT(exchange.calls,
              ElementsAre("send barrier 0", "recv 0 0 24", "fetch barrier"));
}

TEST_F(ExchangeTest, AnAsynchronousStepWaitsForNothing) {
  load(makeAsyncPlan());
  ASSERT_TRUE(step("main", 2).run(arguments).ok());
  EXPECT_THAT(exchange.calls, ElementsAre("send 0 0 24", "submit 2",
                                          "recv 0 0 24", "fetch latest"));
  exchange.calls.clear();
  // Without rows there is nothing to hand over.
  ASSERT_TRUE(step("main", 0).runEmpty(arguments).ok());
  EXPECT_THAT(exchange.calls, ElementsAre("recv 0 0 24", "fetch latest"));
}

TEST_F(ExchangeTest, ErrorsNameTheInstruction) {
  exchange.failing = "send";
  EXPECT_EQ(step("main", 2).run(arguments).message(),
            "function 'main', instruction 3 (program.mlir:12:8): "
            "127.0.0.1:6170 is gone");
  exchange.failing = "fetch barrier";
  Status status = step("main", 2).run(arguments);
  EXPECT_EQ(status.message(),
            "function 'main', instruction 6: 127.0.0.1:6170 is gone");
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  exchange.failing = "send barrier";
  EXPECT_EQ(step("main", 0).runEmpty(arguments).message(),
            "function 'main', instruction 4: 127.0.0.1:6170 is gone");
}

TEST_F(ExchangeTest, AFailureEndsTheStep) {
  exchange.failing = "send barrier";
  EXPECT_FALSE(step("main", 2).run(arguments).ok());
  EXPECT_THAT(exchange.calls, ElementsAre("send 0 0 24", "send barrier 2"));
}

TEST_F(ExchangeTest, WithoutAConnectionItIsAnError) {
  arguments.exchange = nullptr;
  EXPECT_EQ(step("main", 2).run(arguments).code(), StatusCode::Internal);
  EXPECT_EQ(step("main", 0).runEmpty(arguments).code(), StatusCode::Internal);
}

} // namespace
