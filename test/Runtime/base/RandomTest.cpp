//===- RandomTest.cpp -----------------------------------------------------===//

#include "runtime/base/Random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

using namespace fleet;

namespace {

plan::Initializer uniform(double low, double high) {
  plan::Initializer initializer;
  initializer.mutable_uniform()->set_low(low);
  initializer.mutable_uniform()->set_high(high);
  return initializer;
}
plan::Initializer normal(double mean, double stddev, bool truncated = false) {
  plan::Initializer initializer;
  initializer.mutable_normal()->set_mean(mean);
  initializer.mutable_normal()->set_stddev(stddev);
  initializer.mutable_normal()->set_truncated(truncated);
  return initializer;
}
plan::Initializer constant(double value) {
  plan::Initializer initializer;
  initializer.mutable_constant()->set_value(value);
  return initializer;
}

std::vector<float> floats(const plan::Initializer &initializer, uint64_t seed,
                          const char *name, int64_t first, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  Status status =
      fillInitial(initializer, plan::F32, seed, name, first, count, out.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

struct Moments {
  double mean = 0, variance = 0, smallest = 0, largest = 0;
};
Moments moments(const std::vector<float> &values) {
  Moments m;
  for (float value : values)
    m.mean += value / static_cast<double>(values.size());
  for (float value : values)
    m.variance += (value - m.mean) * (value - m.mean) /
                  static_cast<double>(values.size());
  m.smallest = *std::min_element(values.begin(), values.end());
  m.largest = *std::max_element(values.begin(), values.end());
  return m;
}

TEST(Initializer, ASliceStartsWithTheValuesOfTheWhole) {
  for (const auto &initializer :
       {uniform(-1, 1), normal(0, 1), normal(0, 1, true)}) {
    std::vector<float> whole = floats(initializer, 7, "w", 0, 1000);
    for (int64_t first : {0, 1, 333, 999}) {
      std::vector<float> part =
          floats(initializer, 7, "w", first, 1000 - first);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first));
    }
  }
}

TEST(Initializer, SeedNameAndElementAllMatter) {
  auto base = floats(uniform(0, 1), 1, "w", 0, 64);
  EXPECT_NE(base, floats(uniform(0, 1), 2, "w", 0, 64));
  EXPECT_NE(base, floats(uniform(0, 1), 1, "v", 0, 64));
  EXPECT_EQ(std::set<float>(base.begin(), base.end()).size(), 64u);
  // Elements beyond 2^32 are not those below.
  EXPECT_NE(base, floats(uniform(0, 1), 1, "w", int64_t(1) << 32, 64));
}

TEST(Initializer, ValuesAreTheSameInEveryRelease) {
  // Checkpoints and published results depend on them.
  auto even = floats(uniform(-1, 1), 1, "w", 0, 3);
  EXPECT_THAT(even,
              testing::ElementsAre(-0.652751803f, 0.663322866f, 0.509459794f));
  // Logarithm and cosine may differ in the last bits between C libraries.
  auto values = floats(normal(0, 1), 1, "w", 0, 3);
  EXPECT_FLOAT_EQ(values[0], 1.7879616f);
  EXPECT_FLOAT_EQ(values[1], 0.595445812f);
  EXPECT_FLOAT_EQ(values[2], -0.160981268f);
}

TEST(Initializer, UniformCoversItsIntervalEvenly) {
  auto values = floats(uniform(-2, 6), 3, "w", 0, 100000);
  Moments m = moments(values);
  EXPECT_GE(m.smallest, -2.0);
  EXPECT_LT(m.largest, 6.0);
  EXPECT_NEAR(m.mean, 2.0, 0.03);
  EXPECT_NEAR(m.variance, 64.0 / 12, 0.08);
  int bins[8] = {};
  for (float value : values)
    ++bins[static_cast<int>(value + 2)];
  for (int bin : bins)
    EXPECT_NEAR(bin, 12500, 500);
}

TEST(Initializer, UniformNeverRoundsUpToItsHighEnd) {
  // Between these two there is no third f32, so that rounding is up to half
  // of the time.
  float high = std::nextafter(1.0f, 2.0f);
  for (float value : floats(uniform(1.0, high), 3, "w", 0, 1000))
    EXPECT_EQ(value, 1.0f);
  for (float value : floats(uniform(5, 5), 3, "w", 0, 10))
    EXPECT_EQ(value, 5.0f);
}

TEST(Initializer, NormalHasItsMoments) {
  Moments m = moments(floats(normal(3, 0.5), 3, "w", 0, 100000));
  EXPECT_NEAR(m.mean, 3.0, 0.01);
  EXPECT_NEAR(m.variance, 0.25, 0.005);
  EXPECT_LT(m.smallest, 3 - 0.5 * 3.5);
  EXPECT_GT(m.largest, 3 + 0.5 * 3.5);
}

TEST(Initializer, TruncatedNormalStaysWithinTwoDeviations) {
  Moments m = moments(floats(normal(0, 1, true), 3, "w", 0, 100000));
  EXPECT_GE(m.smallest, -2.0);
  EXPECT_LE(m.largest, 2.0);
  EXPECT_NEAR(m.mean, 0.0, 0.01);
  EXPECT_NEAR(m.variance, 0.7737, 0.01); // of the truncated distribution
  // What was inside at once is as in the plain one.
  auto plain = floats(normal(0, 1), 3, "w", 0, 1000);
  auto cut = floats(normal(0, 1, true), 3, "w", 0, 1000);
  for (size_t i = 0; i < plain.size(); ++i)
    if (std::abs(plain[i]) <= 2)
      EXPECT_EQ(plain[i], cut[i]);
}

TEST(Initializer, ConstantsTakeEveryWholeType) {
  EXPECT_THAT(floats(constant(0.5), 1, "w", 0, 3), testing::Each(0.5f));
  double f64 = 0;
  ASSERT_TRUE(fillInitial(constant(0.1), plan::F64, 1, "w", 0, 1, &f64).ok());
  EXPECT_EQ(f64, 0.1);
  int32_t i32 = 0;
  ASSERT_TRUE(fillInitial(constant(-7), plan::I32, 1, "w", 0, 1, &i32).ok());
  EXPECT_EQ(i32, -7);
  int64_t i64 = 0;
  ASSERT_TRUE(fillInitial(constant(1e15), plan::I64, 1, "w", 0, 1, &i64).ok());
  EXPECT_EQ(i64, 1000000000000000);
  uint8_t i1 = 0;
  ASSERT_TRUE(fillInitial(constant(1), plan::I1, 1, "w", 0, 1, &i1).ok());
  EXPECT_EQ(i1, 1);
}

TEST(Initializer, WhatMakesNoSenseIsAnErrorThatNamesTheParameter) {
  char out[8];
  auto check = [&](const plan::Initializer &initializer, plan::DataType dtype) {
    Status status = fillInitial(initializer, dtype, 1, "fc.w", 0, 1, out);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), testing::HasSubstr("'fc.w'"));
  };
  check(plan::Initializer(), plan::F32);
  check(uniform(1, 0), plan::F32);
  check(uniform(-1e308, 1e308), plan::F64);
  check(uniform(0, NAN), plan::F32);
  check(normal(0, -1), plan::F32);
  check(normal(INFINITY, 1), plan::F32);
  check(uniform(0, 1), plan::I32);
  check(constant(0.5), plan::I32);
  check(constant(300), plan::I8);
  check(constant(2), plan::I1);
  check(constant(NAN), plan::I64);
  check(constant(0), plan::BF16);
  check(constant(0), plan::DATA_TYPE_UNSPECIFIED);
}

