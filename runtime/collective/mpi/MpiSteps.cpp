//===- MpiSteps.cpp - The messages of a call ------------------------------===//

#include "runtime/base/DataTypes.h"
#include "runtime/collective/Reduce.h"
#include "runtime/collective/mpi/MpiCollective.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

using Kind = CollectiveCall::Kind;

/// MPI counts in int.
static constexpr size_t kMaxMessage = size_t(1) << 30;

/// Tags repeat after more calls than can be in flight.
int MpiCollective::tagOf(const Call &call, bool opening) const {
  return static_cast<int>(call.number % 4096 * 2 + (opening ? 0 : 1));
}

Status MpiCollective::send(Call &call, const std::byte *data, size_t bytes,
                           uint32_t to) {
  for (size_t done = 0; done < bytes; done += kMaxMessage) {
    call.requests.emplace_back();
    FLEET_RETURN_IF_ERROR(mpiStatus(
        MPI_Isend(
            data + done, static_cast<int>(std::min(kMaxMessage, bytes - done)),
            MPI_BYTE, static_cast<int>(to), tagOf(call, /*opening=*/false),
            communicator, &call.requests.back()),
        "MPI_Isend"));
  }
  return Status();
}

Status MpiCollective::receive(Call &call, std::byte *data, size_t bytes,
                              uint32_t from) {
  for (size_t done = 0; done < bytes; done += kMaxMessage) {
    call.requests.emplace_back();
    FLEET_RETURN_IF_ERROR(mpiStatus(
        MPI_Irecv(
            data + done, static_cast<int>(std::min(kMaxMessage, bytes - done)),
            MPI_BYTE, static_cast<int>(from), tagOf(call, /*opening=*/false),
            communicator, &call.requests.back()),
        "MPI_Irecv"));
  }
  return Status();
}

/// Step 1. What arrives may be the opening of any call.
Status MpiCollective::sendOpening(Call &call) {
  if (!freeOpenings.empty()) {
    call.openings = std::move(freeOpenings.back());
    freeOpenings.pop_back();
  } else {
    FLEET_ASSIGN_OR_RETURN(call.openings,
                           AlignedBuffer::allocate(openingBytes * size(),
                                                   "openings of a collective"));
  }
  headOf(call, rank()) = {call.number, CallSignature(call.call)};
  const CollectiveCall &c = call.call;
  bool small = isSmall(c);
  size_t bytes = partBytes(c) * (c.kind == Kind::ReduceScatter ? size() : 1);
  auto gives = [&](uint32_t r) {
    return small && (c.kind != Kind::Broadcast || c.root == r);
  };
  size_t first = std::min(bytes, kMpiFirstBytes), rest = bytes - first;
  if (gives(rank()) && bytes > 0)
    std::memcpy(dataOf(call, rank()), c.in, bytes);
  int tag = tagOf(call, /*opening=*/true);
  call.step = 1;
  for (uint32_t r = 0; r < size(); ++r)
    if (r != rank()) {
      FLEET_RETURN_IF_ERROR(mpiStatus(
          MPI_Irecv(&headOf(call, r),
                    static_cast<int>(sizeof(Head) + kMpiFirstBytes), MPI_BYTE,
                    static_cast<int>(r), tag, communicator, &call.requests[r]),
          "MPI_Irecv"));
      if (gives(r))
        FLEET_RETURN_IF_ERROR(receive(call, dataOf(call, r) + first, rest, r));
    }
  for (uint32_t r = 0; r < size(); ++r)
    if (r != rank()) {
      call.requests.emplace_back();
      FLEET_RETURN_IF_ERROR(
          mpiStatus(MPI_Isend(&headOf(call, rank()),
                              static_cast<int>(sizeof(Head) +
                                               (gives(rank()) ? first : 0)),
                              MPI_BYTE, static_cast<int>(r), tag, communicator,
                              &call.requests.back()),
                    "MPI_Isend"));
      if (gives(rank()))
        FLEET_RETURN_IF_ERROR(
            send(call, dataOf(call, rank()) + first, rest, r));
    }
  return small ? Status() : sendParts(call);
}

/// Everything is here already.
void MpiCollective::readSmall(Call &call) {
  const CollectiveCall &c = call.call;
  size_t part = partBytes(c);
  if (part == 0)
    return;
  std::byte *out = static_cast<std::byte *>(c.out);
  auto data = [&](uint32_t r) { return dataOf(call, r); };
  switch (c.kind) {
  case Kind::AllReduce:
  case Kind::ReduceScatter:
    for (uint32_t r = 0; r < size(); ++r)
      inputs[r] = data(r) + (c.kind == Kind::ReduceScatter ? rank() * part : 0);
    reduceElements(c.dtype, c.reduction, inputs.data(), size(), &c.out, 1,
                   c.count);
    return;
  case Kind::AllGather:
    for (uint32_t r = 0; r < size(); ++r)
      std::memcpy(out + r * part, data(r), part);
    return;
  case Kind::Broadcast:
    std::memcpy(out, data(c.root), part);
    return;
  case Kind::Barrier:
    return;
  }
}

