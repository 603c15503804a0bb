//===- Log.cpp - One line an event ----------------------------------------===//

#include "runtime/base/Log.h"

#include <cerrno>

#include <unistd.h>

using namespace fleet;

std::string fleet::onOneLine(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      line += "\\n";
    else if (c == '\t')
      line += ' ';
    else if (byte < 0x20 || byte == 0x7f)
      line += fmt::format("\\x{:02x}", byte);
    else
      line += c;
  }
  return line;
}

std::string fleet::errorLine(const Status &status) {
  return "error: " + onOneLine(status.message());
}

void Logger::write(LogLevel at, std::string_view message) const {
  if (!enabled(at))
    return;
  std::string line;
  if (!prefix.empty())
    line += prefix + ": ";
  switch (at) {
  case LogLevel::Debug:
    line += "debug: ";
    break;
  case LogLevel::Warning:
    line += "warning: ";
    break;
  case LogLevel::Error:
    line += "error: ";
    break;
  case LogLevel::Info:
  case LogLevel::Off:
    break;
  }
  line += onOneLine(message);
  line += '\n';
  // A log that cannot be written has nowhere to complain.
  const char *next = line.data();
  size_t left = line.size();
  while (left > 0) {
    ssize_t put = ::write(descriptor, next, left);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return;
    next += put;
    left -= static_cast<size_t>(put);
  }
}
