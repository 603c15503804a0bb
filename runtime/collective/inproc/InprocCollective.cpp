//===- InprocCollective.cpp - Ranks as threads of one process -------------===//

#include "runtime/collective/inproc/InprocCollective.h"

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/DataTypes.h"
#include "runtime/collective/CallSignature.h"
#include "runtime/collective/Reduce.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>

using namespace fleet;

using Kind = CollectiveCall::Kind;

/// What a group shares with all groups that were split off it: they fail
/// together.
struct InprocGroup::Family {
  Duration deadline;
  std::mutex mutex;
  std::condition_variable changed;
  Status failure; ///< the first one
  void fail(Status status) {
    if (failure.ok())
      failure = std::move(status);
    changed.notify_all();
  }
};

/// A call that at least one rank has started.
struct InprocGroup::Call {
  explicit Call(size_t size) : parts(size), here(size), done(size) {}
  std::vector<CollectiveCall> parts;
  std::vector<bool> here, done;
  size_t arrived = 0, finished = 0;
  size_t computing = 0; ///< ranks that touch the others' memory right now
};

InprocGroup::InprocGroup(std::shared_ptr<Family> family,
                         std::vector<uint32_t> names)
    : family(std::move(family)), names(std::move(names)),
      joined(this->names.size()), left(this->names.size()) {}

InprocGroup::~InprocGroup() = default;

std::shared_ptr<InprocGroup> InprocGroup::create(uint32_t size,
                                                 Duration deadline) {
  auto family = std::make_shared<Family>();
  family->deadline = deadline;
  std::vector<uint32_t> names(size);
  for (uint32_t r = 0; r < size; ++r)
    names[r] = r;
  return std::shared_ptr<InprocGroup>(
      new InprocGroup(std::move(family), std::move(names)));
}

namespace fleet {

class InprocCollective final : public Collective {
public:
  InprocCollective(std::shared_ptr<InprocGroup> group, uint32_t self)
      : group(std::move(group)), self(self) {}
  ~InprocCollective() override;

  uint32_t rank() const override { return self; }
  uint32_t size() const override {
    return static_cast<uint32_t>(group->names.size());
  }
  const char *name() const override { return "inproc"; }

  StatusOr<void *> allocate(size_t bytes) override {
    FLEET_ASSIGN_OR_RETURN(
        AlignedBuffer buffer,
        AlignedBuffer::allocate(bytes, "memory of a collective"));
    std::memset(buffer.data(), 0, bytes);
    allocated.push_back(std::move(buffer));
    return static_cast<void *>(allocated.back().data());
  }

  StatusOr<Ticket> start(const CollectiveCall &call) override;
  Status wait(Ticket ticket) override;
  StatusOr<std::unique_ptr<Collective>> split(uint32_t colour,
                                              uint32_t key) override;
  uint64_t bytesSent() const override { return sent; }
  void abort(const std::string &reason) override {
    std::lock_guard<std::mutex> lock(family().mutex);
    family().fail(makeError(StatusCode::Aborted, "rank {}: {}",
                            group->names[self], reason));
  }

private:
  using Call = InprocGroup::Call;

  InprocGroup::Family &family() { return *group->family; }
  Status finish(uint64_t number);
  Status await(std::unique_lock<std::mutex> &lock, const CallSignature &mine,
               uint64_t number, const std::vector<bool> &there,
               const size_t &count, const char *what);
  void awaitOthers(std::unique_lock<std::mutex> &lock, const Call &call);
  void compute(const Call &call);

  std::shared_ptr<InprocGroup> group;
  uint32_t self;
  uint64_t started = 0, completed = 0;
  std::vector<AlignedBuffer> allocated;
  std::atomic<uint64_t> sent{0};
};

} // namespace fleet

