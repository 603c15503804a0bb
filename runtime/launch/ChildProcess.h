//===- ChildProcess.h - A program that was started here ---------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_LAUNCH_CHILDPROCESS_H
#define FLEET_RUNTIME_LAUNCH_CHILDPROCESS_H

#include "runtime/base/Status.h"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace fleet {

/// A file descriptor that is closed with its owner; -1 is none.
class Descriptor {
public:
  explicit Descriptor(int value = -1) : value(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor &&other) noexcept : value(other.value) {
    other.value = -1;
  }
  Descriptor &operator=(Descriptor &&other) noexcept;
  int get() const { return value; }
  void reset();

private:
  int value;
};

/// How a process ended.
struct ExitState {
  int code = 0;   ///< exit status; 0 when a signal ended it
  int signal = 0; ///< the signal that ended it, or 0
  bool success() const { return code == 0 && signal == 0; }
};

struct ChildProcessOptions {
  std::vector<std::string> arguments;   ///< arguments[0] is the program's path
  std::vector<std::string> environment; ///< all of it, as NAME=VALUE
  bool inheritStdout = false; ///< else a pipe, to be read by the owner
  bool inheritStderr = false;
};

/// A process in a group of its own with an empty stdin, default signal handling
/// and no blocked signals. The kernel ends it by SIGKILL when the thread that
/// started it ends, whatever the reason. Not thread-safe.
class ChildProcess {
public:
  /// An error when the program cannot be executed.
  static StatusOr<ChildProcess> start(const ChildProcessOptions &options);
  /// Kills and reaps what still runs.
  ~ChildProcess();
  ChildProcess(ChildProcess &&other) noexcept;
  ChildProcess &operator=(ChildProcess &&) = delete;

  pid_t id() const { return pid; }
  /// Read ends of its pipes; non-blocking. -1 when inherited.
  Descriptor out, err;
  /// Becomes readable when the process has ended, for poll().
  int endDescriptor() const { return end.get(); }
  /// How it ended, once it has; reaps it. Never blocks.
  std::optional<ExitState> poll();
  bool running() const { return pid > 0 && !ended; }
  /// To the process's whole group; nothing once it has been reaped.
  void signal(int number);

private:
  ChildProcess() = default;
  pid_t pid = -1;
  Descriptor end;
  std::optional<ExitState> ended;
};

} // namespace fleet

#endif // FLEET_RUNTIME_LAUNCH_CHILDPROCESS_H
