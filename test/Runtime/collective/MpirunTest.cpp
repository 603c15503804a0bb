//===- MpirunTest.cpp - What mpirun starts finds its backend --------------===//
//
// Run by ctest under mpirun: MPI is initialized by the backend alone. The first
// argument is the backend to ask for, the second the one to get, the third how
// many ranks the job has.
//
//===----------------------------------------------------------------------===//

#include "runtime/collective/open/OpenCollective.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <cstdlib>
#include <cstring>
#include <vector>

using namespace fleet;

static int fail(const std::string &message) {
  fmt::print(stderr, "{}\n", message);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 4 || !isUnderMpirun())
    return fail("mpirun -np N MpirunTest BACKEND EXPECTED RANKS");
  TcpTransport transport;
  CollectiveOptions options;
  options.backend = argv[1];
  options.job.programHash = "00112233445566778899aabbccddeeff";
  options.job.trainers = static_cast<uint32_t>(std::atoi(argv[3]));
  options.rank =
      static_cast<uint32_t>(std::atoi(std::getenv("OMPI_COMM_WORLD_RANK")));
  options.mpirun = true;
  options.deadline = std::chrono::seconds(30);
  auto opened = openCollective(options, transport);
  if (!opened.ok())
    return fail(opened.status().message());
  Collective &collective = **opened;
  if (std::strcmp(collective.name(), argv[2]) != 0)
    return fail(fmt::format("got backend {}", collective.name()));
  for (size_t count : {3, 100000}) {
    std::vector<float> data(count, static_cast<float>(options.rank + 1));
    CollectiveCall call;
    call.in = call.out = data.data();
    call.count = count;
    auto ticket = collective.start(call);
    if (!ticket.ok())
      return fail(ticket.status().message());
    if (Status status = collective.wait(*ticket); !status.ok())
      return fail(status.message());
    float n = static_cast<float>(collective.size());
    if (data.front() != n * (n + 1) / 2 || data.back() != data.front())
      return fail(fmt::format("the sum is {}", data.front()));
  }
  return 0;
}
