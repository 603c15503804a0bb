//===- ProgressTest.cpp ---------------------------------------------------===//

#include "runtime/telemetry/Progress.h"
#include "../base/TemporaryDirectory.h"
#include "ManualClock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace fleet;
using namespace fleet::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

class ProgressTest : public testing::Test {
protected:
  void SetUp() override {
    options.descriptor = ::open(directory.file("out").c_str(),
                                O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_GE(options.descriptor, 0);
    options.totalSteps = 200;
    options.totalEpochs = 4;
  }
  void TearDown() override { ::close(options.descriptor); }
  std::string written() const { return directory.read("out"); }

  TemporaryDirectory directory;
  ProgressOptions options;
  ManualClock clock;
};

TEST_F(ProgressTest, OffATerminalThereIsALineEveryFiveSecondsAndOneAtTheEnd) {
  Progress progress(options, clock);
  for (int64_t step = 1; step <= 200; ++step) {
    clock.advance(60ms); // 12 seconds in all
    progress.update(step, (step - 1) / 50, 1.5);
  }
  progress.finish();
  progress.finish();
  EXPECT_EQ(written(), "step 84/200, epoch 2/4, loss 1.5, 5.0 s\n"
                       "step 168/200, epoch 4/4, loss 1.5, 10.1 s\n"
                       "step 200/200, epoch 4/4, loss 1.5, 12.0 s\n");
}

TEST_F(ProgressTest, AShortJobOffATerminalPrintsItsEndAlone) {
  options.prefix = "trainer 1";
  options.totalEpochs = 0;
  options.totalSteps = 0;
  {
    Progress progress(options, clock);
    progress.update(3, 0, NAN);
    progress.finish();
  }
  EXPECT_EQ(written(), "trainer 1: step 3, loss nan, 0.0 s\n");
}

TEST_F(ProgressTest, NothingIsPrintedWhenNothingWasDone) {
  {
    Progress progress(options, clock);
    progress.finish();
  }
  {
    options.terminal = true;
    Progress progress(options, clock);
    progress.finish();
  }
  EXPECT_EQ(written(), "");
}

TEST_F(ProgressTest, ABarIsRedrawnInPlaceTenTimesASecond) {
  options.terminal = true;
  options.width = 80;
  Progress progress(options, clock);
  for (int64_t step = 1; step <= 100; ++step) {
    progress.update(step, 1, 2.25);
    clock.advance(10ms);
  }
  std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 10);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0);
  progress.finish();
  text = written();
  EXPECT_EQ(text.back(), '\n');
  std::string last = text.substr(text.rfind('\r'));
  EXPECT_EQ(last.size(), 1u + 79u + 1u);
  EXPECT_THAT(last, HasSubstr("=>"));
  EXPECT_THAT(last, HasSubstr("] 100/200  epoch 2/4  loss 2.25  100/s  0:01"));
}

TEST_F(ProgressTest, TimeLeftIsShown) {
  options.terminal = true;
  options.totalSteps = 100000;
  Progress progress(options, clock);
  clock.advance(1s);
  progress.update(10, 0, 1);
  EXPECT_THAT(written(), HasSubstr("10/s  eta 2:46:39"));
}

TEST_F(ProgressTest, EveryWidthFits) {
  options.terminal = true;
  options.prefix = "trainer 0";
  size_t before = 0;
  for (int width :
       {-1, 0, 1, 2, 5, 10, 20, 40, 60, 79, 120, 499, 500, 100000}) {
    options.width = width;
    Progress progress(options, clock);
    progress.update(150, 3, -1.25e-30);
    std::string drawn = written().substr(before);
    ASSERT_FALSE(drawn.empty());
    EXPECT_EQ(drawn.front(), '\r');
    size_t columns = drawn.size() - 1;
    EXPECT_EQ(columns, static_cast<size_t>(std::clamp(width, 1, 500) - 1));
    progress.finish();
    before = written().size();
  }
}

TEST_F(ProgressTest, AnErrorDoesNotLandInTheMiddleOfABar) {
  options.terminal = true;
  {
    Progress progress(options, clock);
    progress.update(1, 0, 1);
  }
  EXPECT_EQ(written().back(), '\n');
}

TEST_F(ProgressTest, ATerminalIsRecognizedWithItsWidth) {
  EXPECT_FALSE(detectProgress(options.descriptor).terminal);
  int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(master, 0);
  ASSERT_EQ(::grantpt(master), 0);
  ASSERT_EQ(::unlockpt(master), 0);
  int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  ASSERT_GE(slave, 0);
  winsize size = {};
  size.ws_col = 123;
  size.ws_row = 40;
  ASSERT_EQ(::ioctl(slave, TIOCSWINSZ, &size), 0);
  ProgressOptions detected = detectProgress(slave);
  EXPECT_TRUE(detected.terminal);
  EXPECT_EQ(detected.width, 123);
  EXPECT_EQ(detected.descriptor, slave);
  ::close(slave);
  ::close(master);
}

} // namespace
