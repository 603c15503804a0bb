//===- WholeTensorTest.cpp ------------------------------------------------===//

#include "runtime/checkpoint/WholeTensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using testing::HasSubstr;

namespace {

class WholeTensorTest : public testing::Test {
protected:
  /// Adds `count` rows of a 6x2 tensor; the value of an element is its index.
  Status add(int64_t firstRow, int64_t count) {
    std::vector<float> rows;
    for (int64_t i = firstRow * 2; i < (firstRow + count) * 2; ++i)
      rows.push_back(static_cast<float>(i));
    return whole.add(plan::F32, {6, 2}, firstRow, rows.data(),
                     rows.size() * sizeof(float));
  }

  WholeTensor whole = std::move(*WholeTensor::create("w", plan::F32, {6, 2}));
};

TEST_F(WholeTensorTest, RowsComeInAnyOrder) {
  ASSERT_TRUE(add(4, 2).ok());
  ASSERT_TRUE(add(0, 3).ok());
  EXPECT_THAT(whole.checkComplete().message(),
              HasSubstr("no server holds row 3 of 'w', which has 6 rows"));
  ASSERT_TRUE(add(3, 1).ok());
  EXPECT_TRUE(whole.checkComplete().ok());
  auto *values = static_cast<const float *>(whole.get().data);
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(values[i], static_cast<float>(i));
}

TEST_F(WholeTensorTest, OverlapDoesNotFillAGap) {
  ASSERT_TRUE(add(0, 4).ok());
  // Six rows have come, but not the six rows of the tensor.
  EXPECT_THAT(add(2, 2).message(),
              HasSubstr("two servers hold some of rows 2"));
  EXPECT_THAT(add(3, 3).message(), HasSubstr("two servers hold"));
  EXPECT_THAT(whole.checkComplete().message(), HasSubstr("row 4 of 'w'"));
}

TEST_F(WholeTensorTest, RowsHaveToLieInTheTensor) {
  EXPECT_FALSE(add(5, 2).ok());
  EXPECT_FALSE(add(-1, 1).ok());
  float value = 0;
  EXPECT_FALSE(whole.add(plan::F32, {6, 2}, 0, &value, sizeof(value)).ok());
  EXPECT_FALSE(whole.add(plan::F32, {6, 3}, 0, &value, sizeof(value)).ok());
  EXPECT_FALSE(whole.add(plan::F64, {6, 2}, 0, &value, sizeof(value)).ok());
}

TEST_F(WholeTensorTest, ScalarsMayComeOnceForEveryBlock) {
  WholeTensor scalar = std::move(*WholeTensor::create("s", plan::F32, {}));
  EXPECT_FALSE(scalar.checkComplete().ok());
  float first = 1, second = 2;
  ASSERT_TRUE(scalar.add(plan::F32, {}, 0, &first, sizeof(first)).ok());
  ASSERT_TRUE(scalar.add(plan::F32, {}, 0, &second, sizeof(second)).ok());
  EXPECT_TRUE(scalar.checkComplete().ok());
  EXPECT_EQ(*static_cast<const float *>(scalar.get().data), first);
}

} // namespace
