//===- ParameterService.h - What a server does with gradients ---*- C++ -*-===//
//
// The parameter service as a state machine: no threads, no sockets.
// Synchronous: a step is applied when every trainer that is still training has
// pushed it; gradients are merged in rank order, weighted by examples, and the
// update function of every block runs. Half-asynchronous: the same happens for
// each push by itself, in the order of their arrival. A push is applied exactly
// once: each trainer has a high-water mark, and a step at or below it is a
// duplicate.
//
// Some blocks are updated by a number that depends on the gradients of others,
// on other servers too. Then a synchronous step has two phases: gradients are
// merged and each such block's part of a sum is computed; when the first
// trainer brings the sums, the step is applied. All trainers have to bring the
// same.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PS_PARAMETERSERVICE_H
#define FLEET_RUNTIME_PS_PARAMETERSERVICE_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Clock.h"
#include "runtime/base/Status.h"
#include "runtime/ps/RowFrames.h"
#include "runtime/table/RowBatch.h"
#include "runtime/table/RowTable.h"

#include <functional>
#include <vector>

namespace fleet {

/// Elements [begin, end) of a merged gradient, until the next call.
using MergedPiece = std::function<const void *(size_t begin, size_t end)>;

/// One block that a server owns.
struct ServiceBlock {
  std::string name;
  plan::DataType dtype; ///< F32 or F64
  size_t bytes;
  const void *parameter; ///< what trainers receive
  bool hasPart = false;  ///< SYNC: has a part in a sum that its update needs
  /// SYNC, optional: does what the update does, with a gradient that it asks
  /// for piece by piece, each once and in their order; so a piece is updated by
  /// while it is in the cache in which it was merged.
  std::function<Status(const MergedPiece &)> updateInPieces{};
};

/// A table that a server owns a shard of.
struct ServiceTable {
  RowTable *rows;
  /// Updates some rows, which differ, by a gradient each.
  std::function<Status(const int64_t *ids, int64_t count,
                       const void *gradients)>
      update;
  /// Ends a step, after all of its rows; may be empty.
  std::function<Status()> advance;
};

/// More rows than this in a trainer's part of a batch are refused, so that sums
/// over all trainers stay exact.
constexpr uint64_t kMaxExamples = uint64_t(1) << 40;

/// Runs the update function of block number `block` on its merged gradient,
/// which lies there until it returns. `second` is its other argument. In mode
/// SYNC: the sum that a block with a part needs, one element of the block's
/// type; null for others. Else: what the parameter was when the trainer of the
/// gradient received it last.
using UpdateFunction = std::function<Status(size_t block, const void *gradient,
                                            const void *second)>;

/// Makes the part of block number `block` from its merged gradient.
using PartFunction =
    std::function<StatusOr<double>(size_t block, const void *gradient)>;

/// What a trainer gives to the gradient of a block.
struct Contribution {
  void *gradient;
  uint64_t examples; ///< with 0 its gradient is not read
};

/// The sum over r of (examples[r] / sum of examples) * gradients[r], in that
/// order, of `count` elements. It takes the place of the first gradient with
/// examples, which is returned; null when there is none. A single contributor's
/// gradient keeps its bits and is not even read.
template <typename T>
T *mergeGradients(const std::vector<Contribution> &contributions, size_t count);

/// Not thread-safe: the server calls it under one lock. Only the memory of
/// landing() is written outside of it, by the one thread that receives from
/// that trainer.
class ParameterService {
public:
  static StatusOr<std::unique_ptr<ParameterService>>
  create(std::vector<ServiceBlock> blocks, uint32_t trainers,
         plan::SyncMode mode, UpdateFunction update, PartFunction part = {},
         std::vector<ServiceTable> tables = {});

  bool isSynchronous() const { return mode == plan::SYNC; }

  const std::vector<ServiceBlock> &getBlocks() const { return blocks; }
  const std::vector<ServiceTable> &getTables() const { return tables; }
  /// Bytes of a row of each table.
  const std::vector<size_t> &getRowBytes() const { return rowBytes; }

  /// Where the gradient of `block` from trainer `rank` is received.
  void *landing(uint32_t rank, size_t block);

  /// Where the rows in a push from trainer `rank` are received, `bytes` bytes
  /// of them (at most kMaxRowPayload).
  StatusOr<void *> rowLanding(uint32_t rank, uint64_t bytes);
  /// Takes those bytes as the rows of the step that is pushed next. An error
  /// when they are none, or rows that are not here.
  Status takeRows(uint32_t rank, uint64_t bytes);

  enum class Push {
    Duplicate, ///< seen before: nothing happened
    Waiting,   ///< noted; others are missing
    Merged,    ///< it was the last; parts() are there, sums are missing
    Applied    ///< it was the last, or needs no other: it has been applied
  };
  /// Whether `step` from trainer `rank` was pushed before; an error when it is
  /// not the next one. If neither, nobody else touches its landing buffers
  /// until it is pushed.
  StatusOr<bool> isDuplicate(uint32_t rank, uint64_t step) const;

