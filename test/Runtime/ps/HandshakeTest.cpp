//===- HandshakeTest.cpp - Who may take part in a job ---------------------===//

#include "test/Runtime/ps/TestJob.h"
#include "test/Runtime/transport/TestNetwork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

constexpr auto kAmple = std::chrono::seconds(30);

class HandshakeTest : public ::testing::TestWithParam<TestBackend> {
protected:
  /// Runs `strangers` against a server of two trainers; whatever they do, the
  /// job then runs to its end.
  void run(const std::function<void(const ServerInfo &)> &strangers) {
    Status status = network->run([&] {
      TestServer server(serverOptions(2, kAmple), transport, "127.0.0.1:0",
                        {4});
      auto serving = transport.spawn([&] {
        Status status = server.serve();
        EXPECT_TRUE(status.ok()) << status.message();
      });
      strangers(server.info());
      auto train = [&](uint32_t rank) {
        Status status = runTrainer(trainerOptions(2, rank, kAmple), transport,
                                   {server.info()}, 2);
        EXPECT_TRUE(status.ok()) << status.message();
      };
      auto other = transport.spawn([&] { train(1); });
      train(0);
    });
    EXPECT_TRUE(status.ok()) << status.message();
  }

  /// What a server says to a trainer with `options`.
  Status refusal(ParameterClient::Options options, const ServerInfo &server) {
    return ParameterClient::connect(std::move(options), transport, {server})
        .status();
  }
  TimePoint ample() { return transport.clock().now() + kAmple; }
  std::unique_ptr<Stream> connect(const ServerInfo &server) {
    auto stream = transport.connect(server.endpoint, ample());
    EXPECT_TRUE(stream.ok()) << stream.status().message();
    return std::move(*stream);
  }

  std::unique_ptr<TestNetwork> network = GetParam().make();
  Transport &transport = network->transport();
};

TEST_P(HandshakeTest, TrainersOfAnotherProgramAreRefused) {
  run([&](const ServerInfo &server) {
    auto options = trainerOptions(2, 0, kAmple);
    options.job.name = "word2vec";
    options.job.programHash = "ffeeddccbbaa99887766554433221100";
    Status status = refusal(options, server);
    EXPECT_EQ(status.code(), StatusCode::Refused);
    EXPECT_THAT(status.message(), HasSubstr(server.endpoint));
    EXPECT_THAT(
        status.message(),
        HasSubstr("runs job 'fit_a_line' (program 001122334455), the "
                  "trainer runs job 'word2vec' (program ffeeddccbbaa)"));
  });
}

TEST_P(HandshakeTest, OtherNumbersOfTrainersAreRefused) {
  run([&](const ServerInfo &server) {
    Status status = refusal(trainerOptions(3, 0, kAmple), server);
    EXPECT_EQ(status.code(), StatusCode::Refused);
    EXPECT_THAT(status.message(),
                HasSubstr("the trainer expects 3 trainers, this server 2"));
  });
}

TEST_P(HandshakeTest, RanksOutOfRangeAreRefused) {
  run([&](const ServerInfo &server) {
    Status status = refusal(trainerOptions(2, 2, kAmple), server);
    EXPECT_EQ(status.code(), StatusCode::Refused);
    EXPECT_THAT(
        status.message(),
        HasSubstr("there is no trainer 2; the job has trainers 0 to 1"));
  });
}

TEST_P(HandshakeTest, OtherSeedsAreRefused) {
  run([&](const ServerInfo &server) {
    auto options = trainerOptions(2, 0, kAmple);
    options.job.seed = 8;
    Status status = refusal(options, server);
    EXPECT_EQ(status.code(), StatusCode::Refused);
    EXPECT_THAT(status.message(),
                HasSubstr("trainer 0 has --seed=8, this server --seed=7"));
  });
}

