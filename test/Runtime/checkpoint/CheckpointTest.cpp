//===- CheckpointTest.cpp -------------------------------------------------===//

#include "runtime/checkpoint/Checkpoint.h"
#include "../base/FaultyFiles.h"
#include "../base/MemoryFiles.h"
#include "../base/TemporaryDirectory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>

using namespace fleet;
using fleet::test::FaultyFiles;
using fleet::test::MemoryFiles;
using fleet::test::TemporaryDirectory;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// A parameter, its velocity, a scalar and an odd number of bytes.
struct Model {
  explicit Model(float base)
      : w{base, base + 1, base + 2, base + 3, base + 4, base + 5} {}
  float w[6];
  float velocity[6] = {-1, -2, -3, -4, -5, -6};
  double power = 0.9;
  uint8_t flags[3] = {0, 1, 1};

  std::vector<CheckpointTensor> tensors() const {
    return {{"flags", plan::I1, {3}, flags},
            {"w", plan::F32, {3, 2}, w},
            {"w/velocity", plan::F32, {3, 2}, velocity},
            {"w/beta1_power", plan::F64, {}, &power}};
  }
};

const CheckpointMetadata metadata = {{"step", "12"}, {"job", "a \"b\"\n"}};

class CheckpointTest : public testing::Test {
protected:
  void save(const Model &model) {
    Status status =
        writeCheckpoint(files, directory.path(), model.tensors(), metadata);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  std::string errorOfOpening() {
    auto checkpoint = Checkpoint::open(files, directory.path());
    EXPECT_FALSE(checkpoint.ok());
    if (checkpoint.ok())
      return "";
    EXPECT_THAT(checkpoint.status().message(), HasSubstr(path));
    return checkpoint.status().message();
  }
  static bool opens(const std::string &text) {
    MemoryFiles memory;
    memory.contents[checkpointFile("d")] = text;
    return Checkpoint::open(memory, "d").ok();
  }
  /// The first element of "w", when everything is as it was written.
  float firstOfW() {
    auto checkpoint = Checkpoint::open(files, directory.path());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    float w[6] = {};
    if (checkpoint.ok()) {
      Status status = checkpoint->read("w", plan::F32, {3, 2}, w);
      EXPECT_TRUE(status.ok()) << status.message();
    }
    return w[0];
  }

  TemporaryDirectory directory;
  SystemFiles files;
  const std::string path = checkpointFile(directory.path());
};

TEST_F(CheckpointTest, WhatWasWrittenIsReadBack) {
  Model model(10);
  save(model);
  auto checkpoint = Checkpoint::open(files, directory.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->file(), path);
  EXPECT_EQ(checkpoint->metadata().at("step"), "12");
  EXPECT_EQ(checkpoint->metadata().at("job"), "a \"b\"\n");
  EXPECT_EQ(checkpoint->tensors().size(), 4u);
  for (const CheckpointTensor &tensor : model.tensors()) {
    std::vector<char> out(
        static_cast<size_t>(*byteSize(tensor.dtype, tensor.shape)));
    Status status =
        checkpoint->read(tensor.name, tensor.dtype, tensor.shape, out.data());
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(std::memcmp(out.data(), tensor.data, out.size()), 0)
        << tensor.name;
    EXPECT_EQ(checkpoint->tensors().at(tensor.name).offset %
                  dataTypeSize(tensor.dtype),
              0u)
        << tensor.name;
  }
}

TEST_F(CheckpointTest, TheFileIsPlainSafetensors) {
  save(Model(10));
  std::string text = directory.read("model.safetensors");
  uint64_t length;
  std::memcpy(&length, text.data(), 8);
  ASSERT_EQ(length % 8, 0u);
  auto header = nlohmann::json::parse(text.substr(8, length));
  EXPECT_EQ(header["w"]["dtype"], "F32");
  EXPECT_EQ(header["w"]["shape"], (std::vector<int>{3, 2}));
  EXPECT_EQ(header["w/beta1_power"]["dtype"], "F64");
  EXPECT_EQ(header["flags"]["dtype"], "BOOL");
  size_t begin = header["w"]["data_offsets"][0];
  float first;
  std::memcpy(&first, text.data() + 8 + length + begin, 4);
  EXPECT_EQ(first, 10);
}

TEST_F(CheckpointTest, RowsOfATensorAreReadAlone) {
  save(Model(10));
  auto checkpoint = Checkpoint::open(files, directory.path());
  ASSERT_TRUE(checkpoint.ok());
  float rows[4] = {};
  ASSERT_TRUE(checkpoint->readRows("w", plan::F32, {3, 2}, 1, 2, rows).ok());
  EXPECT_THAT(rows, ElementsAre(12, 13, 14, 15));
  double power = 0;
  EXPECT_TRUE(
      checkpoint->readRows("w/beta1_power", plan::F64, {}, 0, 1, &power).ok());
  EXPECT_EQ(power, 0.9);
  EXPECT_TRUE(checkpoint->readRows("w", plan::F32, {3, 2}, 3, 0, rows).ok());
  for (auto [first, count] : {std::pair<int64_t, int64_t>{2, 2},
                              {-1, 1},
                              {4, 0},
                              {0, -1},
                              {1, INT64_MAX}})
    EXPECT_THAT(checkpoint->readRows("w", plan::F32, {3, 2}, first, count, rows)
                    .message(),
                HasSubstr("tensor 'w' has 3 rows"));
}

TEST_F(CheckpointTest, AWrongTensorIsAnErrorThatSaysWhatIsThere) {
  save(Model(10));
  auto checkpoint = Checkpoint::open(files, directory.path());
  ASSERT_TRUE(checkpoint.ok());
  float out[8];
  Status missing = checkpoint->read("v", plan::F32, {3, 2}, out);
  EXPECT_EQ(missing.code(), StatusCode::NotFound);
  EXPECT_EQ(missing.message(),
            "checkpoint " + path +
                " has no tensor 'v'; it has: flags, w, w/beta1_power, "
                "w/velocity");
  EXPECT_EQ(checkpoint->read("w", plan::F64, {3, 2}, out).message(),
            "checkpoint " + path +
                ": tensor 'w' is f32 [3, 2], but the program needs f64 [3, 2]");
  EXPECT_EQ(checkpoint->read("w", plan::F32, {2, 3}, out).message(),
            "checkpoint " + path +
                ": tensor 'w' is f32 [3, 2], but the program needs f32 [2, 3]");
  EXPECT_FALSE(checkpoint->read("w", plan::F32, {}, out).ok());
}

TEST_F(CheckpointTest, AMissingFileIsNamed) {
  EXPECT_EQ(Checkpoint::open(files, directory.path()).status().code(),
            StatusCode::NotFound);
  errorOfOpening();
}

TEST_F(CheckpointTest, EveryTruncationIsDetected) {
  save(Model(10));
  std::string text = directory.read("model.safetensors");
  ASSERT_TRUE(opens(text));
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(opens(text.substr(0, length))) << length;
  EXPECT_FALSE(opens(text + "x"));
}

TEST_F(CheckpointTest, EveryFlippedBitIsDetected) {
  save(Model(10));
  std::string text = directory.read("model.safetensors");
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(opens(flipped)) << bit;
  }
}

