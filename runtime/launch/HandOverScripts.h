//===- HandOverScripts.h - What scripts for launchers share -----*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_LAUNCH_HANDOVERSCRIPTS_H
#define FLEET_RUNTIME_LAUNCH_HANDOVERSCRIPTS_H

#include "runtime/launch/HandOver.h"

namespace fleet {

/// "2 servers and 2 trainers".
std::string describeJob(const plan::Job &job);

/// True when the processes exchange over MPI, so that endpoints are names only.
bool usesMpiTransport(const std::vector<std::string> &options);

/// fleet-run with the folder and the options, for a shell.
std::string commandLine(const HandOver &to);

/// `name` without what would need quotes in a script's comments and options.
std::string plainName(const std::string &name);

} // namespace fleet

#endif // FLEET_RUNTIME_LAUNCH_HANDOVERSCRIPTS_H
