//===- RowJobTest.cpp - Jobs that look rows up ----------------------------===//

#include "runtime/ps/handshake.pb.h"
#include "runtime/transport/sim/SimTransport.h"
#include "test/Runtime/ps/TestRows.h"
#include "test/Runtime/transport/TestNetwork.h"

#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

using namespace fleet;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

constexpr auto kAmple = std::chrono::seconds(30);
constexpr int kSteps = 5;
using Values = std::vector<std::vector<double>>;

struct Outcome {
  std::vector<Status> statuses;
  Values user, item; ///< of all servers, by id
  std::vector<int> advances;
};

/// `trainers` trainers with rank + 1 examples each and `shards` servers.
Outcome runJob(Transport &transport, uint32_t trainers, uint32_t shards,
               plan::SyncMode mode = plan::SYNC) {
  Outcome outcome;
  outcome.statuses.resize(trainers + shards);
  std::vector<std::unique_ptr<RowServer>> servers;
  std::vector<ServerInfo> infos;
  for (uint32_t s = 0; s < shards; ++s) {
    servers.push_back(
        std::make_unique<RowServer>(serverOptions(trainers, kAmple), transport,
                                    "127.0.0.1:0", s, shards, mode));
    infos.push_back(servers.back()->info());
  }
  std::vector<std::unique_ptr<Thread>> threads;
  for (uint32_t s = 0; s < shards; ++s)
    threads.push_back(transport.spawn(
        [&, s] { outcome.statuses[trainers + s] = servers[s]->serve(); }));
  for (uint32_t r = 0; r < trainers; ++r)
    threads.push_back(transport.spawn([&, r] {
      outcome.statuses[r] = runRowTrainer(trainerOptions(trainers, r, kAmple),
                                          transport, infos, kSteps, r + 1);
    }));
  threads.clear();
  for (auto &server : servers) {
    for (size_t t = 0; t < 2; ++t) {
      Values values = server->values(t);
      Values &all = t == 0 ? outcome.user : outcome.item;
      all.insert(all.end(), values.begin(), values.end());
      outcome.advances.push_back(server->advances[t]);
    }
  }
  std::sort(outcome.user.begin(), outcome.user.end());
  std::sort(outcome.item.begin(), outcome.item.end());
  return outcome;
}

void expectAllOk(const Outcome &outcome) {
  for (const Status &status : outcome.statuses)
    EXPECT_TRUE(status.ok()) << status.message();
}

/// What the rows of "user" become, by the formula.
std::map<int64_t, double> expectedUser(uint32_t trainers) {
  std::map<int64_t, double> rows;
  double total = trainers * (trainers + 1) / 2;
  for (uint64_t step = 1; step <= kSteps; ++step) {
    std::map<int64_t, double> gradients;
    for (uint32_t r = 0; r < trainers; ++r)
      for (int64_t i = 0; i < 6; ++i) {
        int64_t id =
            (i * i * 7 + static_cast<int64_t>(step) * 11 + r * 5) % 100;
        rows.emplace(id, 1);
        gradients[id] += (r + 1) / total * (rows.at(id) / 4 + r + 1);
      }
    for (auto [id, gradient] : gradients)
      rows.at(id) -= 0.5 * gradient;
  }
  return rows;
}

class RowJobTest : public ::testing::TestWithParam<TestBackend> {
protected:
  std::unique_ptr<TestNetwork> network = GetParam().make();
  Transport &transport = network->transport();
};

