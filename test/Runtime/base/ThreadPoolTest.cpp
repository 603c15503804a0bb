//===- ThreadPoolTest.cpp -------------------------------------------------===//

#include "runtime/base/ThreadPool.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using namespace fleet;
using namespace std::chrono_literals;

namespace {

using Pieces = std::set<std::pair<int64_t, int64_t>>;

Pieces cut(ThreadPool &pool, int64_t begin, int64_t end, int64_t grain) {
  Pieces pieces;
  std::mutex mutex;
  pool.parallelFor(begin, end, grain, [&](int64_t b, int64_t e) {
    std::lock_guard<std::mutex> lock(mutex);
    EXPECT_TRUE(pieces.emplace(b, e).second);
  });
  return pieces;
}

struct PoolShape {
  int threads;
  std::chrono::nanoseconds spin;
};

class ThreadPoolTest : public testing::TestWithParam<PoolShape> {
protected:
  ThreadPool pool{{GetParam().threads, GetParam().spin}};
};

TEST_P(ThreadPoolTest, EveryElementIsVisitedOnce) {
  for (int64_t count : {0, 1, 7, 64, 1000})
    for (int64_t grain : {-3, 1, 3, 64, 5000}) {
      std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
      pool.parallelFor(10, 10 + count, grain, [&](int64_t b, int64_t e) {
        for (int64_t i = b; i < e; ++i)
          visits[static_cast<size_t>(i - 10)].fetch_add(1);
      });
      for (auto &visit : visits)
        ASSERT_EQ(visit.load(), 1);
    }
}

TEST_P(ThreadPoolTest, CutsDependOnTheRangeAndTheGrainAlone) {
  ThreadPool single({1, 0ns});
  for (int64_t grain : {1, 16, 100, 1000})
    EXPECT_EQ(cut(pool, 5, 777, grain), cut(single, 5, 777, grain));
  EXPECT_EQ(cut(pool, 0, 10, 4), (Pieces{{0, 4}, {4, 8}, {8, 10}}));
}

TEST_P(ThreadPoolTest, WritesOfAllPiecesAreVisibleAfterwards) {
  std::vector<int64_t> values(4096);
  for (int64_t round = 1; round <= 2000; ++round) {
    pool.parallelFor(0, 4096, 64, [&](int64_t b, int64_t e) {
      for (int64_t i = b; i < e; ++i)
        values[static_cast<size_t>(i)] += round;
    });
    ASSERT_EQ(values[0], round * (round + 1) / 2);
    ASSERT_EQ(values[4095], round * (round + 1) / 2);
  }
  for (int64_t value : values)
    ASSERT_EQ(value, 2000 * 2001 / 2);
}

TEST_P(ThreadPoolTest, ACallFromWithinAPieceRunsInLine) {
  std::atomic<int64_t> sum{0};
  pool.parallelFor(0, 8, 1, [&](int64_t b, int64_t) {
    pool.parallelFor(0, 10, 3, [&](int64_t c, int64_t e) {
      for (; c < e; ++c)
        sum += b * 100 + c;
    });
  });
  EXPECT_EQ(sum.load(), 28 * 100 * 10 + 45 * 8);
}

TEST_P(ThreadPoolTest, TwoCallersAtOnceBothGetTheirResults) {
  auto count = [&] {
    for (int round = 0; round < 500; ++round) {
      std::atomic<int64_t> sum{0};
      pool.parallelFor(0, 100, 7, [&](int64_t b, int64_t e) { sum += e - b; });
      ASSERT_EQ(sum.load(), 100);
    }
  };
  std::thread other(count);
  count();
  other.join();
}

TEST_P(ThreadPoolTest, WorkersWakeAfterASleep) {
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(500us);
    pool.rouse();
    std::atomic<int64_t> sum{0};
    pool.parallelFor(0, 64, 1, [&](int64_t b, int64_t e) { sum += e - b; });
    ASSERT_EQ(sum.load(), 64);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ThreadPoolTest,
                         testing::Values(PoolShape{1, 0ns}, PoolShape{2, 0ns},
                                         PoolShape{2, 50us}, PoolShape{5, 0ns},
                                         PoolShape{5, 50us}));

TEST(ThreadPool, AllThreadsTakePart) {
  // Two pieces that wait for each other can only end on two threads.
  ThreadPool pool({2, 50us});
  std::atomic<int> arrived{0};
  pool.parallelFor(0, 2, 1, [&](int64_t, int64_t) {
    ++arrived;
    while (arrived.load() < 2)
      std::this_thread::yield();
  });
  EXPECT_EQ(arrived.load(), 2);
}

TEST(ThreadPool, AHugeRangeIsNotCutIntoTooManyPieces) {
  ThreadPool pool({2, 0ns});
  std::atomic<int64_t> pieces{0}, covered{0};
  int64_t count = int64_t(1) << 40;
  pool.parallelFor(0, count, 1, [&](int64_t b, int64_t e) {
    ++pieces;
    covered += e - b;
  });
  EXPECT_EQ(covered.load(), count);
  EXPECT_LE(pieces.load(), int64_t(1) << 20);
}

TEST(ThreadPool, PoolsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool({3, i % 2 ? 20us : 0us});
    EXPECT_EQ(pool.threads(), 3);
  }
  EXPECT_EQ(ThreadPool({0, 0ns}).threads(), 1);
}

} // namespace
