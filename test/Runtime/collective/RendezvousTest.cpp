//===- RendezvousTest.cpp - How ranks find and watch each other -----------===//

#include "runtime/collective/Rendezvous.h"

#include "runtime/transport/inproc/InprocTransport.h"
#include "runtime/transport/tcp/TcpTransport.h"
#include "test/Runtime/collective/TestCollectives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

using std::chrono::milliseconds;
constexpr auto kAmple = std::chrono::seconds(30);

class RendezvousTest : public ::testing::TestWithParam<const char *> {
protected:
  RendezvousTest() {
    if (std::string(GetParam()) == "tcp")
      transport = std::make_unique<TcpTransport>();
    else
      transport = std::make_unique<InprocTransport>();
    auto free = transport->listen("127.0.0.1:0");
    EXPECT_TRUE(free.ok());
    endpoint = (*free)->endpoint();
  }
  Rendezvous::Options options(uint32_t rank, uint32_t size,
                              Duration deadline = kAmple) {
    Rendezvous::Options options;
    options.job.name = "fit_a_line";
    options.job.programHash = "00112233445566778899aabbccddeeff";
    options.job.trainers = size;
    options.job.seed = 7;
    options.rank = rank;
    options.endpoint = endpoint;
    options.deadline = deadline;
    return options;
  }
  /// Runs `body` for every rank once all are together.
  void run(uint32_t size,
           const std::function<void(std::shared_ptr<Rendezvous> &)> &body) {
    runRanks(size, [&](uint32_t rank) {
      auto joined = Rendezvous::join(options(rank, size), *transport);
      ASSERT_TRUE(joined.ok()) << joined.status().message();
      std::shared_ptr<Rendezvous> rendezvous = std::move(*joined);
      joined = Status();
      body(rendezvous);
    });
  }
  /// Until the job has failed.
  static Status awaitFailure(Rendezvous &rendezvous) {
    auto begin = std::chrono::steady_clock::now();
    while (rendezvous.failure().ok() &&
           std::chrono::steady_clock::now() - begin < std::chrono::seconds(5))
      std::this_thread::sleep_for(milliseconds(1));
    return rendezvous.failure();
  }

  std::unique_ptr<Transport> transport;
  std::string endpoint;
};

TEST_P(RendezvousTest, ExchangesReachEverybodyInOrder) {
  for (uint32_t size : {1u, 2u, 5u})
    run(size, [&](std::shared_ptr<Rendezvous> &rendezvous) {
      for (int round = 0; round < 3; ++round) {
        auto all = rendezvous->exchange(
            fmt::format("{} in {}", rendezvous->rank(), round));
        ASSERT_TRUE(all.ok()) << all.status().message();
        ASSERT_EQ(all->size(), size);
        for (uint32_t r = 0; r < size; ++r)
          EXPECT_EQ((*all)[r], fmt::format("{} in {}", r, round));
      }
    });
}

TEST_P(RendezvousTest, ARankThatDoesNotComeIsNamed) {
  runRanks(4, [&](uint32_t rank) {
    if (rank == 2)
      return;
    Status status =
        Rendezvous::join(options(rank, 4, milliseconds(300)), *transport)
            .status();
    EXPECT_EQ(status.code(), StatusCode::DeadlineExceeded);
    EXPECT_EQ(
        status.message(),
        fmt::format("rank 2 did not connect to {} within 0.3 s", endpoint));
  });
}

TEST_P(RendezvousTest, NobodyAtTheEndpoint) {
  Status status =
      Rendezvous::join(options(1, 2, milliseconds(100)), *transport).status();
  EXPECT_THAT(status.message(), HasSubstr("rank 0"));
  EXPECT_THAT(status.message(), HasSubstr(endpoint));
}

TEST_P(RendezvousTest, StrangersAreToldWhyAndDoNotDisturb) {
  runRanks(2, [&](uint32_t rank) {
    if (rank == 1) {
      auto refused = [&](const Rendezvous::Options &options) {
        Status status = Rendezvous::join(options, *transport).status();
        EXPECT_EQ(status.code(), StatusCode::Refused);
        return status.message();
      };
      auto other = options(1, 2);
      other.job.programHash = "ffeeddccbbaa99887766554433221100";
      other.job.name = "word2vec";
      EXPECT_THAT(refused(other),
                  HasSubstr("rank 0 runs job 'fit_a_line' (program "
                            "001122334455), rank 1 runs job 'word2vec'"));
      other = options(1, 3);
      EXPECT_THAT(refused(other),
                  HasSubstr("rank 1 expects 3 ranks, rank 0 expects 2"));
      other = options(1, 2);
      other.job.seed = 8;
      EXPECT_THAT(refused(other),
                  HasSubstr("rank 1 has --seed=8, rank 0 has --seed=7"));
      auto stream =
          transport->connect(endpoint, transport->clock().now() + kAmple);
      ASSERT_TRUE(stream.ok());
      ASSERT_TRUE((*stream)
                      ->write({{"GET / HTTP/1.1\r\n\r\n", 18}},
                              transport->clock().now() + kAmple)
                      .ok());
    }
    auto joined = Rendezvous::join(options(rank, 2), *transport);
    ASSERT_TRUE(joined.ok()) << joined.status().message();
    EXPECT_TRUE((*joined)->exchange("here").ok());
  });
}

