//===- LogTest.cpp --------------------------------------------------------===//

#include "runtime/base/Log.h"
#include "TemporaryDirectory.h"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace fleet;
using fleet::test::TemporaryDirectory;

namespace {

class LogTest : public testing::Test {
protected:
  void SetUp() override {
    descriptor = ::open(directory.file("log").c_str(),
                        O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_GE(descriptor, 0);
  }
  void TearDown() override { ::close(descriptor); }
  std::string written() const { return directory.read("log"); }

  TemporaryDirectory directory;
  int descriptor = -1;
};

TEST_F(LogTest, AnEventIsALineWithPrefixAndLevel) {
  Logger log(LogLevel::Debug, "trainer 1", descriptor);
  log.info("step {}", 3);
  log.warning("slow");
  log.debug("x");
  log.error(makeError(StatusCode::NotFound, "no file"));
  EXPECT_EQ(written(), "trainer 1: step 3\n"
                       "trainer 1: warning: slow\n"
                       "trainer 1: debug: x\n"
                       "trainer 1: error: no file\n");
}

TEST_F(LogTest, WhatIsBelowTheLevelIsNotWritten) {
  Logger log(LogLevel::Warning, {}, descriptor);
  log.info("no");
  log.debug("no");
  log.warning("yes");
  Logger off(LogLevel::Off, {}, descriptor);
  off.error(makeError(StatusCode::Internal, "no"));
  EXPECT_EQ(written(), "warning: yes\n");
}

TEST_F(LogTest, TextOfOthersCannotForgeALine) {
  EXPECT_EQ(onOneLine("a\nb\tc\x1b[0m"), "a\\nb c\\x1b[0m");
  EXPECT_EQ(errorLine(makeError(StatusCode::DataLoss, "a\nerror: b")),
            "error: a\\nerror: b");
}

TEST_F(LogTest, LinesOfThreadsDoNotMix) {
  Logger log(LogLevel::Info, {}, descriptor);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i)
        log.info("{}", std::string(50, static_cast<char>('a' + t)));
    });
  for (std::thread &thread : threads)
    thread.join();
  std::istringstream lines(written());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_EQ(line, std::string(50, line[0]));
  EXPECT_EQ(count, 800);
}

} // namespace
