//===- Limits.cpp - What one core can do ----------------------------------===//
//
// Part of the Fleet project.
//
// For every line on standard input, one line with the peak rate of f32 fused
// multiply-adds of one core in GFLOP/s: independent chains in registers, the
// widest vectors this CPU has.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fmt/format.h>
#include <immintrin.h>

static constexpr int64_t kIterations = 1'000'000;
static constexpr int kTries = 8; // the best counts: others run here too
// Latency 4, two units: eight chains are the least; more hide jitter.
static constexpr int kChains = 12;

__attribute__((target("avx512f"))) static float chains512(float first) {
  __m512 factor = _mm512_set1_ps(0.999999F), addend = _mm512_set1_ps(1e-6F);
  __m512 sums[kChains];
  for (int c = 0; c < kChains; ++c)
    sums[c] = _mm512_set1_ps(first + static_cast<float>(c));
  for (int64_t i = 0; i < kIterations; ++i)
#pragma clang loop unroll(full)
    for (int c = 0; c < kChains; ++c)
      sums[c] = _mm512_fmadd_ps(sums[c], factor, addend);
  float total = 0;
  for (__m512 sum : sums)
    total += _mm512_reduce_add_ps(sum);
  return total;
}

__attribute__((target("avx2,fma"))) static float chains256(float first) {
  __m256 factor = _mm256_set1_ps(0.999999F), addend = _mm256_set1_ps(1e-6F);
  __m256 sums[kChains];
  for (int c = 0; c < kChains; ++c)
    sums[c] = _mm256_set1_ps(first + static_cast<float>(c));
  for (int64_t i = 0; i < kIterations; ++i)
#pragma clang loop unroll(full)
    for (int c = 0; c < kChains; ++c)
      sums[c] = _mm256_fmadd_ps(sums[c], factor, addend);
  float total = 0;
  for (__m256 sum : sums)
    total += _mm256_cvtss_f32(sum);
  return total;
}

int main() {
  bool wide = __builtin_cpu_supports("avx512f") != 0;
  if (!wide && (__builtin_cpu_supports("avx2") == 0 ||
                __builtin_cpu_supports("fma") == 0)) {
    fmt::print(stderr, "bench-limits: this CPU has no fused multiply-add of "
                       "vectors, AVX2 is the least\n");
    return 1;
  }
  double flops = 2.0 * kChains * (wide ? 16 : 8) * double(kIterations);
  volatile float keep = 1; // or the chains would be computed once
  keep = wide ? chains512(keep) : chains256(keep); // clocks settle
  fmt::print("ready\n");
  std::fflush(stdout);
  for (char line[64]; std::fgets(line, sizeof(line), stdin);) {
    double best = 0;
    for (int i = 0; i < kTries; ++i) {
      auto begin = std::chrono::steady_clock::now();
      keep = wide ? chains512(keep) : chains256(keep);
      std::chrono::duration<double, std::nano> took =
          std::chrono::steady_clock::now() - begin;
      best = std::max(best, flops / took.count());
    }
    fmt::print("{}\n", best);
    std::fflush(stdout);
  }
  (void)keep;
  return 0;
}
