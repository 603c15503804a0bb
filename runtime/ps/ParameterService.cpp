//===- ParameterService.cpp - What a server does with gradients -----------===//

#include "runtime/ps/ParameterService.h"

#include <algorithm>
#include <cstring>
#include <optional>

using namespace fleet;

/// Merges elements [begin, begin + size) into `sum`, where those of the first
/// contribution with examples may be already. `total` is the sum of examples.
template <typename T>
static void mergePiece(const std::vector<Contribution> &contributions,
                       uint64_t total, size_t begin, size_t size, T *sum) {
  bool isFirst = true;
  for (const Contribution &contribution : contributions) {
    if (contribution.examples == 0)
      continue;
    T weight = static_cast<T>(static_cast<double>(contribution.examples) /
                              static_cast<double>(total));
    const T *in = static_cast<const T *>(contribution.gradient) + begin;
    if (isFirst) {
      for (size_t i = 0; i < size; ++i)
        sum[i] = in[i] * weight;
    } else {
      T *__restrict out = sum;
      const T *__restrict other = in;
      for (size_t i = 0; i < size; ++i)
        out[i] += weight * other[i];
    }
    isFirst = false;
  }
}

template <typename T>
T *fleet::mergeGradients(const std::vector<Contribution> &contributions,
                         size_t count) {
  uint64_t total = 0;
  const Contribution *first = nullptr;
  for (const Contribution &contribution : contributions) {
    total += contribution.examples;
    if (!first && contribution.examples > 0)
      first = &contribution;
  }
  if (!first)
    return nullptr;
  T *result = static_cast<T *>(first->gradient);
  if (first->examples == total)
    return result;
  // A tile of the sum stays in the cache while the contributors pass over it.
  constexpr size_t kTile = 4096;
  for (size_t begin = 0; begin < count; begin += kTile)
    mergePiece(contributions, total, begin, std::min(count - begin, kTile),
               result + begin);
  return result;
}

template float *fleet::mergeGradients<float>(const std::vector<Contribution> &,
                                             size_t);
template double *
fleet::mergeGradients<double>(const std::vector<Contribution> &, size_t);

StatusOr<std::unique_ptr<ParameterService>>
ParameterService::create(std::vector<ServiceBlock> blocks, uint32_t trainers,
                         plan::SyncMode mode, UpdateFunction update,
                         PartFunction part, std::vector<ServiceTable> tables) {
  std::unique_ptr<ParameterService> service(new ParameterService);
  for (const ServiceBlock &block : blocks)
    if (block.dtype != plan::F32 && block.dtype != plan::F64)
      return makeError(StatusCode::InvalidArgument,
                       "block '{}' is neither f32 nor f64; gradients of "
                       "nothing else can be merged",
                       block.name);
  for (const ServiceBlock &block : blocks)
    service->partCount += block.hasPart;
  if (service->partCount > 0 && (mode != plan::SYNC || !part))
    return makeError(StatusCode::InvalidArgument,
                     "blocks have parts of a sum, on which trainers agree in "
                     "mode SYNC only");
  service->ranks.resize(trainers);
  for (Rank &rank : service->ranks)
    for (const ServiceBlock &block : blocks) {
      FLEET_ASSIGN_OR_RETURN(
          AlignedBuffer buffer,
          AlignedBuffer::allocate(block.bytes, "a gradient buffer"));
      rank.landing.push_back(std::move(buffer));
      if (mode == plan::SYNC)
        continue;
      FLEET_ASSIGN_OR_RETURN(
          buffer, AlignedBuffer::allocate(block.bytes, "a received block"));
      rank.received.push_back(std::move(buffer));
    }
  service->blocks = std::move(blocks);
  service->mode = mode;
  service->update = std::move(update);
  service->part = std::move(part);
  for (const ServiceTable &table : tables) {
    service->rowBytes.push_back(table.rows->rowBytes());
    service->merges.emplace_back(table.rows->name(), table.rows->rowLimit(),
                                 table.rows->components()[0].columns,
                                 table.rows->dtype());
  }
  for (Rank &rank : service->ranks)
    rank.rows.resize(tables.size());
  service->tables = std::move(tables);
  for (uint32_t r = 0; mode != plan::SYNC && r < trainers; ++r)
    service->remember(r);
  return service;
}

