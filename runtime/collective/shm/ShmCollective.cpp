//===- ShmCollective.cpp - Ranks that share memory ------------------------===//

#include "runtime/collective/shm/ShmCollective.h"

#include "runtime/base/DataTypes.h"
#include "runtime/collective/Reduce.h"
#include "runtime/collective/shm/ShmBuffers.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

using Kind = CollectiveCall::Kind;

ShmCollective::ShmCollective(std::shared_ptr<ShmArena> arena,
                             std::shared_ptr<Rendezvous> rendezvous,
                             std::vector<uint32_t> names, uint32_t self,
                             ShmRank *blocks)
    : group(std::move(arena), std::move(rendezvous), std::move(names), self,
            blocks),
      buffers(group.size()), signatures(group.size()), inputs(group.size()),
      outputs(group.size()) {}

StatusOr<std::unique_ptr<Collective>>
ShmCollective::create(std::shared_ptr<Rendezvous> rendezvous) {
  FLEET_ASSIGN_OR_RETURN(std::shared_ptr<ShmArena> arena,
                         ShmArena::create(*rendezvous));
  uint32_t ranks = rendezvous->size(), self = rendezvous->rank();
  uint64_t control = 0, mine = 0;
  Status status;
  auto allocate = [&](size_t bytes, uint64_t &offset) {
    auto got = arena->allocate(bytes);
    if (got.ok())
      offset = *got;
    else if (status.ok())
      status = got.status();
  };
  if (self == 0)
    allocate(ranks * sizeof(ShmRank), control);
  allocate(kShmBufferBytes, mine);
  // Everybody learns where everybody's buffers are, or that they are not.
  FLEET_ASSIGN_OR_RETURN(
      std::vector<std::string> all,
      rendezvous->exchange(status.ok() ? fmt::format("{} {}", control, mine)
                                       : "!" + status.message()));
  std::vector<uint32_t> names;
  for (uint32_t r = 0; r < ranks; ++r) {
    names.push_back(r);
    if (all[r].rfind('!', 0) == 0)
      return makeError(StatusCode::InvalidArgument, "rank {}: {}", r,
                       all[r].substr(1));
  }
  std::vector<std::byte *> buffers;
  for (uint32_t r = 0; r < ranks; ++r) {
    unsigned long long where = 0, buffer = 0;
    if (std::sscanf(all[r].c_str(), "%llu %llu", &where, &buffer) != 2)
      return makeError(StatusCode::DataLoss,
                       "rank {} said '{}' instead of where its buffers are", r,
                       all[r]);
    if (r == 0)
      control = where;
    buffers.push_back(arena->at(r, buffer, kShmBufferBytes));
  }
  std::byte *blocks = arena->at(0, control, ranks * sizeof(ShmRank));
  if (!blocks || control % alignof(ShmRank) != 0 ||
      std::count(buffers.begin(), buffers.end(), nullptr) != 0)
    return makeError(StatusCode::DataLoss,
                     "a rank has its buffers outside of the shared memory");
  std::unique_ptr<ShmCollective> collective(new ShmCollective(
      arena, rendezvous, names, self, reinterpret_cast<ShmRank *>(blocks)));
  collective->buffers = std::move(buffers);
  return std::unique_ptr<Collective>(std::move(collective));
}

StatusOr<std::unique_ptr<Collective>> ShmCollective::split(uint32_t colour,
                                                           uint32_t key) {
  FLEET_ASSIGN_OR_RETURN(SplitMembers split, splitMembers(*this, colour, key));
  // The first of the new ranks has the blocks, each its own buffers.
  int64_t mine[2] = {-1, -1};
  Status status;
  auto allocate = [&](size_t bytes, int64_t &offset) {
    auto got = group.arena->allocate(bytes);
    if (got.ok())
      offset = static_cast<int64_t>(*got);
    else if (status.ok())
      status = got.status();
  };
  uint32_t ranks = static_cast<uint32_t>(split.members.size());
  if (split.rank == 0)
    allocate(ranks * sizeof(ShmRank), mine[0]);
  allocate(kShmBufferBytes, mine[1]);
  if (!status.ok())
    abort(status.message());
  std::vector<int64_t> all(2 * size());
  CollectiveCall call;
  call.kind = Kind::AllGather;
  call.dtype = plan::I64;
  call.in = mine;
  call.out = all.data();
  call.count = 2;
  FLEET_RETURN_IF_ERROR(run(call));
  std::vector<uint32_t> names;
  std::vector<std::byte *> found;
  for (uint32_t member : split.members) {
    names.push_back(group.names[member]);
    found.push_back(group.arena->at(names.back(),
                                    static_cast<uint64_t>(all[2 * member + 1]),
                                    kShmBufferBytes));
  }
  std::byte *blocks = group.arena->at(
      names.front(), static_cast<uint64_t>(all[2 * split.members.front()]),
      ranks * sizeof(ShmRank));
  if (!blocks || std::count(found.begin(), found.end(), nullptr) != 0)
    return makeError(StatusCode::DataLoss,
                     "a rank has its buffers outside of the shared memory");
  std::unique_ptr<ShmCollective> part(
      new ShmCollective(group.arena, group.rendezvous, std::move(names),
                        split.rank, reinterpret_cast<ShmRank *>(blocks)));
  part->buffers = std::move(found);
  return std::unique_ptr<Collective>(std::move(part));
}

