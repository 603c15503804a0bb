//===- ReduceTest.cpp - Elements of several ranks become one --------------===//

#include "runtime/collective/Reduce.h"

#include "runtime/base/DataTypes.h"
#include "test/Runtime/collective/TestTensors.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace fleet;

namespace {

const plan::DataType reducible[] = {plan::F16, plan::BF16, plan::F32,
                                    plan::F64, plan::I32,  plan::I64};

TEST(ReduceTest, EveryTypeNumberOfInputsAndLengthInPlaceAndNot) {
  for (plan::DataType dtype : reducible)
    for (Reduction reduction : {Reduction::Sum, Reduction::Max, Reduction::Min})
      for (uint32_t inputs : {1u, 2u, 3u, 4u, 5u, 70u})
        for (size_t count : {size_t(0), size_t(1), size_t(15), size_t(5001)})
          for (bool inPlace : {false, true}) {
            std::vector<TestBytes> data;
            for (uint32_t r = 0; r < inputs; ++r)
              data.push_back(testInput(dtype, r, 0, count));
            TestBytes one(data[0].size()), two(data[0].size());
            std::vector<const void *> in;
            std::vector<void *> out;
            for (TestBytes &bytes : data) {
              in.push_back(bytes.data());
              if (inPlace)
                out.push_back(bytes.data());
            }
            if (!inPlace)
              out = {one.data(), two.data()};
            reduceElements(dtype, reduction, in.data(), inputs, out.data(),
                           out.size(), count);
            TestBytes expected =
                testReduced(dtype, reduction, inputs, 0, count);
            for (void *result : out)
              ASSERT_TRUE(count == 0 || std::memcmp(result, expected.data(),
                                                    expected.size()) == 0)
                  << dataTypeName(dtype) << " inputs " << inputs << " count "
                  << count << " reduction " << int(reduction) << " in place "
                  << inPlace;
          }
}

TEST(ReduceTest, HalvesAreRoundedOnce) {
  // 1 + 2^-12 eight times: each addition alone would be lost in f16.
  _Float16 one = 1, little = static_cast<_Float16>(0x1p-12f);
  std::vector<const void *> in(9, &little);
  in[0] = &one;
  _Float16 sum = 0;
  void *out = &sum;
  reduceElements(plan::F16, Reduction::Sum, in.data(), in.size(), &out, 1, 1);
  EXPECT_EQ(static_cast<float>(sum), 1 + 0x1p-9f);
}

TEST(ReduceTest, BrainFloatsKeepNansAndInfinities) {
  auto sum = [](uint16_t a, uint16_t b) {
    const void *in[] = {&a, &b};
    uint16_t result = 0;
    void *out = &result;
    reduceElements(plan::BF16, Reduction::Sum, in, 2, &out, 1, 1);
    return result;
  };
  EXPECT_EQ(sum(0x7f80, 0x3f80), 0x7f80);          // inf + 1
  EXPECT_EQ(sum(0x7f7f, 0x7f7f), 0x7f80);          // overflows
  EXPECT_EQ(sum(0x7f80, 0xff80) & 0x7fff, 0x7fc0); // inf - inf
}

TEST(ReduceTest, IntegersWrapAround) {
  int32_t a = INT32_MAX, b = 1, sum = 0;
  const void *in[] = {&a, &b};
  void *out = &sum;
  reduceElements(plan::I32, Reduction::Sum, in, 2, &out, 1, 1);
  EXPECT_EQ(sum, INT32_MIN);
}

TEST(ReduceTest, SaysWhatCannotBeReduced) {
  for (plan::DataType dtype : reducible)
    EXPECT_TRUE(canReduce(dtype));
  EXPECT_FALSE(canReduce(plan::I1));
  EXPECT_FALSE(canReduce(plan::I8));
}

} // namespace
