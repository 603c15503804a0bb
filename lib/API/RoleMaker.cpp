//===- RoleMaker.cpp - Which process of a job this is ---------------------===//

#include "fleet/API/RoleMaker.h"

#include "runtime/environment/LaunchVariables.h"
#include "runtime/job/Role.h"
#include "runtime/transport/Endpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

using namespace fleet;
using namespace fleet::api;

/// As many workers as a job may have (fleet-transpile --trainers).
static constexpr int64_t kMostWorkers = 1 << 20;

static Status refuseServers() {
  return Status(StatusCode::InvalidArgument,
                "isCollective: false asks for parameter servers, which this "
                "version of the API does not have; use fleet-transpile "
                "--mode=ps and fleet-run, or say true");
}

RoleMaker::~RoleMaker() = default;

PaddleCloudRoleMaker::PaddleCloudRoleMaker(Getenv getenv)
    : getenv(getenv ? std::move(getenv)
                    : [](const char *name) { return std::getenv(name); }) {}

static StatusOr<int64_t> countOf(const LaunchVariable &variable,
                                 const std::string &text) {
  if (variable.fact == LaunchFact::TrainerEndpoints)
    return 1 + std::count(text.begin(), text.end(), ',');
  int64_t count = 0;
  const char *end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || rest != end || count < 1 || count > kMostWorkers)
    return makeError(StatusCode::InvalidArgument,
                     "{}={}: expected a number of workers from 1 to {}",
                     variable.name, text, kMostWorkers);
  return count;
}

/// How many workers the first launcher that says so has started; 1 if none
/// does. Whether the others agree is the resolver's question.
static StatusOr<int64_t>
countWorkers(const PaddleCloudRoleMaker::Getenv &getenv) {
  for (const Launcher &launcher : launchers())
    for (LaunchFact fact : {LaunchFact::Trainers, LaunchFact::TrainerEndpoints,
                            LaunchFact::WorldSize})
      for (const LaunchVariable &variable : launcher.variables)
        if (const char *text = getenv(variable.name);
            variable.fact == fact && text && *text)
          return countOf(variable, text);
  return 1;
}

StatusOr<Place> PaddleCloudRoleMaker::place(bool isCollective) const {
  if (!isCollective)
    return refuseServers();
  FLEET_ASSIGN_OR_RETURN(int64_t workers, countWorkers(getenv));
  plan::Job job;
  job.set_mode(plan::COLLECTIVE);
  job.set_trainers(static_cast<uint32_t>(workers));
  FLEET_ASSIGN_OR_RETURN(RoleChoice choice,
                         resolveRole(job, RoleFlags(), getenv));
  Place place;
  place.index = choice.rank;
  place.workers = job.trainers();
  place.workerEndpoints = choice.trainerEndpoints;
  place.coordinator = choice.coordinator;
  place.localIndex = choice.localRank;
  return place;
}

StatusOr<Place> UserDefinedRoleMaker::place(bool isCollective) const {
  if (!isCollective)
    return refuseServers();
  auto fail = [](const std::string &what) {
    return Status(StatusCode::InvalidArgument, "UserDefinedRoleMaker: " + what);
  };
  if (told.role != Role::Worker)
    return fail("role: a collective job has workers only; expected "
                "Role::Worker");
  if (told.workers < 1 || told.workers > kMostWorkers)
    return fail(fmt::format("workers: expected 1 to {}, got {}", kMostWorkers,
                            told.workers));
  if (told.index >= told.workers)
    return fail(fmt::format("index: expected 0 to {}, got {}; there are {} "
                            "workers",
                            told.workers - 1, told.index, told.workers));
  if (!told.workerEndpoints.empty() &&
      told.workerEndpoints.size() != told.workers)
    return fail(fmt::format("workerEndpoints: expected one for each of {} "
                            "workers, got {}",
                            told.workers, told.workerEndpoints.size()));
  std::set<std::string> seen;
  for (const std::string &endpoint : told.workerEndpoints) {
    if (Status valid = parseEndpoint(endpoint).status(); !valid.ok())
      return fail("workerEndpoints: " + valid.message());
    if (!seen.insert(endpoint).second)
      return fail(fmt::format("workerEndpoints: {} is there twice; each worker "
                              "needs its own",
                              endpoint));
  }
  if (!told.coordinator.empty())
    if (Status valid = parseEndpoint(told.coordinator).status(); !valid.ok())
      return fail("coordinator: " + valid.message());
  return told;
}
