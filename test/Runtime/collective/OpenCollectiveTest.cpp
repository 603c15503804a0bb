//===- OpenCollectiveTest.cpp - The backend of a job ----------------------===//

#include "runtime/collective/open/OpenCollective.h"

#include "runtime/transport/inproc/InprocTransport.h"
#include "test/Runtime/collective/TestCollectives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

class OpenCollectiveTest : public ::testing::Test {
protected:
  CollectiveOptions options(const char *backend, uint32_t size,
                            uint32_t rank = 0) {
    CollectiveOptions options;
    options.backend = backend;
    options.job.programHash = "00112233445566778899aabbccddeeff";
    options.job.trainers = size;
    options.rank = rank;
    options.endpoint = "127.0.0.1:6170";
    options.deadline = std::chrono::seconds(30);
    return options;
  }
  std::string refusal(const CollectiveOptions &options) {
    auto opened = openCollective(options, transport);
    EXPECT_FALSE(opened.ok());
    return opened.status().message();
  }
  InprocTransport transport;
};

TEST_F(OpenCollectiveTest, AutoTakesSharedMemoryOnOneHost) {
  for (const char *backend : {"auto", "shm"})
    runRanks(3, [&](uint32_t rank) {
      auto opened = openCollective(options(backend, 3, rank), transport);
      ASSERT_TRUE(opened.ok()) << opened.status().message();
      EXPECT_STREQ((*opened)->name(), "shm");
      EXPECT_EQ((*opened)->rank(), rank);
      CollectiveCall barrier;
      barrier.kind = CollectiveCall::Kind::Barrier;
      EXPECT_TRUE((*opened)->run(barrier).ok());
    });
}

TEST_F(OpenCollectiveTest, OneRankNeedsNobody) {
  CollectiveOptions alone = options("auto", 1);
  alone.endpoint.clear();
  auto opened = openCollective(alone, transport);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_STREQ((*opened)->name(), "inproc");
}

TEST_F(OpenCollectiveTest, SaysWhatThereIsAndWhatIsMissing) {
  EXPECT_THAT(refusal(options("gloo", 2)),
              HasSubstr("unknown backend of collectives 'gloo'; there are "
                        "auto, shm, mpi and nccl"));
  EXPECT_THAT(refusal(options("inproc", 2)), HasSubstr("in one process"));
  EXPECT_THAT(refusal(options("mpi", 2)), HasSubstr("mpirun -np 2"));
  CollectiveOptions nowhere = options("auto", 2);
  nowhere.endpoint.clear();
  EXPECT_THAT(refusal(nowhere), HasSubstr("2 ranks need an endpoint"));
}

TEST_F(OpenCollectiveTest, NcclSumsOnADeviceOrSaysWhyNot) {
  CollectiveOptions alone = options("nccl", 1);
  auto opened = openCollective(alone, transport);
  if (!opened.ok()) {
    EXPECT_THAT(opened.status().message(), HasSubstr("backend nccl"));
    GTEST_SKIP() << opened.status().message();
  }
  // One rank: NCCL runs, and what it gives is what it was given.
  EXPECT_STREQ((*opened)->name(), "nccl");
  auto memory = (*opened)->allocate(4000);
  ASSERT_TRUE(memory.ok()) << memory.status().message();
  CollectiveCall call;
  call.in = call.out = *memory;
  call.count = 1000;
  for (int i = 0; i < 100; ++i) {
    auto ticket = (*opened)->start(call);
    ASSERT_TRUE(ticket.ok()) << ticket.status().message();
  }
  Status status = (*opened)->wait(100);
  EXPECT_TRUE(status.ok()) << status.message();
  call.kind = CollectiveCall::Kind::Barrier;
  status = (*opened)->run(call);
  EXPECT_TRUE(status.ok()) << status.message();
}

} // namespace
