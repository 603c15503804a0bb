//===- HandOverScripts.cpp - What scripts for launchers share -------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/HandOverScripts.h"

#include <algorithm>
#include <charconv>
#include <string_view>

using namespace fleet;

static bool isPlain(char c, std::string_view others) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || others.find(c) != std::string_view::npos;
}

StatusOr<std::vector<Host>> fleet::parseHosts(const std::string &text) {
  std::vector<Host> hosts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    std::string item = text.substr(begin, end - begin);
    begin = end + 1;
    size_t colon = item.find(':');
    Host host;
    host.name = item.substr(0, colon);
    bool named = !host.name.empty() &&
                 isPlain(host.name[0], "") && // no option in disguise
                 std::all_of(host.name.begin(), host.name.end(),
                             [](char c) { return isPlain(c, ".-_"); });
    if (colon != std::string::npos) {
      const char *first = item.data() + colon + 1,
                 *last = item.data() + item.size();
      auto [rest, error] = std::from_chars(first, last, host.slots);
      named &= error == std::errc() && rest == last && host.slots > 0 &&
               host.slots <= 65536;
    }
    if (!named)
      return makeError(StatusCode::InvalidArgument,
                       "--hosts: '{}' is no host; expected NAME or NAME:SLOTS, "
                       "with commas between, such as node1:2,node2:2",
                       item);
    hosts.push_back(std::move(host));
  }
  return hosts;
}

std::string fleet::shellQuote(const std::string &text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return isPlain(c, "_-./=:,+%@");
      }))
    return text;
  std::string quoted = "'";
  for (char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string fleet::describeJob(const plan::Job &job) {
  if (job.mode() == plan::SINGLE)
    return "one process";
  auto count = [](uint32_t number, const char *what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
  };
  std::string trainers = count(job.trainers(), "trainer");
  if (job.pservers_size() == 0)
    return trainers;
  return count(static_cast<uint32_t>(job.pservers_size()), "server") + " and " +
         trainers;
}

bool fleet::usesMpiTransport(const std::vector<std::string> &options) {
  for (size_t i = 0; i < options.size(); ++i)
    if (options[i] == "--transport=mpi" ||
        (options[i] == "--transport" && i + 1 < options.size() &&
         options[i + 1] == "mpi"))
      return true;
  return false;
}

std::string fleet::commandLine(const HandOver &to) {
  std::string line = shellQuote(to.program) + " " + shellQuote(to.directory);
  for (const std::string &option : to.options)
    line += " \\\n  " + shellQuote(option);
  return line;
}

std::string fleet::plainName(const std::string &name) {
  std::string plain = name;
  for (char &c : plain)
    if (!isPlain(c, "_-."))
      c = '_';
  return plain.empty() || plain[0] == '-' ? "job" + plain : plain;
}
