//===- SimTransportTest.cpp - The simulated network -----------------------===//

#include "runtime/transport/sim/SimTransport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

namespace {

/// Three clients exchange numbers with one server; returns what happened.
std::vector<std::string> playGame(SimTransport::Options options) {
  SimTransport transport(std::move(options));
  auto ample = [&] { return transport.clock().now() + hours(1); };
  Status status = transport.run([&] {
    auto listener = std::move(*transport.listen("server:1"));
    std::vector<std::unique_ptr<Thread>> threads;
    for (int i = 0; i < 3; ++i)
      threads.push_back(transport.spawn([&, i] {
        auto stream = std::move(*transport.connect("server:1", ample()));
        for (int round = 0; round < 5; ++round) {
          int value = i * 100 + round;
          if (!stream->write({{&value, 4}}, ample()).ok() ||
              !stream->read({{&value, 4}}, ample()).ok())
            return;
          transport.clock().sleepUntil(transport.clock().now() +
                                       milliseconds(value));
        }
      }));
    for (int i = 0; i < 3; ++i) {
      std::shared_ptr<Stream> stream = std::move(*listener->accept(ample()));
      threads.push_back(transport.spawn([&, stream] {
        for (;;) {
          int value;
          if (!stream->read({{&value, 4}}, ample()).ok() ||
              !stream->write({{&value, 4}}, ample()).ok())
            return;
        }
      }));
    }
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return transport.log();
}

SimTransport::Options wild(uint64_t seed) {
  SimTransport::Options options;
  options.seed = seed;
  options.maxDelay = milliseconds(30);
  options.slowShare = 0.2;
  options.resetProbability = 0.02;
  options.duplicateProbability = 0.1;
  options.mayDuplicate = [](std::string_view) { return true; };
  return options;
}

TEST(SimTransportTest, SameSeedGivesTheSameEvents) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    auto once = playGame(wild(seed)), again = playGame(wild(seed));
    EXPECT_GT(once.size(), 10u);
    EXPECT_EQ(once, again) << "seed " << seed;
  }
}

TEST(SimTransportTest, OtherSeedsGiveOtherEvents) {
  EXPECT_NE(playGame(wild(1)), playGame(wild(2)));
}

TEST(SimTransportTest, HoursPassInNoTime) {
  SimTransport transport({});
  Status status = transport.run([&] {
    TimePoint start = transport.clock().now();
    transport.clock().sleepUntil(start + hours(1000));
    EXPECT_EQ(transport.clock().now(), start + hours(1000));
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(transport.elapsed(), hours(1000));
}

TEST(SimTransportTest, SleepersWakeInTheOrderOfTheirTimes) {
  SimTransport transport({});
  std::vector<int> woken;
  Status status = transport.run([&] {
    TimePoint start = transport.clock().now();
    std::vector<std::unique_ptr<Thread>> threads;
    for (int i : {3, 1, 2})
      threads.push_back(transport.spawn([&, i] {
        transport.clock().sleepUntil(start + milliseconds(i));
        woken.push_back(i);
      }));
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(woken, (std::vector<int>{1, 2, 3}));
}

TEST(SimTransportTest, DeadlockIsReportedWithWhatEveryThreadWaitsFor) {
  SimTransport transport({});
  Status inThread;
  Status status = transport.run([&] {
    auto listener = std::move(*transport.listen("server:1"));
    auto thread = transport.spawn([&] {
      auto stream = std::move(*transport.connect("server:1", TimePoint::max()));
      char byte;
      inThread = stream->read({{&byte, 1}}, TimePoint::max());
    });
    auto stream = std::move(*listener->accept(TimePoint::max()));
    thread.reset();
  });
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_THAT(status.message(), HasSubstr("deadlock after 0 ms"));
  EXPECT_THAT(status.message(), HasSubstr("thread 0 waits for the end of "
                                          "thread 1"));
  EXPECT_THAT(status.message(),
              HasSubstr("thread 1 waits for bytes from server:1"));
  EXPECT_EQ(inThread.code(), StatusCode::Unavailable);
}

/// Sends `count` numbers over a connection; returns what arrived.
std::vector<int> stream(SimTransport &transport, int count, Duration pause,
                        Status &last) {
  std::vector<int> got;
  Status status = transport.run([&] {
    auto ample = [&] { return transport.clock().now() + hours(1); };
    auto listener = std::move(*transport.listen("server:1"));
    auto thread = transport.spawn([&] {
      auto stream = std::move(*transport.connect("server:1", ample()));
      for (int i = 0; i < count; ++i) {
        if (!stream->write({{&i, 4}}, ample()).ok())
          return;
        transport.clock().sleepUntil(transport.clock().now() + pause);
      }
    });
    auto stream = std::move(*listener->accept(ample()));
    for (;;) {
      int value;
      last = stream->read({{&value, 4}}, ample());
      if (!last.ok())
        break;
      got.push_back(value);
    }
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return got;
}

TEST(SimTransportTest, DelaysKeepTheOrderOfMessages) {
  SimTransport::Options options;
  options.minDelay = milliseconds(1);
  options.maxDelay = milliseconds(50);
  SimTransport transport(options);
  Status last;
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i)
    expected[i] = i;
  EXPECT_EQ(stream(transport, 100, milliseconds(1), last), expected);
  EXPECT_THAT(last.message(), HasSubstr("closed the connection"));
  EXPECT_GE(transport.elapsed(), milliseconds(100));
  EXPECT_LE(transport.elapsed(), milliseconds(300));
}

TEST(SimTransportTest, ChosenMessagesArriveTwice) {
  SimTransport::Options options;
  options.duplicateProbability = 1;
  options.mayDuplicate = [](std::string_view message) {
    return message[0] % 2 == 1;
  };
  SimTransport transport(options);
  Status last;
  EXPECT_EQ(stream(transport, 5, milliseconds(0), last),
            (std::vector<int>{0, 1, 1, 2, 3, 3, 4}));
}

TEST(SimTransportTest, ScheduledResetBreaksTheConnectionThen) {
  SimTransport::Options options;
  options.resets = {{0, milliseconds(45)}};
  SimTransport transport(options);
  Status last;
  EXPECT_EQ(stream(transport, 100, milliseconds(10), last),
            (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(last.code(), StatusCode::Unavailable);
  EXPECT_THAT(last.message(), HasSubstr("lost"));
}

} // namespace
