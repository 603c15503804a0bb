//===- TableUpdate.cpp - Updates of a table, against bare random rows -----===//
//
// One thread updates the distinct rows of batches of 65536 ids in a distributed
// table of 10 M rows x 16 f32: look-up in the index (rows in the order of ids,
// or by hash), gather, the update kernel, scatter. Beside it, a probe: the same
// arithmetic on the same rows of a bare array, by their numbers, fetched ahead;
// what the memory allows without any index. Rounds of the contestants are
// interleaved; the median of the ratios within a round counts.
//
//===----------------------------------------------------------------------===//

#include "bench/rows/Ids.h"
#include "runtime/table/RowBatch.h"
#include "runtime/table/RowTable.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>
#include <fmt/format.h>

using namespace fleet;
using namespace fleet::bench;

static constexpr int64_t kRows = 10'000'000;
static constexpr int64_t kColumns = 16;
static constexpr size_t kBatch = 65536;
static constexpr size_t kBatches = 32;
static constexpr float kRate = 1e-3f;

// As the compiler's kernels: for the machine at hand.
#ifdef __x86_64__
#define FLEET_FOR_MACHINE                                                      \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FLEET_FOR_MACHINE
#endif

FLEET_FOR_MACHINE static void sgd(const float *__restrict g,
                                  float *__restrict w, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    w[i] -= kRate * g[i];
}

FLEET_FOR_MACHINE static void adagrad(const float *__restrict g,
                                      float *__restrict w,
                                      float *__restrict sum, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    sum[i] += g[i] * g[i];
    w[i] -= kRate * g[i] / (__builtin_sqrtf(sum[i]) + 1e-6f);
  }
}

FLEET_FOR_MACHINE static void probeSgd(float *__restrict table,
                                       const int64_t *__restrict ids,
                                       size_t count,
                                       const float *__restrict g) {
  for (size_t i = 0; i < count; ++i) {
    if (i + 16 < count)
      __builtin_prefetch(table + ids[i + 16] * kColumns, 1);
    float *row = table + ids[i] * kColumns;
    for (int64_t c = 0; c < kColumns; ++c)
      row[c] -= kRate * g[i * kColumns + static_cast<size_t>(c)];
  }
}

FLEET_FOR_MACHINE static void probeAdagrad(float *__restrict table,
                                           const int64_t *__restrict ids,
                                           size_t count,
                                           const float *__restrict g) {
  for (size_t i = 0; i < count; ++i) {
    if (i + 16 < count) {
      __builtin_prefetch(table + ids[i + 16] * 2 * kColumns, 1);
      __builtin_prefetch(table + ids[i + 16] * 2 * kColumns + kColumns, 1);
    }
    float *row = table + ids[i] * 2 * kColumns, *sum = row + kColumns;
    const float *gradient = g + i * kColumns;
    for (int64_t c = 0; c < kColumns; ++c) {
      sum[c] += gradient[c] * gradient[c];
      row[c] -= kRate * gradient[c] / (__builtin_sqrtf(sum[c]) + 1e-6f);
    }
  }
}

/// What this thread has used of a core: everything that is timed here runs in
/// one thread and waits for nothing, so that others on the machine take none of
/// it.
static double threadSeconds() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) * 1e-9;
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Million rows a second, the median of the batches: a batch takes a few
/// milliseconds, and one that was interrupted does not count.
template <typename Run>
static double rate(const std::vector<std::vector<int64_t>> &batches, Run run) {
  std::vector<double> rates;
  for (const std::vector<int64_t> &ids : batches) {
    double begin = threadSeconds();
    if (!run(ids).ok())
      return 0; // and the rows will not be equal
    rates.push_back(static_cast<double>(ids.size()) /
                    (threadSeconds() - begin) / 1e6);
  }
  return median(std::move(rates));
}

static plan::Table declare(bool isAdagrad) {
  plan::Table table;
  table.set_name("emb");
  table.set_placement(plan::Table::DISTRIBUTED);
  table.set_dtype(plan::F32);
  table.set_rows(kRows);
  table.set_columns(kColumns);
  table.mutable_initializer()->mutable_constant()->set_value(1);
  table.add_shards();
  if (isAdagrad) {
    plan::Table::RowState &sum = *table.add_row_states();
    sum.set_slot("moment");
    sum.set_columns(kColumns);
    sum.mutable_initializer()->mutable_constant()->set_value(0);
  }
  return table;
}

/// All ids in a random order, so that rows lie as training would have made
/// them.
static Status populate(RowTable &table) {
  std::vector<int64_t> ids(kRows);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int64_t>(i);
  std::shuffle(ids.begin(), ids.end(), std::mt19937_64(1));
  std::vector<float> out(kBatch * kColumns);
  for (size_t i = 0; i < ids.size(); i += kBatch)
    FLEET_RETURN_IF_ERROR(table.gather(
        ids.data() + i, static_cast<int64_t>(std::min(kBatch, ids.size() - i)),
        out.data()));
  return Status();
}

