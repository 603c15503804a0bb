//===- ParameterServiceTest.cpp - The service without a network -----------===//

#include "runtime/ps/ParameterService.h"

#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

using namespace fleet;
using Push = ParameterService::Push;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

/// A service of two blocks, f32 and f64, whose update adds the gradient.
class ParameterServiceTest : public ::testing::Test {
protected:
  void make(uint32_t trainers) {
    std::vector<ServiceBlock> blocks = {
        {"w", plan::F32, sizeof(w), w, partOfW},
        {"v", plan::F64, sizeof(v), v, partOfV}};
    auto update = [this](size_t b, const void *gradient, const void *received) {
      updated.push_back(b);
      if (received && b == 0 && !partOfW)
        std::memcpy(receivedW, received, sizeof(w));
      if (partOfW || partOfV) {
        sumOfW = received && b == 0 ? *static_cast<const float *>(received) : 0;
        sumOfV =
            received && b == 1 ? *static_cast<const double *>(received) : 0;
      }
      wasGivenReceived = received != nullptr;
      std::memcpy(b == 0 ? static_cast<void *>(gradientW) : gradientV, gradient,
                  b == 0 ? sizeof(w) : sizeof(v));
      for (int i = 0; i < 2; ++i) {
        if (b == 0)
          w[i] += gradientW[i];
        else
          v[i] += gradientV[i];
      }
      return updateResult;
    };
    // The sum of the elements.
    auto part = [](size_t b, const void *gradient) -> StatusOr<double> {
      if (b == 0)
        return static_cast<const float *>(gradient)[0] +
               static_cast<const float *>(gradient)[1];
      return static_cast<const double *>(gradient)[0] +
             static_cast<const double *>(gradient)[1];
    };
    auto made = ParameterService::create(blocks, trainers, mode, update, part);
    ASSERT_TRUE(made.ok()) << made.status().message();
    service = std::move(*made);
  }
  StatusOr<Push> push(uint32_t rank, uint64_t step, uint64_t examples, float a,
                      float b) {
    float forW[] = {a, b};
    double forV[] = {a, b};
    std::memcpy(service->landing(rank, 0), forW, sizeof(forW));
    std::memcpy(service->landing(rank, 1), forV, sizeof(forV));
    return service->push(rank, step, examples, now);
  }
  void expect(Push expected, StatusOr<Push> got) {
    ASSERT_TRUE(got.ok()) << got.status().message();
    EXPECT_EQ(*got, expected);
  }

  float w[2] = {}, gradientW[2] = {}, receivedW[2] = {};
  bool wasGivenReceived = false;
  bool partOfW = false, partOfV = false;
  double sumOfW = 0, sumOfV = 0; ///< at the last update
  double v[2] = {}, gradientV[2] = {};
  std::vector<size_t> updated;
  plan::SyncMode mode = plan::SYNC;
  Status updateResult;
  TimePoint now{std::chrono::seconds(5)};
  std::unique_ptr<ParameterService> service;
};

/// The updates of one step of three trainers with `examples` rows, of 1000
/// elements of type T, as a whole and in pieces of 64.
template <typename T>
void comparePieces(plan::DataType dtype, std::vector<uint64_t> examples) {
  std::vector<T> parameter(1000), whole, inPieces;
  for (bool pieces : {false, true}) {
    ServiceBlock block = {"w", dtype, 1000 * sizeof(T), parameter.data()};
    if (pieces)
      block.updateInPieces = [&](const MergedPiece &merged) {
        for (size_t begin = 0; begin < 1000; begin += 64) {
          size_t end = std::min<size_t>(begin + 64, 1000);
          const T *piece = static_cast<const T *>(merged(begin, end));
          inPieces.insert(inPieces.end(), piece, piece + (end - begin));
        }
        return Status();
      };
    auto update = [&](size_t, const void *gradient, const void *) {
      const T *values = static_cast<const T *>(gradient);
      (pieces ? inPieces : whole).assign(values, values + 1000);
      return Status();
    };
    auto service = ParameterService::create({block}, 3, plan::SYNC, update);
    ASSERT_TRUE(service.ok());
    for (uint32_t r = 0; r < 3; ++r) {
      T *landing = static_cast<T *>((*service)->landing(r, 0));
      for (size_t i = 0; i < 1000; ++i)
        landing[i] = static_cast<T>(i + 1) / static_cast<T>(r + 3);
      ASSERT_TRUE((*service)->push(r, 1, examples[r], TimePoint()).ok());
    }
  }
  ASSERT_EQ(whole.size(), 1000u);
  ASSERT_EQ(inPieces.size(), 1000u);
  EXPECT_EQ(std::memcmp(whole.data(), inPieces.data(), 1000 * sizeof(T)), 0);
}