StatusOr<std::unique_ptr<Collective>> InprocGroup::join(uint32_t rank) {
  std::lock_guard<std::mutex> lock(family->mutex);
  if (rank >= names.size())
    return makeError(StatusCode::InvalidArgument,
                     "there is no rank {} in a group of {}", rank,
                     names.size());
  if (joined[rank])
    return makeError(StatusCode::InvalidArgument, "rank {} has joined before",
                     rank);
  joined[rank] = true;
  return std::unique_ptr<Collective>(
      std::make_unique<InprocCollective>(shared_from_this(), rank));
}

InprocCollective::~InprocCollective() {
  std::unique_lock<std::mutex> lock(family().mutex);
  group->left[self] = true;
  if (completed < started && family().failure.ok())
    family().fail(makeError(StatusCode::Aborted,
                            "rank {} left before its calls were complete",
                            group->names[self]));
  family().changed.notify_all();
  for (const std::shared_ptr<Call> &call : group->calls)
    if (call->here[self])
      awaitOthers(lock, *call);
}

/// Nobody uses this rank's memory when its call has failed.
void InprocCollective::awaitOthers(std::unique_lock<std::mutex> &lock,
                                   const Call &call) {
  family().changed.wait(lock, [&] { return call.computing == 0; });
}

StatusOr<Collective::Ticket>
InprocCollective::start(const CollectiveCall &call) {
  std::lock_guard<std::mutex> lock(family().mutex);
  if (!family().failure.ok())
    return addCall(family().failure, CallSignature(call), started + 1);
  if (Status status = checkCall(call, self, size()); !status.ok()) {
    family().fail(
        status.withContext(fmt::format("rank {}", group->names[self])));
    return status;
  }
  uint64_t number = ++started;
  size_t index = number - group->firstCall;
  if (index == group->calls.size())
    group->calls.push_back(std::make_shared<Call>(size()));
  Call &entry = *group->calls[index];
  entry.parts[self] = call;
  entry.here[self] = true;
  if (++entry.arrived == size())
    family().changed.notify_all();
  sent += partBytes(call);
  return number;
}

Status InprocCollective::wait(Ticket ticket) {
  if (ticket == 0 || ticket > started)
    return makeError(StatusCode::InvalidArgument,
                     "there is no call {} to wait for", ticket);
  while (completed < ticket)
    FLEET_RETURN_IF_ERROR(finish(completed + 1));
  return Status();
}

/// Returns when `count` is the size of the group; the ranks that are not
/// `there` are to blame when it does not come to that.
Status InprocCollective::await(std::unique_lock<std::mutex> &lock,
                               const CallSignature &mine, uint64_t number,
                               const std::vector<bool> &there,
                               const size_t &count, const char *what) {
  auto missing = [&](bool onlyLeft) {
    std::vector<uint32_t> names;
    for (uint32_t r = 0; r < size(); ++r)
      if (!there[r] && (!onlyLeft || group->left[r]))
        names.push_back(group->names[r]);
    return names;
  };
  auto ends = [&] {
    return count == size() || !family().failure.ok() ||
           !missing(/*onlyLeft=*/true).empty();
  };
  bool inTime = family().changed.wait_for(lock, family().deadline, ends);
  if (count == size())
    return Status();
  if (!family().failure.ok())
    return addCall(family().failure, mine, number);
  std::string call = describeCall(mine, number);
  if (inTime)
    family().fail(makeError(StatusCode::Unavailable, "{}: {} left before it",
                            call, describeRanks(missing(/*onlyLeft=*/true))));
  else
    family().fail(
        makeError(StatusCode::DeadlineExceeded, "{}: {} did not {} within {} s",
                  call, describeRanks(missing(/*onlyLeft=*/false)), what,
                  std::chrono::duration<double>(family().deadline).count()));
  return family().failure;
}

