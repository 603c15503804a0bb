//===- ProgramTest.cpp ----------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Program.h"
#include "test/Runtime/executor/TestKernels.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>

using namespace fleet;
using fleet::test::FunctionBuilder;
using fleet::test::kBatch;
using fleet::test::tensor;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::unique_ptr<Program> makeProgram(plan::Plan plan,
                                     ProgramOptions options = {}) {
  if (plan.kernels_size() != 0)
    plan.set_library(test::testKernels());
  StatusOr<PlanPtr> loaded = checkPlan(std::move(plan), "a.plan");
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  if (!loaded.ok())
    return nullptr;
  StatusOr<std::unique_ptr<Program>> program =
      Program::create(*loaded, options);
  EXPECT_TRUE(program.ok()) << program.status().message();
  return program.ok() ? std::move(*program) : nullptr;
}

Step *instantiate(Program &program, int64_t batch,
                  const char *function = "main") {
  StatusOr<Step *> step = program.instantiate(function, batch);
  EXPECT_TRUE(step.ok()) << step.status().message();
  return step.ok() ? *step : nullptr;
}

void run(Step &step, std::vector<const void *> inputs = {}) {
  StepArguments arguments;
  arguments.inputs = inputs.data();
  Status status = step.run(arguments);
  EXPECT_TRUE(status.ok()) << status.message();
}

/// x.w -> prediction, square error against y, gradient, sgd on w: what a
/// compiler makes of a linear regression.
plan::Plan linearRegression() {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  uint32_t w = test::addState(plan, "w", tensor({3, 1}), 0);
  uint32_t error = test::addKernel(plan, "square_error", 4);
  uint32_t sgd = test::addKernel(plan, "sgd", 3, /*splittable=*/true, 2, 12);
  FunctionBuilder main(plan, "main");
  uint32_t x = main.input("x", tensor({kBatch, 3}));
  uint32_t y = main.input("y", tensor({kBatch, 1}));
  uint32_t weight = main.state(w);
  uint32_t rate = main.constant({0.1f}, tensor({}));
  uint32_t prediction = main.temporary(tensor({kBatch, 1}));
  uint32_t difference = main.temporary(tensor({kBatch, 1}));
  uint32_t loss = main.temporary(tensor({}));
  uint32_t gradient = main.temporary(tensor({3, 1}));
  main.matmul(x, weight, prediction);
  main.launch(error, {prediction, y, difference, loss});
  main.matmul(x, difference, gradient, /*transposeA=*/true);
  main.launch(sgd, {weight, gradient, rate}, 3);
  main.output("loss", loss);
  return plan;
}

TEST(Program, TrainsALinearRegression) {
  std::unique_ptr<Program> program = makeProgram(linearRegression());
  ASSERT_TRUE(program);
  // y = x . (1, -2, 0.5) exactly
  std::vector<float> x, y;
  for (int i = 0; i < 16; ++i) {
    float a = std::sin(1.3f * static_cast<float>(i));
    float b = std::cos(2.1f * static_cast<float>(i));
    float c = std::sin(0.7f * static_cast<float>(i) + 1);
    x.insert(x.end(), {a, b, c});
    y.push_back(a - 2 * b + 0.5f * c);
  }
  Step *step = instantiate(*program, 16);
  ASSERT_TRUE(step);
  run(*step, {x.data(), y.data()});
  double first = step->output(0);
  for (int i = 0; i < 400; ++i)
    run(*step, {x.data(), y.data()});
  EXPECT_GT(first, 1);
  EXPECT_LT(step->output(0), 1e-8);
  const float *w = static_cast<const float *>(program->stateData(0));
  EXPECT_NEAR(w[0], 1, 1e-3);
  EXPECT_NEAR(w[1], -2, 1e-3);
  EXPECT_NEAR(w[2], 0.5, 1e-3);
}

TEST(Program, PoisonedTemporariesDoNotShow) {
  ProgramOptions poisoned;
  poisoned.poison = true;
  std::unique_ptr<Program> a = makeProgram(linearRegression());
  std::unique_ptr<Program> b = makeProgram(linearRegression(), poisoned);
  std::vector<float> x(12, 0.25f), y(4, 1);
  for (int i = 0; i < 3; ++i) {
    run(*instantiate(*a, 4), {x.data(), y.data()});
    run(*instantiate(*b, 4), {x.data(), y.data()});
  }
  EXPECT_EQ(std::memcmp(a->stateData(0), b->stateData(0), 12), 0);
}

