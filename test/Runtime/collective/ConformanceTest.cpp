//===- ConformanceTest.cpp - What every backend computes ------------------===//

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/DataTypes.h"
#include "test/Runtime/collective/TestCollectives.h"
#include "test/Runtime/collective/TestTensors.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace fleet;

namespace {

using Kind = CollectiveCall::Kind;

constexpr auto kAmple = std::chrono::seconds(60);

class ConformanceTest : public ::testing::TestWithParam<
                            std::tuple<CollectiveBackend, uint32_t /*size*/>> {
protected:
  const CollectiveBackend &backend() const { return std::get<0>(GetParam()); }
  uint32_t size() const { return std::get<1>(GetParam()); }
  void SetUp() override {
    if (!backend().hasSize(size()))
      GTEST_SKIP() << "there is no group of " << size() << " here";
  }
  void run(const RankBody &body) { backend().run(size(), kAmple, body); }
  void run(const std::function<void(Collective &)> &body) {
    run([&](std::unique_ptr<Collective> &collective) { body(*collective); });
  }
};

/// Memory as a caller may have it: of the collective, or its own at any address
/// that the type allows.
struct Memory {
  Memory(Collective &collective, bool allocated, size_t bytes, size_t align) {
    if (allocated) {
      auto memory = collective.allocate(bytes);
      EXPECT_TRUE(memory.ok()) << memory.status().message();
      data = static_cast<unsigned char *>(*memory);
    } else {
      own.resize(bytes + align);
      data = own.data() + align;
    }
  }
  TestBytes bytes(size_t count) { return TestBytes(data, data + count); }
  std::vector<unsigned char> own;
  unsigned char *data;
};

/// Elements of all kinds of rank `rank`'s input: of a reduce-scatter, one part
/// a rank.
struct Case {
  Kind kind;
  plan::DataType dtype;
  size_t count;
  bool inPlace, allocated;
  Reduction reduction = Reduction::Sum;
  uint32_t root = 0;
};

/// One call with its memory, filled in.
class TestCall {
public:
  TestCall(Collective &collective, const Case &c, size_t seed)
      : c(c), seed(seed), rank(collective.rank()), ranks(collective.size()),
        part(c.count * dataTypeSize(c.dtype)),
        inBytes(c.kind == Kind::ReduceScatter ? part * ranks : part),
        outBytes(c.kind == Kind::AllGather ? part * ranks : part),
        a(collective, c.allocated, std::max(inBytes, outBytes),
          dataTypeSize(c.dtype)),
        b(collective, c.allocated, std::max(inBytes, outBytes),
          dataTypeSize(c.dtype)) {
    call.kind = c.kind;
    call.dtype = c.dtype;
    call.reduction = c.reduction;
    call.count = c.count;
    call.root = c.root;
    in = a.data;
    out = b.data;
    if (c.inPlace && c.kind == Kind::AllGather) {
      out = a.data;
      in = out + rank * part;
    } else if (c.inPlace) {
      out = c.kind == Kind::ReduceScatter ? in + rank * part : in;
    }
    fill();
    call.in = in;
    call.out = out;
  }

  /// The input is there (again), the output is not.
  void fill() {
    std::memset(out, 0xee, outBytes);
    if (inBytes == 0)
      return;
    TestBytes input =
        testInput(c.dtype, rank, seed, inBytes / dataTypeSize(c.dtype));
    std::memcpy(in, input.data(), inBytes);
  }

  void check() const {
    TestBytes result(out, out + outBytes), expected;
    switch (c.kind) {
    case Kind::AllReduce:
      expected = testReduced(c.dtype, c.reduction, ranks, seed, c.count);
      break;
    case Kind::ReduceScatter:
      expected = testReduced(c.dtype, c.reduction, ranks, seed + rank * c.count,
                             c.count);
      break;
    case Kind::AllGather:
      for (uint32_t r = 0; r < ranks; ++r) {
        TestBytes theirs = testInput(c.dtype, r, seed, c.count);
        expected.insert(expected.end(), theirs.begin(), theirs.end());
      }
      break;
    case Kind::Broadcast:
      expected = testInput(c.dtype, c.root, seed, c.count);
      break;
    case Kind::Barrier:
      break;
    }
    EXPECT_EQ(testDifference(c.dtype, result, expected), 0)
        << collectiveName(c.kind) << " of " << c.count << " "
        << dataTypeName(c.dtype) << " on rank " << rank << " of " << ranks
        << (c.inPlace ? " in place" : "") << (c.allocated ? " allocated" : "");
    if (!c.inPlace && inBytes > 0) {
      EXPECT_EQ(TestBytes(in, in + inBytes),
                testInput(c.dtype, rank, seed, inBytes / dataTypeSize(c.dtype)))
          << collectiveName(c.kind) << " changed its input";
    }
  }

