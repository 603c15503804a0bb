//===- MpiBackend.cpp - All tests of collectives, under mpirun ------------===//
//
// Every rank runs all tests, each a process. Groups of another size than
// mpirun's are skipped: ctest runs this with several.
//
//===----------------------------------------------------------------------===//

#define OMPI_SKIP_MPICXX 1

#include "runtime/collective/mpi/MpiModule.h"
#include "test/Runtime/collective/TestCollectives.h"

#include <gtest/gtest.h>
#include <mpi.h>

using namespace fleet;

static bool isWorldSize(uint32_t size) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  return static_cast<int>(size) == ranks;
}

static void runMpi(uint32_t size, Duration deadline, const RankBody &body) {
  ASSERT_TRUE(isWorldSize(size));
  MPI_Barrier(MPI_COMM_WORLD); // from one test to the next
  auto collective = openMpiCollective(deadline);
  ASSERT_TRUE(collective.ok()) << collective.status().message();
  body(*collective);
}

const std::vector<CollectiveBackend> &fleet::collectiveBackends() {
  static const std::vector<CollectiveBackend> backends = {
      {"mpi", /*oneProcess=*/false, isWorldSize, runMpi},
  };
  return backends;
}

int main(int argc, char **argv) {
  // Once for all groups; each would otherwise end MPI with itself.
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
  ::testing::InitGoogleTest(&argc, argv);
  int result = RUN_ALL_TESTS();
  MPI_Finalize();
  return result;
}