void *ParameterService::landing(uint32_t rank, size_t block) {
  return ranks[rank].landing[block].data();
}

StatusOr<void *> ParameterService::rowLanding(uint32_t rank, uint64_t bytes) {
  if (bytes > kMaxRowPayload)
    return makeError(StatusCode::DataLoss,
                     "a push has {} bytes of rows, more than {}", bytes,
                     kMaxRowPayload);
  AlignedBuffer &buffer = ranks[rank].rowLanding;
  if (!buffer.data() || buffer.size() < bytes) {
    FLEET_ASSIGN_OR_RETURN(
        buffer, AlignedBuffer::allocate(bytes + bytes / 4, "pushed rows"));
  }
  return static_cast<void *>(buffer.data());
}

Status ParameterService::takeRows(uint32_t rank, uint64_t bytes) {
  Rank &from = ranks[rank];
  FLEET_RETURN_IF_ERROR(parseRows(from.rowLanding.data(), bytes, tables.size(),
                                  &rowBytes, from.rows));
  for (size_t t = 0; t < tables.size(); ++t)
    FLEET_RETURN_IF_ERROR(
        tables[t].rows->checkIds(from.rows[t].ids, from.rows[t].count));
  return Status();
}

void ParameterService::remember(uint32_t rank) {
  for (size_t i = 0; i < blocks.size(); ++i)
    if (blocks[i].bytes > 0)
      std::memcpy(ranks[rank].received[i].data(), blocks[i].parameter,
                  blocks[i].bytes);
}

StatusOr<bool> ParameterService::isDuplicate(uint32_t rank,
                                             uint64_t step) const {
  const Rank &from = ranks[rank];
  if (step <= from.mark)
    return true;
  if (from.complete)
    return makeError(StatusCode::Refused,
                     "trainer {} pushed step {} after it said it was done",
                     rank, step);
  if (step != nextStep(rank))
    return makeError(StatusCode::Refused,
                     "trainer {} pushed step {}, expected step {}", rank, step,
                     nextStep(rank));
  return false;
}

StatusOr<ParameterService::Push> ParameterService::push(uint32_t rank,
                                                        uint64_t step,
                                                        uint64_t examples,
                                                        TimePoint now) {
  FLEET_ASSIGN_OR_RETURN(bool duplicate, isDuplicate(rank, step));
  if (duplicate)
    return Push::Duplicate;
  if (examples > kMaxExamples)
    return makeError(StatusCode::Refused,
                     "trainer {} pushed step {} with {} examples, more than {}",
                     rank, step, examples, kMaxExamples);
  Rank &from = ranks[rank];
  from.mark = step;
  from.examples = examples;
  from.pushed = now;
  if (!isSynchronous()) {
    FLEET_RETURN_IF_ERROR(apply([&](const Rank &r) { return &r == &from; }));
    ++applied;
    return Push::Applied;
  }
  return applyIfReady(now);
}

StatusOr<ParameterService::Push> ParameterService::complete(uint32_t rank,
                                                            TimePoint now) {
  ranks[rank].complete = true;
  progress = now;
  return isSynchronous() ? applyIfReady(now) : StatusOr<Push>(Push::Waiting);
}

bool ParameterService::allComplete() const {
  return std::all_of(ranks.begin(), ranks.end(),
                     [](const Rank &rank) { return rank.complete; });
}

TimePoint ParameterService::lastProgress() const {
  if (isSynchronous())
    return progress;
  std::optional<TimePoint> oldest;
  for (const Rank &rank : ranks)
    if (!rank.complete && (!oldest || rank.pushed < *oldest))
      oldest = rank.pushed;
  return std::max(progress, oldest.value_or(progress));
}

