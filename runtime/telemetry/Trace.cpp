//===- Trace.cpp - A timeline for chrome://tracing ------------------------===//

#include "runtime/telemetry/Trace.h"

#include "runtime/telemetry/JsonText.h"

#include <iterator>

using namespace fleet;

namespace {
constexpr size_t eventsAtOnce = size_t(16) << 10;
constexpr size_t textAtOnce = size_t(256) << 10;

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}
} // namespace

TraceWriter::TraceWriter(std::unique_ptr<WritableFile> file, int pid,
                         Clock &clock)
    : file(std::move(file)), pid(pid), clock(clock), origin(clock.now()) {
  events.reserve(eventsAtOnce);
}

TraceWriter::~TraceWriter() {
  // Errors were for close() to report.
  Status closed = close();
  (void)closed;
}

StatusOr<std::unique_ptr<TraceWriter>>
TraceWriter::open(Files &files, const std::string &path,
                  const std::string &process, int pid, Clock &clock) {
  StatusOr<std::unique_ptr<WritableFile>> file = files.create(path);
  if (!file.ok())
    return file.status().withContext("--trace");
  std::unique_ptr<TraceWriter> writer(
      new TraceWriter(std::move(*file), pid, clock));
  // An array of events: viewers also take one without its closing bracket,
  // which is what a killed process leaves.
  fmt::format_to(std::back_inserter(writer->text),
                 FMT_STRING("[\n{{\"name\":\"process_name\",\"ph\":\"M\","
                            "\"pid\":{},\"args\":{{\"name\":{}}}}}"),
                 pid, jsonString(process));
  return writer;
}

uint32_t TraceWriter::addName(const std::string &name,
                              const std::string &category) {
  names.push_back(fmt::format("\"name\":{},\"cat\":{}", jsonString(name),
                              jsonString(category)));
  return static_cast<uint32_t>(names.size() - 1);
}

void TraceWriter::event(uint32_t name, TimePoint begin, TimePoint end,
                        uint32_t thread) {
  events.push_back({name, thread, begin, end});
  if (events.size() == eventsAtOnce)
    flush();
}

void TraceWriter::flush() {
  for (const Event &event : events) {
    fmt::format_to(
        std::back_inserter(text),
        FMT_STRING(",\n{{{},\"ph\":\"X\",\"ts\":{:.3f},\"dur\":{:.3f},"
                   "\"pid\":{},\"tid\":{}}}"),
        names[event.name], microseconds(event.begin - origin),
        microseconds(event.end - event.begin), pid, event.thread);
    if (text.size() >= textAtOnce)
      write();
  }
  events.clear();
  write();
}

void TraceWriter::write() {
  if (firstError.ok() && text.size() > 0)
    firstError = file->write(text.data(), text.size());
  text.clear();
}

Status TraceWriter::close() {
  if (!file)
    return firstError;
  flush();
  fmt::format_to(std::back_inserter(text), FMT_STRING("\n]\n"));
  write();
  Status closed = file->close();
  file.reset();
  if (firstError.ok())
    firstError = closed;
  firstError = firstError.withContext("--trace");
  return firstError;
}
