//===- BatchSchedule.h - Which rows a step trains on ------------*- C++ -*-===//
//
// Step s of N trainers with batch size B covers rows [s*N*B, (s+1)*N*B) of the
// epoch's order, exactly what step s of one machine with batch size N*B covers.
// Trainer r takes the r-th contiguous part of B rows. The last global batch of
// an epoch may be smaller: it is dealt in N contiguous parts whose sizes differ
// by at most one, the larger ones to the lower ranks; a part may be empty.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_DATA_BATCHSCHEDULE_H
#define FLEET_RUNTIME_DATA_BATCHSCHEDULE_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Status.h"
#include "runtime/data/Dataset.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fleet {

struct BatchOptions {
  int64_t batchSize = 1; ///< rows a step of each trainer
  int trainers = 1;
  int rank = 0;
  bool shuffle = false; ///< a new order each epoch, by (seed, epoch)
  uint64_t seed = 0;
};

/// Deals rows. A value; immutable.
class BatchSchedule {
public:
  /// A rank's share of one step, in positions of the epoch's order.
  struct Part {
    int64_t begin = 0;
    int64_t count = 0;
    int64_t globalCount = 0; ///< rows of all trainers in this step
  };

  /// InvalidArgument when the global batch exceeds `rows` (of the file
  /// `source`), or when a count or the rank makes no sense.
  static StatusOr<BatchSchedule> create(int64_t rows, const std::string &source,
                                        const BatchOptions &options);

  int64_t stepsPerEpoch() const { return steps; }
  /// Largest Part::count of any step.
  int64_t maxCount() const { return settings.batchSize; }
  /// `stepInEpoch` in [0, stepsPerEpoch()).
  Part part(int64_t stepInEpoch) const;
  const BatchOptions &options() const { return settings; }
  int64_t rows() const { return rowCount; }

private:
  BatchSchedule() = default;
  BatchOptions settings;
  int64_t rowCount = 0;
  int64_t steps = 0;
};

/// One step's rows, ready for the executor.
struct Batch {
  int64_t rows = 0;       ///< this rank's; may be 0
  int64_t globalRows = 0; ///< of all trainers
  /// One pointer an input, in the order of the dataset. Row major, valid until
  /// the next read() or beginEpoch().
  const void *const *inputs = nullptr;
};

/// Hands out the batches of a dataset, which must outlive it: pointers into the
/// dataset when unshuffled, rows gathered into own buffers when shuffled.
/// read() never allocates. Not thread-safe.
class BatchReader {
public:
  static StatusOr<BatchReader> create(const Dataset &dataset,
                                      const BatchOptions &options);

  const BatchSchedule &schedule() const { return plan; }
  int64_t stepsPerEpoch() const { return plan.stepsPerEpoch(); }

  /// Draws the order of an epoch. Epoch 0 is begun by create().
  void beginEpoch(int64_t epoch);
  /// `stepInEpoch` in [0, stepsPerEpoch()), in any order.
  Batch read(int64_t stepInEpoch);

private:
  BatchReader(const Dataset &dataset, BatchSchedule schedule)
      : data(&dataset), plan(std::move(schedule)) {}
  const Dataset *data;
  BatchSchedule plan;
  std::vector<int64_t> order;          // shuffled only
  std::vector<AlignedBuffer> gathered; // shuffled only
  std::vector<const void *> pointers;
};

} // namespace fleet

#endif // FLEET_RUNTIME_DATA_BATCHSCHEDULE_H
