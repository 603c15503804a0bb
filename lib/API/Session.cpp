//===- Session.cpp - This process among the workers of a job --------------===//

#include "lib/API/Session.h"

#include "lib/API/ThreadGroup.h"
#include "runtime/collective/open/OpenCollective.h"

using namespace fleet;
using namespace fleet::api;

/// The job field of frames until there is a program; programs are compared when
/// they are compiled.
static constexpr const char *kMeetingHash = "666c6565742d6170";

Session::Session(Place place, const FleetOptions &options)
    : where(std::move(place)), settings(options),
      logger(LogLevel::Info, fmt::format("worker {}", where.index)) {}

static StatusOr<std::unique_ptr<Collective>>
joinThreads(const Place &place, const ThreadGroup::Implementation &threads) {
  if (threads.workers != place.workers)
    return makeError(StatusCode::InvalidArgument,
                     "threadGroup: it was made for {} workers, the job has {}",
                     threads.workers, place.workers);
  return threads.group->join(place.index);
}

static StatusOr<std::unique_ptr<Collective>>
meetProcesses(const Place &place, const FleetOptions &options,
              Transport &transport) {
  CollectiveOptions meeting;
  meeting.backend = options.collective;
  meeting.job = {"fleet-api", kMeetingHash, place.workers, options.seed};
  meeting.rank = place.index;
  meeting.localRank = place.localIndex.value_or(place.index);
  meeting.endpoint = place.coordinator;
  if (meeting.endpoint.empty() && !place.workerEndpoints.empty())
    meeting.endpoint = place.workerEndpoints.front();
  meeting.mpirun = isUnderMpirun();
  meeting.deadline = options.deadline;
  if (place.workers > 1 && meeting.endpoint.empty() && !meeting.mpirun)
    return makeError(StatusCode::InvalidArgument,
                     "nothing says where the {} workers meet: set "
                     "PADDLE_TRAINER_ENDPOINTS or FLEET_COORDINATOR=HOST:PORT, "
                     "or give the role maker workerEndpoints",
                     place.workers);
  return openCollective(meeting, transport);
}

StatusOr<std::shared_ptr<Session>> Session::open(const Place &place,
                                                 const FleetOptions &options) {
  if (options.deadline <= std::chrono::milliseconds(0))
    return makeError(StatusCode::InvalidArgument,
                     "deadline: expected more than 0 ms, got {}",
                     options.deadline.count());
  if (options.threads < 1 || options.threads > 1024)
    return makeError(StatusCode::InvalidArgument,
                     "threads: expected 1 to 1024, got {}", options.threads);
  std::shared_ptr<Session> session(new Session(place, options));
  if (options.threadGroup) {
    FLEET_ASSIGN_OR_RETURN(
        session->group,
        joinThreads(place, options.threadGroup->implementation()));
  } else {
    FLEET_ASSIGN_OR_RETURN(session->group,
                           meetProcesses(place, options, session->sockets));
  }
  return session;
}

template <typename T>
static StatusOr<std::vector<T>> gatherAs(Collective &collective, T value,
                                         plan::DataType dtype) {
  std::vector<T> all(collective.size());
  CollectiveCall call;
  call.kind = CollectiveCall::Kind::AllGather;
  call.dtype = dtype;
  call.in = &value;
  call.out = all.data();
  call.count = 1;
  FLEET_RETURN_IF_ERROR(collective.run(call));
  return all;
}

StatusOr<std::vector<int64_t>> Session::gather(int64_t value) {
  return gatherAs(*group, value, plan::I64);
}

StatusOr<std::vector<double>> Session::gather(double value) {
  return gatherAs(*group, value, plan::F64);
}

Status Session::agree(const Status &own, const char *what) {
  auto outcomes = gather(int64_t(own.ok()));
  if (!own.ok())
    return own;
  FLEET_RETURN_IF_ERROR(outcomes.status());
  for (size_t worker = 0; worker < outcomes->size(); ++worker)
    if (!(*outcomes)[worker])
      return makeError(StatusCode::Aborted,
                       "{} failed at worker {}, which says why", what, worker);
  return Status();
}
