//===- CommunicatorTest.cpp - Training that does not wait for servers -----===//

#include "runtime/ps/Communicator.h"
#include "runtime/transport/inproc/InprocTransport.h"
#include "test/Runtime/ps/TestJob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using std::chrono::seconds;
using testing::HasSubstr;

namespace {

constexpr size_t kSize = 5;

/// One server and one trainer whose gradient is 2 everywhere, so that every
/// push, whatever was merged into it, takes 1 from every parameter.
class CommunicatorTest : public testing::Test {
protected:
  void start(const char *serverFailpoints, Communicator::Options options,
             Duration deadline = seconds(30)) {
    ParameterServer::Options settings = serverOptions(1, deadline);
    settings.failpoints = *Failpoints::parse(serverFailpoints);
    server = std::make_unique<TestServer>(settings, transport, "h:1",
                                          std::vector<size_t>{kSize, kSize},
                                          plan::ASYNC);
    serving = transport.spawn([this] { served = server->serve(); });
    auto connected = ParameterClient::connect(trainerOptions(1, 0, deadline),
                                              transport, {server->info()});
    ASSERT_TRUE(connected.ok()) << connected.status().message();
    client = std::move(*connected);
    options.deadline = deadline;
    auto made = Communicator::create(
        *client, transport,
        {{0, 0, plan::F32, kSize * 4}, {0, 1, plan::F32, kSize * 4}}, options);
    ASSERT_TRUE(made.ok()) << made.status().message();
    communicator = std::move(*made);
  }

  /// Gradients leave, parameters come: as the executor does it.
  Status step(uint64_t examples = 3) {
    for (uint32_t block : {0u, 1u})
      FLEET_RETURN_IF_ERROR(
          communicator->enqueueSend(0, block, gradient.data(), kSize * 4));
    FLEET_RETURN_IF_ERROR(communicator->submit(examples));
    return fetch();
  }
  Status fetch() {
    for (uint32_t block : {0u, 1u})
      FLEET_RETURN_IF_ERROR(communicator->enqueueRecv(
          0, block, parameters[block].data(), kSize * 4));
    return communicator->fetchLatest();
  }
  void finish() {
    EXPECT_TRUE(client->complete().ok());
    serving.reset();
    EXPECT_TRUE(served.ok()) << served.message();
  }

  InprocTransport transport;
  std::unique_ptr<TestServer> server;
  std::unique_ptr<ParameterClient> client;
  std::unique_ptr<Thread> serving;
  Status served;
  std::unique_ptr<Communicator> communicator;
  std::vector<float> gradient = std::vector<float>(kSize, 2.0f);
  std::vector<std::vector<float>> parameters{2, std::vector<float>(kSize, -1)};
};

TEST_F(CommunicatorTest, WithoutMergingEveryStepIsAPush) {
  start("", {/*queue=*/3, /*merge=*/1});
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(step().ok());
    ASSERT_LE(communicator->staleness(), 3u);
  }
  ASSERT_TRUE(communicator->drain().ok());
  ASSERT_TRUE(fetch().ok());
  EXPECT_EQ(communicator->staleness(), 0u);
  for (size_t i = 0; i < kSize; ++i)
    for (const std::vector<float> &block : parameters)
      EXPECT_EQ(block[i], static_cast<float>(i) - 50);
  EXPECT_EQ(communicator->summary().pushes, 50u);
  EXPECT_EQ((*server)->appliedSteps(), 50u);
  finish();
}

TEST_F(CommunicatorTest, WhatComesTogetherIsOnePush) {
  start("before-apply:delay=300", {/*queue=*/8, /*merge=*/8});
  for (int i = 0; i < 8; ++i)
    ASSERT_TRUE(step().ok());
  ASSERT_TRUE(communicator->drain().ok());
  ASSERT_TRUE(fetch().ok());
  Communicator::Staleness summary = communicator->summary();
  EXPECT_EQ(summary.steps, 8u);
  // The server thought about the first for long; more came together than one.
  EXPECT_LT(summary.pushes, 8u);
  EXPECT_GT(summary.most, 1u);
  EXPECT_LE(summary.most, 8u);
  EXPECT_EQ((*server)->appliedSteps(), summary.pushes);
  EXPECT_EQ(parameters[1][2], 2 - static_cast<float>(summary.pushes));
  finish();
}

