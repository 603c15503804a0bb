//===- CollectiveRows.cpp - Rows that all trainers have -------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/CollectiveRows.h"

#include "runtime/base/DataTypes.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace fleet;

/// Rows that are broadcast at once.
static constexpr int64_t kBroadcastRows = int64_t(1) << 16;

/// Makes `buffer` at least so large, with some room to grow.
static Status reserve(AlignedBuffer &buffer, size_t bytes) {
  if (buffer.size() >= bytes)
    return Status();
  FLEET_ASSIGN_OR_RETURN(
      buffer, AlignedBuffer::allocate(bytes + bytes / 4, "rows of trainers"));
  std::memset(buffer.data(), 0, buffer.size());
  return Status();
}

/// So that all ranks know how long the parts of the others are.
Status RowMerge::gatherCounts(int64_t count) {
  counts.resize(collective->size());
  counts[collective->rank()] = count;
  CollectiveCall call;
  call.kind = CollectiveCall::Kind::AllGather;
  call.dtype = plan::I64;
  call.in = &counts[collective->rank()];
  call.out = counts.data();
  call.count = 1;
  FLEET_RETURN_IF_ERROR(collective->run(call));
  auto wrong = std::find_if(counts.begin(), counts.end(), [](int64_t c) {
    return c < 0 || c > RowBatch::kMaxIds;
  });
  if (wrong == counts.end())
    return Status();
  return makeError(StatusCode::InvalidArgument, "rank {} has {} rows in a step",
                   wrong - counts.begin(), *wrong);
}

/// `parts` has the gradients of this trainer's lists.
Status RowMerge::exchange(int64_t count) {
  FLEET_RETURN_IF_ERROR(gatherCounts(count));
  // Parts of one length, which all-gather wants; steps of trainers are about
  // equally long.
  auto longest =
      static_cast<size_t>(*std::max_element(counts.begin(), counts.end()));
  size_t bytes = all.rowBytes();
  FLEET_RETURN_IF_ERROR(
      reserve(ids, collective->size() * longest * sizeof(int64_t)));
  FLEET_RETURN_IF_ERROR(
      reserve(gradients, collective->size() * longest * bytes));
  auto part = [&](AlignedBuffer &buffer, size_t rank, size_t rowBytes) {
    return buffer.data() + rank * longest * rowBytes;
  };
  std::byte *ownIds = part(ids, collective->rank(), sizeof(int64_t));
  std::byte *ownGradients = part(gradients, collective->rank(), bytes);
  if (count > 0) {
    std::memcpy(ownIds, own.batch->ids(),
                static_cast<size_t>(count) * sizeof(int64_t));
    own.batch->sum(parts.data(), nullptr, ownGradients);
  }
  if (longest > 0) {
    CollectiveCall call;
    call.kind = CollectiveCall::Kind::AllGather;
    call.dtype = plan::I64;
    call.in = ownIds;
    call.out = ids.data();
    call.count = longest;
    FLEET_ASSIGN_OR_RETURN(Collective::Ticket first, collective->start(call));
    call.dtype = dtype;
    call.in = ownGradients;
    call.out = gradients.data();
    call.count = longest * bytes / dataTypeSize(dtype);
    FLEET_ASSIGN_OR_RETURN(Collective::Ticket second, collective->start(call));
    FLEET_RETURN_IF_ERROR(collective->wait(first));
    FLEET_RETURN_IF_ERROR(collective->wait(second));
  }
  lists.clear();
  parts.clear();
  for (size_t rank = 0; rank < collective->size(); ++rank) {
    lists.push_back(
        {part(ids, rank, sizeof(int64_t)), plan::I64, counts[rank]});
    parts.push_back(part(gradients, rank, bytes));
  }
  FLEET_RETURN_IF_ERROR(all.build(lists));
  FLEET_ASSIGN_OR_RETURN(sums, all.makeRoom());
  all.sum(parts.data(), nullptr, sums);
  merged = &all;
  return Status();
}

Status RowMerge::run(void *const *operands) {
  FLEET_RETURN_IF_ERROR(own.build(operands));
  parts.clear();
  for (const RowItems::Item &item : own.items)
    parts.push_back(operands[item.rows]);
  if (collective)
    return exchange(own.batch->size());
  FLEET_ASSIGN_OR_RETURN(sums, own.batch->makeRoom());
  own.batch->sum(parts.data(), nullptr, sums);
  merged = own.batch.get();
  return Status();
}

Status RowMerge::runEmpty() { return exchange(0); }

Status fleet::broadcastRows(RowTable &rows, size_t component, uint32_t root,
                            Collective &collective) {
  const RowTable::Component &part = rows.components()[component];
  int64_t all = rows.rowLimit();
  int64_t most = std::min(all, kBroadcastRows);
  std::vector<int64_t> ids(static_cast<size_t>(most));
  FLEET_ASSIGN_OR_RETURN(
      AlignedBuffer buffer,
      AlignedBuffer::allocate(static_cast<size_t>(most) * part.bytes,
                              "rows of trainers"));
  for (int64_t first = 0; first < all; first += most) {
    int64_t count = std::min(most, all - first);
    std::iota(ids.begin(), ids.end(), first);
    bool gives = collective.rank() == root;
    if (gives)
      FLEET_RETURN_IF_ERROR(
          rows.read(component, ids.data(), count, buffer.data()));
    CollectiveCall call;
    call.kind = CollectiveCall::Kind::Broadcast;
    call.dtype = rows.dtype();
    call.in = call.out = buffer.data();
    call.count = static_cast<size_t>(count * part.columns);
    call.root = root;
    FLEET_RETURN_IF_ERROR(collective.run(call));
    if (!gives)
      FLEET_RETURN_IF_ERROR(
          rows.assign(component, ids.data(), count, buffer.data()));
  }
  return Status();
}