TEST(Program, PoisonIsSeenInWhatWasNeverWritten) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  FunctionBuilder main(plan, "main");
  main.output("loss", main.temporary(tensor({})));
  ProgramOptions poisoned;
  poisoned.poison = true;
  std::unique_ptr<Program> program = makeProgram(plan, poisoned);
  Step *step = instantiate(*program, 1);
  run(*step);
  EXPECT_TRUE(std::isnan(step->output(0)));
}

TEST(Program, EachBatchSizeIsMadeOnce) {
  std::unique_ptr<Program> program = makeProgram(linearRegression());
  Step *a = instantiate(*program, 4), *b = instantiate(*program, 5);
  EXPECT_NE(a, b);
  EXPECT_EQ(instantiate(*program, 4), a);
  EXPECT_EQ(a->batch(), 4);
  EXPECT_EQ(b->batch(), 5);
  EXPECT_EQ(a->numInputs(), 2u);
  std::vector<float> x(15, 0.5f), y(5, 2);
  run(*a, {x.data(), y.data()});
  run(*b, {x.data(), y.data()});
  EXPECT_GT(b->output(0), 0);
}

TEST(Program, InputsAreReadWhereTheyLie) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  uint32_t s = test::addState(plan, "s", tensor({2}), 0);
  uint32_t add = test::addKernel(plan, "add", 3);
  FunctionBuilder main(plan, "main");
  uint32_t x = main.input("x", tensor({2}));
  uint32_t y = main.input("y", tensor({2}));
  uint32_t state = main.state(s);
  main.launch(add, {x, y, state}, 2);
  std::unique_ptr<Program> program = makeProgram(plan);
  Step *step = instantiate(*program, 1);
  float first[] = {1, 2}, second[] = {10, 20}, third[] = {100, 200};
  const float *out = static_cast<const float *>(program->stateData(0));
  run(*step, {first, second});
  EXPECT_THAT(std::vector<float>(out, out + 2), ElementsAre(11, 22));
  run(*step, {third, second});
  EXPECT_THAT(std::vector<float>(out, out + 2), ElementsAre(110, 220));
}

TEST(Program, KernelsSeeRowsAndSymbols) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  uint32_t s = test::addState(plan, "s", tensor({3}, plan::I64), 7);
  uint32_t kernel = test::addKernel(plan, "arguments", 1);
  FunctionBuilder main(plan, "main");
  main.launch(kernel, {main.state(s)}, kBatch);
  FunctionBuilder fixed(plan, "fixed");
  fixed.launch(kernel, {fixed.state(s)}, 5);
  std::unique_ptr<Program> program = makeProgram(plan);
  const int64_t *seen = static_cast<const int64_t *>(program->stateData(0));
  EXPECT_EQ(seen[0], 7);
  run(*instantiate(*program, 9));
  EXPECT_THAT(std::vector<int64_t>(seen, seen + 3), ElementsAre(0, 9, 9));
  run(*instantiate(*program, 0)); // called once, so that it may write results
  EXPECT_THAT(std::vector<int64_t>(seen, seen + 3), ElementsAre(0, 0, 0));
  run(*instantiate(*program, 2, "fixed"));
  EXPECT_THAT(std::vector<int64_t>(seen, seen + 3), ElementsAre(0, 5, 2));
}

/// Adds its input to `s`, and counts.
plan::Plan inPiecesPlan(bool splittable) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  uint32_t s = test::addState(plan, "s", tensor({40, 2}), 1);
  uint32_t calls = test::addState(plan, "calls", tensor({1}, plan::I64), 0);
  uint32_t add = test::addKernel(plan, "add", 3, splittable);
  uint32_t count = test::addKernel(plan, "count", 1);
  FunctionBuilder main(plan, "main");
  uint32_t x = main.input("x", tensor({40, 2}));
  uint32_t state = main.state(s);
  main.launch(count, {main.state(calls)}, 1);
  main.launch(add, {x, state, state}, 80);
  return plan;
}

