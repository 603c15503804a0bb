//===- ProcessTest.cpp - Ranks that are processes, and die ----------------===//

#include "runtime/collective/shm/ShmCollective.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <chrono>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fleet;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

/// What a process that is a rank came to.
struct Outcome {
  std::string said;
  int status = 0; ///< of waitpid
  Duration ended{};
};

/// Runs `body` in a process of its own for each rank; it returns what to say.
std::vector<Outcome>
runProcesses(uint32_t size,
             const std::function<std::string(std::unique_ptr<Collective> &,
                                             Rendezvous &)> &body) {
  std::string endpoint;
  {
    TcpTransport transport;
    auto free = transport.listen("127.0.0.1:0");
    EXPECT_TRUE(free.ok());
    endpoint = (*free)->endpoint();
  }
  std::vector<pid_t> children;
  std::vector<int> pipes;
  auto begin = std::chrono::steady_clock::now();
  for (uint32_t rank = 0; rank < size; ++rank) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
      std::string said;
      TcpTransport transport;
      Rendezvous::Options options;
      options.job.programHash = "00112233445566778899aabbccddeeff";
      options.job.trainers = size;
      options.rank = rank;
      options.endpoint = endpoint;
      options.deadline = std::chrono::seconds(60);
      auto rendezvous = Rendezvous::join(options, transport);
      if (!rendezvous.ok()) {
        said = rendezvous.status().message();
      } else {
        auto collective = ShmCollective::create(*rendezvous);
        said = collective.ok() ? body(*collective, **rendezvous)
                               : collective.status().message();
      }
      ssize_t written = write(ends[1], said.data(), said.size());
      _exit(written == static_cast<ssize_t>(said.size()) ? 0 : 3);
    }
    close(ends[1]);
    children.push_back(child);
    pipes.push_back(ends[0]);
  }
  std::vector<Outcome> outcomes(size);
  for (uint32_t rank = 0; rank < size; ++rank) {
    char text[4096];
    for (ssize_t got; (got = read(pipes[rank], text, sizeof(text))) > 0;)
      outcomes[rank].said.append(text, static_cast<size_t>(got));
    close(pipes[rank]);
    waitpid(children[rank], &outcomes[rank].status, 0);
    outcomes[rank].ended = std::chrono::steady_clock::now() - begin;
  }
  return outcomes;
}

Status sum(Collective &collective, std::vector<float> &data) {
  CollectiveCall call;
  call.in = call.out = data.data();
  call.count = data.size();
  return collective.run(call);
}

TEST(CollectiveProcessTest, ProcessesShareMemory) {
  auto outcomes = runProcesses(
      3, [](std::unique_ptr<Collective> &collective, Rendezvous &) {
        std::vector<float> data(100000, float(collective->rank() + 1));
        Status status = sum(*collective, data);
        return status.ok() ? fmt::format("{} {}", data.front(), data.back())
                           : status.message();
      });
  for (const Outcome &outcome : outcomes)
    EXPECT_EQ(outcome.said, "6 6");
}

TEST(CollectiveProcessTest, ARankThatIsKilledEndsTheOthersAtOnce) {
  for (uint32_t victim : {0u, 1u}) {
    auto outcomes = runProcesses(
        3, [&](std::unique_ptr<Collective> &collective, Rendezvous &) {
          std::vector<float> data(50000);
          for (int step = 0;; ++step) {
            if (collective->rank() == victim && step == 20)
              raise(SIGKILL);
            if (Status status = sum(*collective, data); !status.ok())
              return status.message();
          }
        });
    for (uint32_t rank = 0; rank < 3; ++rank) {
      if (rank == victim) {
        EXPECT_TRUE(WIFSIGNALED(outcomes[rank].status));
        continue;
      }
      EXPECT_THAT(outcomes[rank].said,
                  AllOf(HasSubstr("all-reduce 21 (sum of 50000 f32): "),
                        HasSubstr(fmt::format("rank {} (", victim)),
                        HasSubstr("ended without a word")));
      EXPECT_LT(outcomes[rank].ended, std::chrono::seconds(10));
    }
  }
}

TEST(CollectiveProcessTest, ARankThatFailsTellsWhy) {
  auto outcomes = runProcesses(
      3, [](std::unique_ptr<Collective> &collective, Rendezvous &rendezvous) {
        std::vector<float> data(10);
        if (collective->rank() == 1) {
          collective->abort("data.npy: cannot be read");
          return std::string("failed");
        }
        return sum(*collective, data).message();
      });
  for (uint32_t rank : {0u, 2u})
    EXPECT_EQ(outcomes[rank].said,
              "all-reduce 1 (sum of 10 f32): rank 1: data.npy: cannot be read");
}

} // namespace
