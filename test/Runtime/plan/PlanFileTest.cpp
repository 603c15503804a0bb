//===- PlanFileTest.cpp ---------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanFile.h"
#include "runtime/base/Files.h"
#include "runtime/plan/PlanLoader.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

using namespace fleet;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

std::string goodBytes() {
  StatusOr<std::string> bytes = encodePlanFile(test::makeTrainerPlan());
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  return *bytes;
}

Status decode(const std::string &bytes) {
  return decodePlanFile(bytes, "a.plan").status();
}

TEST(PlanFile, ReadsWhatItWrote) {
  plan::Plan plan = test::makeTrainerPlan();
  StatusOr<plan::Plan> read = decodePlanFile(goodBytes(), "a.plan");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->SerializeAsString(), plan.SerializeAsString());
}

TEST(PlanFile, SamePlanGivesSameBytes) { EXPECT_EQ(goodBytes(), goodBytes()); }

TEST(PlanFile, EveryTruncationIsAnError) {
  std::string bytes = goodBytes();
  for (size_t length = 0; length < bytes.size(); ++length) {
    Status status = decode(bytes.substr(0, length));
    ASSERT_EQ(status.code(), StatusCode::DataLoss) << length;
    ASSERT_THAT(status.message(), StartsWith("a.plan is truncated"));
  }
}

TEST(PlanFile, EveryFlippedBitIsAnError) {
  std::string bytes = goodBytes();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    Status status = decode(flipped);
    ASSERT_FALSE(status.ok()) << "bit " << i;
    ASSERT_EQ(status.message().find('\n'), std::string::npos);
  }
}

TEST(PlanFile, NamesAChecksumMismatch) {
  std::string bytes = goodBytes();
  bytes.back() ^= 1;
  EXPECT_EQ(decode(bytes).message(), "a.plan is corrupt: checksum mismatch");
}

TEST(PlanFile, NamesBytesAfterTheEnd) {
  EXPECT_EQ(decode(goodBytes() + "xyz").message(),
            "a.plan is corrupt: 3 bytes after its end");
}

TEST(PlanFile, RefusesOtherFiles) {
  EXPECT_THAT(decode("module @x {}\n").message(),
              HasSubstr("a.plan is not a plan"));
}

TEST(PlanFile, RefusesOtherVersions) {
  std::string bytes = goodBytes();
  bytes[8] = 2;
  EXPECT_THAT(decode(bytes).message(),
              HasSubstr("plan schema version 2, this program reads version 1"));
}

TEST(PlanFile, RefusesAnImpossibleLengthBeforeAllocating) {
  std::string bytes = goodBytes();
  bytes[22] = 0x7f;
  EXPECT_THAT(decode(bytes).message(), HasSubstr("it announces"));
}

TEST(PlanLoader, NamesAMissingFile) {
  SystemFiles files;
  StatusOr<PlanPtr> loaded = loadPlan(files, "/nonexistent/t.plan");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), StatusCode::NotFound);
  EXPECT_THAT(loaded.status().message(), HasSubstr("/nonexistent/t.plan"));
}

TEST(PlanLoader, LoadsAFile) {
  SystemFiles files;
  std::string path = testing::TempDir() + "/PlanLoader.LoadsAFile.plan";
  std::string bytes = goodBytes();
  ASSERT_TRUE(
      writeFileAtomically(files, path, {{bytes.data(), bytes.size()}}).ok());
  StatusOr<PlanPtr> loaded = loadPlan(files, path);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ((*loaded)->path, path);
  EXPECT_EQ((*loaded)->findFunction("startup"), 1u);
  EXPECT_EQ((*loaded)->findFunction("nothing"), std::nullopt);
  EXPECT_EQ((*loaded)->describe(0, 1),
            "function 'main', instruction 1 (program.mlir:12:8)");
  std::remove(path.c_str());
}

} // namespace
