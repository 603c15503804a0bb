//===- DataSpecTest.cpp ---------------------------------------------------===//

#include "runtime/data/DataSpec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using testing::HasSubstr;

namespace {

std::string errorOf(std::string_view text) {
  auto spec = parseDataSpec(text);
  EXPECT_FALSE(spec.ok()) << text;
  return spec.ok() ? "" : spec.status().message();
}

TEST(DataSpec, CsvWithColumns) {
  auto spec = parseDataSpec("a/hou#sing.csv#x=0..12,y=13");
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ(spec->format, DataSpec::Format::Csv);
  EXPECT_EQ(spec->file, "a/hou#sing.csv");
  ASSERT_EQ(spec->entries.size(), 2u);
  EXPECT_EQ(spec->entries[0].input, "x");
  EXPECT_EQ(spec->entries[0].firstColumn, 0);
  EXPECT_EQ(spec->entries[0].lastColumn, 12);
  EXPECT_EQ(spec->entries[1].firstColumn, 13);
  EXPECT_EQ(spec->entries[1].lastColumn, 13);
}

TEST(DataSpec, NpyFilesAndNpz) {
  auto spec = parseDataSpec("x=a=b.npy,y=l.npy");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->format, DataSpec::Format::Npy);
  ASSERT_EQ(spec->entries.size(), 2u);
  EXPECT_EQ(spec->entries[0].file, "a=b.npy");
  EXPECT_EQ(spec->entries[1].input, "y");
  spec = parseDataSpec("d/data.npz");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->format, DataSpec::Format::Npz);
  EXPECT_EQ(spec->file, "d/data.npz");
}

TEST(DataSpec, EveryErrorNamesTheFlagAndTheText) {
  EXPECT_THAT(errorOf(""), HasSubstr("--data is empty"));
  EXPECT_THAT(errorOf("a.csv"), HasSubstr("a.csv#x=0..12"));
  EXPECT_THAT(errorOf("a.txt"), HasSubstr("--data=a.txt"));
  EXPECT_THAT(errorOf("#x=1"), HasSubstr("no file"));
  for (const char *range :
       {"", "x", "x=", "=1", "x=a", "x=1..", "x=..2", "x=-1", "x=1...2",
        "x=1.5", "x=99999999999999999999", "x=1,", "x=1 "})
    EXPECT_THAT(errorOf(std::string("a.csv#") + range),
                HasSubstr("is not a column range"))
        << range;
  EXPECT_THAT(errorOf("a.csv#x=3..2"), HasSubstr("'x=3..2' ends before"));
  EXPECT_THAT(errorOf("a.csv#x=1,x=2"), HasSubstr("'x' is named twice"));
  EXPECT_THAT(errorOf("x=a.npy,x=b.npy"), HasSubstr("'x' is named twice"));
  for (const char *files : {"a.npy", "=a.npy", "x=.npy", "x=a.csv,y=b.npy"})
    EXPECT_THAT(errorOf(files), HasSubstr("name=file.npy")) << files;
}

} // namespace
