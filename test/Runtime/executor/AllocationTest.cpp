//===- AllocationTest.cpp -------------------------------------------------===//
//
// Part of the Fleet project.
//
// Running a step allocates nothing: operator new is counted.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Program.h"
#include "test/Runtime/executor/TestKernels.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<long> allocations{0};
} // namespace

void *operator new(size_t size) {
  ++allocations;
  if (void *memory = std::malloc(size ? size : 1))
    return memory;
  std::abort();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

using namespace fleet;
using fleet::test::FunctionBuilder;
using fleet::test::kBatch;
using fleet::test::tensor;

TEST(Allocation, AStepAllocatesNothing) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  plan.set_library(test::testKernels());
  uint32_t w = test::addState(plan, "w", tensor({64, 64}), 1);
  uint32_t add = test::addKernel(plan, "add", 3, true, 1, 12);
  FunctionBuilder main(plan, "main");
  uint32_t x = main.input("x", tensor({kBatch, 64}));
  uint32_t weight = main.state(w);
  uint32_t y = main.temporary(tensor({kBatch, 64}));
  uint32_t z = main.temporary(tensor({kBatch, 64}));
  main.matmul(x, weight, y);
  main.launch(add, {x, y, z});
  main.copy(z, y);
  ThreadPool pool({2, {}});
  ProgramOptions options;
  options.pool = &pool;
  auto program = Program::create(*checkPlan(plan, "a.plan"), options);
  ASSERT_TRUE(program.ok()) << program.status().message();
  Step *step = *(*program)->instantiate("main", 4000);
  std::vector<float> data(4000 * 64, 1.0f);
  const void *inputs[] = {data.data()};
  StepArguments arguments;
  arguments.inputs = inputs;
  ASSERT_TRUE(step->run(arguments).ok()); // libraries make their buffers
  long before = allocations;
  EXPECT_GT(before, 0);
  for (int i = 0; i < 10; ++i)
    (void)step->run(arguments);
  EXPECT_EQ(allocations, before);
}
