//===- MpirunScript.cpp - A job for mpirun --------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/environment/WorldLayout.h"
#include "runtime/launch/HandOverScripts.h"
#include "runtime/launch/JobProcesses.h"
#include "runtime/transport/Endpoint.h"

#include <set>

using namespace fleet;

/// Where mpirun --map-by slot puts process `rank`.
static const Host &hostOf(const std::vector<Host> &hosts, uint32_t rank) {
  size_t i = 0;
  while (rank >= hosts[i].slots)
    rank -= hosts[i++].slots;
  return hosts[i];
}

/// The job's ports at the hosts on which its servers will run.
static StatusOr<std::string> serversAt(const plan::Job &job,
                                       const std::vector<Host> &hosts) {
  std::string list;
  std::set<std::pair<std::string, uint32_t>> taken;
  for (uint32_t i = 0; i < static_cast<uint32_t>(job.pservers_size()); ++i) {
    FLEET_ASSIGN_OR_RETURN(Endpoint endpoint,
                           parseEndpoint(job.pservers(static_cast<int>(i))));
    const std::string &host =
        hostOf(hosts, worldRankOf(job, plan::PSERVER, i)).name;
    uint32_t port = endpoint.port;
    while (!taken.insert({host, port}).second)
      ++port;
    if (port > 65535)
      return makeError(StatusCode::InvalidArgument,
                       "pserver {}: no port is left on {} from {} on", i, host,
                       endpoint.port);
    list += fmt::format("{}{}:{}", list.empty() ? "" : ",", host, port);
  }
  return list;
}

StatusOr<std::string> fleet::mpirunScript(const plan::Job &job,
                                          const HandOver &to) {
  uint32_t processes = worldSize(job);
  std::string hosts, slots = " --oversubscribe", moved;
  if (!to.hosts.empty()) {
    uint64_t room = 0;
    for (const Host &host : to.hosts) {
      hosts += fmt::format("{}{}:{}", hosts.empty() ? "" : ",", host.name,
                           host.slots);
      room += host.slots;
    }
    if (room < processes)
      return makeError(StatusCode::InvalidArgument,
                       "--hosts has room for {} processes, the job has {} ({})",
                       room, processes, describeJob(job));
    slots = " --map-by slot --host " + shellQuote(hosts);
    if (job.pservers_size() > 0 && !usesMpiTransport(to.options)) {
      FLEET_ASSIGN_OR_RETURN(std::string servers, serversAt(job, to.hosts));
      moved = " \\\n  -x FLEET_PSERVERS=" + shellQuote(servers);
    }
  } else if (!usesMpiTransport(to.options)) {
    FLEET_RETURN_IF_ERROR(checkServersAreLocal(job));
  }
  if (job.mode() != plan::SINGLE && job.pservers_size() == 0)
    moved = fmt::format(" \\\n  -x FLEET_COORDINATOR={}:{}",
                        to.hosts.empty() ? std::string("127.0.0.1")
                                         : to.hosts[0].name,
                        to.port);
  return fmt::format("#!/bin/sh\n"
                     "# {}: {}, by fleet-launch --launcher=mpirun.\n"
                     "as_root=\n"
                     "[ \"$(id -u)\" -ne 0 ] || as_root=--allow-run-as-root\n"
                     "exec mpirun $as_root -np {}{}{} \\\n  {}\n",
                     plainName(to.name), describeJob(job), processes, slots,
                     moved, commandLine(to));
}
