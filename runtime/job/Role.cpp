//===- Role.cpp - Which process of a job this is --------------------------===//

#include "runtime/job/Role.h"

#include <algorithm>
#include <charconv>
#include <fmt/ranges.h>
#include <vector>

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

class Resolver {
public:
  Resolver(const plan::Job &job, const RoleFlags &flags, const Getenv &getenv)
      : job(job), flags(flags), getenv(getenv) {}

  StatusOr<RoleChoice> resolve() {
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
    resolveKind();
    if (choice.role == plan::TRAINER)
      resolveTrainer();
    else if (choice.role == plan::PSERVER)
      resolveServer();
    checkAgreement();
    // All of them at once: each try may cost a submission to a cluster.
    if (!problems.empty())
      return makeError(StatusCode::InvalidArgument, "{}",
                       fmt::join(problems, "; "));
    return choice;
  }

private:
  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args &&...args) {
    problems.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  std::string env(const char *name) const {
    const char *value = getenv(name);
    return value ? value : "";
  }

  void resolveKind() {
    std::string role = flags.role, rule = "--role";
    for (const char *name : {"TRAINING_ROLE", "PADDLE_TRAINING_ROLE"})
      if (role.empty() && !env(name).empty()) {
        role = env(name);
        rule = name;
      }
    if (role.empty())
      return problem(
          "which process of the job is this? say --role=trainer "
          "--trainer-id=I or --role=pserver --current-endpoint=HOST:PORT, or "
          "set TRAINING_ROLE (TRAINER or PSERVER), with PADDLE_TRAINER_ID for "
          "a trainer, POD_IP and PADDLE_PORT for a server");
    if (role == "trainer" || role == "TRAINER")
      choice.role = plan::TRAINER;
    else if (role == "pserver" || role == "PSERVER")
      choice.role = plan::PSERVER;
    else
      return problem("{}={}: expected trainer or pserver", rule, role);
    choice.roleRule = fmt::format("{}={}", rule, role);
  }

  void resolveTrainer() {
    int64_t rank = -1;
    if (flags.trainerId) {
      rank = *flags.trainerId;
      choice.rankRule = fmt::format("--trainer-id={}", rank);
    } else if (std::string text = env("PADDLE_TRAINER_ID"); !text.empty()) {
      auto [end, error] =
          std::from_chars(text.data(), text.data() + text.size(), rank);
      if (error != std::errc() || end != text.data() + text.size())
        return problem("PADDLE_TRAINER_ID={}: expected a number", text);
      choice.rankRule = "PADDLE_TRAINER_ID=" + text;
    } else if (job.trainers() == 1) {
      rank = 0;
      choice.rankRule = "the job has one trainer";
    } else {
      return problem("which trainer is this? say --trainer-id=I or set "
                     "PADDLE_TRAINER_ID, from 0 to {}",
                     job.trainers() - 1);
    }
    if (rank < 0 || rank >= job.trainers())
      return problem("{}: the job has {} trainers, 0 to {}", choice.rankRule,
                     job.trainers(), job.trainers() - 1);
    choice.rank = static_cast<uint32_t>(rank);
  }

  void resolveServer() {
    std::string endpoint = flags.endpoint, rule = "--current-endpoint";
    if (endpoint.empty() && !env("PADDLE_CURRENT_ENDPOINT").empty()) {
      endpoint = env("PADDLE_CURRENT_ENDPOINT");
      rule = "PADDLE_CURRENT_ENDPOINT";
    }
    if (endpoint.empty() && !env("POD_IP").empty() &&
        !env("PADDLE_PORT").empty()) {
      endpoint = env("POD_IP") + ":" + env("PADDLE_PORT");
      rule = "POD_IP:PADDLE_PORT";
    }
    if (endpoint.empty() && job.pservers_size() == 1) {
      endpoint = job.pservers(0);
      rule = "the job has one server:";
    }
    if (endpoint.empty()) {
      std::string half;
      if (!env("POD_IP").empty())
        half = " (PADDLE_PORT is missing beside POD_IP)";
      else if (!env("PADDLE_PORT").empty())
        half = " (POD_IP is missing beside PADDLE_PORT)";
      return problem("which server is this? say --current-endpoint=HOST:PORT "
                     "or set POD_IP and PADDLE_PORT{}, to one of {}",
                     half, fmt::join(job.pservers(), ", "));
    }
    auto it = std::find(job.pservers().begin(), job.pservers().end(), endpoint);
    if (it == job.pservers().end())
      return problem("{}={}: the servers of the job are {}", rule, endpoint,
                     fmt::join(job.pservers(), ", "));
    choice.rank = static_cast<uint32_t>(it - job.pservers().begin());
    choice.endpoint = endpoint;
    choice.rankRule = fmt::format("{}={}", rule, endpoint);
  }

  /// An environment that describes another job is a mistake that would show
  /// only later, as a hang.
  void checkAgreement() {
    std::string trainers = env("PADDLE_TRAINERS_NUM");
    if (!trainers.empty() && trainers != std::to_string(job.trainers()))
      problem("PADDLE_TRAINERS_NUM={}: the job was transpiled with "
              "--trainers={}",
              trainers, job.trainers());
    std::string servers = env("PADDLE_PSERVERS_IP_PORT_LIST");
    std::string expected = fmt::format("{}", fmt::join(job.pservers(), ","));
    if (!servers.empty() && servers != expected)
      problem("PADDLE_PSERVERS_IP_PORT_LIST={}: the job was "
              "transpiled with --pservers={}",
              servers, expected);
  }

  const plan::Job &job;
  const RoleFlags &flags;
  const Getenv &getenv;
  RoleChoice choice;
  std::vector<std::string> problems;
};

} // namespace

StatusOr<RoleChoice> fleet::resolveRole(const plan::Job &job,
                                        const RoleFlags &flags,
                                        const Getenv &getenv) {
  return Resolver(job, flags, getenv).resolve();
}
