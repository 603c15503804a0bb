//===- ParameterServerTest.cpp - Jobs that go well ------------------------===//

#include "test/Runtime/ps/TestJob.h"
#include "test/Runtime/transport/TestNetwork.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::ElementsAre;

namespace {

constexpr auto kAmple = std::chrono::seconds(30);

class ParameterServerTest : public ::testing::TestWithParam<TestBackend> {
protected:
  void run(const std::function<void()> &body) {
    Status status = network->run(body);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  std::unique_ptr<TestServer> makeServer(uint32_t trainers,
                                         std::vector<size_t> sizes) {
    return std::make_unique<TestServer>(serverOptions(trainers, kAmple),
                                        transport, "127.0.0.1:0",
                                        std::move(sizes));
  }
  std::unique_ptr<Thread> serve(TestServer &server) {
    return transport.spawn([&server] {
      Status status = server.serve();
      EXPECT_TRUE(status.ok()) << status.message();
    });
  }

  std::unique_ptr<TestNetwork> network = GetParam().make();
  Transport &transport = network->transport();
};

/// What element i has become after `steps` steps of two trainers with `n0` and
/// `n1` examples; all numbers are exact.
float expectedValue(size_t i, int steps, float n0, float n1) {
  float value = static_cast<float>(i);
  for (int step = 1; step <= steps; ++step) {
    float own = 0.25f * (value - static_cast<float>(i));
    float g0 = own + static_cast<float>(step);
    float g1 = own + static_cast<float>(2 * step);
    value -= 0.5f * (n0 / (n0 + n1) * g0 + n1 / (n0 + n1) * g1);
  }
  return value;
}

TEST_P(ParameterServerTest, TwoTrainersAndTwoServersGetTheKnownResult) {
  run([&] {
    auto one = makeServer(2, {5, 3}), two = makeServer(2, {9000});
    std::vector<ServerInfo> infos = {one->info(), two->info()};
    auto serving = serve(*one), servingToo = serve(*two);
    std::vector<std::unique_ptr<Thread>> threads;
    for (uint32_t rank = 0; rank < 2; ++rank)
      threads.push_back(transport.spawn([&, rank] {
        Status status = runTrainer(trainerOptions(2, rank, kAmple), transport,
                                   infos, 6, rank == 0 ? 3 : 1);
        EXPECT_TRUE(status.ok()) << status.message();
      }));
    threads.clear();
    serving.reset();
    servingToo.reset();
    EXPECT_EQ((*one)->appliedSteps(), 6u);
    EXPECT_EQ((*two)->appliedSteps(), 6u);
    for (const TestServer *server : {one.get(), two.get()})
      for (const std::vector<float> &block : server->getParameters())
        for (size_t i = 0; i < block.size(); ++i)
          ASSERT_EQ(block[i], expectedValue(i, 6, 3, 1)) << i;
  });
}

TEST_P(ParameterServerTest, TrainersStartWithTheServersValues) {
  run([&] {
    auto server = makeServer(1, {3, 2});
    auto serving = serve(*server);
    auto trainer = TestTrainer::start(trainerOptions(1, 0, kAmple), transport,
                                      {server->info()});
    ASSERT_TRUE(trainer.ok()) << trainer.status().message();
    ASSERT_TRUE((*trainer)->pull().ok());
    EXPECT_THAT((*trainer)->getParameters()[0],
                ElementsAre(ElementsAre(0, 1, 2), ElementsAre(0, 1)));
    EXPECT_EQ((*trainer)->getClient().step(), 0u);
    EXPECT_TRUE((*trainer)->getClient().complete().ok());
  });
}

TEST_P(ParameterServerTest, TrainersWithoutExamplesTakePart) {
  run([&] {
    auto server = makeServer(2, {4});
    auto serving = serve(*server);
    auto other = transport.spawn([&] {
      Status status = runTrainer(trainerOptions(2, 1, kAmple), transport,
                                 {server->info()}, 2, 0);
      EXPECT_TRUE(status.ok()) << status.message();
    });
    auto trainer = TestTrainer::start(trainerOptions(2, 0, kAmple), transport,
                                      {server->info()});
    ASSERT_TRUE(trainer.ok()) << trainer.status().message();
    ASSERT_TRUE((*trainer)->pull().ok());
    for (int i = 0; i < 2; ++i) {
      Status status = (*trainer)->step(5);
      ASSERT_TRUE(status.ok()) << status.message();
    }
    for (size_t i = 0; i < 4; ++i)
      EXPECT_EQ((*trainer)->getParameters()[0][0][i],
                expectedValue(i, 2, 1, 0));
    EXPECT_TRUE((*trainer)->getClient().complete().ok());
  });
}

TEST_P(ParameterServerTest, OthersGoOnWhenATrainerIsDone) {
  run([&] {
    auto server = makeServer(2, {4});
    auto serving = serve(*server);
    auto brief = transport.spawn([&] {
      Status status = runTrainer(trainerOptions(2, 1, kAmple), transport,
                                 {server->info()}, 1);
      EXPECT_TRUE(status.ok()) << status.message();
    });
    Status status = runTrainer(trainerOptions(2, 0, kAmple), transport,
                               {server->info()}, 4);
    EXPECT_TRUE(status.ok()) << status.message();
    serving.reset();
    EXPECT_EQ((*server)->appliedSteps(), 4u);
  });
}

TEST_P(ParameterServerTest, ServerWithoutBlocksTakesPartToo) {
  run([&] {
    auto empty = makeServer(1, {}), server = makeServer(1, {4});
    auto serving = serve(*server), servingToo = serve(*empty);
    Status status = runTrainer(trainerOptions(1, 0, kAmple), transport,
                               {empty->info(), server->info()}, 3);
    EXPECT_TRUE(status.ok()) << status.message();
    servingToo.reset();
    EXPECT_EQ((*empty)->appliedSteps(), 3u);
  });
}

TEST_P(ParameterServerTest, AllStateIsPulledForACheckpoint) {
  run([&] {
    auto one = makeServer(1, {5, 3}), two = makeServer(1, {2});
    auto serving = serve(*one), servingToo = serve(*two);
    auto trainer = TestTrainer::start(trainerOptions(1, 0, kAmple), transport,
                                      {one->info(), two->info()});
    ASSERT_TRUE(trainer.ok()) << trainer.status().message();
    ASSERT_TRUE((*trainer)->pull().ok());
    ASSERT_TRUE((*trainer)->step(1).ok());
    auto states = (*trainer)->getClient().pullState();
    ASSERT_TRUE(states.ok()) << states.status().message();
    ASSERT_EQ(states->size(), 3u);
    const std::vector<float> *held[] = {&one->getParameters()[0],
                                        &one->getParameters()[1],
                                        &two->getParameters()[0]};
    for (size_t i = 0; i < 3; ++i) {
      const RemoteState &state = (*states)[i];
      EXPECT_EQ(state.origin, i == 1 ? "w1" : "w0");
      EXPECT_EQ(state.dtype, plan::F32);
      EXPECT_EQ(state.rowOffset, 1);
      EXPECT_THAT(state.originShape, ElementsAre(held[i]->size() + 2, 1));
      ASSERT_EQ(state.bytes, held[i]->size() * sizeof(float));
      EXPECT_EQ(std::memcmp(state.data.data(), held[i]->data(), state.bytes),
                0);
    }
    EXPECT_TRUE((*trainer)->getClient().complete().ok());
  });
}

TEST_P(ParameterServerTest, OneStepIsOneFrameAServer) {
  run([&] {
    auto server = makeServer(1, {5, 3, 8});
    auto serving = serve(*server);
    auto trainer = TestTrainer::start(trainerOptions(1, 0, kAmple), transport,
                                      {server->info()});
    ASSERT_TRUE(trainer.ok()) << trainer.status().message();
    ASSERT_TRUE((*trainer)->pull().ok());
    uint64_t before = (*trainer)->getClient().bytesSent();
    ASSERT_TRUE((*trainer)->step(1).ok());
    EXPECT_EQ((*trainer)->getClient().bytesSent() - before,
              frameBytes(16 * sizeof(float)));
    EXPECT_TRUE((*trainer)->getClient().complete().ok());
  });
}

INSTANTIATE_TEST_SUITE_P(Transports, ParameterServerTest,
                         ::testing::ValuesIn(testBackends()),
                         [](const auto &info) { return nameOf(info.param); });

} // namespace
