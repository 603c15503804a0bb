//===- CpuFeaturesTest.cpp ------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/cpu/CpuFeatures.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

using namespace fleet;

#if defined(__x86_64__)
TEST(CpuFeatures, EveryX86Has) {
  EXPECT_EQ(cpuHasFeature("sse2"), true);
  EXPECT_EQ(cpuHasFeature("cx8"), true);
}

TEST(CpuFeatures, AgreesWithTheKernel) {
  std::ifstream info("/proc/cpuinfo");
  std::string line, flags;
  while (flags.empty() && std::getline(info, line))
    if (line.rfind("flags", 0) == 0)
      flags = line + " ";
  if (flags.empty())
    GTEST_SKIP() << "no flags in /proc/cpuinfo";
  for (const char *name : {"avx", "avx2", "fma", "bmi2", "avx512f", "avx512bw",
                           "avx512dq", "avx512vl", "avx512cd", "popcnt"})
    EXPECT_EQ(cpuHasFeature(name).value_or(false),
              flags.find(" " + std::string(name) + " ") != std::string::npos)
        << name;
}
#endif

TEST(CpuFeatures, UnknownNames) {
  EXPECT_EQ(cpuHasFeature("quantum"), std::nullopt);
  EXPECT_EQ(cpuHasFeature(""), std::nullopt);
}
