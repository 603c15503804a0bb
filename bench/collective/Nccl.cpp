//===- Nccl.cpp - All-reduce of one CUDA device ---------------------------===//
//
// One rank, so NCCL copies: what is measured is what a call costs around it.
// Calls on memory of the device beside bare ncclAllReduce, and on memory of the
// host beside bare copies to the device and back with ncclAllReduce in between;
// on the device with and without graphs, in turn. The median of the rounds
// counts. A line each: bytes, name, median in us, how many times as fast as the
// bare call.
//
//===----------------------------------------------------------------------===//

#include "runtime/collective/nccl/NcclCollective.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

using namespace fleet;

static constexpr size_t kLargest = 64 << 20;

namespace {

void check(const Status &status) {
  if (status.ok())
    return;
  fmt::print(stderr, "bench-nccl: {}\n", status.message());
  std::exit(1);
}

std::unique_ptr<NcclCollective> create(NcclMemory memory, bool graphs) {
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
  check(created.status());
  return std::unique_ptr<NcclCollective>(
      static_cast<NcclCollective *>(created->release()));
}

/// NCCL as a program uses it that does nothing else.
struct Bare {
  Bare() {
    int device = 0;
    check(ncclStatus(ncclCommInitAll(&communicator, 1, &device),
                     "ncclCommInitAll"));
    check(cudaStatus(cudaStreamCreate(&stream), "cudaStreamCreate"));
    check(in.reserve(kLargest));
    check(out.reserve(kLargest));
    check(host.reserve(kLargest));
  }
  void sum(size_t bytes, bool onHost) {
    if (onHost)
      cudaMemcpyAsync(in.data(), host.data(), bytes, cudaMemcpyHostToDevice,
                      stream);
    check(ncclStatus(ncclAllReduce(in.data(), onHost ? in.data() : out.data(),
                                   bytes / 4, ncclFloat32, ncclSum,
                                   communicator, stream),
                     "ncclAllReduce"));
    if (onHost)
      cudaMemcpyAsync(host.data(), in.data(), bytes, cudaMemcpyDeviceToHost,
                      stream);
    check(cudaStatus(cudaStreamSynchronize(stream), "cudaStreamSynchronize"));
  }
  ncclComm_t communicator = nullptr;
  cudaStream_t stream = nullptr;
  NcclBuffer in{NcclBuffer::Kind::Device}, out{NcclBuffer::Kind::Device},
      host{NcclBuffer::Kind::PinnedHost};
};

struct Contestant {
  const char *name;
  size_t bare; ///< which contestant is the one to compare with
  std::function<void(size_t bytes)> sum;
  std::vector<double> samples{};
};

double measure(const Contestant &contestant, size_t bytes, int calls) {
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i)
    contestant.sum(bytes);
  std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - begin;
  return elapsed.count() / calls;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

} // namespace

int main() {
  Bare bare;
  std::vector<std::unique_ptr<NcclCollective>> collectives;
  std::vector<Contestant> contestants;
  for (NcclMemory memory : {NcclMemory::Device, NcclMemory::Host}) {
    bool onHost = memory == NcclMemory::Host;
    size_t first = contestants.size();
    contestants.push_back(
        {onHost ? "bare, host" : "bare, device", first,
         [&bare, onHost](size_t bytes) { bare.sum(bytes, onHost); }});
    for (bool graphs : {false, true}) {
      if (graphs && onHost)
        continue; // there are none
      collectives.push_back(create(memory, graphs));
      NcclCollective *collective = collectives.back().get();
      auto in = collective->allocate(kLargest),
           out = collective->allocate(kLargest);
      check(in.status());
      check(out.status());
      CollectiveCall call;
      call.in = *in;
      // On the host, calls are in place on the device as well.
      call.out = onHost ? *in : *out;
      contestants.push_back({graphs ? "Fleet, graphs" : "Fleet", first,
                             [collective, call](size_t bytes) mutable {
                               call.count = bytes / 4;
                               check(collective->run(call));
                             }});
    }
  }
  for (size_t bytes = 1 << 10; bytes <= kLargest; bytes *= 8) {
    int calls = bytes <= (1 << 16) ? 500 : 50;
    for (Contestant &contestant : contestants) {
      measure(contestant, bytes, 20);
      contestant.samples.clear();
    }
    for (int round = 0; round < 9; ++round)
      for (Contestant &contestant : contestants)
        contestant.samples.push_back(measure(contestant, bytes, calls));
    for (size_t c = 0; c < contestants.size(); ++c)
      fmt::print("{}\t{}\t{:.2f}\t{:.2f}\n", bytes, contestants[c].name,
                 median(contestants[c].samples) * 1e6,
                 median(contestants[contestants[c].bare].samples) /
                     median(contestants[c].samples));
  }
}
