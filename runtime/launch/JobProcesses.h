//===- JobProcesses.h - The processes of a job on one machine ---*- C++ -*-===//
//
// Part of the Fleet project.
//
// What each process of a job is started with. Nothing is started here.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_LAUNCH_JOBPROCESSES_H
#define FLEET_RUNTIME_LAUNCH_JOBPROCESSES_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace fleet {

/// One process of a job.
struct JobProcess {
  std::string name; ///< "trainer 0", "pserver 1", "local"
  plan::Role role = plan::ROLE_UNSPECIFIED;
  std::vector<std::string> arguments;   ///< arguments[0] is the program's path
  std::vector<std::string> environment; ///< all of it, as NAME=VALUE
  std::vector<std::string> place;       ///< what of it tells its place
};

struct JobProcessOptions {
  std::string directory;                ///< the job folder
  std::string program;                  ///< path of fleet-run
  std::vector<std::string> options;     ///< for every process
  std::vector<std::string> environment; ///< of this process, as NAME=VALUE
  unsigned cores = 1;                   ///< shared out by --threads
};

/// The processes of `job`, servers first. Each gets the job's folder, the
/// options, --threads when the options do not say it, and the job environment
/// (TRAINING_ROLE, PADDLE_*; FLEET_* in a job of trainers only, with a free
/// port of this machine for each) in place of whatever the environment had of
/// it or of another launcher's; http_proxy and https_proxy are taken out.
/// InvalidArgument when the options name a role or rank, which are not theirs
/// to choose; NotFound when the folder lacks a plan.
StatusOr<std::vector<JobProcess>>
describeProcesses(const plan::Job &job, const JobProcessOptions &options);

/// An error when options for fleet-run say what a launcher decides.
Status checkProcessOptions(const std::vector<std::string> &options);

/// `count` endpoints of this machine at which nobody listens.
StatusOr<std::vector<std::string>> freeEndpoints(uint32_t count);

/// An error that names the first server whose endpoint is not an address of
/// this machine. Asks the resolver for host names.
Status checkServersAreLocal(const plan::Job &job);

} // namespace fleet

#endif // FLEET_RUNTIME_LAUNCH_JOBPROCESSES_H
