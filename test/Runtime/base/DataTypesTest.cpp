//===- DataTypesTest.cpp --------------------------------------------------===//

#include "runtime/base/DataTypes.h"
#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Checksum.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace fleet;

TEST(DataTypes, EveryTypeOfTheSchemaHasANameAndASize) {
  for (int i = plan::DataType_MIN; i <= plan::DataType_MAX; ++i) {
    auto dtype = static_cast<plan::DataType>(i);
    if (dtype == plan::DATA_TYPE_UNSPECIFIED) {
      EXPECT_EQ(dataTypeSize(dtype), 0u);
      continue;
    }
    EXPECT_GT(dataTypeSize(dtype), 0u) << i;
    auto parsed = parseDataType(dataTypeName(dtype));
    ASSERT_TRUE(parsed.ok()) << i;
    EXPECT_EQ(*parsed, dtype);
  }
  EXPECT_EQ(dataTypeName(plan::BF16), "bf16");
  EXPECT_EQ(dataTypeSize(plan::BF16), 2u);
  EXPECT_EQ(dataTypeName(static_cast<plan::DataType>(99)), "unknown");
  EXPECT_FALSE(parseDataType("unknown").ok());
  EXPECT_FALSE(parseDataType("").ok());
}

TEST(DataTypes, SizesAreCheckedForOverflow) {
  EXPECT_EQ(*elementCount({}), 1);
  EXPECT_EQ(*elementCount({506, 13}), 6578);
  EXPECT_EQ(*elementCount({0, 13}), 0);
  EXPECT_EQ(*byteSize(plan::F64, {3, 2}), 48);
  EXPECT_FALSE(elementCount({-1, 3}).ok());
  EXPECT_FALSE(elementCount({INT64_MAX, 2}).ok());
  // A zero does not hide an overflow of the others.
  EXPECT_FALSE(elementCount({INT64_MAX, 0, 3}).ok());
  EXPECT_TRUE(byteSize(plan::I8, {INT64_MAX}).ok());
  EXPECT_FALSE(byteSize(plan::F32, {INT64_MAX / 2}).ok());
  EXPECT_FALSE(byteSize(plan::DATA_TYPE_UNSPECIFIED, {1}).ok());
  EXPECT_EQ(formatShape({13, 1}), "[13, 1]");
  EXPECT_EQ(formatShape({}), "[]");
}

TEST(AlignedBuffer, StartsOnACacheLineAndFailsWithAnError) {
  for (size_t size : {size_t(0), size_t(1), size_t(64), size_t(65)}) {
    auto buffer = AlignedBuffer::allocate(size, "a test");
    ASSERT_TRUE(buffer.ok());
    EXPECT_EQ(buffer->size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % bufferAlignment,
              0u);
    std::memset(buffer->data(), 1, size);
  }
  auto huge = AlignedBuffer::allocate(SIZE_MAX, "a test");
  ASSERT_FALSE(huge.ok());
  EXPECT_NE(huge.status().message().find("a test"), std::string::npos);
}

TEST(Checksum, IsXxh3WhateverThePieces) {
  // Published value of XXH3-64 over nothing.
  EXPECT_EQ(checksum(""), 0x2d06800538d394c2u);
  std::string text;
  for (int i = 0; i < 5000; ++i)
    text += static_cast<char>(i * 7);
  for (size_t cut : {size_t(0), size_t(1), size_t(255), size_t(4999)}) {
    StreamingChecksum sum;
    sum.update(text.data(), cut);
    sum.update(text.data() + cut, text.size() - cut);
    EXPECT_EQ(sum.digest(), checksum(text));
  }
}
