//===- JobProcesses.cpp - The processes of a job on one machine -----------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/JobProcesses.h"

#include "runtime/environment/LaunchVariables.h"
#include "runtime/environment/WorldLayout.h"
#include "runtime/launch/ChildProcess.h"
#include "runtime/plan/JobFile.h"
#include "runtime/transport/Endpoint.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace fleet;

namespace {

bool startsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

/// `option` is "--NAME" or "--NAME=...".
bool isOption(std::string_view option, std::string_view name) {
  return option == name ||
         (startsWith(option, name) && option[name.size()] == '=');
}

/// What tells a process its place, which whoever started us may still have set
/// for another one, or a proxy, which would stand between the processes of a
/// job.
bool isReplaced(std::string_view variable) {
  for (std::string_view prefix : {"PADDLE_", "http_proxy=", "https_proxy=",
                                  "HTTP_PROXY=", "HTTPS_PROXY="})
    if (startsWith(variable, prefix))
      return true;
  std::string_view name = variable.substr(0, variable.find('='));
  for (const Launcher &launcher : launchers())
    for (const LaunchVariable &known : launcher.variables)
      if (name == known.name)
        return true;
  return false;
}

Status checkPlan(const plan::Job &job, plan::Role role, uint32_t index,
                 const std::string &name, const std::string &directory) {
  const plan::Job::Program *program = findProgram(job, role, index);
  if (program && !program->plan().empty())
    return Status();
  return makeError(StatusCode::NotFound,
                   "{} has no plan for {}; transpile the program again without "
                   "--role and with --emit=all",
                   directory, name);
}

bool isAddressOfThisMachine(const addrinfo &address) {
  int descriptor = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return false;
  bool bound = ::bind(descriptor, address.ai_addr, address.ai_addrlen) == 0;
  ::close(descriptor);
  return bound;
}

} // namespace

Status fleet::checkProcessOptions(const std::vector<std::string> &options) {
  for (const std::string &option : options)
    for (const char *chosen : {"--role", "--trainer-id", "--current-endpoint"})
      if (isOption(option, chosen))
        return makeError(StatusCode::InvalidArgument,
                         "{} after -- is chosen by fleet-launch for each "
                         "process; leave it out, or start fleet-run by hand",
                         chosen);
  return Status();
}

StatusOr<std::vector<std::string>> fleet::freeEndpoints(uint32_t count) {
  std::vector<Descriptor> held; // until all are chosen
  std::vector<std::string> endpoints;
  for (uint32_t i = 0; i < count; ++i) {
    held.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    socklen_t size = sizeof(address);
    if (held.back().get() < 0 ||
        ::bind(held.back().get(), generic, size) != 0 ||
        ::getsockname(held.back().get(), generic, &size) != 0)
      return makeError(StatusCode::Unavailable, "cannot find a free port: {}",
                       std::generic_category().message(errno));
    endpoints.push_back(fmt::format("127.0.0.1:{}", ntohs(address.sin_port)));
  }
  return endpoints;
}

/// The places of `servers` and `trainers` that exchange by servers.
static void placeByServers(const plan::Job &job,
                           std::vector<JobProcess> &processes) {
  std::string endpoints;
  for (const std::string &endpoint : job.pservers())
    endpoints += (endpoints.empty() ? "" : ",") + endpoint;
  uint32_t server = 0, trainer = 0;
  for (JobProcess &process : processes) {
    process.place = {"PADDLE_PSERVERS_IP_PORT_LIST=" + endpoints,
                     fmt::format("PADDLE_TRAINERS_NUM={}", job.trainers())};
    if (process.role == plan::TRAINER) {
      process.place.push_back("TRAINING_ROLE=TRAINER");
      process.place.push_back(fmt::format("PADDLE_TRAINER_ID={}", trainer++));
      continue;
    }
    // The brackets of an IPv6 address stay: POD_IP:PADDLE_PORT is the endpoint.
    const std::string &endpoint = job.pservers(static_cast<int>(server++));
    size_t colon = endpoint.rfind(':');
    process.place.push_back("TRAINING_ROLE=PSERVER");
    process.place.push_back("POD_IP=" + endpoint.substr(0, colon));
    process.place.push_back("PADDLE_PORT=" + endpoint.substr(colon + 1));
  }
}

