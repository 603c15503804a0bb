//===- FailureTest.cpp - How calls end that cannot complete ---------------===//

#include "test/Runtime/collective/TestCollectives.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

using namespace fleet;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

namespace {

using Kind = CollectiveCall::Kind;
using std::chrono::milliseconds;

constexpr auto kAmple = std::chrono::seconds(60);

class CollectiveFailureTest
    : public ::testing::TestWithParam<CollectiveBackend> {
protected:
  /// False when there is no group of that size here.
  bool run(uint32_t size, Duration deadline, const RankBody &body) {
    if (!GetParam().hasSize(size))
      return false;
    auto begin = std::chrono::steady_clock::now();
    GetParam().run(size, deadline, body);
    elapsed = std::chrono::steady_clock::now() - begin;
    return true;
  }
  Duration elapsed{};
};

CollectiveCall sumOf(std::vector<float> &data) {
  CollectiveCall call;
  call.in = call.out = data.data();
  call.count = data.size();
  return call;
}

TEST_P(CollectiveFailureTest, OtherCountsAreNamed) {
  run(3, kAmple, [](std::unique_ptr<Collective> &collective) {
    std::vector<float> data(collective->rank() == 2 ? 9 : 8);
    CollectiveCall call = sumOf(data);
    ASSERT_TRUE(collective->start(call).ok());
    Status status = collective->wait(1);
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
    EXPECT_THAT(
        status.message(),
        HasSubstr("rank 0 called all-reduce 1 (sum of 8 f32), but rank 2 "
                  "called all-reduce 1 (sum of 9 f32)"));
    // For good.
    EXPECT_FALSE(collective->run(call).ok());
  });
}

TEST_P(CollectiveFailureTest, OtherKindsTypesAndReductionsAreNamed) {
  auto check = [&](const char *expected,
                   const std::function<void(CollectiveCall &)> &change) {
    run(2, kAmple, [&](std::unique_ptr<Collective> &collective) {
      std::vector<float> data(8);
      CollectiveCall call = sumOf(data);
      if (collective->rank() == 1)
        change(call);
      Status status = collective->run(call);
      EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
      EXPECT_THAT(status.message(), HasSubstr(expected));
    });
  };
  check("rank 1 called barrier 1;",
        [](CollectiveCall &call) { call.kind = Kind::Barrier; });
  check("rank 1 called all-reduce 1 (sum of 8 i32)",
        [](CollectiveCall &call) { call.dtype = plan::I32; });
  check("rank 1 called all-reduce 1 (maximum of 8 f32)",
        [](CollectiveCall &call) { call.reduction = Reduction::Max; });
  check("rank 1 called broadcast 1 (8 f32 from rank 1)",
        [](CollectiveCall &call) {
          call.kind = Kind::Broadcast;
          call.root = 1;
        });
}

TEST_P(CollectiveFailureTest, TheDeadlineNamesWhoDoesNotCome) {
  for (size_t count : {8, 100000}) {
    bool ran =
        run(4, milliseconds(500), [&](std::unique_ptr<Collective> &collective) {
          if (collective->rank() == 1 || collective->rank() == 3) {
            // It is there, but does not call.
            std::this_thread::sleep_for(milliseconds(1500));
            return;
          }
          std::vector<float> data(count);
          Status status = collective->run(sumOf(data));
          EXPECT_EQ(status.code(), StatusCode::DeadlineExceeded);
          EXPECT_THAT(
              status.message(),
              HasSubstr(fmt::format("all-reduce 1 (sum of {} f32): ranks "
                                    "1, 3 did not come within 0.5 s",
                                    count)));
        });
    EXPECT_TRUE(!ran || elapsed >= milliseconds(500));
    EXPECT_LT(elapsed, std::chrono::seconds(5));
  }
}

TEST_P(CollectiveFailureTest, ARankThatLeavesEndsTheWaitsOfOthers) {
  run(3, kAmple, [](std::unique_ptr<Collective> &collective) {
    std::vector<float> data(100);
    ASSERT_TRUE(collective->run(sumOf(data)).ok());
    if (collective->rank() == 1) {
      collective.reset();
      return;
    }
    Status status = collective->run(sumOf(data));
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_THAT(status.message(),
                HasSubstr("all-reduce 2 (sum of 100 f32): rank 1 left"));
  });
  EXPECT_LT(elapsed, std::chrono::seconds(2));
}

TEST_P(CollectiveFailureTest, ARankMayLeaveWhenItIsDone) {
  run(3, kAmple, [](std::unique_ptr<Collective> &collective) {
    for (size_t count : {10, 100000}) {
      std::vector<float> data(count);
      ASSERT_TRUE(collective->run(sumOf(data)).ok());
    }
    collective.reset();
  });
}

TEST_P(CollectiveFailureTest, AbortFromAnotherThreadEndsAllWaits) {
  run(3, kAmple, [](std::unique_ptr<Collective> &collective) {
    if (collective->rank() == 2) {
      std::thread([&] {
        std::this_thread::sleep_for(milliseconds(30));
        collective->abort("out of disk");
      }).join();
      std::vector<float> data(10);
      EXPECT_FALSE(collective->run(sumOf(data)).ok());
      return;
    }
    std::vector<float> data(10);
    Status status = collective->run(sumOf(data));
    EXPECT_EQ(status.code(), StatusCode::Aborted);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("all-reduce 1 (sum of 10 f32)"),
                      HasSubstr("rank 2: out of disk")));
    EXPECT_FALSE(collective->start(sumOf(data)).ok());
  });
  EXPECT_LT(elapsed, std::chrono::seconds(5));
}

TEST_P(CollectiveFailureTest, CallsThatCannotBeMadeEndTheGroup) {
  run(2, kAmple, [](std::unique_ptr<Collective> &collective) {
    std::vector<float> data(10);
    CollectiveCall call = sumOf(data);
    if (collective->rank() == 1)
      call.out = nullptr;
    Status status = collective->run(call);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), HasSubstr("all-reduce without memory"));
  });
}

TEST_P(CollectiveFailureTest, TicketsThatWereNotGivenAreRefused) {
  run(1, kAmple, [](std::unique_ptr<Collective> &collective) {
    EXPECT_EQ(collective->wait(0).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(collective->wait(7).code(), StatusCode::InvalidArgument);
  });
}

TEST_P(CollectiveFailureTest, GroupsOfASplitFailTogether) {
  run(4, kAmple, [](std::unique_ptr<Collective> &collective) {
    uint32_t rank = collective->rank();
    auto part = collective->split(rank / 2, rank);
    ASSERT_TRUE(part.ok()) << part.status().message();
    std::vector<float> data(10);
    ASSERT_TRUE(collective->run(sumOf(data)).ok());
    if (rank == 3) {
      (*part)->abort("lost its way");
      return;
    }
    // Rank 2 is in the same part, ranks 0 and 1 wait in the whole group.
    Status status = (rank == 2 ? **part : *collective).run(sumOf(data));
    EXPECT_THAT(status.message(), HasSubstr("rank 3: lost its way"));
  });
  EXPECT_LT(elapsed, std::chrono::seconds(5));
}

INSTANTIATE_TEST_SUITE_P(Backends, CollectiveFailureTest,
                         ::testing::ValuesIn(collectiveBackends()),
                         [](const auto &info) { return nameOf(info.param); });

} // namespace
