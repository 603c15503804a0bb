//===- CallSignature.cpp - What ranks have to agree on --------------------===//

#include "runtime/collective/CallSignature.h"

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/DataTypes.h"
#include "runtime/collective/Reduce.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <tuple>

using namespace fleet;

using Kind = CollectiveCall::Kind;

static bool reduces(Kind kind) {
  return kind == Kind::AllReduce || kind == Kind::ReduceScatter;
}

CallSignature::CallSignature(const CollectiveCall &call)
    : kind(static_cast<uint32_t>(call.kind)) {
  if (call.kind == Kind::Barrier)
    return;
  dtype = static_cast<uint32_t>(call.dtype);
  count = call.count;
  if (reduces(call.kind))
    reduction = static_cast<uint32_t>(call.reduction);
  if (call.kind == Kind::Broadcast)
    root = call.root;
}

static const char *reductionName(Reduction reduction) {
  switch (reduction) {
  case Reduction::Sum:
    return "sum";
  case Reduction::Max:
    return "maximum";
  case Reduction::Min:
    return "minimum";
  }
  return "unknown reduction";
}

std::string fleet::describeCall(const CallSignature &signature,
                                uint64_t number) {
  Kind kind = static_cast<Kind>(signature.kind);
  std::string text = fmt::format("{} {}", collectiveName(kind), number);
  if (kind == Kind::Barrier)
    return text;
  text += " (";
  if (reduces(kind))
    text += fmt::format(
        "{} of ", reductionName(static_cast<Reduction>(signature.reduction)));
  text +=
      fmt::format("{} {}", signature.count,
                  dataTypeName(static_cast<plan::DataType>(signature.dtype)));
  if (kind == Kind::Broadcast)
    text += fmt::format(" from rank {}", signature.root);
  return text + ")";
}

Status fleet::addCall(const Status &failure, const CallSignature &signature,
                      uint64_t number) {
  std::string call = describeCall(signature, number);
  if (failure.message().find(call) != std::string::npos)
    return failure;
  return failure.withContext(call);
}

/// Whether [a, a + aBytes) and [b, b + bBytes) share a byte.
static bool overlap(const void *a, size_t aBytes, const void *b,
                    size_t bBytes) {
  uintptr_t x = reinterpret_cast<uintptr_t>(a);
  uintptr_t y = reinterpret_cast<uintptr_t>(b);
  return aBytes > 0 && bBytes > 0 && x < y + bBytes && y < x + aBytes;
}

Status fleet::checkCall(const CollectiveCall &call, uint32_t rank,
                        uint32_t size) {
  if (call.kind == Kind::Barrier)
    return Status();
  const char *name = collectiveName(call.kind);
  size_t element = dataTypeSize(call.dtype);
  if (element == 0)
    return makeError(StatusCode::InvalidArgument, "{} of unknown elements",
                     name);
  if (reduces(call.kind) && !canReduce(call.dtype))
    return makeError(StatusCode::InvalidArgument,
                     "{} cannot reduce {}; it can f16, bf16, f32, f64, i32 and "
                     "i64",
                     name, dataTypeName(call.dtype));
  if (call.kind == Kind::Broadcast && call.root >= size)
    return makeError(StatusCode::InvalidArgument,
                     "broadcast from rank {} in a group of {}", call.root,
                     size);
  size_t whole = 0;
  if (__builtin_mul_overflow(call.count, element * size, &whole) ||
      whole > PTRDIFF_MAX)
    return makeError(StatusCode::InvalidArgument,
                     "{} of {} elements is more than memory can hold", name,
                     call.count);
  size_t part = call.count * element;
  if (part == 0)
    return Status();
  bool readsIn = call.kind != Kind::Broadcast || call.root == rank;
  if (!call.out || (readsIn && !call.in))
    return makeError(StatusCode::InvalidArgument, "{} without memory", name);
  if (!readsIn)
    return Status();
  size_t inBytes = call.kind == Kind::ReduceScatter ? whole : part;
  size_t outBytes = call.kind == Kind::AllGather ? whole : part;
  const char *in = static_cast<const char *>(call.in);
  const char *out = static_cast<const char *>(call.out);
  bool inPlace = call.kind == Kind::ReduceScatter ? out == in + rank * part
                 : call.kind == Kind::AllGather   ? in == out + rank * part
                                                  : in == out;
  if (!inPlace && overlap(in, inBytes, out, outBytes))
    return makeError(StatusCode::InvalidArgument,
                     "in and out of {} overlap in another way than in place",
                     name);
  return Status();
}

Status fleet::compareCalls(const std::vector<CallSignature> &signatures,
                           const std::vector<uint32_t> &names,
                           uint64_t number) {
  for (size_t r = 1; r < signatures.size(); ++r)
    if (signatures[r] != signatures[0])
      return makeError(StatusCode::InvalidArgument,
                       "rank {} called {}, but rank {} called {}; all ranks "
                       "have to make the same calls in the same order",
                       names[0], describeCall(signatures[0], number), names[r],
                       describeCall(signatures[r], number));
  return Status();
}

std::string fleet::describeRanks(const std::vector<uint32_t> &names) {
  return fmt::format("rank{} {}", names.size() == 1 ? "" : "s",
                     fmt::join(names, ", "));
}

size_t fleet::partBytes(const CollectiveCall &call) {
  return call.kind == Kind::Barrier ? 0 : call.count * dataTypeSize(call.dtype);
}

Slice fleet::sliceOf(size_t count, size_t elementBytes, uint32_t rank,
                     uint32_t size) {
  size_t line = bufferAlignment / elementBytes;
  size_t lines = (count + line - 1) / line;
  size_t share = (lines + size - 1) / size * line;
  return {std::min(count, rank * share), std::min(count, (rank + 1) * share)};
}

StatusOr<SplitMembers> fleet::splitMembers(Collective &collective,
                                           uint32_t colour, uint32_t key) {
  std::vector<int32_t> all(2 * collective.size());
  int32_t *mine = all.data() + 2 * collective.rank();
  mine[0] = static_cast<int32_t>(colour);
  mine[1] = static_cast<int32_t>(key);
  CollectiveCall call;
  call.kind = Kind::AllGather;
  call.dtype = plan::I32;
  call.in = mine;
  call.out = all.data();
  call.count = 2;
  FLEET_RETURN_IF_ERROR(collective.run(call));
  SplitMembers split;
  for (uint32_t r = 0; r < collective.size(); ++r)
    if (static_cast<uint32_t>(all[2 * r]) == colour)
      split.members.push_back(r);
  std::sort(split.members.begin(), split.members.end(),
            [&](uint32_t a, uint32_t b) {
              return std::make_tuple(static_cast<uint32_t>(all[2 * a + 1]), a) <
                     std::make_tuple(static_cast<uint32_t>(all[2 * b + 1]), b);
            });
  auto self =
      std::find(split.members.begin(), split.members.end(), collective.rank());
  split.rank = static_cast<uint32_t>(self - split.members.begin());
  return split;
}