TEST(Program, AnInputMayComeInPieces) {
  std::unique_ptr<Program> program = makeProgram(inPiecesPlan(true));
  Step *step = instantiate(*program, 1);
  ASSERT_EQ(step->pieceRows(), 80);
  std::vector<float> x(80), piece;
  for (int i = 0; i < 80; ++i)
    x[static_cast<size_t>(i)] = static_cast<float>(i) * 0.1f;
  std::vector<std::pair<int64_t, int64_t>> asked;
  Status status = step->runInPieces(
      StepArguments(), 32, [&](int64_t begin, int64_t end) -> const void * {
        asked.emplace_back(begin, end);
        piece.assign(x.begin() + begin, x.begin() + end);
        return piece.data();
      });
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(asked, ElementsAre(std::pair(0, 32), std::pair(32, 64),
                                 std::pair(64, 80)));
  const float *s = static_cast<const float *>(program->stateData(0));
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(s[i], 1 + x[i]);
  EXPECT_EQ(*static_cast<const int64_t *>(program->stateData(1)), 1);
  status = step->runInPieces(StepArguments(), 32,
                             [](int64_t, int64_t) { return nullptr; });
  EXPECT_FALSE(status.ok());

  // Only where pieces give the same bits.
  program = makeProgram(inPiecesPlan(false));
  EXPECT_EQ(instantiate(*program, 1)->pieceRows(), 0);
  program = makeProgram(linearRegression());
  EXPECT_EQ(instantiate(*program, 4)->pieceRows(), 0);
}

plan::Plan piecesPlan(bool splittable, uint64_t bytesPerRow, int64_t rows) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  uint32_t s = test::addState(plan, "s", tensor({rows}, plan::I64), -1);
  uint32_t kernel =
      test::addKernel(plan, "pieces", 1, splittable, 0, bytesPerRow);
  FunctionBuilder main(plan, "main");
  main.launch(kernel, {main.state(s)}, rows);
  return plan;
}

std::vector<int64_t> runPieces(const plan::Plan &plan, int threads) {
  ThreadPool pool({threads, {}});
  ProgramOptions options;
  options.pool = &pool;
  std::unique_ptr<Program> program = makeProgram(plan, options);
  run(*instantiate(*program, 1));
  const int64_t *rows = static_cast<const int64_t *>(program->stateData(0));
  return {rows, rows + program->stateBytes(0) / sizeof(int64_t)};
}

TEST(Program, BigKernelsAreSplitAtPlacesThatDoNotDependOnTheThreads) {
  plan::Plan plan = piecesPlan(true, 1024, 10001);
  std::vector<int64_t> two = runPieces(plan, 2);
  EXPECT_EQ(two, runPieces(plan, 3));
  EXPECT_EQ(two, runPieces(plan, 8));
  int64_t last = 0;
  int pieces = 1;
  for (int64_t begin : two) {
    ASSERT_EQ(begin % 16, 0);
    pieces += begin != last;
    last = begin;
  }
  EXPECT_GT(pieces, 8);
}

TEST(Program, SmallOrUnsplittableKernelsRunInOnePiece) {
  for (const plan::Plan &plan :
       {piecesPlan(true, 1, 10001), piecesPlan(false, 1 << 20, 10001)}) {
    std::vector<int64_t> rows = runPieces(plan, 4);
    EXPECT_EQ(std::count(rows.begin(), rows.end(), 0), 10001);
  }
}

TEST(Program, ExtremeCostEstimatesAreHarmless) {
  for (uint64_t cost : {uint64_t(0), ~uint64_t(0)}) {
    std::vector<int64_t> rows = runPieces(piecesPlan(true, cost, 1000), 2);
    EXPECT_EQ(std::count(rows.begin(), rows.end(), -1), 0);
  }
}

TEST(Program, MatMulBitsDoNotDependOnTheThreads) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  test::addState(plan, "a", tensor({300, 200}), 0);
  test::addState(plan, "b", tensor({200, 500}), 0);
  test::addState(plan, "c", tensor({300, 500}), 0);
  for (int i = 0; i < 2; ++i) {
    auto &uniform =
        *plan.mutable_states(i)->mutable_initializer()->mutable_uniform();
    uniform.set_low(-1);
    uniform.set_high(1);
  }
  FunctionBuilder main(plan, "main");
  uint32_t a = main.state(0), b = main.state(1), c = main.state(2);
  main.matmul(a, b, c);
  std::vector<std::string> results;
  for (int threads : {1, 2, 5}) {
    ThreadPool pool({threads, {}});
    ProgramOptions options;
    options.pool = &pool;
    std::unique_ptr<Program> program = makeProgram(plan, options);
    run(*instantiate(*program, 1));
    results.emplace_back(static_cast<const char *>(program->stateData(2)),
                         program->stateBytes(2));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Program, ASliceStartsWithTheValuesOfTheWhole) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  FunctionBuilder(plan, "main");
  test::addState(plan, "w", tensor({10, 3}), 0);
  test::addState(plan, "w.block1", tensor({4, 3}), 0);
  for (int i = 0; i < 2; ++i)
    plan.mutable_states(i)->mutable_initializer()->mutable_normal()->set_stddev(
        1);
  plan.mutable_states(1)->set_origin("w");
  plan.mutable_states(1)->set_origin_shape(0, 10);
  plan.mutable_states(1)->set_row_offset(5);
  ProgramOptions options;
  options.seed = 11;
  std::unique_ptr<Program> program = makeProgram(plan, options);
  const float *whole = static_cast<const float *>(program->stateData(0));
  const float *slice = static_cast<const float *>(program->stateData(1));
  EXPECT_NE(whole[15], 0);
  EXPECT_EQ(std::memcmp(whole + 15, slice, 12 * sizeof(float)), 0);
}