TEST(ParameterService, PiecesHaveTheBitsOfTheWhole) {
  comparePieces<float>(plan::F32, {3, 1, 2});
  comparePieces<double>(plan::F64, {3, 1, 2});
  comparePieces<float>(plan::F32, {0, 5, 2});
  comparePieces<float>(plan::F32, {0, 5, 0}); // one, as it is
}

TEST_F(ParameterServiceTest, StepIsAppliedWhenTheLastTrainerPushed) {
  make(3);
  expect(Push::Waiting, push(2, 1, 1, 3, 0));
  expect(Push::Waiting, push(0, 1, 2, 4, 8));
  EXPECT_THAT(service->missingRanks(), ElementsAre(1));
  EXPECT_THAT(updated, ElementsAre());
  expect(Push::Applied, push(1, 1, 1, 5, 0));
  EXPECT_THAT(updated, ElementsAre(0, 1));
  // 2/4 * 4 + 1/4 * 5 + 1/4 * 3
  EXPECT_THAT(w, ElementsAre(4.0f, 4.0f));
  EXPECT_THAT(v, ElementsAre(4.0, 4.0));
  EXPECT_EQ(service->appliedSteps(), 1u);
  EXPECT_EQ(service->lastProgress(), now);
  EXPECT_THAT(service->missingRanks(), ElementsAre(0, 1, 2));
}

TEST_F(ParameterServiceTest, MergeFollowsRanksNotArrival) {
  // In f32, (1e8 + 1) - 1e8 is 0 and (1e8 - 1e8) + 1 is 1.
  make(4);
  expect(Push::Waiting, push(3, 1, 1, 0, 0));
  expect(Push::Waiting, push(2, 1, 1, 4, 4));
  expect(Push::Waiting, push(1, 1, 1, -4e8f, -4e8f));
  expect(Push::Applied, push(0, 1, 1, 4e8f, 4e8f));
  EXPECT_EQ(w[0], 1.0f);
  make(4);
  w[0] = 0;
  expect(Push::Waiting, push(0, 1, 1, 4e8f, 4e8f));
  expect(Push::Waiting, push(1, 1, 1, 4, 4));
  expect(Push::Waiting, push(2, 1, 1, -4e8f, -4e8f));
  expect(Push::Applied, push(3, 1, 1, 0, 0));
  EXPECT_EQ(w[0], 0.0f);
}

TEST_F(ParameterServiceTest, OneContributorKeepsItsBits) {
  make(3);
  const float odd[] = {0x1.234567p-130f, -0x1.fffffep+127f};
  expect(Push::Waiting, push(0, 1, 0, 99, 99));
  expect(Push::Waiting, push(1, 1, 7, odd[0], odd[1]));
  expect(Push::Applied, push(2, 1, 0, 99, 99));
  EXPECT_EQ(std::memcmp(gradientW, odd, sizeof(odd)), 0);
  EXPECT_EQ(gradientV[0], odd[0]);
}