TEST_P(HandshakeTest, SecondTrainerOfARankIsRefused) {
  Status status = network->run([&] {
    TestServer server(serverOptions(1, kAmple), transport, "127.0.0.1:0", {4});
    auto serving = transport.spawn([&] {
      Status status = server.serve();
      EXPECT_TRUE(status.ok()) << status.message();
    });
    auto first = TestTrainer::start(trainerOptions(1, 0, kAmple), transport,
                                    {server.info()});
    ASSERT_TRUE(first.ok()) << first.status().message();
    Status status = refusal(trainerOptions(1, 0, kAmple), server.info());
    EXPECT_EQ(status.code(), StatusCode::Refused);
    EXPECT_THAT(status.message(),
                HasSubstr("trainer 0 is already connected from"));
    ASSERT_TRUE((*first)->pull().ok());
    EXPECT_TRUE((*first)->step(1).ok());
    EXPECT_TRUE((*first)->getClient().complete().ok());
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(HandshakeTest, StrangersWhoSayNothingUsefulAreSentAway) {
  run([&](const ServerInfo &server) {
    connect(server)->close(); // comes and goes
    auto prober = connect(server);
    const std::string request =
        "GET / HTTP/1.1\r\nHost: " + std::string(200, 'x') + "\r\n\r\n";
    ASSERT_TRUE(
        prober->write({{request.data(), request.size()}}, ample()).ok());
    Connection answered(std::move(prober));
    auto header = answered.receive(ample());
    ASSERT_TRUE(header.ok()) << header.status().message();
    EXPECT_EQ(header->kind, FrameKind::Refused);
    auto text = answered.receiveReason(*header, ample());
    ASSERT_TRUE(text.ok()) << text.status().message();
    EXPECT_THAT(*text, HasSubstr("no frame of a fleet job"));
  });
}

TEST_P(HandshakeTest, FirstFrameMustBeAHello) {
  run([&](const ServerInfo &server) {
    Connection connection(connect(server));
    FrameHeader header;
    header.kind = FrameKind::Pull;
    ASSERT_TRUE(connection.send(header, {}, ample()).ok());
    auto answer = connection.receive(ample());
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    auto text = connection.receiveReason(*answer, ample());
    ASSERT_TRUE(text.ok()) << text.status().message();
    EXPECT_EQ(*text, "expected a hello, got a pull frame");
  });
}

TEST_P(HandshakeTest, HelloThatIsNoneOrTooLongIsRefused) {
  run([&](const ServerInfo &server) {
    for (const std::string &hello :
         {std::string("\xff\xff\xff"), std::string(5000, 'x')}) {
      Connection connection(connect(server));
      ASSERT_TRUE(connection.sendText(FrameHeader(), hello, ample()).ok());
      auto answer = connection.receive(ample());
      ASSERT_TRUE(answer.ok()) << answer.status().message();
      EXPECT_EQ(answer->kind, FrameKind::Refused);
    }
  });
}

TEST_P(HandshakeTest, ServersThatAnswerNonsenseAreRefused) {
  Status status = network->run([&] {
    auto listener = std::move(*transport.listen("127.0.0.1:0"));
    auto impostor = transport.spawn([&] {
      auto stream = listener->accept(ample());
      ASSERT_TRUE(stream.ok()) << stream.status().message();
      Connection connection(std::move(*stream));
      auto hello = connection.receive(ample());
      ASSERT_TRUE(hello.ok()) << hello.status().message();
      ASSERT_TRUE(connection.receiveText(*hello, ample()).ok());
      FrameHeader answer = *hello;
      answer.kind = FrameKind::Welcome;
      EXPECT_TRUE(connection.send(answer, {}, ample()).ok());
      (void)connection.receive(ample());
    });
    ServerInfo info;
    info.endpoint = listener->endpoint();
    Status status = refusal(trainerOptions(1, 0, kAmple), info);
    EXPECT_EQ(status.code(), StatusCode::Refused);
    EXPECT_THAT(status.message(), HasSubstr(info.endpoint));
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

INSTANTIATE_TEST_SUITE_P(Transports, HandshakeTest,
                         ::testing::ValuesIn(testBackends()),
                         [](const auto &info) { return nameOf(info.param); });

} // namespace
