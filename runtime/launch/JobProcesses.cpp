//===- JobProcesses.cpp - The processes of a job on one machine -----------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/JobProcesses.h"

#include "runtime/environment/LaunchVariables.h"
#include "runtime/plan/JobFile.h"
#include "runtime/transport/Endpoint.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>

#include <netdb.h>
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

StatusOr<std::vector<JobProcess>>
fleet::describeProcesses(const plan::Job &job,
                         const JobProcessOptions &options) {
  bool threadsGiven = false;
  for (const std::string &option : options.options) {
    for (const char *chosen : {"--role", "--trainer-id", "--current-endpoint"})
      if (isOption(option, chosen))
        return makeError(StatusCode::InvalidArgument,
                         "{} after -- is chosen by fleet-launch for each "
                         "process; leave it out, or start fleet-run by hand",
                         chosen);
    threadsGiven |= isOption(option, "--threads");
  }

  bool single = job.mode() == plan::SINGLE;
  uint32_t servers = static_cast<uint32_t>(job.pservers_size());
  uint32_t trainers = single ? 1 : job.trainers();

  JobProcess common;
  common.arguments = {options.program, options.directory};
  common.arguments.insert(common.arguments.end(), options.options.begin(),
                          options.options.end());
  if (!threadsGiven)
    common.arguments.push_back(fmt::format(
        "--threads={}", std::max(1u, options.cores / (servers + trainers))));
  for (const std::string &variable : options.environment)
    if (!isReplaced(variable))
      common.environment.push_back(variable);

  std::vector<JobProcess> processes;
  if (single) {
    FLEET_RETURN_IF_ERROR(
        checkPlan(job, plan::LOCAL, 0, "local", options.directory));
    common.name = "local";
    common.role = plan::LOCAL;
    processes.push_back(std::move(common));
    return processes;
  }

  std::string endpoints;
  for (const std::string &endpoint : job.pservers())
    endpoints += (endpoints.empty() ? "" : ",") + endpoint;
  common.environment.push_back("PADDLE_PSERVERS_IP_PORT_LIST=" + endpoints);
  common.environment.push_back(fmt::format("PADDLE_TRAINERS_NUM={}", trainers));

  for (uint32_t i = 0; i < servers; ++i) {
    JobProcess process = common;
    process.name = fmt::format("pserver {}", i);
    process.role = plan::PSERVER;
    FLEET_RETURN_IF_ERROR(
        checkPlan(job, plan::PSERVER, i, process.name, options.directory));
    // The brackets of an IPv6 address stay: POD_IP:PADDLE_PORT is the endpoint.
    const std::string &endpoint = job.pservers(static_cast<int>(i));
    size_t colon = endpoint.rfind(':');
    process.environment.push_back("TRAINING_ROLE=PSERVER");
    process.environment.push_back("POD_IP=" + endpoint.substr(0, colon));
    process.environment.push_back("PADDLE_PORT=" + endpoint.substr(colon + 1));
    processes.push_back(std::move(process));
  }
  FLEET_RETURN_IF_ERROR(
      checkPlan(job, plan::TRAINER, 0, "the trainers", options.directory));
  for (uint32_t i = 0; i < trainers; ++i) {
    JobProcess process = common;
    process.name = fmt::format("trainer {}", i);
    process.role = plan::TRAINER;
    process.environment.push_back("TRAINING_ROLE=TRAINER");
    process.environment.push_back(fmt::format("PADDLE_TRAINER_ID={}", i));
    processes.push_back(std::move(process));
  }
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
