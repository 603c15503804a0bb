//===- NpzReaderTest.cpp --------------------------------------------------===//

#include "../base/FaultyFiles.h"
#include "../base/MemoryFiles.h"
#include "../base/TemporaryDirectory.h"
#include "NpyText.h"
#include "runtime/data/Dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <zip.h>

#include <utility>

using namespace fleet;
using namespace fleet::test;
using testing::HasSubstr;

namespace {

class NpzTest : public testing::Test {
protected:
  using Members = std::vector<std::pair<std::string, std::string>>;

  std::string archive(const Members &members, int method = ZIP_CM_DEFLATE) {
    std::string path = directory.file("d.npz");
    zip_t *zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    EXPECT_NE(zip, nullptr);
    for (const auto &[name, data] : members) {
      zip_source_t *source =
          zip_source_buffer(zip, data.data(), data.size(), 0);
      zip_int64_t index = zip_file_add(zip, name.c_str(), source, 0);
      EXPECT_GE(index, 0);
      zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), method,
                               0);
    }
    EXPECT_EQ(zip_close(zip), 0);
    return path;
  }
  StatusOr<Dataset> load(std::vector<InputRequest> requests) {
    auto spec = parseDataSpec(directory.file("d.npz"));
    return loadDataset(*spec, requests, files);
  }
  StatusOr<Dataset> loadText(const std::string &text,
                             const std::vector<InputRequest> &requests) {
    MemoryFiles memory;
    memory.contents["d.npz"] = text;
    return loadDataset(*parseDataSpec("d.npz"), requests, memory);
  }
  std::string errorOf(std::vector<InputRequest> requests) {
    auto data = load(std::move(requests));
    EXPECT_FALSE(data.ok());
    if (data.ok())
      return "";
    EXPECT_THAT(data.status().message(), HasSubstr(directory.file("d.npz")));
    return data.status().message();
  }

  TemporaryDirectory directory;
  SystemFiles files;
  const std::string x =
      npyText("<f4", "(3, 2)", bytesOf<float>({1, 2, 3, 4, 5, 6}));
  const std::string y = npyText("<i8", "(3,)", bytesOf<int64_t>({7, 8, 9}));
  const std::vector<InputRequest> both = {{"x", plan::F32, {2}},
                                          {"y", plan::I64, {1}}};
};

TEST_F(NpzTest, ArraysAreFoundByTheNamesOfTheInputs) {
  for (int method : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    archive({{"other.npy", "not an array"}, {"y.npy", y}, {"x.npy", x}},
            method);
    auto data = load(both);
    ASSERT_TRUE(data.ok()) << data.status().message();
    EXPECT_EQ(data->rows(), 3);
    EXPECT_EQ(*reinterpret_cast<const float *>(data->inputs()[0].row(2)), 5);
    EXPECT_EQ(*reinterpret_cast<const int64_t *>(data->inputs()[1].row(2)), 9);
  }
}

TEST_F(NpzTest, AMissingArrayIsAnErrorThatListsWhatIsThere) {
  archive({{"x.npy", x}, {"label.npy", y}});
  EXPECT_THAT(errorOf(both), HasSubstr("has no array for input 'y' of the "
                                       "program; it has: x, label"));
}

TEST_F(NpzTest, ArraysAreCheckedAsInNpyFiles) {
  archive(
      {{"x.npy", x}, {"y.npy", npyText("<i8", "(2,)", std::string(16, 0))}});
  EXPECT_THAT(errorOf(both), HasSubstr("'y' has 2 rows, but 'x' has 3"));
  archive({{"x.npy", x.substr(0, x.size() - 1)}});
  EXPECT_THAT(errorOf({both[0]}), HasSubstr("array 'x': 23 bytes of data"));
  archive({{"x.npy", y}});
  EXPECT_THAT(errorOf({both[0]}), HasSubstr("type i64"));
}

TEST_F(NpzTest, WhatIsNotAnArchiveIsAnError) {
  directory.write("d.npz", "");
  EXPECT_THAT(errorOf(both), HasSubstr("not a sound npz file"));
  directory.write("d.npz", std::string(1000, 'x'));
  EXPECT_THAT(errorOf(both), HasSubstr("not a sound npz file"));
}

TEST_F(NpzTest, EveryTruncationIsAnError) {
  archive({{"x.npy", x}, {"y.npy", y}});
  std::string text = directory.read("d.npz");
  for (size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(loadText(text.substr(0, length), both).ok()) << length;
  }
}

TEST_F(NpzTest, AFlippedBitNeverGivesOtherNumbers) {
  archive({{"x.npy", x}, {"y.npy", y}}, ZIP_CM_STORE);
  std::string text = directory.read("d.npz");
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    auto data = loadText(flipped, both);
    if (!data.ok())
      continue; // most of the time; dates and the like do not matter
    auto *first = reinterpret_cast<const float *>(data->inputs()[0].row(0));
    auto *second = reinterpret_cast<const int64_t *>(data->inputs()[1].row(0));
    EXPECT_EQ(std::vector<float>(first, first + 6),
              (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(std::vector<int64_t>(second, second + 3),
              (std::vector<int64_t>{7, 8, 9}));
  }
}

TEST_F(NpzTest, ABombIsRefusedBeforeItIsUnpacked) {
  // A few bytes that claim, in both places that say it, to be many.
  archive({{"x.npy", x}});
  std::string honest = directory.read("d.npz");
  for (uint32_t claim : {uint32_t(300) << 20, uint32_t(1) << 20}) {
    std::string text = honest;
    auto size = static_cast<uint32_t>(x.size());
    std::string from = bytesOf<uint32_t>({size});
    std::string to = bytesOf<uint32_t>({claim});
    int places = 0;
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
         at += 4, ++places)
      text.replace(at, 4, to);
    ASSERT_EQ(places, 2);
    directory.write("d.npz", text);
    EXPECT_THAT(errorOf({both[0]}), HasSubstr("claims to unpack from"));
  }
  // A small array of zeros is fine.
  int rows = 100000;
  archive({{"x.npy", npyText("<f4", "(" + std::to_string(rows) + ", 2)",
                             std::string(static_cast<size_t>(rows) * 8, 0))}});
  EXPECT_TRUE(load({both[0]}).ok());
}

TEST_F(NpzTest, AFailingFileSystemIsAnError) {
  auto spec = parseDataSpec(archive({{"x.npy", x}, {"y.npy", y}}));
  FaultyFiles counting(files, FaultyFiles::Fault::IoError, -1);
  ASSERT_TRUE(loadDataset(*spec, both, counting).ok());
  ASSERT_GT(counting.operations(), 3);
  for (int failing = 0; failing < counting.operations(); ++failing) {
    FaultyFiles faulty(files, FaultyFiles::Fault::IoError, failing);
    EXPECT_FALSE(loadDataset(*spec, both, faulty).ok()) << failing;
  }
}

} // namespace