TEST_F(ParameterServiceTest, StepWithoutExamplesChangesNothing) {
  make(2);
  expect(Push::Waiting, push(0, 1, 0, 99, 99));
  expect(Push::Applied, push(1, 1, 0, 99, 99));
  EXPECT_THAT(updated, ElementsAre());
  EXPECT_THAT(w, ElementsAre(0.0f, 0.0f));
  EXPECT_EQ(service->appliedSteps(), 1u);
}

TEST_F(ParameterServiceTest, DuplicatesAreAppliedOnce) {
  make(2);
  expect(Push::Waiting, push(0, 1, 1, 2, 2));
  expect(Push::Duplicate, service->push(0, 1, 1, now));
  expect(Push::Applied, push(1, 1, 1, 2, 2));
  expect(Push::Duplicate, service->push(0, 1, 1, now));
  expect(Push::Duplicate, service->push(1, 1, 1, now));
  EXPECT_EQ(service->appliedSteps(), 1u);
  EXPECT_THAT(updated, ElementsAre(0, 1));
  EXPECT_THAT(w, ElementsAre(2.0f, 2.0f));
}

TEST_F(ParameterServiceTest, StepsMustFollowEachOther) {
  make(2);
  auto refused = push(1, 2, 1, 0, 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::Refused);
  EXPECT_EQ(refused.status().message(), "trainer 1 pushed step 2, expected "
                                        "step 1");
  // Nor may one run ahead of the others.
  expect(Push::Waiting, push(0, 1, 1, 0, 0));
  EXPECT_FALSE(service->push(0, 2, 1, now).ok());
}

TEST_F(ParameterServiceTest, ImpossibleNumbersOfExamplesAreRefused) {
  make(1);
  auto refused = push(0, 1, std::numeric_limits<uint64_t>::max(), 1, 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("trainer 0 pushed step 1"));
  EXPECT_EQ(service->appliedSteps(), 0u);
}

TEST_F(ParameterServiceTest, WhoIsDoneContributesNoMore) {
  make(2);
  expect(Push::Waiting, push(0, 1, 3, 8, 8));
  auto applied = service->complete(1, now);
  ASSERT_TRUE(applied.ok()) << applied.status().message();
  EXPECT_EQ(*applied, Push::Applied);
  EXPECT_THAT(w, ElementsAre(8.0f, 8.0f));
  EXPECT_THAT(service->missingRanks(), ElementsAre(0));
  expect(Push::Applied, push(0, 2, 1, 1, 1));
  EXPECT_THAT(w, ElementsAre(9.0f, 9.0f));
  EXPECT_FALSE(service->push(1, 3, 1, now).ok());
  EXPECT_FALSE(service->allComplete());
  applied = service->complete(0, now);
  ASSERT_TRUE(applied.ok()) << applied.status().message();
  EXPECT_EQ(*applied, Push::Waiting);
  EXPECT_TRUE(service->allComplete());
  EXPECT_THAT(service->missingRanks(), ElementsAre());
}

TEST_F(ParameterServiceTest, HalfAsyncAppliesEachPushByItself) {
  mode = plan::HALF_ASYNC;
  make(2);
  expect(Push::Applied, push(1, 1, 3, 1, 2));
  EXPECT_THAT(w, ElementsAre(1, 2));
  // Trainer 1 does not wait for trainer 0, and nothing is averaged.
  expect(Push::Applied, push(1, 2, 5, 10, 20));
  EXPECT_THAT(w, ElementsAre(11, 22));
  expect(Push::Applied, push(0, 1, 1, 100, 200));
  EXPECT_THAT(w, ElementsAre(111, 222));
  EXPECT_EQ(service->appliedSteps(), 3u);
  EXPECT_EQ(service->nextStep(0), 2u);
  EXPECT_EQ(service->nextStep(1), 3u);
  // Exactly once, and in order.
  expect(Push::Duplicate, push(1, 2, 5, 10, 20));
  EXPECT_THAT(push(0, 3, 1, 1, 1).status().message(),
              HasSubstr("trainer 0 pushed step 3, expected step 2"));
  // No examples, no update.
  updated.clear();
  expect(Push::Applied, push(0, 2, 0, 7, 7));
  EXPECT_THAT(updated, ElementsAre());
  EXPECT_THAT(w, ElementsAre(111, 222));
}

