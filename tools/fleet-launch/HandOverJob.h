//===- HandOverJob.h - fleet-launch --launcher=... --------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TOOLS_FLEETLAUNCH_HANDOVERJOB_H
#define FLEET_TOOLS_FLEETLAUNCH_HANDOVERJOB_H

#include "runtime/base/Signals.h"
#include "runtime/launch/Supervisor.h"

#include <optional>
#include <string>
#include <vector>

namespace fleet {

/// Flags of fleet-launch about other launchers, as they were given.
struct HandOverFlags {
  std::string launcher = "local"; ///< local, mpirun, slurm, kubernetes
  bool dryRun = false;
  std::string output;
  std::string hosts, name, image, nameSpace, manifest, claim;
  std::string program, jobPath; ///< of fleet-run and the job folder, over there
  std::optional<uint32_t> port;
};

/// A flag that means nothing to the launcher is an error that names it.
Status checkFlags(const HandOverFlags &flags);

/// Writes to standard output (--dry-run) or a file what the launcher needs, or
/// hands the job over to it. `program` is fleet-run on this machine.
StatusOr<JobResult> handOver(const plan::Job &job, const HandOverFlags &flags,
                             const std::string &program,
                             const std::string &directory,
                             const std::vector<std::string> &options,
                             const SupervisorOptions &supervision,
                             const StopToken &stop);

} // namespace fleet

#endif // FLEET_TOOLS_FLEETLAUNCH_HANDOVERJOB_H
