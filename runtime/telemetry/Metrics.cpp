//===- Metrics.cpp - One JSON line a step ---------------------------------===//

#include "runtime/telemetry/Metrics.h"

#include "runtime/telemetry/JsonText.h"

#include <cmath>
#include <iterator>

using namespace fleet;

namespace {
constexpr size_t capacity = size_t(256) << 10;
/// Leaves room for the longest line.
constexpr size_t flushAt = capacity - (size_t(8) << 10);
constexpr Duration flushInterval = std::chrono::seconds(1);

/// JSON has no inf and no nan. A value that came from an f32 is written with
/// the digits that an f32 needs, which read back as the same f32.
template <typename Out> Out formatNumber(Out out, double value) {
  if (!std::isfinite(value))
    return fmt::format_to(out, FMT_STRING("null"));
  if (static_cast<double>(static_cast<float>(value)) == value)
    return fmt::format_to(out, FMT_STRING("{}"), static_cast<float>(value));
  return fmt::format_to(out, FMT_STRING("{}"), value);
}
} // namespace

MetricsWriter::MetricsWriter(std::unique_ptr<WritableFile> file,
                             std::string prefix, Clock &clock)
    : file(std::move(file)), prefix(std::move(prefix)), clock(clock),
      lastFlush(clock.now()) {
  buffer.reserve(capacity);
}

MetricsWriter::~MetricsWriter() {
  // Errors were for close() to report.
  if (file)
    flush();
}

StatusOr<std::unique_ptr<MetricsWriter>>
MetricsWriter::open(Files &files, const std::string &path,
                    const std::string &role, int rank, Clock &clock) {
  StatusOr<std::unique_ptr<WritableFile>> file = files.create(path);
  if (!file.ok())
    return file.status().withContext("--metrics");
  return std::unique_ptr<MetricsWriter>(new MetricsWriter(
      std::move(*file),
      fmt::format("{{\"role\":{},\"rank\":{},", jsonString(role), rank),
      clock));
}

void MetricsWriter::record(const StepMetrics &metrics) {
  if (!file || !firstError.ok())
    return;
  auto out = std::back_inserter(buffer);
  out = fmt::format_to(out, FMT_STRING("{}\"step\":{},\"epoch\":{},\"loss\":"),
                       prefix, metrics.step, metrics.epoch);
  out = formatNumber(out, metrics.loss);
  out = fmt::format_to(out, FMT_STRING(",\"examples\":{},\"step_time_us\":"),
                       metrics.examples);
  out = formatNumber(out, std::round(metrics.stepTimeUs * 10) / 10);
  if (metrics.sentBytes >= 0)
    out = fmt::format_to(out, FMT_STRING(",\"sent_bytes\":{}"),
                         metrics.sentBytes);
  if (metrics.staleness >= 0)
    out =
        fmt::format_to(out, FMT_STRING(",\"staleness\":{}"), metrics.staleness);
  fmt::format_to(out, FMT_STRING("}}\n"));
  if (TimePoint now = clock.now();
      buffer.size() >= flushAt || now - lastFlush >= flushInterval) {
    lastFlush = now;
    flush();
  }
}

void MetricsWriter::flush() {
  if (firstError.ok() && buffer.size() > 0)
    firstError = file->write(buffer.data(), buffer.size());
  buffer.clear();
}

Status MetricsWriter::close() {
  if (!file)
    return firstError;
  flush();
  Status closed = file->close();
  file.reset();
  if (firstError.ok())
    firstError = closed;
  firstError = firstError.withContext("--metrics");
  return firstError;
}
