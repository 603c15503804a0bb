//===- BatchSchedule.cpp - Which rows a step trains on --------------------===//

#include "runtime/data/BatchSchedule.h"

#include "runtime/base/Random.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

StatusOr<BatchSchedule> BatchSchedule::create(int64_t rows,
                                              const std::string &source,
                                              const BatchOptions &options) {
  if (options.batchSize < 1)
    return makeError(StatusCode::InvalidArgument,
                     "--batch-size={} must be at least 1", options.batchSize);
  if (options.trainers < 1 || options.rank < 0 ||
      options.rank >= options.trainers)
    return makeError(StatusCode::InvalidArgument,
                     "trainer id {} is out of range; there are {} trainers, "
                     "counted from 0",
                     options.rank, options.trainers);
  int64_t global;
  if (__builtin_mul_overflow(options.batchSize, int64_t(options.trainers),
                             &global) ||
      global > rows) {
    int64_t most = rows / options.trainers;
    std::string advice = most > 0 ? fmt::format("at most {}", most)
                                  : fmt::format("at most {} trainers", rows);
    return makeError(StatusCode::InvalidArgument,
                     "--batch-size={} x {} trainer{} is larger than the {} "
                     "rows of {}; use {}",
                     options.batchSize, options.trainers,
                     options.trainers == 1 ? "" : "s", rows, source, advice);
  }
  BatchSchedule schedule;
  schedule.settings = options;
  schedule.rowCount = rows;
  schedule.steps = (rows - 1) / global + 1;
  return schedule;
}

BatchSchedule::Part BatchSchedule::part(int64_t stepInEpoch) const {
  int64_t trainers = settings.trainers, rank = settings.rank;
  int64_t global = trainers * settings.batchSize;
  int64_t first = stepInEpoch * global;
  int64_t here = std::min(global, rowCount - first);
  // A whole batch divides evenly, so one formula deals both kinds.
  int64_t each = here / trainers, extra = here % trainers;
  return {first + rank * each + std::min(rank, extra),
          each + (rank < extra ? 1 : 0), here};
}

StatusOr<BatchReader> BatchReader::create(const Dataset &dataset,
                                          const BatchOptions &options) {
  FLEET_ASSIGN_OR_RETURN(
      BatchSchedule schedule,
      BatchSchedule::create(dataset.rows(), dataset.source(), options));
  BatchReader reader(dataset, std::move(schedule));
  reader.pointers.resize(dataset.inputs().size());
  if (options.shuffle)
    for (const DatasetInput &input : dataset.inputs()) {
      // Fits: the dataset has as many rows of the input in memory.
      size_t bytes =
          static_cast<size_t>(reader.plan.maxCount()) * input.rowBytes;
      FLEET_ASSIGN_OR_RETURN(
          AlignedBuffer buffer,
          AlignedBuffer::allocate(bytes, "a shuffled batch"));
      reader.gathered.push_back(std::move(buffer));
    }
  reader.beginEpoch(0);
  return reader;
}

void BatchReader::beginEpoch(int64_t epoch) {
  const BatchOptions &options = plan.options();
  if (options.shuffle)
    shuffledOrder(options.seed, static_cast<uint64_t>(epoch), plan.rows(),
                  order);
}

Batch BatchReader::read(int64_t stepInEpoch) {
  BatchSchedule::Part part = plan.part(stepInEpoch);
  const std::vector<DatasetInput> &inputs = data->inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const DatasetInput &input = inputs[i];
    if (!plan.options().shuffle) {
      pointers[i] = input.row(part.begin);
      continue;
    }
    std::byte *out = gathered[i].data();
    for (int64_t r = 0; r < part.count; ++r, out += input.rowBytes)
      std::memcpy(out, input.row(order[static_cast<size_t>(part.begin + r)]),
                  input.rowBytes);
    pointers[i] = gathered[i].data();
  }
  return {part.count, part.globalCount, pointers.data()};
}
