//===- Log.h - One line an event --------------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_BASE_LOG_H
#define FLEET_RUNTIME_BASE_LOG_H

#include "runtime/base/Status.h"

#include <string>
#include <string_view>

namespace fleet {

enum class LogLevel { Debug, Info, Warning, Error, Off };

/// `text` on one line: control characters and line breaks are escaped, so that
/// nothing from a file or a peer can forge a line or drive a terminal.
std::string onOneLine(std::string_view text);

/// "error: MESSAGE", one line without the line break.
std::string errorLine(const Status &status);

/// Writes each event as one line, in one system call, to a file descriptor that
/// somebody else owns (2: stderr). "trainer 1: warning: ..." with a prefix,
/// "warning: ..." without; info has no level word. Thread-safe, immutable.
class Logger {
public:
  explicit Logger(LogLevel level = LogLevel::Info, std::string prefix = {},
                  int descriptor = 2)
      : level(level), prefix(std::move(prefix)), descriptor(descriptor) {}

  bool enabled(LogLevel at) const {
    return at >= level && level != LogLevel::Off;
  }
  void write(LogLevel at, std::string_view message) const;

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args &&...args) const {
    if (enabled(LogLevel::Debug))
      write(LogLevel::Debug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args &&...args) const {
    if (enabled(LogLevel::Info))
      write(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args &&...args) const {
    if (enabled(LogLevel::Warning))
      write(LogLevel::Warning,
            fmt::format(format, std::forward<Args>(args)...));
  }
  void error(const Status &status) const {
    if (enabled(LogLevel::Error))
      write(LogLevel::Error, status.message());
  }

private:
  LogLevel level;
  std::string prefix;
  int descriptor;
};

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_LOG_H