TEST_P(RowJobTest, RowsGetTheKnownValues) {
  Status status = network->run([&] {
    Outcome outcome = runJob(transport, 3, 2);
    expectAllOk(outcome);
    std::map<int64_t, double> expected = expectedUser(3);
    ASSERT_EQ(outcome.user.size(), expected.size());
    for (const std::vector<double> &row : outcome.user)
      for (size_t c = 1; c < 4; ++c)
        EXPECT_NEAR(row[c], expected.at(static_cast<int64_t>(row[0])), 1e-5);
    EXPECT_EQ(outcome.item.size(), 40u);
    EXPECT_THAT(outcome.advances, ElementsAre(kSteps, kSteps, kSteps, kSteps));
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(RowJobTest, TheNumberOfServersChangesNoBit) {
  Status status = network->run([&] {
    Outcome one = runJob(transport, 1, 1);
    Outcome three = runJob(transport, 1, 3);
    expectAllOk(one);
    expectAllOk(three);
    EXPECT_EQ(one.user, three.user);
    EXPECT_EQ(one.item, three.item);
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(RowJobTest, ServersTellWhatTheyHold) {
  Status status = network->run([&] {
    std::vector<std::unique_ptr<RowServer>> servers;
    std::vector<ServerInfo> infos;
    std::vector<std::unique_ptr<Thread>> threads;
    for (uint32_t s = 0; s < 2; ++s) {
      servers.push_back(std::make_unique<RowServer>(
          serverOptions(1, kAmple), transport, "127.0.0.1:0", s, 2));
      infos.push_back(servers.back()->info());
      threads.push_back(transport.spawn([&, s] {
        Status served = servers[s]->serve();
        EXPECT_TRUE(served.ok()) << served.message();
      }));
    }
    auto trainer =
        RowTrainer::start(trainerOptions(1, 0, kAmple), transport, infos);
    ASSERT_TRUE(trainer.ok()) << trainer.status().message();
    auto rows = (*trainer)->look({4, 10, 4});
    ASSERT_TRUE(rows.ok()) << rows.status().message();
    EXPECT_THAT(*rows, ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 1));
    auto states = (*trainer)->getClient().pullState();
    ASSERT_TRUE(states.ok()) << states.status().message();
    // Of each server: ids and rows of "user", rows of "item".
    ASSERT_EQ(states->size(), 6u);
    EXPECT_EQ((*states)[0].origin, "user");
    EXPECT_EQ((*states)[0].slot, "ids");
    EXPECT_TRUE((*states)[0].isById);
    EXPECT_THAT((*states)[0].originShape, ElementsAre(2));
    auto *ids = reinterpret_cast<const int64_t *>((*states)[0].data.data());
    EXPECT_THAT(std::vector<int64_t>(ids, ids + 2), ElementsAre(4, 10));
    EXPECT_THAT((*states)[1].originShape, ElementsAre(2, 3));
    EXPECT_FALSE((*states)[2].isById);
    EXPECT_THAT((*states)[2].originShape, ElementsAre(40, 1));
    EXPECT_THAT((*states)[3].originShape, ElementsAre(0)); // no odd id was used
    EXPECT_EQ((*states)[5].rowOffset, 20);
    EXPECT_TRUE((*trainer)->getClient().complete().ok());
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

/// Shakes hands as trainer 0 of one, sends `payload` as a frame of `kind`, and
/// returns why the server of the even rows of "user" ends the job.
std::string messageTo(Transport &transport, FrameKind kind,
                      const std::vector<int64_t> &payload) {
  RowServer server(serverOptions(1, kAmple), transport, "127.0.0.1:0", 0, 2);
  Status served;
  auto serving = transport.spawn([&] { served = server.serve(); });
  TimePoint deadline = transport.clock().now() + kAmple;
  auto stream = transport.connect(server.info().endpoint, deadline);
  EXPECT_TRUE(stream.ok());
  Connection connection(std::move(*stream));
  FrameHeader header;
  header.job = testJob(1).frameId();
  header.role = plan::TRAINER;
  ps::Hello hello;
  hello.set_program_hash(testJob(1).programHash);
  hello.set_trainers(1);
  hello.set_seed(testJob(1).seed);
  header.kind = FrameKind::Hello;
  EXPECT_TRUE(
      connection.sendText(header, hello.SerializeAsString(), deadline).ok());
  EXPECT_TRUE(connection.receive(deadline).ok());
  header.kind = kind;
  header.step = 1;
  header.argument = 1;
  EXPECT_TRUE(
      connection.send(header, {{payload.data(), payload.size() * 8}}, deadline)
          .ok());
  auto answer = connection.receive(deadline);
  EXPECT_TRUE(answer.ok()) << answer.status().message();
  std::string reason;
  if (answer.ok() && answer->kind == FrameKind::Error)
    reason = *connection.receiveReason(*answer, deadline);
  connection.close();
  serving.reset();
  EXPECT_THAT(served.message(), HasSubstr(reason));
  return served.message();
}

TEST_P(RowJobTest, BadFramesEndTheJobWithAName) {
  Status status = network->run([&] {
    auto expect = [&](FrameKind kind, const std::vector<int64_t> &payload,
                      const std::string &message) {
      EXPECT_THAT(messageTo(transport, kind, payload),
                  AllOf(HasSubstr("trainer 0"), HasSubstr(message)));
    };
    auto pull = FrameKind::PullRows, push = FrameKind::Push;
    expect(pull, {1, 0, 5}, "row 5 of table 'user' belongs to another server");
    expect(pull, {1, 0, 100}, "there is no row 100 of table 'user'");
    expect(pull, {0, 1, 20}, "row 20 of table 'item' belongs to another");
    expect(pull, {2, 0, 4}, "too few for their ids");
    expect(pull, {1, 0, 4, 4}, "too many");
    expect(pull, {}, "too few for their counts");
    int64_t block = 0; // two f32, then counts, ids and rows
    expect(push, {block}, "too few for their counts");
    expect(push, {block, 1, 0, 5, 0, 0}, "row 5 of table 'user' belongs to");
    expect(push, {block, 1, 0, 4, 0}, "too few for their rows");
    expect(push, {block, 1, 0, 4, 0, 0, 0}, "too many");
    expect(push, {}, "a push frame has 0 bytes, expected 8");
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

INSTANTIATE_TEST_SUITE_P(Transports, RowJobTest,
                         ::testing::ValuesIn(testBackends()),
                         [](const auto &info) { return nameOf(info.param); });

bool isPush(std::string_view message) {
  FrameBytes bytes;
  if (message.size() < bytes.size())
    return false;
  std::memcpy(bytes.data(), message.data(), bytes.size());
  auto header = decodeHeader(bytes);
  return header.ok() && header->kind == FrameKind::Push;
}

Outcome simulate(uint64_t seed, plan::SyncMode mode, size_t &duplicates) {
  SimTransport::Options options;
  options.seed = seed;
  options.minDelay = std::chrono::milliseconds(1);
  options.maxDelay = std::chrono::milliseconds(40);
  options.slowShare = 0.2;
  options.duplicateProbability = 0.4;
  options.mayDuplicate = isPush;
  SimTransport transport(options);
  Outcome outcome;
  Status status =
      transport.run([&] { outcome = runJob(transport, 3, 2, mode); });
  EXPECT_TRUE(status.ok()) << status.message();
  for (const std::string &event : transport.log())
    duplicates += event.find(", twice") != std::string::npos;
  return outcome;
}

TEST(SimulatedRowJobTest, DelaysAndDuplicatesChangeNoBit) {
  size_t duplicates = 0;
  Outcome first = simulate(1, plan::SYNC, duplicates);
  for (uint64_t seed = 2; seed <= 100; ++seed) {
    Outcome outcome = simulate(seed, plan::SYNC, duplicates);
    SCOPED_TRACE(fmt::format("seed {}", seed));
    expectAllOk(outcome);
    ASSERT_EQ(outcome.user, first.user);
    ASSERT_EQ(outcome.item, first.item);
    ASSERT_EQ(outcome.advances, first.advances);
  }
  EXPECT_GT(duplicates, 300u);
}

TEST(SimulatedRowJobTest, HalfAsyncAppliesEveryPushOnce) {
  size_t duplicates = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Outcome outcome = simulate(seed, plan::HALF_ASYNC, duplicates);
    SCOPED_TRACE(fmt::format("seed {}", seed));
    expectAllOk(outcome);
    for (int advances : outcome.advances)
      ASSERT_EQ(advances, 3 * kSteps);
  }
}

} // namespace
