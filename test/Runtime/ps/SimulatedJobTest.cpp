//===- SimulatedJobTest.cpp - Whole jobs on a bad network -----------------===//
//
// Three trainers and two servers in virtual time. A seed that fails replays:
// put it in place of the loop.
//
//===----------------------------------------------------------------------===//

#include "runtime/transport/sim/SimTransport.h"
#include "test/Runtime/ps/TestJob.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

using namespace fleet;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AnyOf;
using ::testing::HasSubstr;

namespace {

constexpr uint32_t kTrainers = 3;
constexpr int kSteps = 4;
constexpr Duration kDeadline = seconds(10);

struct Outcome {
  Status ofSimulation;
  Status ofServer[2];
  Status ofTrainer[kTrainers];
  std::vector<std::vector<float>> parameters;
  std::vector<uint64_t> applied; ///< of each server
  std::vector<std::string> log;
  Duration elapsed{0};
};

Outcome runJob(SimTransport::Options options, plan::SyncMode mode = plan::SYNC,
               bool joint = false) {
  Outcome outcome;
  SimTransport transport(std::move(options));
  outcome.ofSimulation = transport.run([&] {
    std::unique_ptr<TestServer> servers[2];
    std::vector<ServerInfo> infos;
    for (int s = 0; s < 2; ++s) {
      servers[s] = std::make_unique<TestServer>(
          serverOptions(kTrainers, kDeadline), transport,
          fmt::format("ps{}:6170", s), std::vector<size_t>{7, 3}, mode, joint);
      infos.push_back(servers[s]->info());
    }
    std::vector<std::unique_ptr<Thread>> threads;
    for (int s = 0; s < 2; ++s)
      threads.push_back(transport.spawn(
          [&, s] { outcome.ofServer[s] = servers[s]->serve(); }));
    for (uint32_t r = 0; r < kTrainers; ++r)
      threads.push_back(transport.spawn([&, r] {
        outcome.ofTrainer[r] =
            runTrainer(trainerOptions(kTrainers, r, kDeadline), transport,
                       infos, kSteps, r + 1);
      }));
    threads.clear();
    for (auto &server : servers)
      outcome.applied.push_back((*server)->appliedSteps());
    for (auto &server : servers)
      for (const std::vector<float> &block : server->getParameters())
        outcome.parameters.push_back(block);
  });
  outcome.log = transport.log();
  outcome.elapsed = transport.elapsed();
  return outcome;
}

/// Of what changes something on a server.
bool isPush(std::string_view message) {
  FrameBytes bytes;
  if (message.size() < bytes.size())
    return false;
  std::memcpy(bytes.data(), message.data(), bytes.size());
  auto header = decodeHeader(bytes);
  return header.ok() &&
         (header->kind == FrameKind::Push || header->kind == FrameKind::Sums);
}

SimTransport::Options slowNetwork(uint64_t seed) {
  SimTransport::Options options;
  options.seed = seed;
  options.minDelay = milliseconds(1);
  options.maxDelay = milliseconds(40);
  options.slowShare = 0.2;
  options.duplicateProbability = 0.4;
  options.mayDuplicate = isPush;
  return options;
}

std::string statusesOf(const Outcome &outcome) {
  std::string text = "simulation: " + outcome.ofSimulation.message();
  for (const Status &status : outcome.ofServer)
    text += "\nserver: " + status.message();
  for (const Status &status : outcome.ofTrainer)
    text += "\ntrainer: " + status.message();
  return text;
}

void expectNoBitChanges(bool joint) {
  Outcome quiet = runJob({}, plan::SYNC, joint);
  ASSERT_TRUE(quiet.ofSimulation.ok()) << statusesOf(quiet);
  ASSERT_EQ(quiet.parameters.size(), 4u);
  ASSERT_NE(quiet.parameters[0][0], 0.0f);
  size_t duplicates = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Outcome outcome = runJob(slowNetwork(seed), plan::SYNC, joint);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, statusesOf(outcome)));
    ASSERT_TRUE(outcome.ofSimulation.ok());
    for (const Status &status : outcome.ofServer)
      ASSERT_TRUE(status.ok());
    for (const Status &status : outcome.ofTrainer)
      ASSERT_TRUE(status.ok());
    for (uint64_t applied : outcome.applied)
      ASSERT_EQ(applied, static_cast<uint64_t>(kSteps));
    ASSERT_EQ(outcome.parameters, quiet.parameters);
    for (const std::string &event : outcome.log)
      duplicates += event.find(", twice") != std::string::npos;
  }
  EXPECT_GT(duplicates, 1000u);
}

