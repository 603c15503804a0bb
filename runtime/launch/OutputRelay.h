//===- OutputRelay.h - A process's output, line by line ---------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_LAUNCH_OUTPUTRELAY_H
#define FLEET_RUNTIME_LAUNCH_OUTPUTRELAY_H

#include <deque>
#include <string>
#include <string_view>

namespace fleet {

/// Copies what comes through a pipe to another descriptor, each line whole, in
/// one write and with a prefix. Not thread-safe; owns neither descriptor.
class OutputRelay {
public:
  /// `to` is -1 for nowhere. `prefix` begins every line; `before` is written
  /// before it (what clears a terminal's line, or nothing).
  OutputRelay(int from, int to, std::string prefix, std::string before = {})
      : from(from), to(to), prefix(std::move(prefix)),
        before(std::move(before)) {}

  /// Copies what has arrived, without blocking on `from`. False when no more
  /// will come.
  bool copyAvailable();
  /// Copies what is left of a line that has no end.
  void finish();

  /// The last line so far that says "error:", else the last one; may be empty.
  const std::string &errorLine() const {
    return lastError.empty() ? lastLine : lastError;
  }
  /// Also writes every line, as it came, to `descriptor`. To be called before
  /// anything is copied.
  void logTo(int descriptor) { log = descriptor; }
  /// The last lines so far, at most kTailLines.
  const std::deque<std::string> &tail() const { return lastLines; }
  static constexpr size_t kTailLines = 10;
  /// Makes seen() say whether a line began with `text`; to be called before
  /// anything is copied.
  void watchFor(std::string text) { watched = std::move(text); }
  bool seen() const { return sawWatched; }

private:
  void line(std::string_view text);
  int from, to;
  int log = -1;
  std::string prefix, before;
  std::deque<std::string> lastLines;
  std::string pending;
  std::string lastLine, lastError;
  std::string watched;
  bool sawWatched = false;
};

} // namespace fleet

#endif // FLEET_RUNTIME_LAUNCH_OUTPUTRELAY_H
