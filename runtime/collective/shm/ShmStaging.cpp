//===- ShmStaging.cpp - Calls on memory of the ranks' own -----------------===//
//
// A chunk is laid out, reduced (in an all-reduce, where each rank reduces its
// slice and leaves the sum with all others, where their cache lines have just
// come from) and taken. Before a rank waits for the others to come so far, it
// has laid out the next.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/DataTypes.h"
#include "runtime/collective/Reduce.h"
#include "runtime/collective/shm/ShmBuffers.h"
#include "runtime/collective/shm/ShmCollective.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

using Kind = CollectiveCall::Kind;

/// Elements [begin, begin + count) of each part, as chunk `number` of the
/// group.
struct ShmCollective::Chunk {
  uint64_t number;
  size_t begin, count;
};

/// Elements of a part in a chunk; a reduce-scatter's chunk has as many of each
/// part. Whole cache lines.
static size_t chunkElements(const CollectiveCall &call, uint32_t ranks) {
  size_t room = kShmChunkBytes / (call.kind == Kind::ReduceScatter ? ranks : 1);
  return std::max<size_t>(1, room / 64) * 64 / dataTypeSize(call.dtype);
}

ShmCollective::Chunk ShmCollective::chunkOf(const CollectiveCall &call,
                                            size_t index) const {
  size_t elements = chunkElements(call, size());
  size_t begin = index * elements;
  return {chunks + index + 1, begin, std::min(elements, call.count - begin)};
}

Status ShmCollective::runStaged(const CollectiveCall &call, uint64_t number) {
  size_t elements = chunkElements(call, size());
  size_t count = (call.count + elements - 1) / elements;
  bool reduces = call.kind == Kind::AllReduce;
  size_t lag = reduces ? 2 : 1;
  for (size_t i = 0; i < count + lag; ++i) {
    if (i < count)
      FLEET_RETURN_IF_ERROR(stage(call, chunkOf(call, i), number));
    if (reduces && i >= 1 && i - 1 < count)
      FLEET_RETURN_IF_ERROR(reduce(call, chunkOf(call, i - 1), number));
    if (i >= lag)
      FLEET_RETURN_IF_ERROR(take(call, chunkOf(call, i - lag), number));
  }
  chunks += count;
  group.post(group.mine().finished.value, number);
  return Status();
}

Status ShmCollective::stage(const CollectiveCall &call, const Chunk &chunk,
                            uint64_t number) {
  // Nobody reads any more what lies there.
  if (chunk.number > kShmChunks)
    FLEET_RETURN_IF_ERROR(group.await(&ShmRank::taken,
                                      chunk.number - kShmChunks,
                                      CallSignature(call), number));
  size_t element = dataTypeSize(call.dtype), bytes = chunk.count * element;
  const std::byte *in = static_cast<const std::byte *>(call.in);
  std::byte *buffer = chunkBuffer(rank(), chunk.number);
  if (call.kind == Kind::ReduceScatter) {
    for (uint32_t r = 0; r < size(); ++r)
      if (r != rank())
        copyToShared(buffer + r * bytes,
                     in + (r * call.count + chunk.begin) * element, bytes);
  } else if (call.kind == Kind::AllReduce) {
    for (uint32_t r = 0; r < size(); ++r) {
      Slice slice = sliceOf(chunk.count, element, r, size());
      if (r != rank())
        copyToShared(buffer + slice.begin * element,
                     in + (chunk.begin + slice.begin) * element,
                     (slice.end - slice.begin) * element);
    }
  } else if (call.kind != Kind::Broadcast || call.root == rank()) {
    copyToShared(buffer, in + chunk.begin * element, bytes);
  }
  group.post(group.mine().staged.value, chunk.number);
  return Status();
}

/// This rank's slice of a chunk of an all-reduce.
Status ShmCollective::reduce(const CollectiveCall &call, const Chunk &chunk,
                             uint64_t number) {
  FLEET_RETURN_IF_ERROR(
      group.await(&ShmRank::staged, chunk.number, CallSignature(call), number));
  size_t element = dataTypeSize(call.dtype);
  Slice slice = sliceOf(chunk.count, element, rank(), size());
  size_t at = (chunk.begin + slice.begin) * element;
  for (uint32_t r = 0; r < size(); ++r) {
    std::byte *theirs = chunkBuffer(r, chunk.number) + slice.begin * element;
    inputs[r] =
        r == rank() ? static_cast<const std::byte *>(call.in) + at : theirs;
    outputs[r] = r == rank() ? static_cast<std::byte *>(call.out) + at : theirs;
  }
  reduceElements(call.dtype, call.reduction, inputs.data(), size(),
                 outputs.data(), size(), slice.end - slice.begin);
  group.post(group.mine().reduced.value, chunk.number);
  return Status();
}

Status ShmCollective::take(const CollectiveCall &call, const Chunk &chunk,
                           uint64_t number) {
  CallSignature signature(call);
  size_t element = dataTypeSize(call.dtype), bytes = chunk.count * element;
  std::byte *out = static_cast<std::byte *>(call.out) + chunk.begin * element;
  const std::byte *in = static_cast<const std::byte *>(call.in);
  if (call.kind == Kind::AllReduce)
    FLEET_RETURN_IF_ERROR(
        group.await(&ShmRank::reduced, chunk.number, signature, number));
  else if (call.kind == Kind::Broadcast)
    FLEET_RETURN_IF_ERROR(group.awaitOne(call.root, &ShmRank::staged,
                                         chunk.number, signature, number));
  else
    FLEET_RETURN_IF_ERROR(
        group.await(&ShmRank::staged, chunk.number, signature, number));
  switch (call.kind) {
  case Kind::AllReduce:
    for (uint32_t r = 0; r < size(); ++r) {
      Slice slice = sliceOf(chunk.count, element, r, size());
      if (r != rank())
        std::memcpy(out + slice.begin * element,
                    chunkBuffer(rank(), chunk.number) + slice.begin * element,
                    (slice.end - slice.begin) * element);
    }
    break;
  case Kind::ReduceScatter:
    for (uint32_t r = 0; r < size(); ++r)
      inputs[r] = r == rank()
                      ? in + (rank() * call.count + chunk.begin) * element
                      : chunkBuffer(r, chunk.number) + rank() * bytes;
    outputs[0] = out;
    reduceElements(call.dtype, call.reduction, inputs.data(), size(),
                   outputs.data(), 1, chunk.count);
    break;
  case Kind::AllGather:
    for (uint32_t r = 0; r < size(); ++r) {
      const std::byte *from = r == rank() ? in + chunk.begin * element
                                          : chunkBuffer(r, chunk.number);
      if (std::byte *to = out + r * call.count * element; to != from)
        std::memcpy(to, from, bytes);
    }
    break;
  case Kind::Broadcast:
    if (call.root != rank())
      std::memcpy(out, chunkBuffer(call.root, chunk.number), bytes);
    else if (out != in + chunk.begin * element)
      std::memcpy(out, in + chunk.begin * element, bytes);
    break;
  case Kind::Barrier:
    break;
  }
  group.post(group.mine().taken.value, chunk.number);
  return Status();
}
