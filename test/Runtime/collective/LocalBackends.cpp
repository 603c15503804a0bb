//===- LocalBackends.cpp - Backends without mpirun ------------------------===//

#include "runtime/collective/inproc/InprocCollective.h"
#include "runtime/collective/shm/ShmCollective.h"
#include "runtime/transport/inproc/InprocTransport.h"
#include "test/Runtime/collective/TestCollectives.h"

#include <gtest/gtest.h>

using namespace fleet;

static bool any(uint32_t) { return true; }

static void runInproc(uint32_t size, Duration deadline, const RankBody &body) {
  auto group = InprocGroup::create(size, deadline);
  runRanks(size, [&](uint32_t rank) {
    auto collective = group->join(rank);
    ASSERT_TRUE(collective.ok()) << collective.status().message();
    body(*collective);
  });
}

/// Ranks that share memory as processes do: each maps it for itself.
static void runShm(uint32_t size, Duration deadline, const RankBody &body) {
  InprocTransport transport;
  runRanks(size, [&](uint32_t rank) {
    Rendezvous::Options options;
    options.job.programHash = "00112233445566778899aabbccddeeff";
    options.job.trainers = size;
    options.rank = rank;
    options.endpoint = "127.0.0.1:6170";
    options.deadline = deadline;
    auto rendezvous = Rendezvous::join(options, transport);
    ASSERT_TRUE(rendezvous.ok()) << rendezvous.status().message();
    auto collective = ShmCollective::create(std::move(*rendezvous));
    ASSERT_TRUE(collective.ok()) << collective.status().message();
    body(*collective);
  });
}

const std::vector<CollectiveBackend> &fleet::collectiveBackends() {
  static const std::vector<CollectiveBackend> backends = {
      {"inproc", /*oneProcess=*/true, any, runInproc},
      {"shm", /*oneProcess=*/true, any, runShm},
  };
  return backends;
}