Status InprocCollective::finish(uint64_t number) {
  std::unique_lock<std::mutex> lock(family().mutex);
  std::shared_ptr<Call> call = group->calls[number - group->firstCall];
  CallSignature mine(call->parts[self]);
  FLEET_RETURN_IF_ERROR(
      await(lock, mine, number, call->here, call->arrived, "come"));
  std::vector<CallSignature> signatures;
  for (const CollectiveCall &part : call->parts)
    signatures.emplace_back(part);
  if (Status status = compareCalls(signatures, group->names, number);
      !status.ok())
    family().fail(status);
  if (!family().failure.ok()) {
    awaitOthers(lock, *call);
    return addCall(family().failure, mine, number);
  }
  ++call->computing;
  lock.unlock();
  compute(*call);
  lock.lock();
  --call->computing;
  call->done[self] = true;
  if (++call->finished == size()) {
    // Calls complete in their order, so it is the oldest.
    group->calls.erase(group->calls.begin());
    ++group->firstCall;
  }
  family().changed.notify_all();
  Status status =
      await(lock, mine, number, call->done, call->finished, "finish");
  if (status.ok())
    completed = number;
  else
    awaitOthers(lock, *call);
  return status;
}

/// This rank's share of the work. It writes only what no other reads or writes.
void InprocCollective::compute(const Call &call) {
  const CollectiveCall &mine = call.parts[self];
  size_t part = partBytes(mine);
  if (part == 0)
    return;
  uint32_t ranks = size();
  size_t element = dataTypeSize(mine.dtype);
  switch (mine.kind) {
  case Kind::AllReduce: {
    Slice slice = sliceOf(mine.count, element, self, ranks);
    std::vector<const void *> in;
    std::vector<void *> out;
    for (const CollectiveCall &peer : call.parts) {
      in.push_back(static_cast<const char *>(peer.in) + slice.begin * element);
      out.push_back(static_cast<char *>(peer.out) + slice.begin * element);
    }
    reduceElements(mine.dtype, mine.reduction, in.data(), ranks, out.data(),
                   ranks, slice.end - slice.begin);
    return;
  }
  case Kind::ReduceScatter: {
    std::vector<const void *> in;
    for (const CollectiveCall &peer : call.parts)
      in.push_back(static_cast<const char *>(peer.in) + self * part);
    reduceElements(mine.dtype, mine.reduction, in.data(), ranks, &mine.out, 1,
                   mine.count);
    return;
  }
  case Kind::AllGather:
    for (const CollectiveCall &peer : call.parts)
      if (char *to = static_cast<char *>(peer.out) + self * part; to != mine.in)
        std::memcpy(to, mine.in, part);
    return;
  case Kind::Broadcast:
    if (mine.out != call.parts[mine.root].in)
      std::memcpy(mine.out, call.parts[mine.root].in, part);
    return;
  case Kind::Barrier:
    return;
  }
}

StatusOr<std::unique_ptr<Collective>> InprocCollective::split(uint32_t colour,
                                                              uint32_t key) {
  FLEET_ASSIGN_OR_RETURN(SplitMembers split, splitMembers(*this, colour, key));
  std::vector<uint32_t> names;
  for (uint32_t member : split.members)
    names.push_back(group->names[member]);
  std::shared_ptr<InprocGroup> part;
  {
    std::lock_guard<std::mutex> lock(family().mutex);
    // The first member makes it, the others find it: the same ranks may split
    // again before all have taken theirs, but each finds the oldest in which it
    // is not yet.
    for (auto &[members, made] : group->splits)
      if (std::shared_ptr<InprocGroup> candidate = made.lock();
          candidate && members == names && !candidate->joined[split.rank]) {
        part = candidate;
        break;
      }
    group->splits.erase(std::remove_if(group->splits.begin(),
                                       group->splits.end(),
                                       [](const auto &split) {
                                         return split.second.expired();
                                       }),
                        group->splits.end());
    if (!part) {
      part.reset(new InprocGroup(group->family, names));
      group->splits.emplace_back(names, part);
    }
  }
  return part->join(split.rank);
}