TEST_F(ParameterServiceTest, HalfAsyncUpdatesKnowWhatTheirTrainerReceived) {
  mode = plan::HALF_ASYNC;
  w[0] = 5;
  make(2);
  // Nobody has received anything else than the initial values.
  expect(Push::Applied, push(0, 1, 1, 1, 2));
  EXPECT_THAT(receivedW, ElementsAre(5, 0));
  service->remember(0);
  expect(Push::Applied, push(1, 1, 1, 10, 20));
  EXPECT_THAT(receivedW, ElementsAre(5, 0));
  service->remember(1);
  // Trainer 0 has not seen the push of trainer 1.
  expect(Push::Applied, push(0, 2, 1, 1, 1));
  EXPECT_THAT(receivedW, ElementsAre(6, 2));
  expect(Push::Applied, push(1, 2, 1, 1, 1));
  EXPECT_THAT(receivedW, ElementsAre(16, 22));
}

TEST_F(ParameterServiceTest, SyncUpdatesGetNoOlderParameter) {
  make(1);
  expect(Push::Applied, push(0, 1, 1, 1, 2));
  EXPECT_FALSE(wasGivenReceived);
}

TEST_F(ParameterServiceTest, HalfAsyncMissesWhoHasBeenSilentForLongest) {
  mode = plan::HALF_ASYNC;
  make(3);
  TimePoint start = now;
  service->setLastProgress(start);
  for (uint32_t rank : {0u, 2u}) {
    now += std::chrono::seconds(1);
    expect(Push::Applied, push(rank, 1, 1, 1, 1));
  }
  EXPECT_EQ(service->lastProgress(), start);
  EXPECT_THAT(service->missingRanks(), ElementsAre(1));
  now += std::chrono::seconds(1);
  ASSERT_TRUE(service->complete(1, now).ok());
  // Somebody left: the others get their time anew.
  EXPECT_EQ(service->lastProgress(), now);
  now += std::chrono::seconds(1);
  expect(Push::Applied, push(0, 2, 1, 1, 1));
  EXPECT_THAT(service->missingRanks(), ElementsAre(2));
}

TEST_F(ParameterServiceTest, StepOfTwoPhasesWaitsForSums) {
  partOfV = true;
  make(3);
  expect(Push::Waiting, push(0, 1, 1, 2, 4));
  expect(Push::Waiting, push(1, 1, 0, 0, 0));
  EXPECT_FALSE(service->waitsForSums());
  expect(Push::Merged, push(2, 1, 1, 4, 8));
  EXPECT_TRUE(service->waitsForSums());
  EXPECT_FALSE(service->isEmptyStep());
  EXPECT_THAT(service->parts(), ElementsAre(9.0));
  EXPECT_THAT(updated, ElementsAre());
  EXPECT_EQ(service->appliedSteps(), 0u);
  // Who has no share brings nothing, and is not waited for.
  EXPECT_THAT(service->missingRanks(), ElementsAre(0, 2));
  EXPECT_THAT(service->settle(1, 1, {25.0}, now).status().message(),
              HasSubstr("trainer 1 brings sums for step 1, in which it has no "
                        "share"));
  expect(Push::Duplicate, service->push(2, 1, 1, now));
  expect(Push::Applied, service->settle(2, 1, {25.0}, now));
  EXPECT_THAT(updated, ElementsAre(0, 1));
  EXPECT_EQ(sumOfW, 0.0); // has no part
  EXPECT_EQ(sumOfV, 25.0);
  EXPECT_THAT(v, ElementsAre(3.0, 6.0));
  EXPECT_EQ(service->appliedSteps(), 1u);
  // All trainers bring the same, and it counts once.
  expect(Push::Duplicate, service->settle(0, 1, {25.0}, now));
  EXPECT_THAT(v, ElementsAre(3.0, 6.0));
  EXPECT_THAT(service->settle(0, 1, {24.0}, now).status().message(),
              HasSubstr("trainer 0 brings other sums for step 1"));
  EXPECT_THAT(service->missingRanks(), ElementsAre(0, 1, 2));
}

