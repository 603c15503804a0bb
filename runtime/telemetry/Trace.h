//===- Trace.h - A timeline for chrome://tracing ----------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TELEMETRY_TRACE_H
#define FLEET_RUNTIME_TELEMETRY_TRACE_H

#include "runtime/base/Clock.h"
#include "runtime/base/Files.h"
#include "runtime/base/Status.h"

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fleet {

/// Writes `--trace=FILE.json`: complete ("X") events in the Chrome trace format
/// that chrome://tracing and Perfetto open. Times are microseconds since the
/// writer was opened. An event costs a few words of memory; text is made when
/// many have come together and on close(). Not thread-safe.
class TraceWriter {
public:
  /// `process` is shown as the process's name ("trainer 0"), `pid` tells the
  /// processes of a job apart when traces are merged. `clock` must outlive it.
  static StatusOr<std::unique_ptr<TraceWriter>> open(Files &files,
                                                     const std::string &path,
                                                     const std::string &process,
                                                     int pid, Clock &clock);
  ~TraceWriter();

  /// A name for events, once for each instruction; returns its number.
  uint32_t addName(const std::string &name, const std::string &category);
  void event(uint32_t name, TimePoint begin, TimePoint end,
             uint32_t thread = 0);
  TimePoint now() { return clock.now(); }
  /// Completes the file. No event() after it.
  Status close();

private:
  struct Event {
    uint32_t name;
    uint32_t thread;
    TimePoint begin, end;
  };
  TraceWriter(std::unique_ptr<WritableFile> file, int pid, Clock &clock);
  void flush();
  void write();

  std::unique_ptr<WritableFile> file;
  int pid;
  Clock &clock;
  TimePoint origin;
  std::vector<std::string> names; // "name":...,"cat":...
  std::vector<Event> events;
  fmt::memory_buffer text;
  Status firstError;
};

/// Records one event from construction to destruction; nothing when `writer` is
/// null (no clock is read then).
class TraceScope {
public:
  TraceScope(TraceWriter *writer, uint32_t name) : writer(writer), name(name) {
    if (writer)
      begin = writer->now();
  }
  ~TraceScope() {
    if (writer)
      writer->event(name, begin, writer->now());
  }
  TraceScope(const TraceScope &) = delete;
  TraceScope &operator=(const TraceScope &) = delete;

private:
  TraceWriter *writer;
  uint32_t name;
  TimePoint begin;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TELEMETRY_TRACE_H
