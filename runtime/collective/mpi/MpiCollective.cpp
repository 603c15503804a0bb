//===- MpiCollective.cpp - Collectives by messages of MPI -----------------===//

#include "runtime/collective/mpi/MpiCollective.h"

#include "runtime/base/DataTypes.h"

#include <algorithm>
#include <cstring>
#include <sched.h>

using namespace fleet;

using Kind = CollectiveCall::Kind;

/// Looks of a waiting thread between two looks at the clock and at what others
/// have told.
static constexpr int kLooks = 64;

/// While a step computes, its messages are looked after this often; at first
/// again and again, for as long as a message takes that everybody is ready for.
static constexpr auto kDriveEvery = std::chrono::microseconds(50);
static constexpr auto kDriveHard = std::chrono::microseconds(200);

MpiCollective::MpiCollective(std::shared_ptr<MpiWorld> world,
                             MPI_Comm communicator, std::vector<uint32_t> names,
                             uint32_t self, bool whole)
    : world(std::move(world)), communicator(communicator),
      names(std::move(names)), self(self), whole(whole),
      openingBytes((sizeof(Head) + kMpiSmallBytes + bufferAlignment - 1) /
                   bufferAlignment * bufferAlignment),
      calls(kMpiCalls), inputs(size()) {
  for (Call &call : calls)
    call.requests.assign(size(), MPI_REQUEST_NULL);
}

StatusOr<std::unique_ptr<Collective>> MpiCollective::create(Duration deadline) {
  FLEET_ASSIGN_OR_RETURN(std::shared_ptr<MpiWorld> world,
                         MpiWorld::create(deadline));
  std::vector<uint32_t> names;
  for (uint32_t r = 0; r < world->size(); ++r)
    names.push_back(r);
  MPI_Comm communicator = world->communicator();
  uint32_t self = world->rank();
  return std::unique_ptr<Collective>(
      new MpiCollective(std::move(world), communicator, std::move(names), self,
                        /*whole=*/true));
}

MpiCollective::~MpiCollective() {
  std::unique_lock<std::mutex> lock(world->mutex);
  stopping = true;
  handedOver.notify_all();
  lock.unlock();
  if (driver.joinable())
    driver.join();
  lock.lock();
  if (completed < started && world->failure().ok())
    world->fail(makeError(StatusCode::Aborted,
                          "rank {} left before its calls were complete",
                          names[self]));
  if (whole)
    world->leave();
  // What was begun cannot be taken back, but what is received can: the job has
  // failed if there is any.
  for (Call &call : calls)
    for (size_t i = 0; i < call.requests.size(); ++i)
      if (call.requests[i] != MPI_REQUEST_NULL && i < size()) {
        MPI_Cancel(&call.requests[i]);
        MPI_Wait(&call.requests[i], MPI_STATUS_IGNORE);
      } else if (call.requests[i] != MPI_REQUEST_NULL) {
        MPI_Request_free(&call.requests[i]);
      }
  if (!whole && world->failure().ok())
    MPI_Comm_free(&communicator);
}

StatusOr<void *> MpiCollective::allocate(size_t bytes) {
  FLEET_ASSIGN_OR_RETURN(
      AlignedBuffer buffer,
      AlignedBuffer::allocate(bytes, "memory of a collective"));
  std::memset(buffer.data(), 0, bytes);
  allocated.push_back(std::move(buffer));
  return static_cast<void *>(allocated.back().data());
}

bool MpiCollective::isSmall(const CollectiveCall &call) const {
  return partBytes(call) * (call.kind == Kind::ReduceScatter ? size() : 1) <=
         kMpiSmallBytes;
}

void MpiCollective::abort(const std::string &reason) {
  std::lock_guard<std::mutex> lock(world->mutex);
  world->fail(
      makeError(StatusCode::Aborted, "rank {}: {}", names[self], reason));
}

StatusOr<Collective::Ticket> MpiCollective::start(const CollectiveCall &call) {
  std::unique_lock<std::mutex> lock(world->mutex);
  if (started - completed == kMpiCalls)
    FLEET_RETURN_IF_ERROR(finish(lock, completed + 1));
  FLEET_ASSIGN_OR_RETURN(Ticket ticket, begin(call));
  if (!driver.joinable())
    driver = std::thread([this] { driveMessages(); });
  driving = true;
  lock.unlock();
  handedOver.notify_all();
  return ticket;
}