/// The rest of step 1.
Status MpiCollective::sendParts(Call &call) {
  const CollectiveCall &c = call.call;
  size_t part = partBytes(c), element = dataTypeSize(c.dtype);
  const std::byte *in = static_cast<const std::byte *>(c.in);
  std::byte *out = static_cast<std::byte *>(c.out);
  switch (c.kind) {
  case Kind::AllReduce:
  case Kind::ReduceScatter: {
    auto sliceFor = [&](uint32_t r) {
      return c.kind == Kind::AllReduce ? sliceOf(c.count, element, r, size())
                                       : Slice{r * c.count, (r + 1) * c.count};
    };
    Slice mine = sliceFor(rank());
    size_t bytes = (mine.end - mine.begin) * element;
    // At cache lines, so that they are reduced at full speed.
    size_t stride =
        (bytes + bufferAlignment - 1) / bufferAlignment * bufferAlignment;
    if (!freeParts.empty()) {
      call.parts = std::move(freeParts.back());
      freeParts.pop_back();
    }
    if (call.parts.size() < stride * size()) {
      FLEET_ASSIGN_OR_RETURN(
          call.parts,
          AlignedBuffer::allocate(stride * size(), "parts of a collective"));
    }
    for (uint32_t r = 0; r < size(); ++r)
      if (r != rank())
        FLEET_RETURN_IF_ERROR(
            receive(call, call.parts.data() + r * stride, bytes, r));
    for (uint32_t r = 0; r < size(); ++r)
      if (Slice theirs = sliceFor(r); r != rank())
        FLEET_RETURN_IF_ERROR(send(call, in + theirs.begin * element,
                                   (theirs.end - theirs.begin) * element, r));
    return Status();
  }
  case Kind::AllGather:
    for (uint32_t r = 0; r < size(); ++r)
      if (r != rank())
        FLEET_RETURN_IF_ERROR(receive(call, out + r * part, part, r));
    for (uint32_t r = 0; r < size(); ++r)
      if (r != rank())
        FLEET_RETURN_IF_ERROR(send(call, in, part, r));
    if (std::byte *own = out + rank() * part; own != in)
      std::memcpy(own, in, part);
    return Status();
  case Kind::Broadcast:
    if (c.root != rank())
      return receive(call, out, part, c.root);
    for (uint32_t r = 0; r < size(); ++r)
      if (r != rank())
        FLEET_RETURN_IF_ERROR(send(call, in, part, r));
    if (out != in)
      std::memcpy(out, in, part);
    return Status();
  case Kind::Barrier:
    return Status();
  }
  return Status();
}

/// Step 2.
Status MpiCollective::reduceParts(Call &call) {
  const CollectiveCall &c = call.call;
  call.step = 2;
  if (c.kind != Kind::AllReduce && c.kind != Kind::ReduceScatter)
    return Status();
  size_t element = dataTypeSize(c.dtype);
  std::byte *out = static_cast<std::byte *>(c.out);
  bool all = c.kind == Kind::AllReduce;
  Slice mine = all ? sliceOf(c.count, element, rank(), size())
                   : Slice{rank() * c.count, (rank() + 1) * c.count};
  size_t bytes = (mine.end - mine.begin) * element;
  size_t stride =
      (bytes + bufferAlignment - 1) / bufferAlignment * bufferAlignment;
  for (uint32_t r = 0; r < size(); ++r)
    inputs[r] = r == rank() ? static_cast<const std::byte *>(c.in) +
                                  mine.begin * element
                            : call.parts.data() + r * stride;
  void *to = all ? out + mine.begin * element : out;
  reduceElements(c.dtype, c.reduction, inputs.data(), size(), &to, 1,
                 mine.end - mine.begin);
  if (!all)
    return Status();
  for (uint32_t r = 0; r < size(); ++r)
    if (Slice theirs = sliceOf(c.count, element, r, size()); r != rank())
      FLEET_RETURN_IF_ERROR(receive(call, out + theirs.begin * element,
                                    (theirs.end - theirs.begin) * element, r));
  for (uint32_t r = 0; r < size(); ++r)
    if (r != rank())
      FLEET_RETURN_IF_ERROR(send(call, static_cast<std::byte *>(to), bytes, r));
  return Status();
}