  CollectiveCall call;
  Case c;
  unsigned char *in, *out;
  size_t seed;
  uint32_t rank, ranks;
  size_t part, inBytes, outBytes;

private:
  Memory a, b;
};

std::vector<plan::DataType> typesOf(Kind kind) {
  std::vector<plan::DataType> types = {plan::F32,  plan::F64, plan::F16,
                                       plan::BF16, plan::I32, plan::I64};
  if (kind == Kind::AllGather || kind == Kind::Broadcast) {
    types.push_back(plan::I8);
    types.push_back(plan::I1);
  }
  return types;
}

TEST_P(ConformanceTest, EveryKindTypeAndCount) {
  run([&](Collective &collective) {
    EXPECT_EQ(collective.size(), size());
    EXPECT_EQ(std::string(backend().name).rfind(collective.name(), 0), 0u);
    for (Kind kind : {Kind::AllReduce, Kind::ReduceScatter, Kind::AllGather,
                      Kind::Broadcast})
      for (plan::DataType dtype : typesOf(kind))
        for (size_t count : {0, 1, 7, 1000, 4099})
          for (bool inPlace : {false, true})
            for (bool allocated : {false, true}) {
              Case c = {kind, dtype, count, inPlace, allocated};
              c.root = static_cast<uint32_t>(count) % size();
              TestCall test(collective, c, /*seed=*/count);
              Status status = collective.run(test.call);
              ASSERT_TRUE(status.ok()) << status.message();
              test.check();
              if (::testing::Test::HasFailure())
                return;
            }
  });
}

TEST_P(ConformanceTest, LargeCalls) {
  run([&](Collective &collective) {
    for (Kind kind : {Kind::AllReduce, Kind::ReduceScatter, Kind::AllGather,
                      Kind::Broadcast})
      for (size_t count : {100003, 300007})
        for (bool inPlace : {false, true})
          for (bool allocated : {false, true}) {
            Case c = {kind, plan::F32, count, inPlace, allocated};
            c.root = size() - 1;
            TestCall test(collective, c, /*seed=*/3);
            Status status = collective.run(test.call);
            ASSERT_TRUE(status.ok()) << status.message();
            test.check();
            if (::testing::Test::HasFailure())
              return;
          }
  });
}

TEST_P(ConformanceTest, OtherReductions) {
  run([&](Collective &collective) {
    for (Kind kind : {Kind::AllReduce, Kind::ReduceScatter})
      for (Reduction reduction : {Reduction::Max, Reduction::Min})
        for (plan::DataType dtype : typesOf(kind)) {
          Case c = {kind, dtype, 3001, false, false, reduction};
          TestCall test(collective, c, /*seed=*/1);
          Status status = collective.run(test.call);
          ASSERT_TRUE(status.ok()) << status.message();
          test.check();
        }
  });
}

TEST_P(ConformanceTest, SeveralCallsInFlight) {
  run([&](Collective &collective) {
    std::vector<std::unique_ptr<TestCall>> calls;
    std::vector<Collective::Ticket> tickets;
    size_t counts[] = {5, 100000, 0, 3000, 70001, 1};
    for (int i = 0; i < 40; ++i) {
      Kind kind = static_cast<Kind>(i % 5);
      Case c = {kind, plan::F32, counts[i % 6], i % 3 == 0, i % 4 == 0};
      c.root = static_cast<uint32_t>(i) % size();
      if (kind == Kind::Barrier)
        c.count = 0;
      calls.push_back(
          std::make_unique<TestCall>(collective, c, static_cast<size_t>(i)));
      auto ticket = collective.start(calls.back()->call);
      ASSERT_TRUE(ticket.ok()) << ticket.status().message();
      tickets.push_back(*ticket);
    }
    // Half of them one by one, the others by waiting for the last.
    for (size_t i = 0; i < 20; ++i)
      ASSERT_TRUE(collective.wait(tickets[i]).ok());
    Status status = collective.wait(tickets.back());
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_TRUE(collective.wait(tickets[21]).ok()); // is complete
    for (auto &call : calls)
      call->check();
  });
}

TEST_P(ConformanceTest, MemoryMayChangeOnceACallIsComplete) {
  run([&](Collective &collective) {
    for (size_t count : {100, 60000})
      for (bool allocated : {false, true}) {
        Case c = {Kind::AllReduce, plan::F32, count, /*inPlace=*/true,
                  allocated};
        TestCall test(collective, c, /*seed=*/0);
        for (int round = 0; round < 50; ++round) {
          test.seed = static_cast<size_t>(round);
          test.fill();
          Status status = collective.run(test.call);
          ASSERT_TRUE(status.ok()) << status.message();
          test.check();
        }
      }
  });
}

TEST_P(ConformanceTest, ResultsAreTheSameBitsOnAllRanks) {
  run([&](Collective &collective) {
    Case c = {Kind::AllReduce, plan::F32, 30011, false, false};
    TestCall sum(collective, c, /*seed=*/5);
    ASSERT_TRUE(collective.run(sum.call).ok());
    std::vector<float> all(c.count * size());
    CollectiveCall gather;
    gather.kind = Kind::AllGather;
    gather.in = sum.out;
    gather.out = all.data();
    gather.count = c.count;
    ASSERT_TRUE(collective.run(gather).ok());
    for (uint32_t r = 0; r < size(); ++r)
      EXPECT_EQ(std::memcmp(all.data() + r * c.count, sum.out,
                            c.count * sizeof(float)),
                0);
  });
}

TEST_P(ConformanceTest, BarriersHoldEverybody) {
  if (!backend().oneProcess)
    GTEST_SKIP() << "ranks cannot see each other's steps";
  std::atomic<uint32_t> before{0};
  run([&](Collective &collective) {
    for (uint32_t round = 1; round <= 20; ++round) {
      ++before;
      CollectiveCall call;
      call.kind = Kind::Barrier;
      ASSERT_TRUE(collective.run(call).ok());
      EXPECT_GE(before.load(), round * size());
      ASSERT_TRUE(collective.run(call).ok());
    }
  });
}

TEST_P(ConformanceTest, AllocatedMemoryIsZeroOnACacheLine) {
  run([&](Collective &collective) {
    for (size_t bytes : {0, 1, 64, 100000}) {
      auto memory = collective.allocate(bytes);
      ASSERT_TRUE(memory.ok()) << memory.status().message();
      EXPECT_EQ(reinterpret_cast<uintptr_t>(*memory) % bufferAlignment, 0u);
      auto *data = static_cast<unsigned char *>(*memory);
      EXPECT_EQ(std::count(data, data + bytes, 0), ptrdiff_t(bytes));
      std::memset(data, 1, bytes);
    }
  });
}

TEST_P(ConformanceTest, CountsBytes) {
  run([&](Collective &collective) {
    EXPECT_EQ(collective.bytesSent(), 0u);
    Case c = {Kind::AllReduce, plan::F32, 1000, true, false};
    TestCall test(collective, c, 0);
    ASSERT_TRUE(collective.run(test.call).ok());
    EXPECT_EQ(collective.bytesSent(), 4000u);
  });
}

TEST_P(ConformanceTest, SplitGroupsWorkSideBySide) {
  run([&](Collective &collective) {
    // Odd and even ranks, in the opposite order; twice, with calls of the whole
    // group in between.
    for (int round = 0; round < 2; ++round) {
      uint32_t rank = collective.rank(), colour = rank % 2;
      auto part = collective.split(colour, size() - rank);
      ASSERT_TRUE(part.ok()) << part.status().message();
      uint32_t members = (size() + 1 - colour) / 2;
      EXPECT_EQ((*part)->size(), members);
      EXPECT_EQ((*part)->rank(), members - 1 - rank / 2);
      std::vector<int64_t> in = {rank}, out(members);
      CollectiveCall call;
      call.kind = Kind::AllGather;
      call.dtype = plan::I64;
      call.in = in.data();
      call.out = out.data();
      call.count = 1;
      ASSERT_TRUE((*part)->run(call).ok());
      for (uint32_t r = 0; r < members; ++r)
        EXPECT_EQ(out[r], int64_t((members - 1 - r) * 2 + colour));
      Case c = {Kind::AllReduce, plan::F32, 70000, true, true};
      TestCall sum(collective, c, 0);
      ASSERT_TRUE(collective.run(sum.call).ok());
      sum.check();
      TestCall partial(**part, c, 0);
      ASSERT_TRUE((*part)->run(partial.call).ok());
      partial.check();
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    Backends, ConformanceTest,
    ::testing::Combine(::testing::ValuesIn(collectiveBackends()),
                       ::testing::Values(1u, 2u, 3u, 4u)),
    [](const auto &info) {
      return fmt::format("{}{}", std::get<0>(info.param).name,
                         std::get<1>(info.param));
    });

} // namespace