Status MpiCollective::run(const CollectiveCall &call) {
  std::unique_lock<std::mutex> lock(world->mutex);
  driving = false;
  while (started - completed >= kMpiCalls)
    FLEET_RETURN_IF_ERROR(finish(lock, completed + 1));
  FLEET_ASSIGN_OR_RETURN(Ticket ticket, begin(call));
  while (completed < ticket)
    FLEET_RETURN_IF_ERROR(finish(lock, completed + 1));
  return Status();
}

Status MpiCollective::wait(Ticket ticket) {
  std::unique_lock<std::mutex> lock(world->mutex);
  if (ticket == 0 || ticket > started)
    return makeError(StatusCode::InvalidArgument,
                     "there is no call {} to wait for", ticket);
  driving = false;
  while (completed < ticket)
    FLEET_RETURN_IF_ERROR(finish(lock, completed + 1));
  bool more = driving = completed < started;
  lock.unlock();
  if (more)
    handedOver.notify_all();
  return Status();
}

StatusOr<Collective::Ticket> MpiCollective::begin(const CollectiveCall &call) {
  // What others tell costs as much to look for as a small call: who has to wait
  // does, and who starts one call in a few.
  if (started % kMpiCalls == 0)
    world->poll();
  if (!world->failure().ok())
    return addCall(world->failure(), CallSignature(call), started + 1);
  if (Status status = checkCall(call, rank(), size()); !status.ok()) {
    world->fail(status.withContext(fmt::format("rank {}", names[self])));
    return status;
  }
  uint64_t number = ++started;
  Call &entry = calls[number % kMpiCalls];
  entry.call = call;
  entry.number = number;
  if (Status status = sendOpening(entry); !status.ok()) {
    world->fail(addCall(status, CallSignature(call), number));
    return world->failure();
  }
  sent.store(sent.load(std::memory_order_relaxed) + partBytes(call),
             std::memory_order_relaxed);
  return number;
}

/// Every call in flight as far as it can go.
Status MpiCollective::advance() {
  for (uint64_t number = completed + 1; number <= started; ++number)
    FLEET_RETURN_IF_ERROR(advance(calls[number % kMpiCalls]));
  return Status();
}

Status MpiCollective::advance(Call &call) {
  while (call.step != 0) {
    int done = 1;
    if (int code =
            MPI_Testall(static_cast<int>(call.requests.size()),
                        call.requests.data(), &done, MPI_STATUSES_IGNORE);
        code != MPI_SUCCESS) {
      // Messages do not fit when ranks disagree.
      FLEET_RETURN_IF_ERROR(checkOpenings(call));
      return mpiStatus(code, "MPI_Testall");
    }
    if (!done)
      return Status();
    call.requests.resize(size());
    if (call.step == 1) {
      FLEET_RETURN_IF_ERROR(compare(call));
      if (isSmall(call.call)) {
        readSmall(call);
        complete(call);
      } else {
        FLEET_RETURN_IF_ERROR(reduceParts(call));
      }
    } else {
      complete(call);
    }
  }
  return Status();
}

void MpiCollective::complete(Call &call) {
  call.step = 0;
  freeOpenings.push_back(std::move(call.openings));
  if (call.parts.size() > 0)
    freeParts.push_back(std::move(call.parts));
  call.openings = AlignedBuffer();
  call.parts = AlignedBuffer();
}

/// Whether ranks disagree whose messages can never all arrive.
Status MpiCollective::checkOpenings(Call &call) {
  if (call.step != 1)
    return Status();
  int here = 1;
  for (uint32_t r = 0; r < size() && here; ++r)
    MPI_Test(&call.requests[r], &here, MPI_STATUS_IGNORE);
  return here ? compare(call) : Status();
}

Status MpiCollective::compare(Call &call) {
  bool agree = true;
  for (uint32_t r = 0; r < size(); ++r)
    agree &= headOf(call, r).signature == headOf(call, rank()).signature;
  if (agree)
    return Status();
  std::vector<CallSignature> all;
  for (uint32_t r = 0; r < size(); ++r)
    all.push_back(headOf(call, r).signature);
  return compareCalls(all, names, call.number);
}