StatusOr<void *> ShmCollective::allocate(size_t bytes) {
  FLEET_ASSIGN_OR_RETURN(uint64_t offset, group.arena->allocate(bytes));
  return static_cast<void *>(
      group.arena->at(group.names[group.self], offset, bytes));
}

void ShmCollective::abort(const std::string &reason) {
  group.rendezvous->fail(makeError(StatusCode::Aborted, "rank {}: {}",
                                   group.names[group.self], reason));
}

std::byte *ShmCollective::smallBuffer(uint32_t rank, uint64_t number) const {
  return buffers[rank] + number % kShmCalls * kShmSmallBytes;
}

std::byte *ShmCollective::chunkBuffer(uint32_t rank, uint64_t chunk) const {
  return buffers[rank] + kShmCalls * kShmSmallBytes +
         chunk % kShmChunks * kShmChunkBytes;
}

/// What a rank lays out for others.
static size_t inputBytes(const CollectiveCall &call, uint32_t ranks) {
  return call.kind == Kind::ReduceScatter ? partBytes(call) * ranks
                                          : partBytes(call);
}

static bool isSmall(const CollectiveCall &call, uint32_t ranks) {
  return inputBytes(call, ranks) <= kShmSmallBytes;
}

StatusOr<Collective::Ticket> ShmCollective::enter(const CollectiveCall &call) {
  if (Status failure = group.failure(); !failure.ok())
    return addCall(failure, CallSignature(call), started + 1);
  if (Status status = checkCall(call, rank(), size()); !status.ok()) {
    abort(status.message());
    return status;
  }
  if (started - completed == kShmCalls)
    FLEET_RETURN_IF_ERROR(finish(completed + 1));
  FLEET_RETURN_IF_ERROR(begin(call, started + 1));
  return ++started;
}

StatusOr<Collective::Ticket> ShmCollective::start(const CollectiveCall &call) {
  auto ticket = enter(call);
  group.wakeSleepers();
  return ticket;
}

Status ShmCollective::run(const CollectiveCall &call) {
  FLEET_ASSIGN_OR_RETURN(Ticket ticket, enter(call));
  return wait(ticket);
}

/// Says that this rank is there.
Status ShmCollective::begin(const CollectiveCall &call, uint64_t number) {
  CallSignature signature(call);
  // Nobody reads any more what lies where this arrival goes.
  if (number > kShmCalls)
    FLEET_RETURN_IF_ERROR(
        group.await(&ShmRank::finished, number - kShmCalls, signature, number));
  size_t bytes = inputBytes(call, size());
  bool gives = call.kind != Kind::Broadcast || call.root == rank();
  ShmArrival &arrival = group.mine().arrivals[number % kShmCalls];
  arrival.signature = signature;
  arrival.in = arrival.out = kShmPrivate;
  if (isSmall(call, size())) {
    if (bytes > 0 && gives)
      copyToShared(smallBuffer(rank(), number),
                   static_cast<const std::byte *>(call.in), bytes);
  } else {
    size_t outBytes =
        call.kind == Kind::AllGather ? bytes * size() : partBytes(call);
    arrival.in = group.arena->find(gives ? call.in : call.out, bytes)
                     .value_or(kShmPrivate);
    arrival.out = group.arena->find(call.out, outBytes).value_or(kShmPrivate);
  }
  pending[number % kShmCalls] = call;
  group.post(arrival.number, number);
  sent.store(sent.load(std::memory_order_relaxed) + partBytes(call),
             std::memory_order_relaxed);
  return Status();
}

