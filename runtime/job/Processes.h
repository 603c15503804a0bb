//===- Processes.h - What each role does ------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_PROCESSES_H
#define FLEET_RUNTIME_JOB_PROCESSES_H

#include "runtime/job/Role.h"
#include "runtime/job/RunOptions.h"
#include "runtime/job/StateFile.h"
#include "runtime/transport/JobIdentity.h"

namespace fleet {

/// What all processes of a job agree on, from a plan and the flags.
JobIdentity identify(const plan::Plan &plan, const RunOptions &options);

/// A trainer, or a local job.
Status runTrainer(Program &program, const RoleChoice &role,
                  const RunOptions &options, RunEnvironment &environment);

Status runServer(Program &program, const RoleChoice &role,
                 const RunOptions &options, RunEnvironment &environment);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_PROCESSES_H