  /// Trainer `rank` has pushed `step` with `examples` rows; with 0 its landing
  /// buffers hold nothing. A step that is not the next one is an error.
  StatusOr<Push> push(uint32_t rank, uint64_t step, uint64_t examples,
                      TimePoint now);

  /// Not SYNC: keeps the parameters as they are now as what trainer `rank` has
  /// received.
  void remember(uint32_t rank);
  /// What was kept of `block`, at first its initial value. Changes in
  /// remember() only.
  const void *received(uint32_t rank, size_t block) const {
    return ranks[rank].received[block].data();
  }

  /// How many blocks have a part.
  size_t numParts() const { return partCount; }
  /// After Push::Merged: one for each such block, in their order.
  const std::vector<double> &parts() const { return partsOfStep; }
  /// After Push::Merged: no trainer had examples, and none will bring sums.
  bool isEmptyStep() const { return isMerged && examplesOfStep == 0; }
  /// True between Push::Merged and settle().
  bool waitsForSums() const { return isMerged; }
  /// Trainer `rank` has added the parts of all servers to `sums`, one for each
  /// block with a part. Applies `step`, or does nothing if another trainer was
  /// first; an error if its sums were others.
  StatusOr<Push> settle(uint32_t rank, uint64_t step,
                        const std::vector<double> &sums, TimePoint now);
  /// Ends a step that isEmptyStep().
  void skip(TimePoint now);

  /// Trainer `rank` will push no more. Merged or Applied if that was what a
  /// step waited for, else Waiting.
  StatusOr<Push> complete(uint32_t rank, TimePoint now);

  bool isComplete(uint32_t rank) const { return ranks[rank].complete; }
  bool allComplete() const;
  /// The last step pushed by `rank`.
  uint64_t highWaterMark(uint32_t rank) const { return ranks[rank].mark; }
  /// Steps, or pushes where each is applied by itself.
  uint64_t appliedSteps() const { return applied; }
  /// The step that trainer `rank` is expected to push.
  uint64_t nextStep(uint32_t rank) const {
    return (isSynchronous() ? applied : ranks[rank].mark) + 1;
  }
  /// The time from which on the next push is due: that of the last step, or of
  /// the last push of the trainer that has been silent for longest.
  TimePoint lastProgress() const;
  /// Trainer `rank` works: it looks rows up.
  void hearFrom(uint32_t rank, TimePoint now) {
    (isSynchronous() ? progress : ranks[rank].pushed) = now;
  }
  /// Something else than a push happened that trainers may have waited for.
  void setLastProgress(TimePoint now) { progress = now; }
  /// The trainers whose push is due.
  std::vector<uint32_t> missingRanks() const;

private:
  struct Rank {
    uint64_t mark = 0; ///< last step pushed
    uint64_t examples = 0;
    TimePoint pushed{}; ///< when
    bool complete = false;
    std::vector<AlignedBuffer> landing;  ///< one a block
    std::vector<AlignedBuffer> received; ///< the same; not SYNC
    AlignedBuffer rowLanding;
    std::vector<RowSpan> rows; ///< in there, one a table
  };

  ParameterService() = default;
  StatusOr<Push> applyIfReady(TimePoint now);
  /// Collects the contributions to `block` of the ranks of which `isPart`;
  /// returns the sum of their examples.
  template <typename IsPart> uint64_t collect(size_t block, IsPart isPart);
  /// Of the collected contributions, those with examples.
  ptrdiff_t contributors() const;
  /// Merges what the ranks have pushed to `block` of which `isPart`; null if
  /// none of them had examples.
  template <typename IsPart> const void *merge(size_t block, IsPart isPart);
  /// Merges, and updates.
  template <typename IsPart> Status apply(IsPart isPart);
  Status applyInPieces(size_t block, uint64_t examples);
  Status computeParts(uint64_t step);
  /// The same for the rows of all tables.
  template <typename IsPart> Status applyTables(IsPart isPart);
  /// The same for the rows of table number `table` that `parts` have pushed.
  Status applyRows(size_t table, const std::vector<const Rank *> &parts);

  std::vector<ServiceBlock> blocks;
  std::vector<ServiceTable> tables;
  std::vector<size_t> rowBytes;
  std::vector<RowBatch> merges; ///< one a table
  std::vector<Rank> ranks;
  plan::SyncMode mode = plan::SYNC;
  UpdateFunction update;
  AlignedBuffer piece; ///< of a merged gradient
  PartFunction part;
  std::vector<Contribution> contributions; ///< to the block at hand
  size_t partCount = 0;
  // Of the step that is merged, until the next one is.
  bool isMerged = false;
  uint64_t examplesOfStep = 0;
  std::vector<const void *> merged; ///< gradients, one a block
  std::vector<double> partsOfStep;
  std::vector<double> sumsOfStep; ///< that it was applied with
  uint64_t applied = 0;
  TimePoint progress{};
};

} // namespace fleet

#endif // FLEET_RUNTIME_PS_PARAMETERSERVICE_H