Status ShmCollective::wait(Ticket ticket) {
  if (ticket == 0 || ticket > started)
    return makeError(StatusCode::InvalidArgument,
                     "there is no call {} to wait for", ticket);
  Status status;
  while (status.ok() && completed < ticket)
    status = finish(completed + 1);
  group.wakeSleepers();
  return status;
}

Status ShmCollective::finish(uint64_t number) {
  const CollectiveCall &call = pending[number % kShmCalls];
  CallSignature signature(call);
  FLEET_RETURN_IF_ERROR(group.awaitArrival(signature, number));
  bool direct = true, agree = true;
  for (uint32_t r = 0; r < size(); ++r) {
    const ShmArrival &arrival = group.block(r).arrivals[number % kShmCalls];
    signatures[r] = arrival.signature;
    agree &= signatures[r] == signature;
    direct &= arrival.in != kShmPrivate && arrival.out != kShmPrivate;
  }
  if (!agree) {
    Status status = compareCalls(signatures, group.names, number);
    group.rendezvous->fail(status);
    return status;
  }
  if (isSmall(call, size()))
    readSmall(call, number);
  else
    FLEET_RETURN_IF_ERROR(direct ? runDirect(call, number)
                                 : runStaged(call, number));
  completed = number;
  return Status();
}

void ShmCollective::readSmall(const CollectiveCall &call, uint64_t number) {
  size_t part = partBytes(call);
  if (part > 0) {
    std::byte *out = static_cast<std::byte *>(call.out);
    switch (call.kind) {
    case Kind::AllReduce:
    case Kind::ReduceScatter:
      for (uint32_t r = 0; r < size(); ++r)
        inputs[r] = smallBuffer(r, number) +
                    (call.kind == Kind::ReduceScatter ? rank() * part : 0);
      reduceElements(call.dtype, call.reduction, inputs.data(), size(),
                     &call.out, 1, call.count);
      break;
    case Kind::AllGather:
      for (uint32_t r = 0; r < size(); ++r)
        std::memcpy(out + r * part, smallBuffer(r, number), part);
      break;
    case Kind::Broadcast:
      std::memcpy(out, smallBuffer(call.root, number), part);
      break;
    case Kind::Barrier:
      break;
    }
  }
  group.post(group.mine().finished.value, number);
}

StatusOr<std::byte *> ShmCollective::resolve(uint32_t rank, uint64_t offset,
                                             size_t bytes) {
  std::byte *memory = group.arena->at(group.names[rank], offset, bytes);
  if (memory)
    return memory;
  Status status = makeError(StatusCode::DataLoss,
                            "rank {} has memory of a call outside of the "
                            "shared memory",
                            group.names[rank]);
  group.rendezvous->fail(status);
  return status;
}

Status ShmCollective::runDirect(const CollectiveCall &call, uint64_t number) {
  size_t part = partBytes(call), element = dataTypeSize(call.dtype);
  Slice slice = sliceOf(call.count, element, rank(), size());
  for (uint32_t r = 0; r < size(); ++r) {
    const ShmArrival &arrival = group.block(r).arrivals[number % kShmCalls];
    FLEET_ASSIGN_OR_RETURN(std::byte * in,
                           resolve(r, arrival.in, inputBytes(call, size())));
    FLEET_ASSIGN_OR_RETURN(
        std::byte * out,
        resolve(r, arrival.out,
                call.kind == Kind::AllGather ? part * size() : part));
    if (call.kind == Kind::ReduceScatter)
      in += rank() * part;
    if (call.kind == Kind::AllReduce) {
      in += slice.begin * element;
      out += slice.begin * element;
    }
    inputs[r] = in;
    outputs[r] = out;
  }
  std::byte *out = static_cast<std::byte *>(call.out);
  switch (call.kind) {
  case Kind::AllReduce:
    reduceElements(call.dtype, call.reduction, inputs.data(), size(),
                   outputs.data(), size(), slice.end - slice.begin);
    break;
  case Kind::ReduceScatter:
    reduceElements(call.dtype, call.reduction, inputs.data(), size(), &call.out,
                   1, call.count);
    break;
  case Kind::AllGather:
    for (uint32_t r = 0; r < size(); ++r)
      if (out + r * part != inputs[r])
        std::memcpy(out + r * part, inputs[r], part);
    break;
  case Kind::Broadcast:
    if (out != inputs[call.root])
      std::memcpy(out, inputs[call.root], part);
    break;
  case Kind::Barrier:
    break;
  }
  group.post(group.mine().finished.value, number);
  return group.await(&ShmRank::finished, number, CallSignature(call), number);
}
