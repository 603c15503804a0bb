//===- FailureTest.cpp - Jobs that fail -----------------------------------===//

#include "runtime/ps/handshake.pb.h"
#include "test/Runtime/ps/TestJob.h"
#include "test/Runtime/transport/TestNetwork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace {

constexpr auto kAmple = std::chrono::seconds(30);
constexpr auto kShort = std::chrono::milliseconds(300);

/// Two trainers, one server. Trainer 0 is a good one; a test plays trainer 1.
class FailureTest : public ::testing::TestWithParam<TestBackend> {
protected:
  /// Runs the job; `other` is trainer 1. Afterwards `ofServer` and `ofTrainer`
  /// (0) say how they ended.
  void run(Duration deadline, const std::function<void(TestServer &)> &other) {
    Status status = network->run([&] {
      TestServer server(serverOptions(2, deadline), transport, "127.0.0.1:0",
                        {4});
      auto serving = transport.spawn([&] { ofServer = server.serve(); });
      auto training = transport.spawn([&] {
        ofTrainer = runTrainer(trainerOptions(2, 0, deadline), transport,
                               {server.info()}, 1000);
      });
      other(server);
    });
    EXPECT_TRUE(status.ok()) << status.message();
  }

  TimePoint ample() { return transport.clock().now() + kAmple; }

  /// A trainer 1 that has shaken hands and holds the connection itself.
  std::unique_ptr<Connection> join(TestServer &server) {
    auto stream = transport.connect(server->endpoint(), ample());
    EXPECT_TRUE(stream.ok()) << stream.status().message();
    auto connection = std::make_unique<Connection>(std::move(*stream));
    JobIdentity job = testJob(2);
    ps::Hello hello;
    hello.set_program_hash(job.programHash);
    hello.set_job(job.name);
    hello.set_trainers(job.trainers);
    hello.set_seed(job.seed);
    EXPECT_TRUE(connection
                    ->sendText(header(FrameKind::Hello),
                               hello.SerializeAsString(), ample())
                    .ok());
    auto welcome = connection->receive(ample());
    EXPECT_TRUE(welcome.ok()) << welcome.status().message();
    EXPECT_EQ(welcome->kind, FrameKind::Welcome);
    return connection;
  }
  FrameHeader header(FrameKind kind) {
    FrameHeader header;
    header.kind = kind;
    header.job = testJob(2).frameId();
    header.role = plan::TRAINER;
    header.rank = 1;
    return header;
  }
  /// The reason that the server gives next, after parameters.
  std::string reasonFrom(Connection &connection) {
    for (;;) {
      auto got = connection.receive(ample());
      if (!got.ok())
        return got.status().message();
      if (got->kind == FrameKind::Error)
        return connection.receiveReason(*got, ample()).ok() ? "told" : "";
      EXPECT_TRUE(connection.receiveText(*got, ample()).ok());
    }
  }

  std::unique_ptr<TestNetwork> network = GetParam().make();
  Transport &transport = network->transport();
  Status ofServer, ofTrainer;
};

TEST_P(FailureTest, TrainerThatVanishesIsNamedEverywhere) {
  run(kAmple, [&](TestServer &server) {
    auto trainer = TestTrainer::start(trainerOptions(2, 1, kAmple), transport,
                                      {server.info()});
    ASSERT_TRUE(trainer.ok()) << trainer.status().message();
    ASSERT_TRUE((*trainer)->pull().ok());
    ASSERT_TRUE((*trainer)->step(1).ok());
    trainer->reset();
  });
  EXPECT_EQ(ofServer.code(), StatusCode::Unavailable);
  EXPECT_THAT(ofServer.message(),
              AllOf(StartsWith("trainer 1 ("),
                    HasSubstr("disconnected at step 2 before it was done")));
  EXPECT_EQ(ofTrainer.code(), StatusCode::Aborted);
  EXPECT_THAT(ofTrainer.message(), HasSubstr(ofServer.message()));
}