std::vector<uint32_t> ParameterService::missingRanks() const {
  std::vector<uint32_t> missing;
  if (isMerged) { // of these, one
    for (uint32_t r = 0; r < ranks.size(); ++r)
      if (ranks[r].mark == applied + 1 && ranks[r].examples > 0)
        missing.push_back(r);
    return missing;
  }
  for (uint32_t r = 0; r < ranks.size(); ++r)
    if (!ranks[r].complete &&
        (isSynchronous() ? ranks[r].mark <= applied
                         : ranks[r].pushed <= lastProgress()))
      missing.push_back(r);
  return missing;
}

template <typename IsPart>
uint64_t ParameterService::collect(size_t block, IsPart isPart) {
  uint64_t examples = 0;
  contributions.clear();
  for (Rank &rank : ranks)
    if (isPart(rank)) {
      contributions.push_back({rank.landing[block].data(), rank.examples});
      examples += rank.examples;
    }
  return examples;
}

ptrdiff_t ParameterService::contributors() const {
  return std::count_if(contributions.begin(), contributions.end(),
                       [](const Contribution &c) { return c.examples > 0; });
}

Status ParameterService::applyInPieces(size_t i, uint64_t examples) {
  const ServiceBlock &block = blocks[i];
  Status status;
  auto mergeOne = [&](auto type, size_t begin, size_t end) -> const void * {
    using T = decltype(type);
    size_t bytes = (end - begin) * sizeof(T);
    if (piece.size() < bytes) { // once, as pieces have one size
      StatusOr<AlignedBuffer> memory =
          AlignedBuffer::allocate(bytes, "a piece of a merged gradient");
      if (!memory.ok()) {
        status = memory.status();
        return nullptr;
      }
      piece = std::move(*memory);
    }
    T *sum = reinterpret_cast<T *>(piece.data());
    mergePiece(contributions, examples, begin, end - begin, sum);
    return sum;
  };
  Status updated = block.updateInPieces([&](size_t begin, size_t end) {
    return block.dtype == plan::F64 ? mergeOne(double(), begin, end)
                                    : mergeOne(float(), begin, end);
  });
  return status.ok() ? updated : status;
}

template <typename IsPart>
const void *ParameterService::merge(size_t block, IsPart isPart) {
  collect(block, isPart);
  if (blocks[block].dtype == plan::F64)
    return mergeGradients<double>(contributions, blocks[block].bytes / 8);
  return mergeGradients<float>(contributions, blocks[block].bytes / 4);
}

template <typename IsPart> Status ParameterService::apply(IsPart isPart) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const void *received = nullptr;
    for (Rank &rank : ranks)
      if (!isSynchronous() && isPart(rank)) // then it is the only part
        received = rank.received[i].data();
    if (blocks[i].updateInPieces && isSynchronous()) {
      uint64_t examples = collect(i, isPart);
      if (contributors() > 1) {
        FLEET_RETURN_IF_ERROR(applyInPieces(i, examples));
        continue;
      }
    }
    if (const void *gradient = merge(i, isPart)) // somebody had examples
      FLEET_RETURN_IF_ERROR(update(i, gradient, received));
  }
  return applyTables(isPart);
}

template <typename IsPart> Status ParameterService::applyTables(IsPart isPart) {
  if (tables.empty())
    return Status();
  std::vector<const Rank *> parts;
  for (const Rank &rank : ranks)
    if (isPart(rank) && rank.examples > 0)
      parts.push_back(&rank);
  for (size_t t = 0; !parts.empty() && t < tables.size(); ++t)
    FLEET_RETURN_IF_ERROR(applyRows(t, parts));
  return Status();
}

