//===- NcclCollectiveTest.cpp - What is special to CUDA devices
//-------------===//

#include "runtime/collective/nccl/NcclCollective.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

using namespace fleet;

namespace {

class NcclCollectiveTest : public ::testing::Test {
protected:
  void SetUp() override {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0)
      GTEST_SKIP() << "there is no CUDA device";
  }

  /// One rank, by itself.
  static std::unique_ptr<NcclCollective> create(NcclMemory memory,
                                                bool graphs) {
    NcclMeeting meeting;
    meeting.deadline = std::chrono::seconds(60);
    meeting.memory = memory;
    meeting.graphs = graphs;
    meeting.exchange = [](const std::string &mine) {
      return std::vector<std::string>{mine};
    };
    meeting.failure = [] { return Status(); };
    meeting.fail = [](const Status &) {};
    auto created = NcclCollective::create(std::move(meeting));
    EXPECT_TRUE(created.ok()) << created.status().message();
    std::unique_ptr<NcclCollective> collective;
    if (created.ok())
      collective.reset(static_cast<NcclCollective *>(created->release()));
    return collective;
  }
};

/// Copies to or from the device, and waits: of memory that is not pinned, CUDA
/// otherwise goes on while the last bytes are under way.
void copy(void *to, const void *from, size_t bytes) {
  ASSERT_EQ(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

/// `rounds` calls on the same memory, with other values each time.
void callAgain(NcclCollective &collective, const void *in, void *out,
               size_t count, int rounds) {
  std::vector<float> values(count), result(count);
  CollectiveCall call;
  call.in = in;
  call.out = out;
  call.count = count;
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < count; ++i)
      values[i] = static_cast<float>(i) + static_cast<float>(round) * 0.5f;
    copy(const_cast<void *>(in), values.data(), count * 4);
    Status status = collective.run(call);
    ASSERT_TRUE(status.ok()) << status.message();
    copy(result.data(), out, count * 4);
    ASSERT_EQ(result, values) << "round " << round;
  }
}

TEST_F(NcclCollectiveTest, ACallThatIsMadeAgainIsOneLaunch) {
  auto collective = create(NcclMemory::Device, /*graphs=*/true);
  ASSERT_TRUE(collective);
  auto in = collective->allocate(40000), out = collective->allocate(40000);
  ASSERT_TRUE(in.ok() && out.ok());
  callAgain(*collective, *in, *out, 10000, 5);
  EXPECT_EQ(collective->graphLaunches(), 4u);
  // Another call, and the first one again.
  callAgain(*collective, *in, *out, 100, 1);
  EXPECT_EQ(collective->graphLaunches(), 4u);
  callAgain(*collective, *in, *out, 10000, 2);
  EXPECT_EQ(collective->graphLaunches(), 6u);
}

TEST_F(NcclCollectiveTest, StagingGrowsUnderCallsInFlight) {
  auto collective = create(NcclMemory::Host, /*graphs=*/true);
  ASSERT_TRUE(collective);
  auto in = collective->allocate(4 << 20), out = collective->allocate(4 << 20);
  ASSERT_TRUE(in.ok() && out.ok());
  for (size_t count : {1000, 1 << 20, 1000})
    callAgain(*collective, *in, *out, count, 3);
}

TEST_F(NcclCollectiveTest, SeveralCallsOfAStepAreInFlight) {
  auto collective = create(NcclMemory::Device, /*graphs=*/true);
  ASSERT_TRUE(collective);
  constexpr size_t count = 1 << 16;
  std::vector<void *> in, out;
  for (int i = 0; i < 4; ++i) {
    for (std::vector<void *> *memory : {&in, &out}) {
      auto allocated = collective->allocate(count * 4);
      ASSERT_TRUE(allocated.ok()) << allocated.status().message();
      memory->push_back(*allocated);
    }
  }
  for (int step = 0; step < 6; ++step) {
    std::vector<float> values(count), result(count);
    std::vector<Collective::Ticket> tickets;
    for (size_t i = 0; i < in.size(); ++i) {
      std::fill(values.begin(), values.end(),
                static_cast<float>(step) + static_cast<float>(i) * 0.1f);
      copy(in[i], values.data(), count * 4);
      CollectiveCall call;
      call.in = in[i];
      call.out = out[i];
      call.count = count;
      auto ticket = collective->start(call);
      ASSERT_TRUE(ticket.ok()) << ticket.status().message();
      tickets.push_back(*ticket);
    }
    for (size_t i = 0; i < in.size(); ++i) {
      ASSERT_TRUE(collective->wait(tickets[i]).ok());
      copy(result.data(), out[i], count * 4);
      EXPECT_EQ(
          std::count(result.begin(), result.end(),
                     static_cast<float>(step) + static_cast<float>(i) * 0.1f),
          ptrdiff_t(count));
    }
  }
  EXPECT_EQ(collective->graphLaunches(), 20u);
}

TEST_F(NcclCollectiveTest, MemoryOfTheCallerMayGo) {
  auto collective = create(NcclMemory::Host, /*graphs=*/true);
  ASSERT_TRUE(collective);
  for (int round = 0; round < 100; ++round) {
    std::vector<float> in(5000), out(5000);
    callAgain(*collective, in.data(), out.data(), in.size(), 1);
  }
}

TEST_F(NcclCollectiveTest, WithoutGraphsTheBitsAreTheSame) {
  auto collective = create(NcclMemory::Device, /*graphs=*/false);
  ASSERT_TRUE(collective);
  auto in = collective->allocate(40000), out = collective->allocate(40000);
  ASSERT_TRUE(in.ok() && out.ok());
  callAgain(*collective, *in, *out, 10000, 5);
  EXPECT_EQ(collective->graphLaunches(), 0u);
}

} // namespace
