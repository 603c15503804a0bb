//===- CsvReaderTest.cpp --------------------------------------------------===//

#include "../base/FaultyFiles.h"
#include "../base/TemporaryDirectory.h"
#include "runtime/data/Dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace fleet;
using fleet::test::FaultyFiles;
using fleet::test::TemporaryDirectory;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class CsvTest : public testing::Test {
protected:
  /// The error of loading `text` as FILE.csv; the file's path is cut off.
  std::string errorOf(const std::string &text, const std::string &columns,
                      std::vector<InputRequest> requests) {
    auto data = load(text, columns, std::move(requests));
    EXPECT_FALSE(data.ok()) << text;
    std::string message = data.ok() ? "" : data.status().message();
    for (size_t at;
         (at = message.find(directory.path() + "/")) != std::string::npos;)
      message.erase(at, directory.path().size() + 1);
    return message;
  }
  StatusOr<Dataset> load(const std::string &text, const std::string &columns,
                         std::vector<InputRequest> requests) {
    std::string path = directory.write("d.csv", text);
    auto spec = parseDataSpec(path + "#" + columns);
    EXPECT_TRUE(spec.ok()) << spec.status().message();
    return loadDataset(*spec, requests, files);
  }
  template <typename T>
  static std::vector<T> values(const Dataset &data, size_t input) {
    const DatasetInput &column = data.inputs()[input];
    auto *begin = reinterpret_cast<const T *>(column.values.data());
    return {begin, begin + column.values.size() / sizeof(T)};
  }

  TemporaryDirectory directory;
  SystemFiles files;
  const std::vector<InputRequest> x1 = {{"x", plan::F32, {1}}};
};

TEST_F(CsvTest, ColumnsGoToTheirInputs) {
  auto data = load("1,2,3\n4,5,6\n", "x=0..1,y=2",
                   {{"y", plan::I64, {1}}, {"x", plan::F32, {2}}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->rows(), 2);
  ASSERT_EQ(data->inputs().size(), 2u);
  // In the order of the program, not of the flag.
  EXPECT_EQ(data->inputs()[0].name, "y");
  EXPECT_THAT(values<int64_t>(*data, 0), ElementsAre(3, 6));
  EXPECT_THAT(values<float>(*data, 1), ElementsAre(1, 2, 4, 5));
  EXPECT_EQ(data->inputs()[1].rowBytes, 8u);
  EXPECT_EQ(data->inputs()[1].row(1) - data->inputs()[1].row(0), 8);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data->inputs()[1].row(0)) %
                bufferAlignment,
            0u);
}

TEST_F(CsvTest, AHeaderIsSkipped) {
  for (const char *header : {"a,b\n", "\"a, with comma\",b\n", "1,b\n", ",\n",
                             "\n \n\"a \"\"q\"\"\",b\n"}) {
    auto data = load(std::string(header) + "1,2\n3,4\n", "x=1", x1);
    ASSERT_TRUE(data.ok()) << header << data.status().message();
    EXPECT_THAT(values<float>(*data, 0), ElementsAre(2, 4)) << header;
  }
}

TEST_F(CsvTest, LineEndingsBlanksQuotesAndMarksAreAccepted) {
  auto data =
      load("\xef\xbb\xbf 1 ,\t2\r\n\r\n\"3\", +4 \r\n  \n5,6", "x=1", x1);
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_THAT(values<float>(*data, 0), ElementsAre(2, 4, 6));
}

