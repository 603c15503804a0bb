//===- FailpointTest.cpp - Processes that fail at exact places ------------===//

#include "runtime/transport/tcp/TcpTransport.h"
#include "test/Runtime/ps/TestJob.h"
#include "test/Runtime/transport/TestNetwork.h"

#include <algorithm>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fleet;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

namespace {

constexpr auto kAmple = std::chrono::seconds(30);
constexpr int kSteps = 5;

Failpoints at(Failpoint point, const char *action) {
  auto parsed = Failpoints::parse(
      fmt::format("{}:{}", failpointNames[static_cast<size_t>(point)], action));
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return parsed.ok() ? *parsed : Failpoints();
}

std::string nameOfPoint(Failpoint point) {
  std::string name = failpointNames[static_cast<size_t>(point)];
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// Two trainers, one server; somebody fails.
struct Outcome {
  Status server, trainers[2];
};

Outcome runJob(TestNetwork &network, Failpoints ofServer, Failpoints ofTrainer,
               Duration deadline, bool joint = false) {
  Outcome outcome;
  Transport &transport = network.transport();
  Status status = network.run([&] {
    auto options = serverOptions(2, deadline);
    options.failpoints = ofServer;
    TestServer server(options, transport, "127.0.0.1:0", {4}, plan::SYNC,
                      joint);
    auto serving = transport.spawn([&] { outcome.server = server.serve(); });
    auto training = transport.spawn([&] {
      outcome.trainers[0] = runTrainer(trainerOptions(2, 0, deadline),
                                       transport, {server.info()}, kSteps);
    });
    auto mine = trainerOptions(2, 1, deadline);
    mine.failpoints = ofTrainer;
    outcome.trainers[1] = runTrainer(mine, transport, {server.info()}, kSteps);
    training.reset();
    serving.reset();
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return outcome;
}

class FailpointTest : public ::testing::TestWithParam<TestBackend> {};

TEST_P(FailpointTest, TrainerThatFailsIsNamedToAllOthers) {
  for (Failpoint point : {Failpoint::BeforePush, Failpoint::AfterPush,
                          Failpoint::AfterFetch, Failpoint::BeforeComplete}) {
    auto network = GetParam().make();
    bool isLast = point == Failpoint::BeforeComplete;
    Outcome outcome = runJob(*network, Failpoints(),
                             at(point, isLast ? "fail" : "fail:3"), kAmple);
    auto why = HasSubstr("failed at failpoint " +
                         std::string(failpointNames[size_t(point)]));
    EXPECT_THAT(outcome.trainers[1].message(), why);
    EXPECT_THAT(outcome.server.message(), AllOf(HasSubstr("trainer 1 ("), why));
    if (!isLast) { // else it may be done by then
      EXPECT_THAT(outcome.trainers[0].message(),
                  AllOf(HasSubstr("trainer 1 ("), why));
    }
  }
}

TEST_P(FailpointTest, TrainerThatFailsBeforeItAgreesIsNamed) {
  auto network = GetParam().make();
  Outcome outcome =
      runJob(*network, Failpoints(), at(Failpoint::BeforeAgree, "fail:3"),
             kAmple, /*joint=*/true);
  auto why = HasSubstr("failed at failpoint before-agree");
  EXPECT_THAT(outcome.trainers[1].message(), why);
  EXPECT_THAT(outcome.server.message(), AllOf(HasSubstr("trainer 1 ("), why));
  EXPECT_THAT(outcome.trainers[0].message(),
              AllOf(HasSubstr("trainer 1 ("), why));
}

TEST_P(FailpointTest, ServerThatFailsIsNamedToAllTrainers) {
  for (Failpoint point : {Failpoint::BeforeApply, Failpoint::BeforeAnswer}) {
    auto network = GetParam().make();
    Outcome outcome =
        runJob(*network, at(point, "fail:2"), Failpoints(), kAmple);
    auto why = HasSubstr("failed at failpoint " +
                         std::string(failpointNames[size_t(point)]));
    EXPECT_THAT(outcome.server.message(), why);
    for (const Status &trainer : outcome.trainers)
      EXPECT_THAT(trainer.message(),
                  AllOf(HasSubstr("server 127.0.0.1:"), why));
  }
}

TEST_P(FailpointTest, LagWithinTheDeadlineChangesNothing) {
  auto network = GetParam().make();
  Outcome outcome = runJob(*network, at(Failpoint::BeforeAnswer, "delay=30"),
                           at(Failpoint::BeforePush, "delay=30:2"), kAmple);
  EXPECT_TRUE(outcome.server.ok()) << outcome.server.message();
  for (const Status &trainer : outcome.trainers)
    EXPECT_TRUE(trainer.ok()) << trainer.message();
}

INSTANTIATE_TEST_SUITE_P(Transports, FailpointTest,
                         ::testing::ValuesIn(testBackends()),
                         [](const auto &info) { return nameOf(info.param); });

// In virtual time only: the machine may be too busy for a short deadline.
TEST(SimulatedFailpointTest, LagBeyondTheDeadlineNamesWhoIsMissing) {
  auto sim = std::find_if(
      testBackends().begin(), testBackends().end(),
      [](const TestBackend &backend) { return nameOf(backend) == "sim"; });
  ASSERT_NE(sim, testBackends().end());
  auto network = sim->make();
  Outcome outcome =
      runJob(*network, Failpoints(), at(Failpoint::BeforePush, "delay=900:2"),
             std::chrono::milliseconds(300));
  EXPECT_EQ(outcome.server.message(),
            "trainer 1 did not push step 2 within 0.3 s");
  EXPECT_THAT(outcome.trainers[0].message(),
              HasSubstr("trainer 1 did not push step 2 within 0.3 s"));
  EXPECT_FALSE(outcome.trainers[1].ok());
}

TEST(SimulatedFailpointTest, WhoAgreesTooLateIsMissing) {
  auto sim = std::find_if(
      testBackends().begin(), testBackends().end(),
      [](const TestBackend &backend) { return nameOf(backend) == "sim"; });
  ASSERT_NE(sim, testBackends().end());
  auto network = sim->make();
  Status server, trainer;
  Transport &transport = network->transport();
  Duration deadline = std::chrono::milliseconds(300);
  Status status = network->run([&] {
    TestServer one(serverOptions(1, deadline), transport, "127.0.0.1:0", {4},
                   plan::SYNC, /*joint=*/true);
    auto serving = transport.spawn([&] { server = one.serve(); });
    auto options = trainerOptions(1, 0, deadline);
    options.failpoints = at(Failpoint::BeforeAgree, "delay=900:2");
    trainer = runTrainer(options, transport, {one.info()}, kSteps);
    serving.reset();
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(server.message(), "trainer 0 did not agree on step 2 within 0.3 s");
  EXPECT_FALSE(trainer.ok());
}

/// Runs `body` as a process of its own; returns how it ended, for wait status
/// macros.
class Process {
public:
  explicit Process(const std::function<void()> &body) : pid(::fork()) {
    if (pid == 0) {
      body();
      ::_exit(0); // nothing of the parent's is cleaned up
    }
  }
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }

private:
  pid_t pid;
};

class KilledProcessTest : public ::testing::TestWithParam<Failpoint> {
protected:
  TcpTransport transport;
};

class KilledTrainerTest : public KilledProcessTest {};
class KilledServerTest : public KilledProcessTest {};

TEST_P(KilledTrainerTest, OthersEndAndNameIt) {
  TestServer server(serverOptions(2, kAmple), transport, "127.0.0.1:0", {4});
  Process killed([&] {
    TcpTransport own;
    auto options = trainerOptions(2, 1, kAmple);
    options.failpoints =
        at(GetParam(),
           GetParam() == Failpoint::BeforeComplete ? "kill" : "kill:3");
    (void)runTrainer(options, own, {server.info()}, kSteps);
  });
  Status fromServer, fromTrainer;
  auto serving = transport.spawn([&] { fromServer = server.serve(); });
  fromTrainer = runTrainer(trainerOptions(2, 0, kAmple), transport,
                           {server.info()}, 1000);
  serving.reset();
  int status = killed.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_THAT(fromServer.message(), AllOf(HasSubstr("trainer 1 ("),
                                          HasSubstr("disconnected at step")));
  EXPECT_THAT(fromTrainer.message(), HasSubstr("trainer 1 ("));
}

TEST_P(KilledServerTest, TrainersEndAndNameIt) {
  auto options = serverOptions(2, kAmple);
  options.failpoints = at(GetParam(), "kill:3");
  TestServer server(options, transport, "127.0.0.1:0", {4});
  Process killed([&] { (void)server.serve(); });
  Status ends[2];
  auto other = transport.spawn([&] {
    ends[1] = runTrainer(trainerOptions(2, 1, kAmple), transport,
                         {server.info()}, kSteps);
  });
  ends[0] = runTrainer(trainerOptions(2, 0, kAmple), transport, {server.info()},
                       kSteps);
  other.reset();
  int status = killed.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  for (const Status &end : ends)
    EXPECT_THAT(
        end.message(),
        AllOf(HasSubstr("server " + server.info().endpoint),
              AnyOf(HasSubstr("closed the connection"), HasSubstr("lost: "))));
}

INSTANTIATE_TEST_SUITE_P(
    At, KilledTrainerTest,
    ::testing::Values(Failpoint::BeforePush, Failpoint::AfterPush,
                      Failpoint::AfterFetch, Failpoint::BeforeComplete),
    [](const auto &info) { return nameOfPoint(info.param); });
INSTANTIATE_TEST_SUITE_P(At, KilledServerTest,
                         ::testing::Values(Failpoint::BeforeApply,
                                           Failpoint::BeforeAnswer),
                         [](const auto &info) {
                           return nameOfPoint(info.param);
                         });

} // namespace