TEST_F(ParameterServiceTest, SumsOfAnotherStepAreRefused) {
  partOfW = true;
  make(1);
  expect(Push::Merged, push(0, 1, 1, 2, 4));
  EXPECT_FALSE(service->settle(0, 2, {6.0}, now).ok());
  EXPECT_FALSE(service->settle(0, 1, {}, now).ok());
  EXPECT_FALSE(push(0, 2, 1, 2, 4).ok());
  expect(Push::Applied, service->settle(0, 1, {6.0}, now));
  EXPECT_EQ(w[1], 4.0f);
  EXPECT_FALSE(service->settle(0, 2, {6.0}, now).ok());
}

TEST_F(ParameterServiceTest, StepWithoutExamplesNeedsNoSums) {
  partOfW = true;
  make(2);
  expect(Push::Waiting, push(0, 1, 0, 9, 9));
  auto merged = service->complete(1, now);
  ASSERT_TRUE(merged.ok()) << merged.status().message();
  EXPECT_EQ(*merged, Push::Merged);
  EXPECT_TRUE(service->isEmptyStep());
  service->skip(now);
  EXPECT_EQ(service->appliedSteps(), 1u);
  EXPECT_THAT(updated, ElementsAre());
  expect(Push::Merged, push(0, 2, 1, 1, 2));
}

TEST_F(ParameterServiceTest, OnlySynchronousStepsHaveTwoPhases) {
  auto made = ParameterService::create(
      {{"w", plan::F32, sizeof(w), w, true}}, 1, plan::HALF_ASYNC,
      [](size_t, const void *, const void *) { return Status(); },
      [](size_t, const void *) { return StatusOr<double>(0); });
  EXPECT_FALSE(made.ok());
}

TEST_F(ParameterServiceTest, FailedUpdateIsTold) {
  make(1);
  updateResult = Status(StatusCode::Internal, "no kernel");
  auto result = push(0, 1, 1, 1, 1);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().message(), "no kernel");
}

TEST_F(ParameterServiceTest, GradientsOfIntegersAreRefused) {
  auto made = ParameterService::create(
      {{"step", plan::I64, 8, v}}, 1, plan::SYNC,
      [](size_t, const void *, const void *) { return Status(); });
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.status().message(), HasSubstr("block 'step'"));
}

TEST_F(ParameterServiceTest, MergeOfManyElementsIsThatOfEachOne) {
  constexpr size_t count = 10001; // more than a tile, not a multiple
  std::vector<float> a(count), b(count), c(count, -1);
  for (size_t i = 0; i < count; ++i) {
    a[i] = static_cast<float>(i);
    b[i] = static_cast<float>(4 * i);
  }
  float *merged = mergeGradients<float>(
      {{nullptr, 0}, {a.data(), 3}, {nullptr, 0}, {b.data(), 1}}, count);
  ASSERT_EQ(merged, a.data());
  for (size_t i = 0; i < count; ++i)
    ASSERT_EQ(merged[i], 1.75f * static_cast<float>(i));
  // Nothing is done where there is nothing to do.
  EXPECT_EQ(mergeGradients<float>({{a.data(), 0}, {c.data(), 9}}, count),
            c.data());
  EXPECT_EQ(c[0], -1);
  EXPECT_EQ(mergeGradients<float>({{a.data(), 0}}, count), nullptr);
}

} // namespace
