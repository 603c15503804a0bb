//===- ShardedStates.h - Parts of state, and checkpoints --------*- C++ -*-===//
//
// Of a sharded job each trainer has a part of the optimizer state
// (State.shards). A checkpoint has whole tensors, which rank 0 reads and
// writes.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_JOB_SHARDEDSTATES_H
#define FLEET_RUNTIME_JOB_SHARDEDSTATES_H

#include "runtime/base/Files.h"
#include "runtime/executor/Program.h"
#include "runtime/ps/RemoteState.h"

namespace fleet {

/// Whether trainers have parts of what checkpoints hold.
bool hasShardedStates(const Program &program);

/// A call of all ranks: rank 0 gets the whole tensors, the others nothing.
StatusOr<std::vector<RemoteState>> gatherStates(Program &program);

/// A call of all ranks: each gets its parts of what rank 0 reads from the
/// checkpoint in `directory`; of none if that is empty on rank 0.
Status scatterStates(Program &program, Files &files,
                     const std::string &directory);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_SHARDEDSTATES_H
