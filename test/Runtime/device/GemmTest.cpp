//===- GemmTest.cpp -------------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/cpu/Gemm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <climits>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

using namespace fleet;
using testing::HasSubstr;

namespace {

template <typename T> constexpr plan::DataType typeOf() {
  return sizeof(T) == 4 ? plan::F32 : plan::F64;
}

template <typename T> struct Problem {
  Problem(bool ta, bool tb, int64_t m, int64_t n, int64_t k)
      : shape{typeOf<T>(), ta, tb, m, n, k}, a(static_cast<size_t>(m * k)),
        b(static_cast<size_t>(k * n)),
        out(static_cast<size_t>(m * n) + 1, T(77)) {
    std::mt19937 random(7);
    std::uniform_real_distribution<T> values(-1, 1);
    for (T &value : a)
      value = values(random);
    for (T &value : b)
      value = values(random);
  }

  void check() {
    StatusOr<Gemm> gemm = Gemm::create(shape);
    ASSERT_TRUE(gemm.ok()) << gemm.status().message();
    gemm->run(a.data(), b.data(), out.data());
    double tolerance = (sizeof(T) == 4 ? 1e-5 : 1e-13) *
                       (1 + std::sqrt(static_cast<double>(shape.k)));
    for (int64_t i = 0; i < shape.m; ++i)
      for (int64_t j = 0; j < shape.n; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < shape.k; ++p)
          sum += double(shape.transposeA ? at(a, p * shape.m + i)
                                         : at(a, i * shape.k + p)) *
                 double(shape.transposeB ? at(b, j * shape.k + p)
                                         : at(b, p * shape.n + j));
        ASSERT_NEAR(at(out, i * shape.n + j), sum, tolerance)
            << i << "," << j << " of " << shape.m << "x" << shape.n << "x"
            << shape.k << (shape.transposeA ? " T" : " N")
            << (shape.transposeB ? "T" : "N");
      }
    ASSERT_EQ(out.back(), T(77)) << "wrote beyond the end";
  }

  static T at(const std::vector<T> &values, int64_t index) {
    return values[static_cast<size_t>(index)];
  }

  GemmShape shape;
  std::vector<T> a, b, out;
};

template <typename T> void checkAllTransposes(int64_t m, int64_t n, int64_t k) {
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      Problem<T> problem(ta, tb, m, n, k);
      problem.check();
    }
}

TEST(Gemm, AllTransposesOfSmallShapesAgreeWithALoop) {
  for (int64_t m : {1, 2, 13, 17})
    for (int64_t n : {1, 2, 10, 33})
      for (int64_t k : {1, 3, 20}) {
        checkAllTransposes<float>(m, n, k);
        checkAllTransposes<double>(m, n, k);
      }
}

TEST(Gemm, AllTransposesOfLargeShapesAgreeWithALoop) {
  checkAllTransposes<float>(128, 128, 128);
  checkAllTransposes<float>(130, 129, 65);
  checkAllTransposes<float>(301, 77, 213);
  checkAllTransposes<double>(130, 129, 65);
  checkAllTransposes<float>(128, 2, 128);
  checkAllTransposes<float>(128, 128, 2);
}

TEST(Gemm, TiledShapesAgreeWithALoop) {
  for (auto [m, n, k] : {std::array<int64_t, 3>{512, 300, 100},
                         {90, 1000, 200},
                         {128, 128, 130},
                         {700, 65, 66},
                         {1, 3000, 2000},
                         {3001, 1, 2001}}) {
    Problem<float> tiled(false, false, m, n, k);
    EXPECT_GT(Gemm::create(tiled.shape)->tiles(), 1);
    checkAllTransposes<float>(m, n, k);
  }
  checkAllTransposes<double>(300, 260, 100);
}

TEST(Gemm, EmptyShapes) {
  checkAllTransposes<float>(0, 5, 3);
  checkAllTransposes<float>(5, 0, 3);
  checkAllTransposes<float>(5, 3, 0); // the sum of nothing: zeros
  checkAllTransposes<double>(0, 0, 0);
}

TEST(Gemm, LibrariesByShape) {
  auto library = [](int64_t m, int64_t n, int64_t k,
                    plan::DataType type = plan::F32) {
    return Gemm::create({type, false, false, m, n, k})->library();
  };
  EXPECT_EQ(library(512, 512, 512), Gemm::Library::OneDnn);
  EXPECT_EQ(library(512, 512, 512, plan::F64), Gemm::Library::OpenBlas);
  EXPECT_EQ(library(128, 2, 128), Gemm::Library::OpenBlas);
  EXPECT_EQ(library(128, 128, 128), Gemm::Library::Xsmm);
  EXPECT_EQ(library(20, 1, 13), Gemm::Library::OpenBlasVector);
  EXPECT_EQ(library(4, 4, 0), Gemm::Library::Zero);
}

TEST(Gemm, TilesOnAnyThreadsGiveTheSameBits) {
  Problem<float> whole(false, true, 700, 500, 300);
  Gemm gemm = *Gemm::create(whole.shape);
  gemm.run(whole.a.data(), whole.b.data(), whole.out.data());
  std::vector<float> out(whole.out.size(), 77.0f);
  std::vector<std::thread> threads;
  for (int64_t first = 0; first < 3; ++first)
    threads.emplace_back([&, first] {
      for (int64_t tile = first; tile < gemm.tiles(); tile += 3)
        gemm.runTile(tile, whole.a.data(), whole.b.data(), out.data());
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(out, whole.out);
}

TEST(Gemm, SmallProductsOnManyThreadsAreRight) {
  // Several ranks of one process, or pieces of one product. A library without
  // locks gets one in five of these wrong.
  for (bool transposeB : {false, true}) {
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        Problem<float> problem(false, transposeB, 10, 128, 128);
        Gemm gemm = *Gemm::create(problem.shape);
        gemm.run(problem.a.data(), problem.b.data(), problem.out.data());
        problem.check();
        std::vector<float> expected = problem.out;
        for (int i = 0; i < 5000; ++i) {
          gemm.run(problem.a.data(), problem.b.data(), problem.out.data());
          wrong += problem.out != expected;
        }
      });
    for (std::thread &thread : threads)
      thread.join();
    EXPECT_EQ(wrong, 0) << (transposeB ? "NT" : "NN");
  }
}

TEST(Gemm, RefusesWhatLibrariesCannotCount) {
  StatusOr<Gemm> gemm =
      Gemm::create({plan::F32, false, false, int64_t(INT_MAX) + 1, 1, 1});
  ASSERT_FALSE(gemm.ok());
  EXPECT_THAT(gemm.status().message(), HasSubstr("an extent is not in"));
}

TEST(Gemm, RefusesOtherTypes) {
  StatusOr<Gemm> gemm = Gemm::create({plan::I32, false, false, 1, 1, 1});
  ASSERT_FALSE(gemm.ok());
  EXPECT_EQ(gemm.status().message(), "matmul of i32, expected f32 or f64");
}

} // namespace
