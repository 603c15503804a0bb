//===- FilesTest.cpp ------------------------------------------------------===//

#include "runtime/base/Files.h"
#include "FaultyFiles.h"
#include "TemporaryDirectory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include <sys/stat.h>

using namespace fleet;
using fleet::test::FaultyFiles;
using fleet::test::TemporaryDirectory;
using testing::HasSubstr;

namespace {

ByteSpan span(std::string_view text) { return {text.data(), text.size()}; }

TEST(Files, AFileIsReadWholeUpToACap) {
  TemporaryDirectory directory;
  SystemFiles files;
  std::string path = directory.write("a", "hello");
  auto text = readFile(files, path, 5);
  ASSERT_TRUE(text.ok()) << text.status().message();
  EXPECT_EQ(*text, "hello");
  auto capped = readFile(files, path, 4);
  ASSERT_FALSE(capped.ok());
  EXPECT_THAT(capped.status().message(), HasSubstr(path + " has 5 bytes"));
}

TEST(Files, ReadingPastTheEndIsDataLoss) {
  TemporaryDirectory directory;
  SystemFiles files;
  auto file = files.openForReading(directory.write("a", "hello"));
  ASSERT_TRUE(file.ok());
  char buffer[8] = {};
  EXPECT_TRUE((*file)->readAt(2, buffer, 3).ok());
  EXPECT_STREQ(buffer, "llo");
  EXPECT_EQ((*file)->readAt(2, buffer, 4).code(), StatusCode::DataLoss);
}

TEST(Files, WhatIsNotARegularFileIsRefused) {
  TemporaryDirectory directory;
  SystemFiles files;
  auto missing = files.openForReading(directory.file("none"));
  EXPECT_EQ(missing.status().code(), StatusCode::NotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr(directory.file("none")));
  EXPECT_FALSE(files.openForReading(directory.path()).ok());
  // Opening a pipe must not wait for somebody to write into it.
  ASSERT_EQ(::mkfifo(directory.file("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(files.openForReading(directory.file("pipe")).ok());
}

TEST(Files, DirectoriesAreMadeWithTheirParents) {
  TemporaryDirectory directory;
  SystemFiles files;
  EXPECT_TRUE(files.makeDirectories(directory.file("a/b/c")).ok());
  EXPECT_TRUE(files.makeDirectories(directory.file("a/b/c")).ok());
  EXPECT_TRUE(*files.exists(directory.file("a/b/c")));
  EXPECT_FALSE(*files.exists(directory.file("a/x")));
  directory.write("plain", "");
  Status status = files.makeDirectories(directory.file("plain/sub"));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(directory.file("plain")));
}

TEST(Files, PathsAreJoinedAndSplit) {
  EXPECT_EQ(joinPath("a", "b"), "a/b");
  EXPECT_EQ(joinPath("a/", "b"), "a/b");
  EXPECT_EQ(directoryOf("a/b/c"), "a/b");
  EXPECT_EQ(directoryOf("c"), ".");
  EXPECT_EQ(directoryOf("/c"), "/");
}

TEST(AtomicWrite, ReplacesTheOldFileAndLeavesNothingElse) {
  TemporaryDirectory directory;
  SystemFiles files;
  std::string path = directory.write("a", "old");
  ASSERT_TRUE(
      writeFileAtomically(files, path, {span("ne"), span(""), span("w")}).ok());
  EXPECT_EQ(directory.read("a"), "new");
  size_t count = 0;
  for ([[maybe_unused]] auto &entry :
       std::filesystem::directory_iterator(directory.path()))
    ++count;
  EXPECT_EQ(count, 1u);
}

TEST(AtomicWrite, DoesNotFollowALinkLeftUnderTheTemporaryName) {
  TemporaryDirectory directory;
  SystemFiles files;
  directory.write("victim", "precious");
  std::filesystem::create_symlink(directory.file("victim"),
                                  directory.file("a.tmp"));
  Status status =
      writeFileAtomically(files, directory.file("a"), {span("new")});
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(directory.read("victim"), "precious");
}

class AtomicWriteFault : public testing::TestWithParam<FaultyFiles::Fault> {};

TEST_P(AtomicWriteFault, AtAnyOperationLeavesTheOldOrTheNewFile) {
  SystemFiles system;
  int operations;
  {
    TemporaryDirectory directory;
    FaultyFiles counting(system, GetParam(), -1);
    ASSERT_TRUE(writeFileAtomically(counting, directory.file("a"),
                                    {span("ne"), span("w")})
                    .ok());
    operations = counting.operations();
  }
  // create, two writes, sync, close, rename, sync of the directory
  EXPECT_EQ(operations, 7);
  for (int failing = 0; failing < operations; ++failing) {
    TemporaryDirectory directory;
    std::string path = directory.write("a", "old");
    FaultyFiles faulty(system, GetParam(), failing);
    Status status = writeFileAtomically(faulty, path, {span("ne"), span("w")});
    EXPECT_FALSE(status.ok()) << failing;
    EXPECT_THAT(status.message(), HasSubstr("injected"));
    // Only the last sync comes after the rename.
    EXPECT_EQ(directory.read("a"), failing == operations - 1 ? "new" : "old")
        << failing;
    if (GetParam() == FaultyFiles::Fault::IoError)
      EXPECT_FALSE(*system.exists(path + ".tmp")) << failing;
    // Whatever was left behind is no obstacle.
    EXPECT_TRUE(writeFileAtomically(system, path, {span("third")}).ok());
    EXPECT_EQ(directory.read("a"), "third");
  }
}

INSTANTIATE_TEST_SUITE_P(EveryFault, AtomicWriteFault,
                         testing::Values(FaultyFiles::Fault::IoError,
                                         FaultyFiles::Fault::DiskFull,
                                         FaultyFiles::Fault::Crash,
                                         FaultyFiles::Fault::ShortCrash));

} // namespace
