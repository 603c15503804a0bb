//===- Progress.cpp - How far a job is ------------------------------------===//

#include "runtime/telemetry/Progress.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>

#include <sys/ioctl.h>
#include <unistd.h>

using namespace fleet;

namespace {
constexpr Duration barInterval = std::chrono::milliseconds(100);
constexpr Duration lineInterval = std::chrono::seconds(5);
constexpr int widestBar = 40;
constexpr int narrowestBar = 10;
constexpr int mostColumns = 500;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// 0:07, 12:34, 1:02:03
template <typename Out> Out formatTime(Out out, double value) {
  auto total = static_cast<int64_t>(std::min(value + 0.5, 1e9));
  int64_t hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  if (hours > 0)
    return fmt::format_to(out, FMT_STRING("{}:{:02}:{:02}"), hours, minutes,
                          rest);
  return fmt::format_to(out, FMT_STRING("{}:{:02}"), minutes, rest);
}
} // namespace

ProgressOptions fleet::detectProgress(int descriptor) {
  ProgressOptions options;
  options.descriptor = descriptor;
  options.terminal = ::isatty(descriptor) == 1;
  winsize size;
  if (options.terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 &&
      size.ws_col > 0)
    options.width = size.ws_col;
  return options;
}

Progress::Progress(ProgressOptions given, Clock &clock)
    : options(std::move(given)), clock(clock), started(clock.now()) {
  options.width = std::clamp(options.width, 1, mostColumns);
  text.reserve(2 * mostColumns);
  // A bar shows from the first step on, a line only when a job takes long.
  nextDraw = options.terminal ? started : started + lineInterval;
}

Progress::~Progress() {
  if (!lineOpen)
    return;
  text.clear();
  text.push_back('\n');
  emit();
}

void Progress::update(int64_t stepsDone, int64_t epoch, double loss) {
  update(stepsDone, epoch, loss, clock.now());
}

void Progress::update(int64_t stepsDone, int64_t epoch, double loss,
                      TimePoint now) {
  done = stepsDone;
  currentEpoch = epoch;
  currentLoss = loss;
  any = true;
  if (now < nextDraw || finished)
    return;
  nextDraw = now + (options.terminal ? barInterval : lineInterval);
  if (options.terminal)
    drawBar(now, /*last=*/false);
  else
    printLine(now);
}

void Progress::finish() {
  if (finished)
    return;
  finished = true;
  if (!any)
    return;
  if (options.terminal)
    drawBar(clock.now(), /*last=*/true);
  else
    printLine(clock.now());
}

void Progress::drawBar(TimePoint now, bool last) {
  // What stands right of the bar comes first: it says how much room is left.
  text.clear();
  auto out = std::back_inserter(text);
  double elapsed = seconds(now - started);
  double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  if (options.totalSteps > 0)
    fmt::format_to(out, FMT_STRING("{}/{}"), done, options.totalSteps);
  else
    fmt::format_to(out, FMT_STRING("step {}"), done);
  if (options.totalEpochs > 0)
    fmt::format_to(out, FMT_STRING("  epoch {}/{}"),
                   std::min(currentEpoch + 1, options.totalEpochs),
                   options.totalEpochs);
  fmt::format_to(out, FMT_STRING("  loss {:.5g}"), currentLoss);
  fmt::format_to(out, FMT_STRING("  {:.0f}/s  "), rate);
  if (last || options.totalSteps <= done || rate <= 0)
    formatTime(out, elapsed);
  else
    formatTime(fmt::format_to(out, FMT_STRING("eta ")),
               static_cast<double>(options.totalSteps - done) / rate);

  // One column stays free: writing the last one wraps some terminals.
  auto room = static_cast<size_t>(options.width - 1);
  size_t prefixSize = options.prefix.empty() ? 0 : options.prefix.size() + 1;
  char left[mostColumns + widestBar];
  size_t leftSize = 0;
  if (prefixSize > 0 && prefixSize < room) {
    leftSize = options.prefix.copy(left, room);
    left[leftSize++] = ' ';
  }
  int64_t barRoom = static_cast<int64_t>(room) -
                    static_cast<int64_t>(leftSize + text.size()) - 3;
  if (options.totalSteps > 0 && barRoom >= narrowestBar) {
    int64_t bar = std::min<int64_t>(barRoom, widestBar);
    double fraction = static_cast<double>(std::min(done, options.totalSteps)) /
                      static_cast<double>(options.totalSteps);
    auto full = static_cast<int64_t>(fraction * static_cast<double>(bar));
    left[leftSize++] = '[';
    for (int64_t i = 0; i < bar; ++i)
      left[leftSize++] = i < full ? '=' : i == full ? '>' : ' ';
    left[leftSize++] = ']';
    left[leftSize++] = ' ';
  }
  // Together: carriage return, left, text, and blanks over the last drawing.
  size_t textSize = std::min(text.size(), room - leftSize);
  text.resize(1 + room);
  std::copy_backward(text.data(), text.data() + textSize,
                     text.data() + 1 + leftSize + textSize);
  text[0] = '\r';
  std::copy_n(left, leftSize, text.data() + 1);
  std::fill(text.data() + 1 + leftSize + textSize, text.data() + text.size(),
            ' ');
  if (last)
    text.push_back('\n');
  lineOpen = !last;
  emit();
}

void Progress::printLine(TimePoint now) {
  text.clear();
  auto out = std::back_inserter(text);
  if (!options.prefix.empty())
    fmt::format_to(out, FMT_STRING("{}: "), options.prefix);
  fmt::format_to(out, FMT_STRING("step {}"), done);
  if (options.totalSteps > 0)
    fmt::format_to(out, FMT_STRING("/{}"), options.totalSteps);
  if (options.totalEpochs > 0)
    fmt::format_to(out, FMT_STRING(", epoch {}/{}"),
                   std::min(currentEpoch + 1, options.totalEpochs),
                   options.totalEpochs);
  fmt::format_to(out, FMT_STRING(", loss {:.5g}, {:.1f} s\n"), currentLoss,
                 seconds(now - started));
  emit();
}

void Progress::emit() {
  // A terminal that went away is no reason to stop training.
  const char *next = text.data();
  size_t left = text.size();
  while (left > 0) {
    ssize_t put = ::write(options.descriptor, next, left);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return;
    next += put;
    left -= static_cast<size_t>(put);
  }
}
