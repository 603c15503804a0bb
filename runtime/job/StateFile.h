//===- StateFile.h - State of a program to and from checkpoints -*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_STATEFILE_H
#define FLEET_RUNTIME_JOB_STATEFILE_H

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/executor/Program.h"
#include "runtime/ps/RemoteState.h"

namespace fleet {

/// "w" for a parameter, "w/velocity" for a slot of its optimizer state.
std::string checkpointName(const std::string &origin, const std::string &slot);

/// Fills every state of `program` but those that it has a part of
/// (ShardedStates.h), and the rows of tables that it owns, from
/// DIR/model.safetensors.
Status loadStates(Program &program, Files &files, const std::string &directory);

/// Writes whole tensors: what the servers or other trainers hold (`remote`;
/// empty for a local job) and what only `program` has.
Status saveStates(Program &program, const std::vector<RemoteState> &remote,
                  Files &files, const std::string &directory,
                  const CheckpointMetadata &metadata);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_STATEFILE_H
