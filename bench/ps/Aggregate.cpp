//===- Aggregate.cpp - What a server does with gradients in a step --------===//
//
// Merges the gradients of n trainers and updates by SGD, 64 MB of parameters,
// one thread: the service with the update in pieces (as servers have it), with
// the whole gradient merged first (as they had it), and a bare loop that reads
// the same n gradients and the parameter and writes the parameter (the limit
// that memory sets), in turn. A line each: n, name, median ms, GB/s of the
// bytes of the bare loop, how much of its speed.
//
//===----------------------------------------------------------------------===//

#include "runtime/ps/ParameterService.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <vector>

using namespace fleet;

static constexpr size_t kElements = 16 << 20;
static constexpr size_t kPiece = 4096; ///< as in runtime/job/Server.cpp
static constexpr float kRate = 1e-3f;

namespace {

void check(const Status &status) {
  if (status.ok())
    return;
  fmt::print(stderr, "bench-aggregate: {}\n", status.message());
  std::exit(1);
}

/// What a compiled update does.
void sgd(float *__restrict w, const float *__restrict g, size_t count) {
  for (size_t i = 0; i < count; ++i)
    w[i] -= kRate * g[i];
}

/// n gradients and the parameter, each once.
void bare(float *__restrict w, const std::vector<const float *> &gradients) {
  float weight = 1.0f / static_cast<float>(gradients.size());
  for (size_t begin = 0; begin < kElements; begin += kPiece) {
    float sum[kPiece];
    for (size_t i = 0; i < kPiece; ++i)
      sum[i] = gradients[0][begin + i] * weight;
    for (size_t r = 1; r < gradients.size(); ++r)
      for (size_t i = 0; i < kPiece; ++i)
        sum[i] += weight * gradients[r][begin + i];
    sgd(w + begin, sum, kPiece);
  }
}

double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Server {
public:
  Server(uint32_t trainers, bool inPieces) : w(kElements, 1.0f) {
    ServiceBlock block = {"w", plan::F32, kElements * sizeof(float), w.data()};
    if (inPieces)
      block.updateInPieces = [this](const MergedPiece &merged) {
        for (size_t begin = 0; begin < kElements; begin += kPiece)
          sgd(w.data() + begin,
              static_cast<const float *>(merged(begin, begin + kPiece)),
              kPiece);
        return Status();
      };
    auto made = ParameterService::create(
        {block}, trainers, plan::SYNC,
        [this](size_t, const void *gradient, const void *) {
          sgd(w.data(), static_cast<const float *>(gradient), kElements);
          return Status();
        });
    check(made.status());
    service = std::move(*made);
    for (uint32_t r = 0; r < trainers; ++r)
      fill(r);
  }

  float *gradient(uint32_t rank) {
    return static_cast<float *>(service->landing(rank, 0));
  }
  void fill(uint32_t rank) {
    std::fill_n(gradient(rank), kElements,
                1e-3f * static_cast<float>(rank + 1));
  }
  /// Seconds of the push that completes the step, with everything landed.
  double step(uint32_t trainers) {
    ++number;
    for (uint32_t r = 0; r + 1 < trainers; ++r)
      check(service->push(r, number, 1, TimePoint()).status());
    double begin = now();
    check(service->push(trainers - 1, number, 1, TimePoint()).status());
    return now() - begin;
  }

  std::vector<float> w;
  std::unique_ptr<ParameterService> service;
  uint64_t number = 0;
};

} // namespace

int main(int argc, char **argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  if (rounds < 1) {
    fmt::print(stderr, "bench-aggregate: the argument is a number of rounds\n");
    return 2;
  }
  for (uint32_t trainers : {2u, 4u, 8u}) {
    Server pieces(trainers, true), whole(trainers, false);
    std::vector<const float *> gradients;
    for (uint32_t r = 0; r < trainers; ++r)
      gradients.push_back(pieces.gradient(r));
    std::vector<double> samples[3];
    for (int round = -2; round < rounds; ++round) {
      double begin = now();
      bare(pieces.w.data(), gradients);
      double limit = now() - begin;
      double mine = pieces.step(trainers), before = whole.step(trainers);
      if (round < 0)
        continue; // warm-up
      samples[0].push_back(limit);
      samples[1].push_back(mine);
      samples[2].push_back(before);
    }
    const char *names[] = {"bare loop", "in pieces", "whole"};
    double bytes =
        static_cast<double>(trainers + 2) * kElements * sizeof(float);
    for (int i = 0; i < 3; ++i) {
      double time = median(samples[i]);
      fmt::print("{}\t{}\t{:.2f}\t{:.1f}\t{:.2f}\n", trainers, names[i],
                 time * 1e3, bytes / time / 1e9, median(samples[0]) / time);
    }
  }
}
