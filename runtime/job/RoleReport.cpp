//===- RoleReport.cpp - What --print-env prints ---------------------------===//

#include "runtime/job/Role.h"

#include "runtime/base/Log.h"
#include "runtime/environment/LaunchVariables.h"

using namespace fleet;

std::string fleet::describeRules(const RoleFlags &flags, const Getenv &getenv,
                                 const StatusOr<RoleChoice> &choice) {
  // A value is shown up to here: lists of thousands of endpoints would hide the
  // rest.
  constexpr size_t kLongestValue = 200;
  auto isRule = [](const std::string &rule, const std::string &name) {
    size_t found = rule.find(name);
    size_t end = found + name.size();
    return found != std::string::npos &&
           (found == 0 || rule[found - 1] == ':') && end < rule.size() &&
           (rule[end] == '=' || rule[end] == ':');
  };
  std::string text = "For the role and for the rank the first of these decides "
                     "that is set:\n";
  auto row = [&](const std::string &name, const std::string &value, bool set,
                 const char *purpose) {
    std::string shown =
        set ? onOneLine(value) : std::string("not set: ") + purpose;
    if (shown.size() > kLongestValue)
      shown = shown.substr(0, kLongestValue) + "...";
    std::string decided;
    if (choice.ok()) {
      bool role = isRule(choice->roleRule, name);
      bool rank = isRule(choice->rankRule, name);
      if (role || rank)
        decided = fmt::format("  <- {}", role && rank ? "role and rank"
                                         : role       ? "role"
                                                      : "rank");
    }
    text += fmt::format("  {:<30} {}{}\n", name, shown, decided);
  };
  text += "flags\n";
  row("--role", flags.role, !flags.role.empty(), "trainer or pserver");
  row("--trainer-id",
      flags.trainerId ? std::to_string(*flags.trainerId) : std::string(),
      flags.trainerId.has_value(), "which trainer, from 0");
  row("--current-endpoint", flags.endpoint, !flags.endpoint.empty(),
      "HOST:PORT of this server");
  for (const Launcher &launcher : launchers()) {
    text += fmt::format("{}\n", launcher.name);
    for (const LaunchVariable &variable : launcher.variables) {
      const char *value = getenv(variable.name);
      row(variable.name, value ? value : "", value && *value, variable.purpose);
    }
  }
  return text;
}