TEST_F(CommunicatorTest, MergesTheMeanOverExamples) {
  start("before-apply:delay=600", {/*queue=*/4, /*merge=*/4});
  // The first push is on its way when the others come.
  ASSERT_TRUE(step().ok());
  uint64_t before = client->bytesSent();
  for (int i = 0; i < 200 && client->bytesSent() == before; ++i)
    transport.clock().sleepUntil(transport.clock().now() +
                                 std::chrono::milliseconds(1));
  gradient.assign(kSize, 4.0f);
  ASSERT_TRUE(step(1).ok());
  gradient.assign(kSize, 8.0f);
  ASSERT_TRUE(step(3).ok());
  ASSERT_TRUE(communicator->drain().ok());
  ASSERT_TRUE(fetch().ok());
  ASSERT_EQ(communicator->summary().pushes, 2u);
  EXPECT_EQ(parameters[0][0], -1 - 0.5f * 7); // 1/4 * 4 + 3/4 * 8
  finish();
}

TEST_F(CommunicatorTest, AFullQueueWaits) {
  start("before-apply:delay=100:1,before-apply:delay=100:2",
        {/*queue=*/2, /*merge=*/1});
  TimePoint begin = transport.clock().now();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(step().ok());
    ASSERT_LE(communicator->staleness(), 2u);
  }
  // The fourth step found room only when the second was answered.
  EXPECT_GE(transport.clock().now() - begin, std::chrono::milliseconds(150));
  ASSERT_TRUE(communicator->drain().ok());
  finish();
}

TEST_F(CommunicatorTest, WithoutNewsParametersStay) {
  start("", {1, 1});
  ASSERT_TRUE(fetch().ok());
  EXPECT_EQ(parameters[0][0], -1);
  ASSERT_TRUE(communicator->drain().ok());
  finish();
}

TEST_F(CommunicatorTest, AStepThatSendsNotEverythingIsRefused) {
  start("", {1, 1});
  ASSERT_TRUE(communicator->enqueueSend(0, 0, gradient.data(), kSize * 4).ok());
  EXPECT_THAT(communicator->submit(1).message(),
              HasSubstr("does not send block 1 of server 0"));
  EXPECT_FALSE(communicator->enqueueSend(0, 2, gradient.data(), 4).ok());
  EXPECT_FALSE(communicator->enqueueRecv(1, 0, gradient.data(), 4).ok());
  finish();
}

TEST_F(CommunicatorTest, AServerThatFailsIsNamedSoon) {
  start("before-apply:fail:3", {/*queue=*/2, /*merge=*/1}, seconds(5));
  Status status;
  for (int i = 0; i < 100 && status.ok(); ++i)
    status = step();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("server h:1"));
  EXPECT_EQ(communicator->drain().message(), status.message());
  client->abort(status.message());
  communicator.reset();
  client.reset();
  serving.reset();
  EXPECT_FALSE(served.ok());
}

TEST_F(CommunicatorTest, GivingUpDoesNotWaitForAnAnswer) {
  start("before-apply:delay=2000", {/*queue=*/2, /*merge=*/1});
  ASSERT_TRUE(step().ok());
  ASSERT_TRUE(step().ok());
  TimePoint begin = transport.clock().now();
  client->abort("the test gives up");
  communicator.reset();
  EXPECT_LT(transport.clock().now() - begin, seconds(1));
  client.reset();
  serving.reset();
  EXPECT_THAT(served.message(), HasSubstr("trainer 0"));
}

} // namespace
