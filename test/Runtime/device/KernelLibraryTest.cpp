//===- KernelLibraryTest.cpp ----------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/cpu/KernelLibrary.h"
#include "test/Runtime/executor/TestKernels.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using testing::HasSubstr;

namespace {

plan::Plan libraryPlan(const char *kernel) {
  plan::Plan plan = test::makePlan(plan::LOCAL);
  test::addKernel(plan, kernel, 3);
  plan.set_library(test::testKernels());
  plan.set_library_target("x86_64-pc-linux-gnu,znver4");
  return plan;
}

Status load(const plan::Plan &plan) {
  return KernelLibrary::load(plan, "a.plan").status();
}

TEST(KernelLibrary, RunsAKernelFromMemory) {
  auto library = KernelLibrary::load(libraryPlan("add"), "a.plan");
  ASSERT_TRUE(library.ok()) << library.status().message();
  float a[] = {1, 2, 3}, b[] = {10, 20, 30}, out[] = {0, 0, 0};
  void *buffers[] = {a, b, out};
  int64_t symbols[] = {3};
  (*library)->function(0)(buffers, symbols, 1, 3);
  EXPECT_THAT(out, testing::ElementsAre(0, 22, 33));
}

TEST(KernelLibrary, TwoPlansWithTheSameNamesDoNotMeet) {
  auto a = KernelLibrary::load(libraryPlan("add"), "a.plan");
  auto b = KernelLibrary::load(libraryPlan("add"), "b.plan");
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE((*a)->function(0), (*b)->function(0));
}

TEST(KernelLibrary, NoKernelsNeedNoLibrary) {
  EXPECT_TRUE(load(test::makePlan(plan::LOCAL)).ok());
}

TEST(KernelLibrary, NamesAMissingKernel) {
  EXPECT_EQ(load(libraryPlan("subtract")).message(),
            "a.plan: the kernel library has no kernel 'subtract'");
}

TEST(KernelLibrary, NamesAFeatureThatIsUnknown) {
  plan::Plan plan = libraryPlan("add");
  plan.add_required_cpu_features("sse2");
  plan.add_required_cpu_features("quantum");
  EXPECT_EQ(load(plan).message(),
            "a.plan: plan was compiled for znver4 (needs quantum), which this "
            "program does not know; recompile with --target-cpu=x86-64-v3");
}

TEST(KernelLibrary, AcceptsFeaturesThatAreThere) {
  plan::Plan plan = libraryPlan("add");
  plan.add_required_cpu_features("sse2");
  plan.add_required_cpu_features("+sse2");
  EXPECT_TRUE(load(plan).ok());
}

TEST(KernelLibrary, RefusesWhatIsNoSharedObject) {
  plan::Plan plan = libraryPlan("add");
  plan.set_library("not an ELF file, but longer than the header of one, which "
                   "has 64 bytes");
  EXPECT_THAT(load(plan).message(), HasSubstr("not a 64-bit ELF"));
  plan.set_library("short");
  EXPECT_THAT(load(plan).message(), HasSubstr("too few for ELF"));
}

TEST(KernelLibrary, RefusesATruncatedSharedObject) {
  plan::Plan plan = libraryPlan("add");
  std::string whole = plan.library();
  for (size_t length : {size_t(64), size_t(100), whole.size() / 4}) {
    plan.set_library(whole.substr(0, length));
    EXPECT_THAT(load(plan).message(), HasSubstr("truncated or corrupt"))
        << length;
  }
}

TEST(KernelLibrary, RefusesAnotherMachine) {
  plan::Plan plan = libraryPlan("add");
  (*plan.mutable_library())[18] = 0x08; // MIPS
  EXPECT_THAT(load(plan).message(), HasSubstr("another kind of machine"));
}

} // namespace