TEST_F(CheckpointTest, AFileOfAnotherToolNeedsNoChecksum) {
  std::string header =
      R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  uint64_t length = header.size();
  float value = 3;
  directory.write("model.safetensors",
                  std::string(reinterpret_cast<char *>(&length), 8) + header +
                      std::string(reinterpret_cast<char *>(&value), 4));
  auto checkpoint = Checkpoint::open(files, directory.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  float out = 0;
  ASSERT_TRUE(checkpoint->read("w", plan::F32, {1}, &out).ok());
  EXPECT_EQ(out, 3);
}

TEST_F(CheckpointTest, AHugeHeaderLengthTakesNoMemory) {
  for (uint64_t length : {uint64_t(1) << 40, UINT64_MAX, UINT64_MAX - 7}) {
    directory.write("model.safetensors",
                    std::string(reinterpret_cast<char *>(&length), 8) + "{}");
    EXPECT_THAT(errorOfOpening(), HasSubstr("does not fit"));
  }
  // A sparse file of 200 MB that is all header.
  directory.write("model.safetensors", "");
  std::filesystem::resize_file(path, 200'000'008);
  std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
  uint64_t length = 200'000'000;
  stream.write(reinterpret_cast<char *>(&length), 8);
  stream.close();
  EXPECT_THAT(errorOfOpening(), HasSubstr("at most 100000000"));
}

TEST_F(CheckpointTest, AnEmptyCheckpointIsOne) {
  ASSERT_TRUE(writeCheckpoint(files, directory.path(), {}, {}).ok());
  auto checkpoint = Checkpoint::open(files, directory.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  float out;
  EXPECT_THAT(checkpoint->read("w", plan::F32, {}, &out).message(),
              HasSubstr("it has: none"));
}

TEST_F(CheckpointTest, TheDirectoryIsMade) {
  std::string deep = directory.file("a/b");
  ASSERT_TRUE(writeCheckpoint(files, deep, Model(1).tensors(), {}).ok());
  EXPECT_TRUE(Checkpoint::open(files, deep).ok());
}

TEST_F(CheckpointTest, ADirectoryThatCannotBeIsAnErrorThatNamesIt) {
  std::string plain = directory.write("plain", "");
  Status status = writeCheckpoint(files, plain, Model(1).tensors(), {});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(plain));
  // Not even root may write here.
  status = writeCheckpoint(files, "/proc/fleet-test", Model(1).tensors(), {});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("/proc/fleet-test"));
}