TEST_P(FailureTest, PushThatDoesNotComeIsNamedWithItsStep) {
  std::string told;
  run(kShort, [&](TestServer &server) {
    auto silent = join(server);
    told = reasonFrom(*silent);
  });
  EXPECT_EQ(ofServer.code(), StatusCode::DeadlineExceeded);
  EXPECT_EQ(ofServer.message(), "trainer 1 did not push step 1 within 0.3 s");
  EXPECT_THAT(ofTrainer.message(), HasSubstr(ofServer.message()));
  EXPECT_EQ(told, "told");
}

TEST_P(FailureTest, TrainerThatNeverComesIsNamed) {
  run(kShort, [&](TestServer &) {});
  EXPECT_EQ(ofServer.code(), StatusCode::DeadlineExceeded);
  EXPECT_EQ(ofServer.message(), "trainer 1 did not connect within 0.3 s");
  EXPECT_THAT(ofTrainer.message(), HasSubstr(ofServer.message()));
}

TEST_P(FailureTest, ServerEndsWhenNobodyComes) {
  Status status = network->run([&] {
    TestServer server(serverOptions(3, kShort), transport, "127.0.0.1:0", {4});
    EXPECT_EQ(server.serve().message(),
              "trainer 0, 1, 2 did not connect within 0.3 s");
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(FailureTest, TrainerEndsWhenNoServerIsThere) {
  Status status = network->run([&] {
    std::string endpoint = (*transport.listen("127.0.0.1:0"))->endpoint();
    ServerInfo info;
    info.endpoint = endpoint;
    Status status =
        runTrainer(trainerOptions(2, 0, kShort), transport, {info}, 1);
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_THAT(status.message(), HasSubstr("cannot connect to " + endpoint));
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(FailureTest, ServerThatHangsIsNamed) {
  Status status = network->run([&] {
    auto listener = std::move(*transport.listen("127.0.0.1:0"));
    ServerInfo info;
    info.endpoint = listener->endpoint();
    Status status =
        runTrainer(trainerOptions(2, 0, kShort), transport, {info}, 1);
    EXPECT_EQ(status.code(), StatusCode::DeadlineExceeded);
    EXPECT_THAT(status.message(), AllOf(HasSubstr(info.endpoint),
                                        HasSubstr("did not answer at step 0")));
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(FailureTest, ServersReachedBeforeAFailureLearnOfIt) {
  Status status = network->run([&] {
    TestServer server(serverOptions(1, kAmple), transport, "127.0.0.1:0", {4});
    auto serving = transport.spawn([&] { ofServer = server.serve(); });
    ServerInfo nobody;
    nobody.endpoint = (*transport.listen("127.0.0.1:0"))->endpoint();
    ofTrainer = runTrainer(trainerOptions(1, 0, kShort), transport,
                           {server.info(), nobody}, 1);
    serving.reset();
    EXPECT_THAT(ofServer.message(),
                AllOf(StartsWith("trainer 0 ("), HasSubstr("gave up"),
                      HasSubstr(nobody.endpoint)));
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(FailureTest, StoppingAServerReachesItsTrainers) {
  std::string told;
  run(kAmple, [&](TestServer &server) {
    auto other = join(server);
    // An answer to this push says that trainer 0 is there.
    FrameHeader push = header(FrameKind::Push);
    push.step = 1;
    ASSERT_TRUE(other->send(push, {}, ample()).ok());
    auto answer = other->receive(ample());
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    ASSERT_TRUE(other->receiveText(*answer, ample()).ok());
    server->stop(Status(StatusCode::Aborted, "stopped by signal 15"));
    told = reasonFrom(*other);
  });
  EXPECT_EQ(ofServer.code(), StatusCode::Aborted);
  EXPECT_EQ(ofServer.message(), "stopped by signal 15");
  EXPECT_EQ(told, "told");
  EXPECT_EQ(ofTrainer.code(), StatusCode::Aborted);
  EXPECT_THAT(ofTrainer.message(), HasSubstr("stopped by signal 15"));
}

TEST_P(FailureTest, AbortOfATrainerReachesTheOthers) {
  run(kAmple, [&](TestServer &server) {
    auto trainer = TestTrainer::start(trainerOptions(2, 1, kAmple), transport,
                                      {server.info()});
    ASSERT_TRUE(trainer.ok()) << trainer.status().message();
    ASSERT_TRUE((*trainer)->pull().ok());
    ASSERT_TRUE((*trainer)->step(1).ok());
    (*trainer)->getClient().abort("row 7 of x.csv is\nno number");
  });
  EXPECT_EQ(ofServer.code(), StatusCode::Aborted);
  EXPECT_THAT(ofServer.message(),
              AllOf(StartsWith("trainer 1 ("),
                    HasSubstr("gave up: row 7 of x.csv is no number")));
  EXPECT_EQ(ofTrainer.code(), StatusCode::Aborted);
  EXPECT_THAT(ofTrainer.message(), HasSubstr(ofServer.message()));
}

/// What a trainer sends after the handshake, and what the server says.
struct BadFrame {
  const char *name;
  void (*send)(Connection &connection, FrameHeader header, TimePoint deadline);
  const char *why;
};

const BadFrame badFrames[] = {
    {"step gap",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.step = 3;
       header.argument = 1;
       (void)connection.sendText(header, std::string(16, '\0'), deadline);
     },
     "trainer 1 pushed step 3, expected step 1"},
    {"short push",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.step = 1;
       header.argument = 1;
       (void)connection.sendText(header, std::string(12, '\0'), deadline);
     },
     "a push frame has 12 bytes, expected 16"},
    {"payload without examples",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.step = 1;
       (void)connection.sendText(header, std::string(16, '\0'), deadline);
     },
     "a push frame has 16 bytes, expected 0"},
    {"too many examples",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.step = 1;
       header.argument = ~uint64_t(0);
       (void)connection.sendText(header, std::string(16, '\0'), deadline);
     },
     "trainer 1 pushed step 1 with"},
    {"other rank",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.rank = 0;
       (void)connection.send(header, {}, deadline);
     },
     "a frame of another sender"},
    {"other incarnation",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.incarnation = 99;
       (void)connection.send(header, {}, deadline);
     },
     "a frame of another sender"},
    {"other job",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.job ^= 1;
       (void)connection.send(header, {}, deadline);
     },
     "a frame of another sender"},
    {"frame for trainers",
     [](Connection &connection, FrameHeader header, TimePoint deadline) {
       header.kind = FrameKind::Parameters;
       (void)connection.send(header, {}, deadline);
     },
     "a parameters frame is not for a server"},
};

TEST_P(FailureTest, BadFramesEndTheJobAndNameTheTrainer) {
  for (const BadFrame &bad : badFrames) {
    SCOPED_TRACE(bad.name);
    network = GetParam().make();
    Transport &fresh = network->transport();
    std::string told;
    Status status = network->run([&] {
      TestServer server(serverOptions(2, kAmple), fresh, "127.0.0.1:0", {4});
      auto serving = fresh.spawn([&] { ofServer = server.serve(); });
      // The other trainer is waiting in step 1 when it happens.
      auto trainer = TestTrainer::start(trainerOptions(2, 0, kAmple), fresh,
                                        {server.info()});
      ASSERT_TRUE(trainer.ok()) << trainer.status().message();
      ASSERT_TRUE((*trainer)->pull().ok());
      auto training = fresh.spawn([&] { ofTrainer = (*trainer)->step(1); });
      TimePoint deadline = fresh.clock().now() + kAmple;
      auto stream = fresh.connect(server->endpoint(), deadline);
      ASSERT_TRUE(stream.ok()) << stream.status().message();
      Connection connection(std::move(*stream));
      ps::Hello hello;
      hello.set_program_hash(testJob(2).programHash);
      hello.set_trainers(2);
      hello.set_seed(7);
      ASSERT_TRUE(connection
                      .sendText(header(FrameKind::Hello),
                                hello.SerializeAsString(), deadline)
                      .ok());
      ASSERT_TRUE(connection.receive(deadline).ok());
      bad.send(connection, header(FrameKind::Push), deadline);
      auto answer = connection.receive(deadline);
      ASSERT_TRUE(answer.ok()) << answer.status().message();
      EXPECT_EQ(answer->kind, FrameKind::Error);
      auto reason = connection.receiveReason(*answer, deadline);
      ASSERT_TRUE(reason.ok()) << reason.status().message();
      told = *reason;
    });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_THAT(ofServer.message(),
                AllOf(StartsWith("trainer 1"), HasSubstr(bad.why)));
    EXPECT_EQ(told, ofServer.message());
    EXPECT_THAT(ofTrainer.message(), HasSubstr(ofServer.message()));
  }
}

TEST_P(FailureTest, DamagedBytesEndTheJobAndNameTheTrainer) {
  for (bool inHeader : {true, false}) {
    Status fromServer;
    auto fresh = GetParam().make();
    Transport &transport = fresh->transport();
    Status status = fresh->run([&] {
      TestServer server(serverOptions(1, kAmple), transport, "127.0.0.1:0",
                        {4});
      auto serving = transport.spawn([&] { fromServer = server.serve(); });
      TimePoint deadline = transport.clock().now() + kAmple;
      auto stream = transport.connect(server->endpoint(), deadline);
      ASSERT_TRUE(stream.ok()) << stream.status().message();
      Stream *raw = stream->get();
      Connection connection(std::move(*stream));
      ps::Hello hello;
      hello.set_program_hash(testJob(2).programHash);
      hello.set_trainers(1);
      hello.set_seed(7);
      FrameHeader mine = header(FrameKind::Hello);
      mine.rank = 0;
      ASSERT_TRUE(
          connection.sendText(mine, hello.SerializeAsString(), deadline).ok());
      ASSERT_TRUE(connection.receive(deadline).ok());
      mine.kind = FrameKind::Push;
      mine.step = mine.argument = 1;
      mine.length = 16;
      FrameBytes bytes = encodeHeader(mine);
      if (inHeader)
        bytes[50] ^= 0x10;
      ASSERT_TRUE(raw->write({{bytes.data(), bytes.size()},
                              {"0123456789abcdef", 16},
                              {std::string(paddingAfter(16), 0).data(),
                               paddingAfter(16)},
                              {"checksum", 8}},
                             deadline)
                      .ok());
      serving.reset();
    });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_THAT(fromServer.message(),
                AllOf(StartsWith("trainer 0 ("), HasSubstr("at step 1"),
                      HasSubstr(inHeader ? "a frame header is damaged"
                                         : "the payload of a push frame is "
                                           "damaged")));
  }
}

TEST_P(FailureTest, DuplicatePushIsAppliedOnceAndAnsweredOnce) {
  Status status = network->run([&] {
    TestServer server(serverOptions(2, kAmple), transport, "127.0.0.1:0", {4});
    auto serving = transport.spawn([&] { ofServer = server.serve(); });
    auto training = transport.spawn([&] {
      ofTrainer = runTrainer(trainerOptions(2, 0, kAmple), transport,
                             {server.info()}, 1);
    });
    auto connection = join(server);
    float gradient[4] = {2, 2, 2, 2}, got[4] = {};
    for (uint64_t step = 1; step <= 2; ++step) {
      FrameHeader push = header(FrameKind::Push);
      push.step = step;
      push.argument = 1;
      for (int i = 0; i < 3; ++i) // before and after it is applied
        ASSERT_TRUE(
            connection->send(push, {{gradient, sizeof(gradient)}}, ample())
                .ok());
      auto answer = connection->receive(ample());
      ASSERT_TRUE(answer.ok()) << answer.status().message();
      ASSERT_EQ(answer->kind, FrameKind::Parameters);
      EXPECT_EQ(answer->step, step);
      ASSERT_TRUE(
          connection->receivePayload(*answer, {{got, sizeof(got)}}, ample())
              .ok());
    }
    ASSERT_TRUE(
        connection->send(header(FrameKind::Complete), {}, ample()).ok());
    serving.reset();
    EXPECT_TRUE(ofServer.ok()) << ofServer.message();
    EXPECT_EQ(server->appliedSteps(), 2u);
    // Step 1: (1 + 2) / 2 from both; step 2: 2 from this one.
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(got[i], static_cast<float>(i) - 0.75f - 1.0f);
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(ofTrainer.ok()) << ofTrainer.message();
}

INSTANTIATE_TEST_SUITE_P(Transports, FailureTest,
                         ::testing::ValuesIn(testBackends()),
                         [](const auto &info) { return nameOf(info.param); });

} // namespace
