//===- Run.h - One process of a job ------------------------------*- C++
//-*-===//
//
// The whole life of a process, with everything that it touches given from
// outside: fleet-run calls it once, tests call it for several ranks in threads
// of one process.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_JOB_RUN_H
#define FLEET_RUNTIME_JOB_RUN_H

#include "runtime/job/Role.h"
#include "runtime/job/RunOptions.h"

namespace fleet {

/// Checks flags against each other and against the role (a server has no data);
/// the error is about usage.
Status checkOptions(const RunOptions &options, const RoleChoice &role);

/// Runs the process `role` of `job` to its end.
Status runProcess(const plan::Job &job, const RoleChoice &role,
                  const RunOptions &options, RunEnvironment &environment);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_RUN_H
