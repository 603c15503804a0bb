//===- Role.cpp - Which process of a job this is --------------------------===//

#include "runtime/job/Role.h"

#include "runtime/environment/LaunchVariables.h"
#include "runtime/environment/WorldLayout.h"
#include "runtime/transport/Endpoint.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fmt/ranges.h>
#include <tuple>

using namespace fleet;

std::string RoleChoice::name() const {
  switch (role) {
  case plan::TRAINER:
    return fmt::format("trainer {}", rank);
  case plan::PSERVER:
    return fmt::format("pserver {}", rank);
  default:
    return "local";
  }
}

namespace {

/// A variable that is set; without a name, none is.
struct Value {
  const char *name = nullptr;
  std::string text;
  explicit operator bool() const { return name != nullptr; }
  std::string rule() const { return fmt::format("{}={}", name, text); }
};

plan::Role parseRole(std::string text) {
  for (char &c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (text == "trainer" || text == "worker")
    return plan::TRAINER;
  if (text == "pserver" || text == "server")
    return plan::PSERVER;
  return plan::ROLE_UNSPECIFIED;
}

const char *roleName(plan::Role role) {
  return role == plan::TRAINER ? "trainer" : "pserver";
}

std::vector<std::string> splitList(const std::string &text) {
  std::vector<std::string> items;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    items.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

class Resolver {
public:
  Resolver(const plan::Job &job, const RoleFlags &flags, const Getenv &getenv)
      : job(job), flags(flags), getenv(getenv),
        servers(static_cast<uint32_t>(job.pservers_size())) {}

  StatusOr<RoleChoice> resolve();

private:
  /// The place that a launcher of whole worlds gives.
  struct Place {
    plan::Role role;
    uint32_t rank;
    std::string rule;
  };

  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args &&...args) {
    problems.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  Value find(const Launcher &launcher, LaunchFact fact);
  std::optional<int64_t> number(const Value &value);
  std::string endpointOf(const Launcher &launcher, std::string &rule);
  std::optional<Place> worldPlace(const Launcher &launcher);

  void resolveRoleQuestion();
  void resolveTrainer();
  void resolveServer();
  void chooseTrainer(int64_t rank, std::string rule);
  void chooseServer(const std::string &endpoint, const std::string &rule);
  void chooseServer(int64_t rank, std::string rule);
  bool chooseByWorld(const Launcher &launcher);
  void resolveSurroundings();
  void checkAgreement();
  void checkAgreement(const Launcher &launcher);
  std::string howToSayWhich(const char *what, const char *how);

  const plan::Job &job;
  const RoleFlags &flags;
  const Getenv &getenv;
  const uint32_t servers;
  RoleChoice choice;
  const Launcher *roleBy = nullptr, *rankBy = nullptr; // null: flags, the job
  std::vector<std::string> problems;
  std::vector<std::string> halves; ///< what would have answered but for a half
};

StatusOr<RoleChoice> Resolver::resolve() {
  if (job.mode() == plan::SINGLE) {
    if (!flags.role.empty() && flags.role != "local")
      return makeError(StatusCode::InvalidArgument,
                       "--role={}: this is a local job, of one process; "
                       "transpile with --mode=ps for trainers and servers",
                       flags.role);
    choice.role = plan::LOCAL;
    choice.roleRule = "the job is local";
    choice.rankRule = choice.roleRule;
    return choice;
  }
  resolveRoleQuestion();
  if (choice.role == plan::TRAINER)
    resolveTrainer();
  else if (choice.role == plan::PSERVER)
    resolveServer();
  checkAgreement();
  if (problems.empty())
    resolveSurroundings();
  // All of them at once: each try may cost a submission to a cluster.
  if (!problems.empty())
    return makeError(StatusCode::InvalidArgument, "{}",
                     fmt::join(problems, "; "));
  return choice;
}

/// The first variable of `launcher` that is set and says `fact`.
Value Resolver::find(const Launcher &launcher, LaunchFact fact) {
  for (const LaunchVariable &variable : launcher.variables) {
    if (variable.fact != fact)
      continue;
    const char *text = getenv(variable.name);
    if (text && *text)
      return {variable.name, text};
  }
  return {};
}

std::optional<int64_t> Resolver::number(const Value &value) {
  int64_t result = 0;
  const char *end = value.text.data() + value.text.size();
  auto [rest, error] = std::from_chars(value.text.data(), end, result);
  if (error == std::errc() && rest == end)
    return result;
  problem("{}: expected a number", value.rule());
  return std::nullopt;
}

/// HOST:PORT of this process and what said so; empty if nothing did.
std::string Resolver::endpointOf(const Launcher &launcher, std::string &rule) {
  if (Value whole = find(launcher, LaunchFact::Endpoint)) {
    rule = whole.name;
    return whole.text;
  }
  Value host = find(launcher, LaunchFact::Host);
  Value port = find(launcher, LaunchFact::Port);
  if (host && port) {
    rule = fmt::format("{}:{}", host.name, port.name);
    return host.text + ":" + port.text;
  }
  if (host)
    halves.push_back(
        fmt::format("PADDLE_PORT is missing beside {}", host.name));
  else if (port)
    halves.push_back(fmt::format("POD_IP is missing beside {}", port.name));
  return "";
}

std::optional<Resolver::Place> Resolver::worldPlace(const Launcher &launcher) {
  Value rank = find(launcher, LaunchFact::WorldRank);
  Value size = find(launcher, LaunchFact::WorldSize);
  if (!rank)
    return std::nullopt;
  if (!size) {
    for (const LaunchVariable &variable : launcher.variables)
      if (variable.fact == LaunchFact::WorldSize)
        halves.push_back(
            fmt::format("{} is missing beside {}", variable.name, rank.name));
    return std::nullopt;
  }
  Place place{plan::ROLE_UNSPECIFIED, 0, rank.rule()};
  std::optional<int64_t> index = number(rank), count = number(size);
  if (!index || !count)
    return place;
  if (*index < 0 || *index >= *count) {
    problem("{}: expected 0 to {}, below {}", rank.rule(), *count - 1,
            size.name);
    return place;
  }
  if (*count == int64_t(servers) + job.trainers()) {
    std::tie(place.role, place.rank) =
        placeOfWorldRank(job, static_cast<uint32_t>(*index));
    return place;
  }
  // As many as there are of a role that something else has told.
  if (choice.role == plan::TRAINER && *count == job.trainers()) {
    place.role = plan::TRAINER;
    place.rank = static_cast<uint32_t>(*index);
    return place;
  }
  if (choice.role == plan::PSERVER && *count == servers) {
    place.role = plan::PSERVER;
    place.rank = static_cast<uint32_t>(*index);
    return place;
  }
  if (servers > 0)
    problem("{}: the job has {} servers and {} trainers; start {} processes",
            size.rule(), servers, job.trainers(), servers + job.trainers());
  else
    problem("{}: the job has {} trainers; start as many processes, or "
            "transpile again with --trainers={}",
            size.rule(), job.trainers(), size.text);
  return place;
}

void Resolver::resolveRoleQuestion() {
  auto choose = [&](const std::string &text, std::string rule,
                    const Launcher *by) {
    choice.role = parseRole(text);
    choice.roleRule = std::move(rule);
    roleBy = by;
    if (choice.role == plan::ROLE_UNSPECIFIED)
      problem("{}: expected trainer or pserver", choice.roleRule);
    else if (choice.role == plan::PSERVER && servers == 0)
      problem("{}: this job has trainers and no servers", choice.roleRule);
  };
  if (!flags.role.empty())
    return choose(flags.role, "--role=" + flags.role, nullptr);
  for (const Launcher &launcher : launchers()) {
    if (Value role = find(launcher, LaunchFact::Role))
      return choose(role.text, role.rule(), &launcher);
    if (servers == 0)
      continue;
    if (std::optional<Place> place = worldPlace(launcher)) {
      choice.role = place->role;
      choice.roleRule = place->rule;
      roleBy = &launcher;
      return;
    }
  }
  if (servers == 0) {
    choice.role = plan::TRAINER;
    choice.roleRule = "the job has trainers only";
    return;
  }
  problem("{}", howToSayWhich(
                    "which process of the job is this?",
                    "--role=trainer --trainer-id=I or --role=pserver "
                    "--current-endpoint=HOST:PORT, or set TRAINING_ROLE "
                    "(TRAINER or PSERVER), with PADDLE_TRAINER_ID for a "
                    "trainer, POD_IP and PADDLE_PORT for a server, or start "
                    "all processes with mpirun or srun"));
}

std::string Resolver::howToSayWhich(const char *what, const char *how) {
  std::string seen;
  if (!halves.empty()) {
    // The question of the role has met them already.
    std::sort(halves.begin(), halves.end());
    halves.erase(std::unique(halves.begin(), halves.end()), halves.end());
    seen = fmt::format(" ({})", fmt::join(halves, ", "));
  }
  return fmt::format("{} say {}{}; --print-env lists what else would tell",
                     what, how, seen);
}

void Resolver::chooseTrainer(int64_t rank, std::string rule) {
  choice.rankRule = std::move(rule);
  if (rank < 0 || rank >= job.trainers())
    return problem("{}: the job has {} trainers, 0 to {}", choice.rankRule,
                   job.trainers(), job.trainers() - 1);
  choice.rank = static_cast<uint32_t>(rank);
}

void Resolver::chooseServer(const std::string &endpoint,
                            const std::string &rule) {
  auto it = std::find(job.pservers().begin(), job.pservers().end(), endpoint);
  choice.rankRule = fmt::format("{}={}", rule, endpoint);
  if (it == job.pservers().end())
    return problem("{}: the servers of the job are {}", choice.rankRule,
                   fmt::join(job.pservers(), ", "));
  choice.rank = static_cast<uint32_t>(it - job.pservers().begin());
  choice.endpoint = endpoint;
}

void Resolver::chooseServer(int64_t rank, std::string rule) {
  choice.rankRule = std::move(rule);
  if (rank < 0 || rank >= servers)
    return problem("{}: the job has {} servers, 0 to {}", choice.rankRule,
                   servers, int64_t(servers) - 1);
  choice.rank = static_cast<uint32_t>(rank);
  choice.endpoint = job.pservers(static_cast<int>(rank));
}

/// True when `launcher` answered, be it wrongly.
bool Resolver::chooseByWorld(const Launcher &launcher) {
  // One that has given the role has reported its problems already.
  size_t before = problems.size();
  std::optional<Place> place = worldPlace(launcher);
  if (!place)
    return false;
  if (roleBy == &launcher)
    problems.resize(before);
  rankBy = &launcher;
  choice.rankRule = place->rule;
  if (place->role == plan::ROLE_UNSPECIFIED)
    return true;
  if (place->role != choice.role) {
    problem("{} ({}) is {} {} of the job, but {}: leave that out, or start the "
            "{} {}s by themselves",
            place->rule, launcher.name, roleName(place->role), place->rank,
            choice.roleRule,
            choice.role == plan::TRAINER ? job.trainers() : servers,
            roleName(choice.role));
    return true;
  }
  if (place->role == plan::TRAINER)
    chooseTrainer(place->rank, place->rule);
  else
    chooseServer(int64_t(place->rank), place->rule);
  return true;
}

void Resolver::resolveTrainer() {
  if (flags.trainerId)
    return chooseTrainer(*flags.trainerId,
                         fmt::format("--trainer-id={}", *flags.trainerId));
  for (const Launcher &launcher : launchers()) {
    Value rank = find(launcher, LaunchFact::TrainerRank);
    if (!rank)
      rank = find(launcher, LaunchFact::Rank);
    if (rank) {
      rankBy = &launcher;
      if (std::optional<int64_t> value = number(rank))
        chooseTrainer(*value, rank.rule());
      return;
    }
    // Without servers an endpoint is a trainer's.
    Value all = find(launcher, LaunchFact::TrainerEndpoints);
    Value self = find(launcher, LaunchFact::Endpoint);
    if (servers == 0 && all && self) {
      rankBy = &launcher;
      std::vector<std::string> endpoints = splitList(all.text);
      auto it = std::find(endpoints.begin(), endpoints.end(), self.text);
      if (it == endpoints.end())
        return problem("{} is not in {}", self.rule(), all.rule());
      return chooseTrainer(it - endpoints.begin(), self.rule());
    }
    if (chooseByWorld(launcher))
      return;
  }
  if (job.trainers() == 1)
    return chooseTrainer(0, "the job has one trainer");
  problem("{}", howToSayWhich("which trainer is this?",
                              fmt::format("--trainer-id=I or set "
                                          "PADDLE_TRAINER_ID, from 0 to {}",
                                          job.trainers() - 1)
                                  .c_str()));
}

void Resolver::resolveServer() {
  if (!flags.endpoint.empty())
    return chooseServer(flags.endpoint, "--current-endpoint");
  for (const Launcher &launcher : launchers()) {
    std::string rule;
    if (std::string endpoint = endpointOf(launcher, rule); !endpoint.empty()) {
      rankBy = &launcher;
      return chooseServer(endpoint, rule);
    }
    Value rank = find(launcher, LaunchFact::ServerRank);
    if (!rank)
      rank = find(launcher, LaunchFact::Rank);
    if (rank) {
      rankBy = &launcher;
      if (std::optional<int64_t> value = number(rank))
        chooseServer(*value, rank.rule());
      return;
    }
    if (chooseByWorld(launcher))
      return;
  }
  if (servers == 1)
    return chooseServer(0, "the job has one server");
  problem("{}",
          howToSayWhich("which server is this?",
                        fmt::format("--current-endpoint=HOST:PORT or set "
                                    "POD_IP and PADDLE_PORT, to one of {}",
                                    fmt::join(job.pservers(), ", "))
                            .c_str()));
}

/// What is known beside role and rank, from the first launcher that says it.
void Resolver::resolveSurroundings() {
  auto count = [&](const Value &value) -> std::optional<uint32_t> {
    std::optional<int64_t> parsed = number(value);
    if (parsed && (*parsed < 0 || *parsed > 65536))
      problem("{}: expected 0 to 65536", value.rule());
    return parsed ? std::optional<uint32_t>(*parsed) : std::nullopt;
  };
  for (const Launcher &launcher : launchers()) {
    Value rank = find(launcher, LaunchFact::LocalRank);
    if (rank && !choice.localRank) {
      choice.localRank = count(rank);
      Value size = find(launcher, LaunchFact::LocalSize);
      if (size)
        choice.localSize = count(size);
      if (size && choice.localRank && choice.localSize &&
          *choice.localRank >= *choice.localSize)
        problem("{} and {} contradict each other", rank.rule(), size.rule());
    }
    if (servers > 0) // then trainers do not meet
      continue;
    Value all = find(launcher, LaunchFact::TrainerEndpoints);
    if (all && choice.trainerEndpoints.empty())
      choice.trainerEndpoints = splitList(all.text);
    std::string coordinator;
    if (Value whole = find(launcher, LaunchFact::Coordinator))
      coordinator = whole.text;
    else if (Value host = find(launcher, LaunchFact::CoordinatorHost))
      if (Value port = find(launcher, LaunchFact::CoordinatorPort))
        coordinator = host.text + ":" + port.text;
    if (coordinator.empty() || !choice.coordinator.empty())
      continue;
    choice.coordinator = coordinator;
    if (Status valid = parseEndpoint(coordinator).status(); !valid.ok())
      problem("{}: {}", launcher.name, valid.message());
  }
}

/// An environment that describes another job is a mistake that would show only
/// later, as a hang.
void Resolver::checkAgreement() {
  for (const Launcher &launcher : launchers())
    if (launcher.describesJob || &launcher == roleBy || &launcher == rankBy)
      checkAgreement(launcher);
}

void Resolver::checkAgreement(const Launcher &launcher) {
  // Two names of one thing.
  for (const LaunchVariable &variable : launcher.variables) {
    Value first = find(launcher, variable.fact);
    const char *text = getenv(variable.name);
    if (!first || first.name == variable.name || !text || !*text ||
        first.text == text)
      continue;
    if (variable.fact == LaunchFact::Role &&
        parseRole(first.text) == parseRole(text))
      continue;
    problem("{} and {}={} contradict each other", first.rule(), variable.name,
            text);
  }
  auto expectCount = [&](LaunchFact fact, uint32_t expected, const char *flag) {
    Value count = find(launcher, fact);
    if (count && count.text != std::to_string(expected))
      problem("{}: the job was transpiled with {}{}", count.rule(), flag,
              expected);
  };
  expectCount(LaunchFact::Trainers, job.trainers(), "--trainers=");
  expectCount(LaunchFact::Servers, servers,
              "as many endpoints in --pservers: ");
  std::string expected = fmt::format("{}", fmt::join(job.pservers(), ","));
  if (Value list = find(launcher, LaunchFact::ServerEndpoints);
      list && list.text != expected)
    problem("{}: the job was transpiled with --pservers={}", list.rule(),
            expected);
  Value hosts = find(launcher, LaunchFact::ServerHosts);
  Value port = find(launcher, LaunchFact::Port);
  if (hosts && port) {
    std::string list;
    for (const std::string &host : splitList(hosts.text))
      list += (list.empty() ? "" : ",") + host + ":" + port.text;
    if (list != expected)
      problem("{} with {}: the job was transpiled with --pservers={}",
              hosts.rule(), port.rule(), expected);
  }
  if (Value perHost = find(launcher, LaunchFact::PerHost);
      perHost && perHost.text != "1" && perHost.text != "auto")
    problem("{}: fleet-run is one process; ask for 1, and for more pods",
            perHost.rule());
  if (servers > 0)
    return;
  Value all = find(launcher, LaunchFact::TrainerEndpoints);
  if (!all)
    return;
  std::vector<std::string> endpoints = splitList(all.text);
  if (endpoints.size() != job.trainers())
    return problem("{}: {} endpoints, the job has {} trainers", all.rule(),
                   endpoints.size(), job.trainers());
  for (const std::string &endpoint : endpoints)
    if (Status valid = parseEndpoint(endpoint).status(); !valid.ok())
      return problem("{}: {}", all.name, valid.message());
  Value self = find(launcher, LaunchFact::Endpoint);
  if (self && problems.empty() && endpoints[choice.rank] != self.text)
    problem("{}: trainer {} (by {}) is {} in {}", self.rule(), choice.rank,
            choice.rankRule, endpoints[choice.rank], all.name);
}

} // namespace

StatusOr<RoleChoice> fleet::resolveRole(const plan::Job &job,
                                        const RoleFlags &flags,
                                        const Getenv &getenv) {
  return Resolver(job, flags, getenv).resolve();
}