static Status runCase(bool isAdagrad, bool isHashed, unsigned rounds) {
  plan::Table declared = declare(isAdagrad);
  size_t stride = isAdagrad ? 2 * kColumns : kColumns;
  RowTable::Options options;
  // Enough for rows in the order of ids, or too little.
  options.maxBytes = (isHashed ? 7 : 40) * stride * sizeof(float) * kRows;
  FLEET_ASSIGN_OR_RETURN(auto table, RowTable::create(declared, 0, options));
  FLEET_RETURN_IF_ERROR(populate(*table));
  FLEET_ASSIGN_OR_RETURN(
      AlignedBuffer memory,
      AlignedBuffer::allocateLarge(
          static_cast<size_t>(kRows) * stride * sizeof(float), "the probe"));
  auto *bare = reinterpret_cast<float *>(memory.data());
  for (size_t i = 0; i < static_cast<size_t>(kRows) * stride; ++i)
    bare[i] = i / kColumns % 2 && isAdagrad ? 0.0f : 1.0f;
  std::vector<float> gradients(kBatch * kColumns);
  for (size_t i = 0; i < gradients.size(); ++i)
    gradients[i] = static_cast<float>(i % 1021) * 1e-3f;
  constexpr int64_t kElements = RowTable::kUpdateRows * kColumns;
  RowTable::Updater updater = [isAdagrad](void *const *inputs) {
    auto *g = static_cast<const float *>(inputs[0]);
    auto *w = static_cast<float *>(inputs[1]);
    if (isAdagrad)
      adagrad(g, w, static_cast<float *>(inputs[2]), kElements);
    else
      sgd(g, w, kElements);
    return Status();
  };

  for (bool isZipf : {false, true}) {
    // The distinct rows of each batch, as a server gets them.
    Ids source(kRows, isZipf, 3);
    std::vector<std::vector<int64_t>> batches;
    RowBatch distinct(declared);
    double rows = 0;
    for (size_t b = 0; b < kBatches; ++b) {
      std::vector<int64_t> ids = source.draw(kBatch);
      FLEET_RETURN_IF_ERROR(distinct.build({{ids.data(), plan::I64, kBatch}}));
      batches.emplace_back(distinct.ids(), distinct.ids() + distinct.size());
      rows += static_cast<double>(distinct.size());
    }
    std::vector<double> ours, probe, look, ratio;
    std::vector<float> values(kBatch * kColumns);
    for (unsigned round = 0; round < rounds; ++round) {
      probe.push_back(rate(batches, [&](const std::vector<int64_t> &ids) {
        if (isAdagrad)
          probeAdagrad(bare, ids.data(), ids.size(), gradients.data());
        else
          probeSgd(bare, ids.data(), ids.size(), gradients.data());
        return Status();
      }));
      ours.push_back(rate(batches, [&](const std::vector<int64_t> &ids) {
        return table->update(ids.data(), static_cast<int64_t>(ids.size()),
                             gradients.data(), updater);
      }));
      look.push_back(rate(batches, [&](const std::vector<int64_t> &ids) {
        return table->gather(ids.data(), static_cast<int64_t>(ids.size()),
                             values.data());
      }));
      ratio.push_back(ours.back() / probe.back());
    }
    // Both did the same to the same rows.
    const std::vector<int64_t> &ids = batches.back();
    FLEET_RETURN_IF_ERROR(table->gather(
        ids.data(), static_cast<int64_t>(ids.size()), values.data()));
    for (size_t i = 0; i < ids.size(); ++i)
      for (size_t c = 0; c < kColumns; ++c)
        if (float expected = bare[static_cast<size_t>(ids[i]) * stride + c];
            std::abs(values[i * kColumns + c] - expected) >
            1e-4f * std::abs(expected) + 1e-6f)
          return makeError(StatusCode::Internal, "row {} is {}, not {}", ids[i],
                           values[i * kColumns + c], expected);
    fmt::print("{:>8} {:>8} {:>8} {:>9.0f} {:>9.1f} {:>9.1f} {:>9.1f} "
               "{:>7.2f}\n",
               isAdagrad ? "adagrad" : "sgd", isHashed ? "hash" : "ordered",
               isZipf ? "zipf" : "uniform", rows / kBatches, median(probe),
               median(look), median(ours), median(ratio));
    std::fflush(stdout);
  }
  return Status();
}

int main(int argc, char **argv) {
  unsigned rounds = 7;
  if (argc > 1) {
    const char *end = argv[1] + std::strlen(argv[1]);
    auto [rest, error] = std::from_chars(argv[1], end, rounds);
    if (argc > 2 || error != std::errc() || rest != end || rounds == 0) {
      fmt::print(stderr, "usage: bench-row-table [ROUNDS]\n");
      return 2;
    }
  }
  fmt::print("million rows of 64 bytes a second, one thread; median of {} "
             "rounds\n{:>8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>7}\n",
             rounds, "update", "index", "ids", "distinct", "probe", "look-up",
             "table", "t/probe");
  for (bool isAdagrad : {false, true})
    for (bool isHashed : {false, true})
      if (Status status = runCase(isAdagrad, isHashed, rounds); !status.ok()) {
        fmt::print(stderr, "bench-row-table: {}\n", status.message());
        return 1;
      }
  return 0;
}