TEST(Program, OutputsOfEveryType) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  FunctionBuilder main(plan, "main");
  std::vector<plan::DataType> types = {plan::F32, plan::F64, plan::I8,
                                       plan::I32, plan::I64};
  for (plan::DataType type : types) {
    uint32_t state =
        test::addState(plan, plan::DataType_Name(type), tensor({}, type), -3);
    main.output(plan::DataType_Name(type), main.state(state));
  }
  std::unique_ptr<Program> program = makeProgram(plan);
  Step *step = instantiate(*program, 1);
  run(*step);
  for (uint32_t i = 0; i < types.size(); ++i)
    EXPECT_EQ(step->output(i), -3) << types[i];
}

TEST(Program, BatchTooLargeForTheTypes) {
  std::unique_ptr<Program> program = makeProgram(linearRegression());
  for (int64_t batch : {int64_t(1) << 60, int64_t(1) << 45, int64_t(-1)}) {
    StatusOr<Step *> step = program->instantiate("main", batch);
    ASSERT_FALSE(step.ok());
    EXPECT_EQ(step.status().code(), StatusCode::InvalidArgument);
    EXPECT_THAT(step.status().message(), HasSubstr("a.plan: "));
  }
}

TEST(Program, UnknownFunction) {
  std::unique_ptr<Program> program = makeProgram(linearRegression());
  StatusOr<Step *> step = program->instantiate("evaluate", 1);
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.status().message(), "a.plan: no function 'evaluate'");
}

TEST(Program, OnlyTheBatchMayBeDynamic) {
  plan::Plan plan = linearRegression();
  plan.add_symbols("length");
  std::unique_ptr<Program> program = makeProgram(plan);
  StatusOr<Step *> step = program->instantiate("main", 1);
  ASSERT_FALSE(step.ok());
  EXPECT_THAT(step.status().message(),
              HasSubstr("has the dynamic dimension 'length'"));
}

TEST(Program, ConcurrentStepsOnDifferentStates) {
  // A server applies the updates of its blocks at the same time.
  plan::Plan plan = test::makePlan(plan::LOCAL);
  FunctionBuilder(plan, "main");
  uint32_t kernel = test::addKernel(plan, "count", 1);
  for (int i = 0; i < 4; ++i) {
    uint32_t s = test::addState(plan, "s" + std::to_string(i),
                                tensor({1}, plan::I64), 0);
    FunctionBuilder f(plan, "f" + std::to_string(i));
    f.launch(kernel, {f.state(s)}, 1);
  }
  std::unique_ptr<Program> program = makeProgram(plan);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    Step *step = instantiate(*program, 1, ("f" + std::to_string(i)).c_str());
    threads.emplace_back([step] {
      for (int n = 0; n < 1000; ++n)
        run(*step);
    });
  }
  for (std::thread &thread : threads)
    thread.join();
  for (uint32_t i = 0; i < 4; ++i)
    EXPECT_EQ(*static_cast<int64_t *>(program->stateData(i)), 1000);
}

class RecordingObserver : public StepObserver {
public:
  TimePoint now() override { return TimePoint(Duration(time++)); }
  void executed(const Step &step, int instruction, TimePoint begin,
                TimePoint end) override {
    EXPECT_EQ(end - begin, Duration(1));
    seen.push_back(instruction);
  }
  std::vector<int> seen;

private:
  int time = 0;
};

TEST(Program, AnObserverSeesEveryInstruction) {
  std::unique_ptr<Program> program = makeProgram(linearRegression());
  std::vector<float> x(12, 0.25f), y(4, 1);
  const void *inputs[] = {x.data(), y.data()};
  RecordingObserver observer;
  StepArguments arguments;
  arguments.inputs = inputs;
  arguments.observer = &observer;
  ASSERT_TRUE(instantiate(*program, 4)->run(arguments).ok());
  EXPECT_THAT(observer.seen, ElementsAre(0, 1, 2, 3));
}

} // namespace
