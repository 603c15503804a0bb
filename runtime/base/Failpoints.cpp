//===- Failpoints.cpp - Named places to fail at ---------------------------===//

#include "runtime/base/Failpoints.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fmt/ranges.h>
#include <iterator>
#include <unistd.h>
#include <vector>

using namespace fleet;

/// Nothing else ends a process of ours with this status.
static constexpr int kExitStatus = 86;

static constexpr uint64_t kMaxDelay = 3600 * 1000; // milliseconds

namespace {
enum class Action { Kill, Exit, Fail, Delay };
} // namespace

struct Failpoints::Table {
  struct Entry {
    Failpoint point;
    Action action;
    std::chrono::milliseconds delay{0};
    uint64_t nth = 1;
  };
  std::vector<Entry> entries;
  std::atomic<uint64_t> counts[std::size(failpointNames)] = {};
};

static bool parseNumber(std::string_view text, uint64_t &value) {
  const char *end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end;
}

/// Cuts what is before `separator`, or everything, off the front of `text`.
static std::string_view cut(std::string_view &text, char separator) {
  size_t end = text.find(separator);
  std::string_view front = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return front;
}

StatusOr<Failpoints> Failpoints::parse(std::string_view text) {
  Failpoints result;
  if (text.empty())
    return result;
  result.table = std::make_shared<Table>();
  for (bool more = true; more;) {
    more = text.find(',') != text.npos;
    std::string_view item = cut(text, ','), rest = item;
    auto fail = [&](const std::string &why) {
      return makeError(StatusCode::InvalidArgument,
                       "failpoint '{}' {}; expected NAME:ACTION[:NTH], such as "
                       "after-push:kill:3",
                       item, why);
    };
    Table::Entry entry;
    std::string_view name = cut(rest, ':');
    auto known =
        std::find(std::begin(failpointNames), std::end(failpointNames), name);
    if (known == std::end(failpointNames))
      return fail(
          fmt::format("has no name of {}", fmt::join(failpointNames, ", ")));
    entry.point = static_cast<Failpoint>(known - std::begin(failpointNames));
    std::string_view action = cut(rest, ':');
    uint64_t delay = 0;
    if (action == "kill")
      entry.action = Action::Kill;
    else if (action == "exit")
      entry.action = Action::Exit;
    else if (action == "fail")
      entry.action = Action::Fail;
    else if (action.substr(0, 6) == "delay=" &&
             parseNumber(action.substr(6), delay) && delay <= kMaxDelay)
      entry.action = Action::Delay;
    else
      return fail("has no action of kill, exit, fail, delay=MILLISECONDS");
    entry.delay = std::chrono::milliseconds(delay);
    if (!rest.empty() && (!parseNumber(rest, entry.nth) || entry.nth == 0))
      return fail("does not count from 1");
    result.table->entries.push_back(entry);
  }
  return result;
}

Status Failpoints::act(Failpoint point, Clock &clock) const {
  size_t index = static_cast<size_t>(point);
  uint64_t count = ++table->counts[index];
  for (const Table::Entry &entry : table->entries) {
    if (entry.point != point || entry.nth != count)
      continue;
    switch (entry.action) {
    case Action::Kill:
      ::kill(::getpid(), SIGKILL);
      break;
    case Action::Exit:
      std::_Exit(kExitStatus);
    case Action::Fail:
      return makeError(StatusCode::Aborted, "failed at failpoint {}",
                       failpointNames[index]);
    case Action::Delay:
      clock.sleepUntil(clock.now() + entry.delay);
      break;
    }
  }
  return Status();
}