/// Waits for the oldest call, number `number`.
Status MpiCollective::finish(std::unique_lock<std::mutex> &lock,
                             uint64_t number) {
  Call &call = calls[number % kMpiCalls];
  TimePoint deadline = std::chrono::steady_clock::now() + world->deadline;
  CallSignature signature(call.call);
  auto end = [&](const Status &status) {
    world->fail(addCall(status, signature, number));
    return status;
  };
  for (;;) {
    for (int look = 0; look < kLooks; ++look) {
      if (Status status = advance(call); !status.ok())
        return end(status);
      if (call.step == 0) {
        completed = number;
        return Status();
      }
    }
    for (uint64_t later = number + 1; later <= started; ++later)
      if (Status status = advance(calls[later % kMpiCalls]); !status.ok())
        return end(status);
    world->poll();
    if (Status status = checkOpenings(call); !status.ok())
      return end(status);
    if (!world->failure().ok())
      return addCall(world->failure(), signature, number);
    if (Status status = endAt(call, "left before it"); !status.ok())
      return status;
    if (std::chrono::steady_clock::now() >= deadline)
      return endAt(call, nullptr);
    // Others of this process get a turn: another group's calls, abort().
    lock.unlock();
    lock.lock();
  }
}

/// Ends the job when somebody has left (with `what`), or because it is time.
Status MpiCollective::endAt(Call &call, const char *what) {
  std::vector<uint32_t> missing, unfinished;
  for (uint32_t r = 0; r < size(); ++r) {
    if (r == rank() || (what && !world->hasLeft(names[r])))
      continue;
    unfinished.push_back(names[r]);
    int here = 1;
    if (call.step == 1)
      MPI_Test(&call.requests[r], &here, MPI_STATUS_IGNORE);
    if (!here)
      missing.push_back(names[r]);
  }
  if (what && missing.empty())
    return Status();
  std::string text = describeCall(CallSignature(call.call), call.number);
  double seconds = std::chrono::duration<double>(world->deadline).count();
  if (what)
    world->fail(makeError(StatusCode::Unavailable, "{}: {} {}", text,
                          describeRanks(missing), what));
  else if (!missing.empty())
    world->fail(makeError(StatusCode::DeadlineExceeded,
                          "{}: {} did not come within {} s", text,
                          describeRanks(missing), seconds));
  else
    world->fail(makeError(StatusCode::DeadlineExceeded,
                          "{}: one of {} did not finish within {} s", text,
                          describeRanks(unfinished), seconds));
  return world->failure();
}

/// The body of the thread that looks after messages while nobody waits.
void MpiCollective::driveMessages() {
  std::unique_lock<std::mutex> lock(world->mutex);
  while (!stopping) {
    handedOver.wait(lock, [&] { return stopping || driving; });
    TimePoint hardUntil = std::chrono::steady_clock::now() + kDriveHard;
    while (driving && !stopping) {
      if (Status status = advance(); !status.ok()) {
        // Who waits next is told.
        world->fail(addCall(
            status, CallSignature(calls[(completed + 1) % kMpiCalls].call),
            completed + 1));
        driving = false;
      }
      bool idle = true;
      for (uint64_t n = completed + 1; n <= started; ++n)
        idle &= calls[n % kMpiCalls].step == 0;
      if (idle)
        driving = false;
      if (!driving)
        break;
      lock.unlock();
      if (std::chrono::steady_clock::now() < hardUntil)
        sched_yield();
      else
        std::this_thread::sleep_for(kDriveEvery);
      lock.lock();
    }
  }
}

StatusOr<std::unique_ptr<Collective>> MpiCollective::split(uint32_t colour,
                                                           uint32_t key) {
  FLEET_ASSIGN_OR_RETURN(SplitMembers split, splitMembers(*this, colour, key));
  std::lock_guard<std::mutex> lock(world->mutex);
  // A colour of MPI is not negative: the first of the ranks is one.
  MPI_Comm part = MPI_COMM_NULL;
  FLEET_RETURN_IF_ERROR(mpiStatus(
      MPI_Comm_split(communicator, static_cast<int>(split.members.front()),
                     static_cast<int>(split.rank), &part),
      "MPI_Comm_split"));
  MPI_Comm_set_errhandler(part, MPI_ERRORS_RETURN);
  std::vector<uint32_t> members;
  for (uint32_t member : split.members)
    members.push_back(names[member]);
  return std::unique_ptr<Collective>(
      new MpiCollective(world, part, std::move(members), split.rank,
                        /*whole=*/false));
}