TEST_F(CheckpointTest, NamesAndMetadataThatCannotBeAreRefused) {
  float value = 0;
  auto write = [&](std::vector<CheckpointTensor> tensors,
                   CheckpointMetadata info) {
    Status status = writeCheckpoint(files, directory.path(), tensors, info);
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(*files.exists(path));
    return status.message();
  };
  EXPECT_NE(write({{"", plan::F32, {}, &value}}, {}), "");
  EXPECT_NE(write({{"__metadata__", plan::F32, {}, &value}}, {}), "");
  EXPECT_THAT(
      write({{"w", plan::F32, {}, &value}, {"w", plan::F32, {}, &value}}, {}),
      HasSubstr("named 'w'"));
  EXPECT_THAT(write({{"w", plan::F32, {-1}, &value}}, {}),
              HasSubstr("tensor 'w'"));
  EXPECT_THAT(write({{"w", plan::DATA_TYPE_UNSPECIFIED, {}, &value}}, {}),
              HasSubstr("tensor 'w'"));
  EXPECT_THAT(write({{"\xff", plan::F32, {}, &value}}, {}), HasSubstr("utf-8"));
  EXPECT_THAT(write({}, {{"fleet.x", "1"}}), HasSubstr("reserved"));
}

TEST_F(CheckpointTest, NamesCannotFakeAChecksum) {
  float value = 1;
  std::vector<CheckpointTensor> tensors = {
      {"\"fleet.checksum\":\"0000000000000000\"", plan::F32, {}, &value},
      {"fleet.checksum", plan::F32, {}, &value},
      {"../../x", plan::F32, {}, &value}};
  ASSERT_TRUE(
      writeCheckpoint(files, directory.path(), tensors,
                      {{"a", "\"fleet.checksum\":\"0000000000000000\""}})
          .ok());
  auto checkpoint = Checkpoint::open(files, directory.path());
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
}

class CheckpointFault : public CheckpointTest,
                        public testing::WithParamInterface<FaultyFiles::Fault> {
};

TEST_P(CheckpointFault, AtAnyOperationLeavesOneWholeCheckpoint) {
  Model before(100), after(200);
  FaultyFiles counting(files, GetParam(), -1);
  ASSERT_TRUE(
      writeCheckpoint(counting, directory.path(), after.tensors(), metadata)
          .ok());
  ASSERT_GT(counting.operations(), 8);
  for (int failing = 0; failing < counting.operations(); ++failing) {
    save(before);
    FaultyFiles faulty(files, GetParam(), failing);
    EXPECT_FALSE(
        writeCheckpoint(faulty, directory.path(), after.tensors(), metadata)
            .ok())
        << failing;
    float first = firstOfW();
    // Only the last operation, the sync of the directory, is after the rename.
    EXPECT_EQ(first, failing == counting.operations() - 1 ? 200 : 100)
        << failing;
  }
}

TEST_P(CheckpointFault, AtAnyOperationOfALoadIsAnError) {
  save(Model(100));
  FaultyFiles counting(files, GetParam(), -1);
  ASSERT_TRUE(Checkpoint::open(counting, directory.path()).ok());
  for (int failing = 0; failing < counting.operations(); ++failing) {
    FaultyFiles faulty(files, GetParam(), failing);
    EXPECT_FALSE(Checkpoint::open(faulty, directory.path()).ok()) << failing;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryFault, CheckpointFault,
                         testing::Values(FaultyFiles::Fault::IoError,
                                         FaultyFiles::Fault::DiskFull,
                                         FaultyFiles::Fault::Crash,
                                         FaultyFiles::Fault::ShortCrash));

} // namespace
