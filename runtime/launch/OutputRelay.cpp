//===- OutputRelay.cpp - A process's output, line by line -----------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/OutputRelay.h"

#include <cerrno>

#include <unistd.h>

using namespace fleet;

/// A longer line is passed on in pieces, so that a process which never ends its
/// line does not fill our memory.
static constexpr size_t kLongestLine = size_t(64) << 10;

/// If nobody reads, the job goes on.
static void writeAll(int to, const std::string &text) {
  for (size_t done = 0; done < text.size();) {
    ssize_t size = ::write(to, text.data() + done, text.size() - done);
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return;
    done += static_cast<size_t>(size);
  }
}

bool OutputRelay::copyAvailable() {
  char chunk[16384];
  for (;;) {
    ssize_t size = ::read(from, chunk, sizeof(chunk));
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0)
      return errno == EAGAIN;
    if (size == 0)
      return false;
    pending.append(chunk, static_cast<size_t>(size));
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      line(std::string_view(pending).substr(begin, end - begin));
    pending.erase(0, begin);
    if (pending.size() > kLongestLine)
      finish();
  }
}

void OutputRelay::finish() {
  if (!pending.empty())
    line(pending);
  pending.clear();
}

void OutputRelay::line(std::string_view text) {
  if (text.find_first_not_of(" \t\r") != std::string_view::npos) {
    lastLine = text;
    if (text.find("error:") != std::string_view::npos)
      lastError = text;
  }
  sawWatched |= !watched.empty() && text.substr(0, watched.size()) == watched;
  lastLines.emplace_back(text);
  if (lastLines.size() > kTailLines)
    lastLines.pop_front();
  if (log >= 0)
    writeAll(log, std::string(text) + "\n");
  if (to >= 0)
    writeAll(to, before + prefix + std::string(text) + "\n");
}