Status ParameterService::applyRows(size_t t,
                                   const std::vector<const Rank *> &parts) {
  const ServiceTable &table = tables[t];
  if (parts.size() == 1) {
    const RowSpan &rows = parts[0]->rows[t];
    if (rows.count > 0)
      FLEET_RETURN_IF_ERROR(table.update(rows.ids, rows.count, rows.rows));
    return table.advance ? table.advance() : Status();
  }
  // As in mergeGradients(): a row that a trainer does not name has a gradient
  // of zero there.
  uint64_t total = 0;
  for (const Rank *rank : parts)
    total += rank->examples;
  std::vector<RowIds> lists;
  std::vector<const void *> gradients;
  std::vector<double> weights;
  for (const Rank *rank : parts) {
    const RowSpan &rows = rank->rows[t];
    lists.push_back({rows.ids, plan::I64, rows.count});
    gradients.push_back(rows.rows);
    weights.push_back(static_cast<double>(rank->examples) /
                      static_cast<double>(total));
  }
  RowBatch &merge = merges[t];
  FLEET_RETURN_IF_ERROR(merge.build(lists));
  FLEET_ASSIGN_OR_RETURN(void *merged, merge.makeRoom());
  merge.sum(gradients.data(), weights.data(), merged);
  if (merge.size() > 0)
    FLEET_RETURN_IF_ERROR(table.update(merge.ids(), merge.size(), merged));
  return table.advance ? table.advance() : Status();
}

StatusOr<ParameterService::Push> ParameterService::applyIfReady(TimePoint now) {
  uint64_t step = applied + 1;
  bool any = false;
  for (const Rank &rank : ranks) {
    if (rank.mark == step)
      any = true;
    else if (!rank.complete)
      return Push::Waiting;
  }
  if (!any || isMerged)
    return Push::Waiting;
  progress = now;
  if (partCount > 0) {
    FLEET_RETURN_IF_ERROR(computeParts(step));
    return Push::Merged;
  }
  FLEET_RETURN_IF_ERROR(
      apply([step](const Rank &rank) { return rank.mark == step; }));
  applied = step;
  return Push::Applied;
}

//===----------------------------------------------------------------------===//
// Steps of two phases
//===----------------------------------------------------------------------===//

Status ParameterService::computeParts(uint64_t step) {
  auto isPart = [step](const Rank &rank) { return rank.mark == step; };
  isMerged = true;
  examplesOfStep = 0;
  for (const Rank &rank : ranks)
    if (isPart(rank))
      examplesOfStep += rank.examples;
  merged.clear();
  partsOfStep.clear();
  for (size_t i = 0; i < blocks.size(); ++i) {
    merged.push_back(merge(i, isPart));
    if (!blocks[i].hasPart)
      continue;
    double value = 0;
    if (merged[i]) {
      FLEET_ASSIGN_OR_RETURN(value, part(i, merged[i]));
    }
    partsOfStep.push_back(value);
  }
  return Status();
}

StatusOr<ParameterService::Push>
ParameterService::settle(uint32_t rank, uint64_t step,
                         const std::vector<double> &sums, TimePoint now) {
  if (sums.size() != partCount)
    return makeError(StatusCode::Refused,
                     "trainer {} brings {} sums for step {}, expected {}", rank,
                     sums.size(), step, partCount);
  if (ranks[rank].mark != step || ranks[rank].examples == 0)
    return makeError(StatusCode::Refused,
                     "trainer {} brings sums for step {}, in which it has no "
                     "share",
                     rank, step);
  if (step == applied) {
    // Bits, as a sum may be no number.
    if (sumsOfStep.size() == sums.size() &&
        std::memcmp(sumsOfStep.data(), sums.data(),
                    sums.size() * sizeof(double)) == 0)
      return Push::Duplicate;
    return makeError(StatusCode::DataLoss,
                     "trainer {} brings other sums for step {} than the first "
                     "trainer that did",
                     rank, step);
  }
  if (!isMerged)
    return makeError(StatusCode::Refused,
                     "trainer {} brings sums for step {}, whose parts are not "
                     "known",
                     rank, step);
  size_t next = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    double wide = blocks[i].hasPart ? sums[next++] : 0;
    auto narrow = static_cast<float>(wide);
    const void *sum = blocks[i].dtype == plan::F64
                          ? static_cast<const void *>(&wide)
                          : &narrow;
    FLEET_RETURN_IF_ERROR(
        update(i, merged[i], blocks[i].hasPart ? sum : nullptr));
  }
  FLEET_RETURN_IF_ERROR(
      applyTables([step](const Rank &rank) { return rank.mark == step; }));
  sumsOfStep = sums;
  skip(now);
  return Push::Applied;
}

void ParameterService::skip(TimePoint now) {
  isMerged = false;
  ++applied;
  progress = now;
}