TEST_F(CsvTest, NumbersAreReadAsStrtodWould) {
  auto data = load("1e3\n-.5\ninf\n-INF\n1e-400\n0x1p3\n", "x=0",
                   {{"x", plan::F64, {1}}});
  // Hexadecimal is not for data files.
  ASSERT_FALSE(data.ok());
  data = load("1e3\n-.5\ninf\n-INF\n1e-400\n1e-42\nnan\n", "x=0",
              {{"x", plan::F64, {}}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  auto read = values<double>(*data, 0);
  EXPECT_TRUE(std::isnan(read.back()));
  read.pop_back();
  EXPECT_THAT(read, ElementsAre(1000, -0.5, INFINITY, -INFINITY, 0, 1e-42));
  data = load("0.1\n1e-46\n1e-40\n", "x=0", x1);
  ASSERT_TRUE(data.ok());
  EXPECT_THAT(values<float>(*data, 0), ElementsAre(0.1f, 0.0f, 1e-40f));
}

TEST_F(CsvTest, WholeNumbersMayBeWrittenWithAPoint) {
  auto data = load("3.0,9223372036854775807\n1e3,-9223372036854775808\n",
                   "x=0,y=1", {{"x", plan::I32, {1}}, {"y", plan::I64, {1}}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_THAT(values<int32_t>(*data, 0), ElementsAre(3, 1000));
  EXPECT_THAT(values<int64_t>(*data, 1), ElementsAre(INT64_MAX, INT64_MIN));
}

TEST_F(CsvTest, AColumnMayFeedTwoInputsAndOthersMayHoldText) {
  auto data = load("n,v\nbob,1\neve,2\n", "x=1,y=1",
                   {{"x", plan::F32, {1}}, {"y", plan::I32, {}}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_THAT(values<float>(*data, 0), ElementsAre(1, 2));
  EXPECT_THAT(values<int32_t>(*data, 1), ElementsAre(1, 2));
}

TEST_F(CsvTest, AMissingFileIsNamed) {
  auto spec = parseDataSpec(directory.file("none.csv") + "#x=0");
  auto data = loadDataset(*spec, x1, files);
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.status().code(), StatusCode::NotFound);
  EXPECT_THAT(data.status().message(), HasSubstr(directory.file("none.csv")));
}

TEST_F(CsvTest, AMissingColumnIsAnErrorThatCountsTheFiles) {
  EXPECT_EQ(errorOf("1,2\n", "x=2", x1),
            "--data: there is no column 2 for input 'x': d.csv has 2 columns, "
            "0..1");
}

TEST_F(CsvTest, InputsAndColumnsMustMatchByName) {
  EXPECT_EQ(errorOf("1,2\n", "x=0,z=1", x1),
            "--data: the program has no input 'z'; it has: x");
  EXPECT_EQ(
      errorOf("1,2\n", "x=0", {{"x", plan::F32, {1}}, {"y", plan::F32, {1}}}),
      "--data: nothing is given for input 'y' of the program; its "
      "inputs are: x, y");
  EXPECT_EQ(errorOf("1,2\n", "x=0", {}),
            "--data: the program has no inputs, so it takes no data");
}

TEST_F(CsvTest, TheNumberOfColumnsMustFitTheInput) {
  EXPECT_EQ(errorOf("1,2\n", "x=0..1", {{"x", plan::F32, {3}}}),
            "--data: input 'x' takes 3 numbers a row, but 2 columns (0..1) are "
            "given for it");
  EXPECT_THAT(errorOf("1,2\n", "x=0", {{"x", plan::F16, {1}}}),
              HasSubstr("'x' is of type f16"));
  EXPECT_THAT(errorOf("1,2\n", "x=0", {{"x", plan::F32, {0}}}),
              HasSubstr("'x' of the program has no elements"));
  EXPECT_THAT(errorOf("1,2\n", "x=0", {{"x", plan::F32, {-1}}}),
              HasSubstr("input 'x': negative dimension"));
}

TEST_F(CsvTest, ANonNumberIsShownWithItsPlace) {
  EXPECT_EQ(errorOf("a,b\n1,2\n3, oops\n", "x=1", x1),
            "d.csv:3:4: 'oops' is not a number");
  EXPECT_EQ(errorOf("1,2\n3,\n", "x=1", x1), "d.csv:2:3: '' is not a number");
  EXPECT_EQ(errorOf("1\n2x\n", "x=0", x1), "d.csv:2:1: '2x' is not a number");
  EXPECT_EQ(errorOf("1\n+-2\n", "x=0", x1), "d.csv:2:1: '+-2' is not a number");
  EXPECT_EQ(errorOf("1\n+\n", "x=0", x1), "d.csv:2:1: '+' is not a number");
  EXPECT_THAT(errorOf("1\n" + std::string(99, 'z'), "x=0", x1),
              HasSubstr("'" + std::string(40, 'z') + "...'"));
  // An open quote swallows the rest of its line, no more.
  EXPECT_EQ(errorOf("1,2\n\"3,4\n", "x=0", x1),
            "d.csv:2:1: '\"3' is not a number");
}

TEST_F(CsvTest, WhatDoesNotFitTheTypeIsAnError) {
  EXPECT_EQ(errorOf("1\n1e39\n", "x=0", x1),
            "d.csv:2:1: '1e39' does not fit into f32");
  EXPECT_EQ(errorOf("1\n1e999\n", "x=0", {{"x", plan::F64, {1}}}),
            "d.csv:2:1: '1e999' does not fit into f64");
  EXPECT_EQ(errorOf("1\n1.5\n", "x=0", {{"x", plan::I32, {1}}}),
            "d.csv:2:1: '1.5' is not a whole number, which the program's i32 "
            "needs");
  EXPECT_EQ(errorOf("1\n2147483648\n", "x=0", {{"x", plan::I32, {1}}}),
            "d.csv:2:1: '2147483648' does not fit into i32");
  EXPECT_EQ(errorOf("1\n9223372036854775808\n", "x=0", {{"x", plan::I64, {1}}}),
            "d.csv:2:1: '9223372036854775808' does not fit into i64");
  EXPECT_THAT(errorOf("1\nnan\n", "x=0", {{"x", plan::I64, {1}}}),
              HasSubstr("not a whole number"));
  EXPECT_THAT(errorOf("1\ninf\n", "x=0", {{"x", plan::I64, {1}}}),
              HasSubstr("does not fit"));
}

TEST_F(CsvTest, ARaggedRowIsAnError) {
  EXPECT_EQ(errorOf("1,2\n3\n", "x=0", x1),
            "d.csv:2: 1 columns, but the first line has 2");
  EXPECT_EQ(errorOf("1,2\n\n3,4,5\n", "x=0", x1),
            "d.csv:3: 3 columns, but the first line has 2");
}

TEST_F(CsvTest, AWideHeaderOverShortLinesTakesNoMemoryForThem) {
  // 4000 columns times 4000 lines would be 16 million numbers out of 12 kB.
  std::string text = std::string(3999, ',') + "\n";
  for (int i = 0; i < 4000; ++i)
    text += "1\n";
  EXPECT_EQ(errorOf(text, "x=0..3999", {{"x", plan::F64, {4000}}}),
            "d.csv:2: 1 columns, but the first line has 4000");
}

TEST_F(CsvTest, AFileWithoutRowsIsAnError) {
  EXPECT_EQ(errorOf("", "x=0", x1), "d.csv has no rows");
  EXPECT_EQ(errorOf("\n \n", "x=0", x1), "d.csv has no rows");
  EXPECT_EQ(errorOf("a,b\n", "x=0", x1), "d.csv has no rows under its header");
}

TEST_F(CsvTest, BinaryGarbageIsAnError) {
  std::string garbage;
  for (int i = 0; i < 4096; ++i)
    garbage += static_cast<char>(i * 31 + i / 7);
  EXPECT_NE(errorOf(garbage, "x=0", x1), "");
}

TEST_F(CsvTest, AFailingFileSystemIsAnError) {
  std::string path = directory.write("d.csv", "1\n");
  auto spec = parseDataSpec(path + "#x=0");
  for (int failing = 0; failing < 2; ++failing) {
    FaultyFiles faulty(files, FaultyFiles::Fault::IoError, failing);
    EXPECT_FALSE(loadDataset(*spec, x1, faulty).ok()) << failing;
    EXPECT_TRUE(faulty.failed());
  }
}

TEST(Dataset, RowsAndMemoryMustAgree) {
  DatasetInput input;
  input.name = "x";
  input.dtype = plan::F32;
  input.rowShape = {2};
  input.rowBytes = 8;
  input.values = std::move(*AlignedBuffer::allocate(8, "a test"));
  std::vector<DatasetInput> inputs;
  inputs.push_back(std::move(input));
  EXPECT_FALSE(Dataset::create("memory", 2, std::move(inputs)).ok());
}

} // namespace