/// The places of trainers that exchange among themselves.
static Status placeTrainers(std::vector<JobProcess> &processes) {
  auto count = static_cast<uint32_t>(processes.size());
  FLEET_ASSIGN_OR_RETURN(std::vector<std::string> endpoints,
                         freeEndpoints(count));
  std::string all;
  for (const std::string &endpoint : endpoints)
    all += (all.empty() ? "" : ",") + endpoint;
  for (uint32_t i = 0; i < count; ++i)
    processes[i].place = {fmt::format("FLEET_RANK={}", i),
                          fmt::format("FLEET_TRAINERS={}", count),
                          fmt::format("FLEET_LOCAL_RANK={}", i),
                          fmt::format("FLEET_LOCAL_SIZE={}", count),
                          "FLEET_SELF=" + endpoints[i],
                          "FLEET_TRAINER_ENDPOINTS=" + all,
                          "FLEET_COORDINATOR=" + endpoints[0]};
  return Status();
}

StatusOr<std::vector<JobProcess>>
fleet::describeProcesses(const plan::Job &job,
                         const JobProcessOptions &options) {
  FLEET_RETURN_IF_ERROR(checkProcessOptions(options.options));
  bool single = job.mode() == plan::SINGLE;
  auto servers = static_cast<uint32_t>(job.pservers_size());
  JobProcess common;
  common.arguments = {options.program, options.directory};
  common.arguments.insert(common.arguments.end(), options.options.begin(),
                          options.options.end());
  if (std::none_of(options.options.begin(), options.options.end(),
                   [](const std::string &option) {
                     return isOption(option, "--threads");
                   }))
    common.arguments.push_back(fmt::format(
        "--threads={}", std::max(1u, options.cores / worldSize(job))));
  for (const std::string &variable : options.environment)
    if (!isReplaced(variable))
      common.environment.push_back(variable);

  std::vector<JobProcess> processes;
  auto add = [&](std::string name, plan::Role role) {
    common.name = std::move(name);
    common.role = role;
    processes.push_back(common);
  };
  if (single) {
    FLEET_RETURN_IF_ERROR(
        checkPlan(job, plan::LOCAL, 0, "local", options.directory));
    add("local", plan::LOCAL);
    return processes;
  }
  for (uint32_t i = 0; i < servers; ++i) {
    add(fmt::format("pserver {}", i), plan::PSERVER);
    FLEET_RETURN_IF_ERROR(checkPlan(job, plan::PSERVER, i,
                                    processes.back().name, options.directory));
  }
  FLEET_RETURN_IF_ERROR(
      checkPlan(job, plan::TRAINER, 0, "the trainers", options.directory));
  for (uint32_t i = 0; i < job.trainers(); ++i)
    add(fmt::format("trainer {}", i), plan::TRAINER);
  if (servers > 0)
    placeByServers(job, processes);
  else
    FLEET_RETURN_IF_ERROR(placeTrainers(processes));
  for (JobProcess &process : processes)
    process.environment.insert(process.environment.end(), process.place.begin(),
                               process.place.end());
  return processes;
}

Status fleet::checkServersAreLocal(const plan::Job &job) {
  for (int i = 0; i < job.pservers_size(); ++i) {
    const std::string &text = job.pservers(i);
    FLEET_ASSIGN_OR_RETURN(Endpoint endpoint, parseEndpoint(text));
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo *found = nullptr;
    // Port 0: whether the port is free is for the server to find out.
    if (int error = ::getaddrinfo(endpoint.host.c_str(), "0", &hints, &found))
      return makeError(StatusCode::NotFound,
                       "pserver {}: no address for {}: {}", i, text,
                       ::gai_strerror(error));
    std::unique_ptr<addrinfo, void (*)(addrinfo *)> addresses(found,
                                                              ::freeaddrinfo);
    bool local = false;
    for (const addrinfo *it = found; it && !local; it = it->ai_next)
      local = isAddressOfThisMachine(*it);
    if (!local)
      return makeError(StatusCode::InvalidArgument,
                       "pserver {}: {} is not an address of this machine, and "
                       "fleet-launch starts processes here only; start "
                       "fleet-run by hand on each machine, or transpile again "
                       "with --pservers on this one",
                       i, text);
  }
  return Status();
}