TEST_P(RendezvousTest, SecondProcessOfARankIsRefused) {
  runRanks(3, [&](uint32_t rank) {
    if (rank == 2) {
      // Twice rank 1, then the one that is missing: one of the first two is
      // let in, the other is told.
      std::atomic<int> refused{0};
      std::thread again[2];
      for (std::thread &thread : again)
        thread = std::thread([&] {
          auto joined = Rendezvous::join(options(1, 3), *transport);
          if (joined.ok())
            return;
          EXPECT_THAT(joined.status().message(),
                      HasSubstr("rank 1 is already connected from"));
          ++refused;
        });
      while (refused == 0)
        std::this_thread::sleep_for(milliseconds(1));
      auto joined = Rendezvous::join(options(2, 3), *transport);
      EXPECT_TRUE(joined.ok()) << joined.status().message();
      joined = Status();
      for (std::thread &thread : again)
        thread.join();
      EXPECT_EQ(refused, 1);
    } else if (rank == 0) {
      auto joined = Rendezvous::join(options(0, 3), *transport);
      EXPECT_TRUE(joined.ok()) << joined.status().message();
    }
  });
}

TEST_P(RendezvousTest, AFailureReachesEverybodyWithItsReason) {
  for (uint32_t failing : {0u, 1u})
    run(3, [&](std::shared_ptr<Rendezvous> &rendezvous) {
      std::atomic<int> events{0};
      uint64_t watcher = rendezvous->watch([&] { ++events; });
      ASSERT_TRUE(rendezvous->exchange("").ok());
      if (rendezvous->rank() == failing)
        rendezvous->fail(
            makeError(StatusCode::DataLoss, "rank {}: no space", failing));
      Status status = awaitFailure(*rendezvous);
      EXPECT_EQ(status.code(), StatusCode::DataLoss);
      EXPECT_EQ(status.message(), fmt::format("rank {}: no space", failing));
      auto begin = std::chrono::steady_clock::now();
      while (events == 0 && std::chrono::steady_clock::now() - begin < kAmple)
        std::this_thread::sleep_for(milliseconds(1));
      EXPECT_GE(events, 1);
      rendezvous->unwatch(watcher);
      EXPECT_FALSE(rendezvous->exchange("x").ok());
    });
}

TEST_P(RendezvousTest, WhoIsDoneIsKnownAndNoFailure) {
  for (uint32_t first : {0u, 1u})
    run(3, [&](std::shared_ptr<Rendezvous> &rendezvous) {
      if (rendezvous->rank() == first) {
        rendezvous.reset();
        return;
      }
      // The news that rank 0 missed rank 1 may overtake that of its leaving.
      while (!rendezvous->hasLeft(first) && rendezvous->failure().ok())
        std::this_thread::sleep_for(milliseconds(1));
      if (first == 0)
        EXPECT_TRUE(rendezvous->failure().ok());
      else // and that is one
        EXPECT_THAT(rendezvous->exchange("x").status().message(),
                    HasSubstr("rank 1 left before exchange 1"));
    });
}

TEST_P(RendezvousTest, ARankThatDiesIsNamed) {
  // A hello, a welcome, and then nothing more.
  runRanks(3, [&](uint32_t rank) {
    if (rank == 2) {
      auto stream =
          transport->connect(endpoint, transport->clock().now() + kAmple);
      ASSERT_TRUE(stream.ok());
      Connection connection(std::move(*stream));
      FrameHeader header;
      header.rank = 2;
      header.job = options(2, 3).job.frameId();
      std::string hello = "\x0a\x20"
                          "00112233445566778899aabbccddeeff"
                          "\x18\x03\x20\x07";
      ASSERT_TRUE(
          connection.sendText(header, hello, transport->clock().now() + kAmple)
              .ok());
      auto welcome = connection.receive(transport->clock().now() + kAmple);
      ASSERT_TRUE(welcome.ok()) << welcome.status().message();
      EXPECT_EQ(welcome->kind, FrameKind::Welcome);
      connection.close();
      return;
    }
    // It may be gone before the others have joined, who then say the same.
    auto joined = Rendezvous::join(options(rank, 3), *transport);
    Status status = joined.ok() ? awaitFailure(**joined) : joined.status();
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_THAT(status.message(), HasSubstr("rank 2 ("));
    EXPECT_THAT(status.message(), HasSubstr("ended without a word"));
  });
}

INSTANTIATE_TEST_SUITE_P(Transports, RendezvousTest,
                         ::testing::Values("inproc", "tcp"),
                         [](const auto &info) { return info.param; });

} // namespace
