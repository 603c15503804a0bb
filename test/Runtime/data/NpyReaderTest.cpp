//===- NpyReaderTest.cpp --------------------------------------------------===//

#include "runtime/data/NpyReader.h"
#include "../base/MemoryFiles.h"
#include "NpyText.h"
#include "runtime/data/Dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using namespace fleet::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const std::string sixFloats = bytesOf<float>({1, 2, 3, 4, 5, 6});

class NpyTest : public testing::Test {
protected:
  StatusOr<Dataset> load(const std::string &text, InputRequest request) {
    files.contents["x.npy"] = text;
    auto spec = parseDataSpec("x=x.npy");
    return loadDataset(*spec, {std::move(request)}, files);
  }
  std::string errorOf(const std::string &text,
                      InputRequest request = {"x", plan::F32, {2}}) {
    auto data = load(text, std::move(request));
    EXPECT_FALSE(data.ok());
    if (data.ok())
      return "";
    EXPECT_THAT(data.status().message(), HasSubstr("x.npy"));
    return data.status().message();
  }

  MemoryFiles files;
};

TEST_F(NpyTest, AnArrayIsLoadedAsItIs) {
  auto data = load(npyText("<f4", "(3, 2)", sixFloats), {"x", plan::F32, {2}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->rows(), 3);
  auto *values = reinterpret_cast<const float *>(data->inputs()[0].row(1));
  EXPECT_EQ(values[0], 3);
  EXPECT_EQ(values[1], 4);
}

TEST_F(NpyTest, EveryVersionTypeAndSpellingIsUnderstood) {
  const char *dictionary =
      "{ \"shape\":(6,),\"descr\":\"<f4\",\"fortran_order\":False }";
  for (int major : {1, 2, 3})
    EXPECT_TRUE(
        load(npyText(dictionary, sixFloats, major), {"x", plan::F32, {}}).ok());
  EXPECT_TRUE(load(npyText("<i8", "(2,)", bytesOf<int64_t>({1, 2})),
                   {"x", plan::I64, {}})
                  .ok());
  EXPECT_TRUE(
      load(npyText("|b1", "(2,)", bytesOf<char>({0, 1})), {"x", plan::I1, {}})
          .ok());
  EXPECT_TRUE(load(npyText("<f8", "(1, 1)", bytesOf<double>({1})),
                   {"x", plan::F64, {1}})
                  .ok());
}

TEST_F(NpyTest, DimensionsOfOneDoNotMatter) {
  for (const char *shape : {"(6,)", "(6, 1)", "(6, 1, 1)"})
    for (std::vector<int64_t> row :
         {std::vector<int64_t>{}, std::vector<int64_t>{1}})
      EXPECT_TRUE(
          load(npyText("<f4", shape, sixFloats), {"x", plan::F32, row}).ok())
          << shape;
}

TEST_F(NpyTest, AnotherTypeOrShapeIsAnError) {
  EXPECT_THAT(errorOf(npyText("<f8", "(3, 1)", std::string(24, 0))),
              HasSubstr("type f64, but input 'x' of the program is f32"));
  EXPECT_THAT(
      errorOf(npyText("<f4", "(2, 3)", sixFloats)),
      HasSubstr("shape [2, 3], but input 'x' of the program needs [rows, 2]"));
  EXPECT_THAT(errorOf(npyText("<f4", "(6,)", sixFloats)),
              HasSubstr("needs [rows, 2]"));
  EXPECT_THAT(
      errorOf(npyText("<f4", "()", bytesOf<float>({1})), {"x", plan::F32, {}}),
      HasSubstr("needs [rows]"));
  EXPECT_THAT(errorOf(npyText("<f4", "(0, 2)", "")), HasSubstr("has no rows"));
}

TEST_F(NpyTest, IdsAreBelowTheirBound) {
  auto request = [](plan::DataType dtype) {
    InputRequest request{"x", dtype, {2}};
    request.upperBound = 10;
    return request;
  };
  auto text = [](std::vector<int64_t> ids) {
    return npyText("<i8", "(2, 2)",
                   std::string(reinterpret_cast<const char *>(ids.data()), 32));
  };
  EXPECT_TRUE(load(text({0, 9, 9, 0}), request(plan::I64)).ok());
  EXPECT_THAT(errorOf(text({0, 9, 10, 0}), request(plan::I64)),
              HasSubstr("x.npy: row 1 of input 'x' holds the id 10, but its "
                        "table has rows 0 to 9"));
  EXPECT_THAT(errorOf(text({0, -1, 10, 0}), request(plan::I64)),
              HasSubstr("row 0 of input 'x' holds the id -1, but"));
  EXPECT_THAT(errorOf(npyText("<i4", "(1, 2)", bytesOf<int32_t>({0, -7})),
                      request(plan::I32)),
              HasSubstr("row 0 of input 'x' holds the id -7, but"));
}

TEST_F(NpyTest, WhatWeCannotReadIsSaid) {
  EXPECT_THAT(errorOf(npyText(">f4", "(3, 2)", sixFloats)),
              HasSubstr("big endian"));
  EXPECT_THAT(errorOf(npyText("|O", "(3, 2)", sixFloats)),
              HasSubstr("dtype '|O' is not supported"));
  EXPECT_THAT(errorOf(npyText("{'descr': [('a', '<f4')], 'fortran_order': "
                              "False, 'shape': (3, 2), }",
                              sixFloats)),
              HasSubstr("structured arrays"));
  EXPECT_THAT(errorOf(npyText("{'descr': '<f4', 'fortran_order': True, "
                              "'shape': (3, 2), }",
                              sixFloats)),
              HasSubstr("fortran order"));
  // With one dimension there is only one order.
  EXPECT_TRUE(load(npyText("{'descr': '<f4', 'fortran_order': True, 'shape': "
                           "(6, 1), }",
                           sixFloats),
                   {"x", plan::F32, {1}})
                  .ok());
  EXPECT_THAT(errorOf(npyText("|b1", "(2,)", bytesOf<char>({0, 2})),
                      {"x", plan::I1, {}}),
              HasSubstr("neither 0 nor 1"));
}

TEST_F(NpyTest, AMalformedHeaderIsAnError) {
  for (const char *dictionary :
       {"", "{}", "{'descr': '<f4'}", "[]", "{'descr'}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)} x",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2",
        "{'descr: '<f4', 'fortran_order': False, 'shape': (3, 2), }",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': "
        "(3, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'a': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(99999999999999999999, 2), }"})
    EXPECT_THAT(errorOf(npyText(dictionary, sixFloats)),
                HasSubstr("header is malformed"))
        << dictionary;
  std::string deep = "(";
  for (int i = 0; i < 100; ++i)
    deep += "1,";
  EXPECT_THAT(errorOf(npyText("<f4", deep + ")", sixFloats)),
              HasSubstr("malformed"));
}

TEST_F(NpyTest, ASizeThatTheFileDoesNotHaveTakesNoMemory) {
  EXPECT_THAT(errorOf(npyText("<f4", "(1000000000000, 2)", sixFloats)),
              HasSubstr("24 bytes of data, but shape [1000000000000, 2]"));
  EXPECT_THAT(errorOf(npyText("<f4", "(9223372036854775807, 2)", sixFloats)),
              HasSubstr("too many"));
  std::string text = npyText("<f4", "(3, 2)", sixFloats);
  EXPECT_THAT(errorOf(text + "x"), HasSubstr("25 bytes of data"));
  text[6] = 2; // the length is now four bytes, two of them of the dictionary
  EXPECT_THAT(errorOf(text), HasSubstr("header is truncated"));
  text[6] = 9;
  EXPECT_THAT(errorOf(text), HasSubstr("version 9"));
  EXPECT_THAT(errorOf(npyText(std::string(20000, ' '), "")),
              HasSubstr("at most 10000"));
}

TEST_F(NpyTest, EveryTruncationIsAnError) {
  std::string text = npyText("<f4", "(3, 2)", sixFloats);
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_NE(errorOf(text.substr(0, length)), "") << length;
}

TEST_F(NpyTest, EveryFlippedBitOfTheHeaderIsSafe) {
  // It may still be a header, but then it must be one that fits.
  std::string text = npyText("<f4", "(3, 2)", sixFloats);
  for (size_t bit = 0; bit < (text.size() - sixFloats.size()) * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    auto data = load(flipped, {"x", plan::F32, {2}});
    if (data.ok())
      EXPECT_EQ(data->rows(), 3);
  }
}

TEST_F(NpyTest, InputsMustHaveTheSameNumberOfRows) {
  files.contents["x.npy"] = npyText("<f4", "(3, 2)", sixFloats);
  files.contents["y.npy"] = npyText("<f4", "(6,)", sixFloats);
  auto spec = parseDataSpec("x=x.npy,y=y.npy");
  auto data =
      loadDataset(*spec, {{"y", plan::F32, {1}}, {"x", plan::F32, {2}}}, files);
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.status().message(), "x.npy has 3 rows, but y.npy has 6");
  spec = parseDataSpec("x=none.npy");
  EXPECT_EQ(loadDataset(*spec, {{"x", plan::F32, {2}}}, files).status().code(),
            StatusCode::NotFound);
}

} // namespace
