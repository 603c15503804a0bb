//===- OpenCollective.cpp - The backend of a job --------------------------===//

#include "runtime/collective/open/OpenCollective.h"

#include "runtime/collective/Rendezvous.h"
#include "runtime/collective/inproc/InprocCollective.h"
#include "runtime/collective/mpi/MpiModule.h"
#include "runtime/collective/nccl/NcclModule.h"
#include "runtime/collective/shm/ShmCollective.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace fleet;

using Kind = CollectiveCall::Kind;

bool fleet::isUnderMpirun() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr;
}

/// The ranks that mpirun has started are those of the job.
static Status checkWorld(const CollectiveOptions &options,
                         const Collective &world) {
  if (world.size() != options.job.trainers)
    return makeError(StatusCode::InvalidArgument,
                     "mpirun has started {} ranks, the job has {}: start it "
                     "with mpirun -np {}",
                     world.size(), options.job.trainers, options.job.trainers);
  if (world.rank() != options.rank)
    return makeError(StatusCode::InvalidArgument,
                     "rank {} of the job is rank {} of mpirun; leave the rank "
                     "to mpirun",
                     options.rank, world.rank());
  return Status();
}

/// A text of fixed size of every rank, by `collective`.
template <size_t Size>
static StatusOr<std::vector<std::string>> gatherTexts(Collective &collective,
                                                      const std::string &mine) {
  if (mine.size() >= Size)
    return makeError(StatusCode::Internal, "'{}' is too long", mine);
  std::vector<char> in(Size), all(Size * collective.size());
  std::memcpy(in.data(), mine.data(), mine.size());
  CollectiveCall call;
  call.kind = Kind::AllGather;
  call.dtype = plan::I8;
  call.in = in.data();
  call.out = all.data();
  call.count = Size;
  FLEET_RETURN_IF_ERROR(collective.run(call));
  std::vector<std::string> texts;
  for (uint32_t r = 0; r < collective.size(); ++r) {
    all[r * Size + Size - 1] = 0;
    texts.emplace_back(all.data() + r * Size);
  }
  return texts;
}

static bool areEqual(const std::vector<std::string> &texts) {
  return std::count(texts.begin(), texts.end(), texts.front()) ==
         static_cast<ptrdiff_t>(texts.size());
}

/// Where rank 0 listens, told by MPI; "auto" gets MPI itself when the ranks are
/// on several hosts.
static Status meetByMpi(const CollectiveOptions &options, Transport &transport,
                        Rendezvous::Options &meeting,
                        std::unique_ptr<Collective> &mpi) {
  FLEET_ASSIGN_OR_RETURN(std::unique_ptr<Collective> world,
                         openMpiCollective(options.deadline));
  FLEET_RETURN_IF_ERROR(checkWorld(options, *world));
  FLEET_ASSIGN_OR_RETURN(std::string host, hostIdentity());
  FLEET_ASSIGN_OR_RETURN(std::vector<std::string> hosts,
                         gatherTexts<256>(*world, host));
  if (!areEqual(hosts)) {
    if (options.backend == "auto") {
      mpi = std::move(world);
      return Status();
    }
    if (options.endpoint.empty())
      return makeError(StatusCode::InvalidArgument,
                       "ranks on several hosts need an endpoint to meet at for "
                       "backend {}",
                       options.backend);
    meeting.endpoint = options.endpoint;
    return Status();
  }
  // A listener from the start: nobody else can get that port.
  std::string mine;
  if (options.rank == 0) {
    FLEET_ASSIGN_OR_RETURN(meeting.listener, transport.listen("127.0.0.1:0"));
    mine = meeting.listener->endpoint();
  }
  FLEET_ASSIGN_OR_RETURN(std::vector<std::string> endpoints,
                         gatherTexts<256>(*world, mine));
  meeting.endpoint = endpoints.front();
  return Status();
}

StatusOr<std::unique_ptr<Collective>>
fleet::openCollective(const CollectiveOptions &options, Transport &transport) {
  const std::string &backend = options.backend;
  if (backend == "inproc")
    return makeError(StatusCode::InvalidArgument,
                     "backend inproc is for ranks in one process; there are "
                     "auto, shm, mpi and nccl");
  if (backend != "auto" && backend != "shm" && backend != "mpi" &&
      backend != "nccl")
    return makeError(StatusCode::InvalidArgument,
                     "unknown backend of collectives '{}'; there are auto, "
                     "shm, mpi and nccl",
                     backend);
  if (backend == "auto" && options.job.trainers == 1)
    return InprocGroup::create(1, options.deadline)->join(0);
  if (backend == "mpi") {
    if (!options.mpirun)
      return makeError(StatusCode::InvalidArgument,
                       "backend mpi needs ranks that mpirun has started: "
                       "mpirun -np {} fleet-run ...",
                       options.job.trainers);
    FLEET_ASSIGN_OR_RETURN(std::unique_ptr<Collective> world,
                           openMpiCollective(options.deadline));
    FLEET_RETURN_IF_ERROR(checkWorld(options, *world));
    return world;
  }
  Rendezvous::Options meeting;
  meeting.job = options.job;
  meeting.rank = options.rank;
  meeting.endpoint = options.endpoint;
  meeting.deadline = options.deadline;
  if (options.mpirun && options.endpoint.empty()) {
    std::unique_ptr<Collective> mpi;
    FLEET_RETURN_IF_ERROR(meetByMpi(options, transport, meeting, mpi));
    if (mpi)
      return mpi;
  } else if (options.endpoint.empty() && options.job.trainers > 1) {
    return makeError(StatusCode::InvalidArgument,
                     "{} ranks need an endpoint to meet at: that of trainer 0",
                     options.job.trainers);
  }
  FLEET_ASSIGN_OR_RETURN(std::shared_ptr<Rendezvous> rendezvous,
                         Rendezvous::join(meeting, transport));
  if (backend == "nccl")
    return openNcclCollective(std::move(rendezvous), options.localRank,
                              NcclMemory::Host);
  if (backend == "auto") {
    FLEET_ASSIGN_OR_RETURN(std::string host, hostIdentity());
    FLEET_ASSIGN_OR_RETURN(std::vector<std::string> hosts,
                           rendezvous->exchange(host));
    if (!areEqual(hosts) && options.mpirun) {
      // MPI has its own ways to watch ranks.
      rendezvous.reset();
      FLEET_ASSIGN_OR_RETURN(std::unique_ptr<Collective> world,
                             openMpiCollective(options.deadline));
      FLEET_RETURN_IF_ERROR(checkWorld(options, *world));
      return world;
    }
    if (!areEqual(hosts))
      return makeError(StatusCode::InvalidArgument,
                       "the ranks are on several hosts: start them with mpirun "
                       "(backend mpi), or use --collective=nccl");
  }
  return ShmCollective::create(std::move(rendezvous));
}
