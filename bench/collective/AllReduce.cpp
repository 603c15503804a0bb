//===- AllReduce.cpp - All-reduce between processes of a machine ----------===//
//
// Started by mpirun: every rank sums float arrays with all others, in place, by
// plain MPI_Allreduce and by Fleet's backends, in turn. A sample is the time of
// the slowest rank for one call, over as many calls as make a few milliseconds;
// the median of the rounds counts. A line each: ranks, bytes, name, median in
// us, how many times as fast as MPI_Allreduce, the samples in us. Sums are
// compared before anything is timed.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/AlignedBuffer.h"
#include "runtime/collective/mpi/MpiModule.h"
#include "runtime/collective/shm/ShmCollective.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <mpi.h>

using namespace fleet;

static constexpr size_t kSizes[] = {1 << 10,  4 << 10,   16 << 10,
                                    64 << 10, 256 << 10, 1 << 20,
                                    4 << 20,  16 << 20,  64 << 20};
static constexpr double kSampleSeconds = 4e-3;

namespace {

struct Contestant {
  const char *name;
  std::function<Status(float *data, size_t count)> sum;
  float *data = nullptr; ///< memory of the largest size
  std::vector<double> samples{};
};

double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

[[noreturn]] void fail(const std::string &message) {
  fmt::print(stderr, "bench-all-reduce: {}\n", message);
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::abort();
}

void check(const Status &status) {
  if (!status.ok())
    fail(status.message());
}

float input(int rank, size_t i) {
  return static_cast<float>(rank + 1) * 0.37f + static_cast<float>(i % 1021);
}

/// Every contestant gives the sum, up to the order of summation.
void checkSums(Contestant &contestant, int ranks, size_t count) {
  for (size_t i = 0; i < count; ++i)
    contestant.data[i] = input(rank(), i);
  check(contestant.sum(contestant.data, count));
  for (size_t i = 0; i < count; ++i) {
    double expected = 0;
    for (int r = 0; r < ranks; ++r)
      expected += static_cast<double>(input(r, i));
    if (std::abs(static_cast<double>(contestant.data[i]) - expected) >
        1e-5 * expected)
      fail(fmt::format("{}: element {} of {} is {}, expected {}",
                       contestant.name, i, count, contestant.data[i],
                       expected));
  }
}

/// Seconds a call, of the slowest rank. Between calls every rank writes what it
/// gives, as a step of training does: what nobody writes stays in the caches
/// where the call before has left it.
double measure(Contestant &contestant, size_t count, int calls) {
  double mine = 0, slowest = 0;
  for (int i = 0; i < calls; ++i) {
    std::fill_n(contestant.data, count, static_cast<float>(i + 1));
    MPI_Barrier(MPI_COMM_WORLD);
    double begin = now();
    check(contestant.sum(contestant.data, count));
    mine += now() - begin;
  }
  mine /= calls;
  MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return slowest;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Where rank 0 listens: the same free port on all ranks.
std::string findEndpoint(Transport &transport) {
  char text[64] = {};
  if (rank() == 0) {
    auto free = transport.listen("127.0.0.1:0");
    check(free.status());
    std::strncpy(text, (*free)->endpoint().c_str(), sizeof(text) - 1);
  }
  MPI_Bcast(text, sizeof(text), MPI_CHAR, 0, MPI_COMM_WORLD);
  return text;
}

Status sumBy(Collective &collective, float *data, size_t count) {
  CollectiveCall call;
  call.in = call.out = data;
  call.count = count;
  return collective.run(call);
}

} // namespace

int main(int argc, char **argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
  int ranks = 1, rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  if (rounds < 1)
    fail("the argument is a number of rounds");
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  {
    TcpTransport transport;
    Rendezvous::Options options;
    options.job.programHash = std::string(32, 'a');
    options.job.trainers = static_cast<uint32_t>(ranks);
    options.rank = static_cast<uint32_t>(rank());
    options.endpoint = findEndpoint(transport);
    options.deadline = std::chrono::seconds(60);
    auto rendezvous = Rendezvous::join(options, transport);
    check(rendezvous.status());
    auto shm = ShmCollective::create(*rendezvous);
    check(shm.status());
    auto mpi = openMpiCollective(options.deadline);
    check(mpi.status());

    std::vector<Contestant> contestants;
    contestants.push_back({"MPI_Allreduce", [](float *data, size_t count) {
                             MPI_Allreduce(MPI_IN_PLACE, data,
                                           static_cast<int>(count), MPI_FLOAT,
                                           MPI_SUM, MPI_COMM_WORLD);
                             return Status();
                           }});
    contestants.push_back({"shm, arena", [&](float *data, size_t count) {
                             return sumBy(**shm, data, count);
                           }});
    contestants.push_back({"shm, own memory", contestants[1].sum});
    contestants.push_back({"mpi", [&](float *data, size_t count) {
                             return sumBy(**mpi, data, count);
                           }});
    size_t largest = kSizes[std::size(kSizes) - 1];
    std::vector<AlignedBuffer> memory;
    for (Contestant &contestant : contestants) {
      if (std::strcmp(contestant.name, "shm, arena") == 0) {
        auto allocated = (*shm)->allocate(largest);
        check(allocated.status());
        contestant.data = static_cast<float *>(*allocated);
        continue;
      }
      auto own = AlignedBuffer::allocate(largest, "the benchmark");
      check(own.status());
      contestant.data = reinterpret_cast<float *>(own->data());
      std::memset(own->data(), 0, largest); // has its pages
      memory.push_back(std::move(*own));
    }
    for (size_t bytes : kSizes) {
      size_t count = bytes / sizeof(float);
      std::vector<int> calls;
      for (Contestant &contestant : contestants) {
        checkSums(contestant, ranks, count);
        double once = measure(contestant, count, 3);
        calls.push_back(
            std::clamp(static_cast<int>(kSampleSeconds / once), 1, 2000));
        contestant.samples.clear();
      }
      for (int round = 0; round < rounds; ++round)
        for (size_t c = 0; c < contestants.size(); ++c)
          contestants[c].samples.push_back(
              measure(contestants[c], count, calls[c]));
      if (rank() != 0)
        continue;
      double plain = median(contestants[0].samples);
      for (Contestant &contestant : contestants) {
        fmt::print("{}\t{}\t{}\t{:.3f}\t{:.3f}", ranks, bytes, contestant.name,
                   median(contestant.samples) * 1e6,
                   plain / median(contestant.samples));
        for (double sample : contestant.samples)
          fmt::print("\t{:.3f}", sample * 1e6);
        fmt::print("\n");
      }
      std::fflush(stdout);
    }
  }
  MPI_Finalize();
  return 0;
}
