//===- Fleet.cpp - A worker of a distributed job --------------------------===//

#include "fleet/API/Fleet.h"

#include "lib/API/Compile.h"
#include "lib/API/Execution.h"
#include "lib/API/Session.h"
#include "lib/API/ThreadGroup.h"

using namespace fleet;
using namespace fleet::api;

ThreadGroup::ThreadGroup() : members(std::make_unique<Implementation>()) {}
ThreadGroup::~ThreadGroup() = default;

StatusOr<std::shared_ptr<ThreadGroup>>
ThreadGroup::create(uint32_t workers, std::chrono::milliseconds deadline) {
  if (workers < 1)
    return Status(StatusCode::InvalidArgument,
                  "a group needs at least one worker");
  std::shared_ptr<ThreadGroup> group(new ThreadGroup());
  group->members->group = InprocGroup::create(workers, deadline);
  group->members->workers = workers;
  return group;
}

Fleet::Fleet() = default;
Fleet::Fleet(Fleet &&) noexcept = default;
Fleet &Fleet::operator=(Fleet &&) noexcept = default;
Fleet::~Fleet() = default;

static Status notInitialized(const char *call) {
  return makeError(StatusCode::InvalidArgument,
                   "{}: the fleet is not initialized; call init() first", call);
}

Status Fleet::init(const RoleMaker &roleMaker, bool isCollective,
                   const FleetOptions &options) {
  if (session)
    return makeError(StatusCode::InvalidArgument,
                     "init: this fleet is worker {} of {} already; a second "
                     "one needs a Fleet of its own",
                     workerIndex(), workerNum());
  auto place = roleMaker.place(isCollective);
  if (!place.ok())
    return place.status().withContext("init");
  auto opened = Session::open(*place, options);
  if (!opened.ok())
    return opened.status().withContext("init");
  session = std::move(*opened);
  return Status();
}

uint32_t Fleet::workerIndex() const {
  return session ? session->place().index : 0;
}
uint32_t Fleet::workerNum() const {
  return session ? session->place().workers : 0;
}
bool Fleet::isFirstWorker() const { return session && workerIndex() == 0; }
bool Fleet::isWorker() const {
  return session && session->place().role == Role::Worker;
}
bool Fleet::isServer() const {
  return session && session->place().role == Role::Server;
}
std::vector<std::string> Fleet::workerEndpoints() const {
  return session ? session->place().workerEndpoints
                 : std::vector<std::string>();
}

Status Fleet::barrierWorker() {
  if (!session)
    return notInitialized("barrierWorker");
  CollectiveCall call;
  call.kind = CollectiveCall::Kind::Barrier;
  return session->collective().run(call).withContext("barrierWorker");
}

Status Fleet::allReduce(std::vector<double> &values, ReduceOp op) {
  if (!session)
    return notInitialized("allReduce");
  CollectiveCall call;
  call.kind = CollectiveCall::Kind::AllReduce;
  call.dtype = plan::F64;
  call.reduction = op == ReduceOp::Sum   ? Reduction::Sum
                   : op == ReduceOp::Max ? Reduction::Max
                                         : Reduction::Min;
  call.in = call.out = values.data();
  call.count = values.size();
  return session->collective().run(call).withContext("allReduce");
}

StatusOr<std::vector<double>> Fleet::allGather(double value) {
  if (!session)
    return notInitialized("allGather");
  auto all = session->gather(value);
  if (!all.ok())
    return all.status().withContext("allGather");
  return all;
}

StatusOr<std::vector<std::string>>
Fleet::splitFiles(const std::vector<std::string> &files) const {
  if (!session)
    return notInitialized("splitFiles");
  size_t each = files.size() / workerNum(), more = files.size() % workerNum();
  size_t begin = workerIndex() * each + std::min<size_t>(workerIndex(), more);
  size_t count = each + (workerIndex() < more ? 1 : 0);
  auto first = files.begin() + static_cast<ptrdiff_t>(begin);
  return std::vector<std::string>(first, first + static_cast<ptrdiff_t>(count));
}

StatusOr<DistributedOptimizer>
Fleet::distributedOptimizer(Optimizer optimizer, DistributedStrategy strategy) {
  if (!session)
    return notInitialized("distributedOptimizer");
  FLEET_RETURN_IF_ERROR(
      checkStrategy(strategy, workerNum()).withContext("distributedOptimizer"));
  return DistributedOptimizer(session, std::move(optimizer),
                              std::move(strategy));
}

StatusOr<DistributedModel>
Fleet::distributedModel(const Program &program,
                        const DistributedOptimizer &optimizer,
                        const ModelOptions &options) {
  if (!session)
    return notInitialized("distributedModel");
  if (optimizer.session != session)
    return Status(StatusCode::InvalidArgument,
                  "distributedModel: the optimizer is another Fleet's; make "
                  "it by distributedOptimizer() of this one");
  CompileRequest request{optimizer.optimizer, optimizer.strategy, workerNum()};
  request.splitsUpdate = true;
  request.averages = options.accumulation == ModelOptions::Accumulation::Mean;
  auto execution = Execution::create(session, program, request);
  if (!execution.ok())
    return execution.status().withContext("distributedModel");
  return DistributedModel(std::move(*execution));
}
