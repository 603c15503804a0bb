//===- FailpointsTest.cpp - Named places to fail at -----------------------===//

#include "runtime/base/Failpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

/// Sleeping moves it.
class ManualClock final : public Clock {
public:
  TimePoint now() override { return time; }
  void sleepUntil(TimePoint until) override { time = until; }

private:
  TimePoint time{};
};

Failpoints parse(const char *text) {
  auto parsed = Failpoints::parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return parsed.ok() ? *parsed : Failpoints();
}

TEST(FailpointsTest, NothingHappensWithoutAny) {
  ManualClock clock;
  Failpoints none, empty = parse("");
  EXPECT_TRUE(none.hit(Failpoint::BeforePush, clock).ok());
  EXPECT_TRUE(empty.hit(Failpoint::BeforePush, clock).ok());
}

TEST(FailpointsTest, FailsTheNthTimeAndOnlyThere) {
  ManualClock clock;
  Failpoints points = parse("after-push:fail:3"), copy = points;
  EXPECT_TRUE(points.hit(Failpoint::AfterPush, clock).ok());
  EXPECT_TRUE(points.hit(Failpoint::BeforePush, clock).ok());
  EXPECT_TRUE(copy.hit(Failpoint::AfterPush, clock).ok());
  EXPECT_EQ(points.hit(Failpoint::AfterPush, clock).message(),
            "failed at failpoint after-push");
  EXPECT_TRUE(points.hit(Failpoint::AfterPush, clock).ok());
}

TEST(FailpointsTest, DelaysBySoManyMillisecondsOfTheClock) {
  ManualClock clock;
  Failpoints points = parse("before-apply:delay=250,before-apply:fail:2");
  EXPECT_TRUE(points.hit(Failpoint::BeforeApply, clock).ok());
  EXPECT_EQ(clock.now().time_since_epoch(), std::chrono::milliseconds(250));
  EXPECT_FALSE(points.hit(Failpoint::BeforeApply, clock).ok());
}

TEST(FailpointsDeathTest, EndsTheProcess) {
  ManualClock clock;
  EXPECT_EXIT((void)parse("before-save:kill").hit(Failpoint::BeforeSave, clock),
              ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT((void)parse("before-save:exit").hit(Failpoint::BeforeSave, clock),
              ::testing::ExitedWithCode(86), "");
}

TEST(FailpointsTest, EveryNameIsReadAndMeansItself) {
  ManualClock clock;
  for (size_t i = 0; i < std::size(failpointNames); ++i) {
    Failpoints points =
        parse((std::string(failpointNames[i]) + ":fail").c_str());
    EXPECT_THAT(points.hit(static_cast<Failpoint>(i), clock).message(),
                HasSubstr(failpointNames[i]));
  }
}

TEST(FailpointsTest, RefusesWhatIsNone) {
  for (const char *text :
       {"x", "x:kill", "after-push", "after-push:", "after-push:burn",
        "after-push:kill:0", "after-push:kill:x", "after-push:kill:1:2",
        "after-push:delay=", "after-push:delay=-1",
        "after-push:delay=99999999999", ",after-push:kill",
        "after-push:kill,"}) {
    auto parsed = Failpoints::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("such as after-push:kill"))
        << text;
  }
}

} // namespace