TEST(Shuffle, IsAPermutationThatSeedAndEpochDecide) {
  std::vector<int64_t> order, again, other;
  shuffledOrder(1, 0, 506, order);
  shuffledOrder(1, 0, 506, again);
  EXPECT_EQ(order, again);
  shuffledOrder(1, 1, 506, other);
  EXPECT_NE(order, other);
  shuffledOrder(2, 0, 506, other);
  EXPECT_NE(order, other);
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < order.size(); ++i)
    EXPECT_EQ(order[i], static_cast<int64_t>(i));
}

TEST(Shuffle, EveryOrderIsEquallyLikely) {
  std::map<std::vector<int64_t>, int> seen;
  std::vector<int64_t> order;
  for (uint64_t epoch = 0; epoch < 6000; ++epoch) {
    shuffledOrder(5, epoch, 3, order);
    ++seen[order];
  }
  EXPECT_EQ(seen.size(), 6u);
  for (const auto &[permutation, count] : seen)
    EXPECT_NEAR(count, 1000, 150);
}

TEST(Shuffle, FewRows) {
  std::vector<int64_t> order = {5, 5, 5};
  shuffledOrder(1, 0, 1, order);
  EXPECT_THAT(order, testing::ElementsAre(0));
  shuffledOrder(1, 0, 0, order);
  EXPECT_TRUE(order.empty());
}

} // namespace
