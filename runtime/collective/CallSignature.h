//===- CallSignature.h - What ranks have to agree on ------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_CALLSIGNATURE_H
#define FLEET_RUNTIME_COLLECTIVE_CALLSIGNATURE_H

#include "runtime/collective/Collective.h"

#include <vector>

namespace fleet {

/// What is the same on all ranks of a call. Plain data: it lies in shared
/// memory too, so `kind` and the others may be anything there.
struct CallSignature {
  uint32_t kind = 0;
  uint32_t dtype = 0;
  uint32_t reduction = 0;
  uint32_t root = 0;
  uint64_t count = 0;

  CallSignature() = default;
  /// What does not matter for the kind is zero.
  explicit CallSignature(const CollectiveCall &call);

  bool operator==(const CallSignature &other) const {
    return kind == other.kind && dtype == other.dtype &&
           reduction == other.reduction && root == other.root &&
           count == other.count;
  }
  bool operator!=(const CallSignature &other) const {
    return !(*this == other);
  }
};

/// "all-reduce 3 (sum of 1000 f32)" for the third call of a group.
std::string describeCall(const CallSignature &signature, uint64_t number);

/// `failure` of a group, with the call that it ended before it unless it names
/// that already.
Status addCall(const Status &failure, const CallSignature &signature,
               uint64_t number);

/// Whether a rank may make `call` in a group of `size`: types, pointers, root,
/// overlap.
Status checkCall(const CollectiveCall &call, uint32_t rank, uint32_t size);

/// Nothing when all `signatures`, one a rank, are equal; otherwise an error
/// that names the first rank that differs from the first, and what both called.
/// `names` are the ranks' numbers in messages.
Status compareCalls(const std::vector<CallSignature> &signatures,
                    const std::vector<uint32_t> &names, uint64_t number);

/// "rank 2", "ranks 1, 2".
std::string describeRanks(const std::vector<uint32_t> &names);

/// Bytes of one rank's part: `count` elements.
size_t partBytes(const CollectiveCall &call);

/// Elements [begin, end) of `count` that rank `rank` of `size` reduces for all;
/// cut at cache lines.
struct Slice {
  size_t begin, end;
};
Slice sliceOf(size_t count, size_t elementBytes, uint32_t rank, uint32_t size);

/// The ranks of a group made by Collective::split, in their order.
struct SplitMembers {
  std::vector<uint32_t> members; ///< ranks of the old group
  uint32_t rank = 0;             ///< this one's in the new group
};
/// Exchanges colours and keys by one all-gather of `collective`.
StatusOr<SplitMembers> splitMembers(Collective &collective, uint32_t colour,
                                    uint32_t key);

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_CALLSIGNATURE_H