TEST(SimulatedJobTest, DelaysAndDuplicatesChangeNoBit) {
  expectNoBitChanges(/*joint=*/false);
}

TEST(SimulatedJobTest, NorDoTheyWhereServersAgree) {
  expectNoBitChanges(/*joint=*/true);
}

TEST(SimulatedJobTest, HalfAsyncAppliesEveryPushOnce) {
  std::set<std::vector<std::vector<float>>> results;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Outcome outcome = runJob(slowNetwork(seed), plan::HALF_ASYNC);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, statusesOf(outcome)));
    ASSERT_TRUE(outcome.ofSimulation.ok());
    for (const Status &status : outcome.ofServer)
      ASSERT_TRUE(status.ok());
    for (const Status &status : outcome.ofTrainer)
      ASSERT_TRUE(status.ok());
    for (uint64_t applied : outcome.applied)
      ASSERT_EQ(applied, kTrainers * kSteps);
    results.insert(outcome.parameters);
  }
  // The order of arrival does make a difference.
  EXPECT_GT(results.size(), 1u);
}

TEST(SimulatedJobTest, SeedReplaysWholeJobs) {
  for (plan::SyncMode mode : {plan::SYNC, plan::HALF_ASYNC})
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SimTransport::Options options = slowNetwork(seed);
      options.resetProbability = 0.01;
      EXPECT_EQ(runJob(options, mode).log, runJob(options, mode).log)
          << "seed " << seed;
    }
}

/// Every process of a job that lost a connection says whom it lost.
void expectNamedFailure(const Outcome &outcome) {
  ASSERT_TRUE(outcome.ofSimulation.ok());
  bool failed = false;
  for (const Status &status : outcome.ofServer)
    failed |= !status.ok();
  for (const Status &status : outcome.ofTrainer)
    failed |= !status.ok();
  if (!failed) // whoever lost a connection did not need it any more
    return;
  // A trainer that was done before is right to be content, and so is a server
  // that all trainers said goodbye to.
  for (const Status &status : outcome.ofServer)
    if (!status.ok())
      EXPECT_THAT(status.message(),
                  AnyOf(HasSubstr("trainer 0"), HasSubstr("trainer 1"),
                        HasSubstr("trainer 2")));
  for (const Status &status : outcome.ofTrainer)
    if (!status.ok())
      EXPECT_THAT(status.message(),
                  AnyOf(HasSubstr("ps0:6170"), HasSubstr("ps1:6170")));
  // Nobody waits for much longer than a deadline.
  EXPECT_LT(outcome.elapsed, 2 * kDeadline);
}

TEST(SimulatedJobTest, LostConnectionsEndEveryProcessWithAName) {
  size_t failures = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SimTransport::Options options = slowNetwork(seed);
    options.resetProbability = 0.01;
    Outcome outcome = runJob(options, plan::SYNC, /*joint=*/seed % 2 == 0);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, statusesOf(outcome)));
    expectNamedFailure(outcome);
    failures += !outcome.ofTrainer[0].ok();
    if (HasFatalFailure())
      return;
  }
  EXPECT_GT(failures, 100u);
}

TEST(SimulatedJobTest, ResetInTheMiddleEndsTheWholeJob) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SimTransport::Options options = slowNetwork(seed);
    // All six connections exist after 240 ms, and no job ends before 320 ms.
    options.minDelay = milliseconds(20);
    options.slowShare = 0;
    options.resets = {{seed % 6, milliseconds(260)}};
    Outcome outcome = runJob(options);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, statusesOf(outcome)));
    expectNamedFailure(outcome);
    for (const Status &status : outcome.ofServer)
      EXPECT_FALSE(status.ok());
    for (const Status &status : outcome.ofTrainer)
      EXPECT_FALSE(status.ok());
  }
}

} // namespace
