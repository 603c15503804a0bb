//===- Signals.h - Ending a job cleanly -------------------------*- C++ -*-===//
//
// main() owns a StopSource and hands tokens to everything that loops or waits.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_BASE_SIGNALS_H
#define FLEET_RUNTIME_BASE_SIGNALS_H

#include "runtime/base/Status.h"

#include <memory>
#include <string>
#include <thread>

namespace fleet {

namespace detail {
struct StopState;
}

/// Says whether somebody asked to stop. Cheap to copy; thread-safe. A token
/// that was made by default never stops.
class StopToken {
public:
  StopToken() = default;
  /// One relaxed load.
  bool stopRequested() const;
  /// Why, e.g. "SIGINT"; empty before.
  std::string reason() const;
  /// Becomes readable for good when a stop is requested, for poll(); -1 for a
  /// default token. Never read from it. Lives as long as any token.
  int descriptor() const;
  /// Aborted with "stopped by REASON" when a stop was requested, else success.
  Status status() const;

private:
  friend class StopSource;
  std::shared_ptr<detail::StopState> state;
};

/// Thread-safe. A stop cannot be taken back; the first reason counts.
class StopSource {
public:
  static StatusOr<StopSource> create();
  StopToken token() const;
  void requestStop(std::string reason);

private:
  StopSource() = default;
  std::shared_ptr<detail::StopState> state;
};

/// Turns SIGINT and SIGTERM into a stop request; a second one ends the process
/// at once as if unhandled. Also ignores SIGPIPE. Make it in main() before any
/// other thread: it blocks the signals in the calling thread (whose mask new
/// threads inherit) and takes them on a thread of its own. Programs that are
/// started from here inherit the blocked mask unless their mask is reset.
class SignalWatcher {
public:
  static StatusOr<std::unique_ptr<SignalWatcher>> start(StopSource &source);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher &) = delete;
  SignalWatcher &operator=(const SignalWatcher &) = delete;

private:
  SignalWatcher() = default;
  int signals = -1;
  int quit = -1;
  std::thread thread;
};

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_SIGNALS_H
