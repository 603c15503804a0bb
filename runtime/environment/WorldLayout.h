//===- WorldLayout.h - Processes of a job that start together ---*- C++ -*-===//
//
// mpirun, srun and the like start all processes of a job alike and number them.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_ENVIRONMENT_WORLDLAYOUT_H
#define FLEET_RUNTIME_ENVIRONMENT_WORLDLAYOUT_H

#include "fleet/Plan/plan.pb.h"

#include <cstdint>
#include <utility>

namespace fleet {

/// How many processes `job` has: servers and trainers, or one local process.
uint32_t worldSize(const plan::Job &job);

/// Which process of a job of servers and trainers is number `rank` of all that
/// are started together: server 0, trainer 0, server 1, trainer 1, ... until
/// one kind is used up, then the rest of the other. (With as many servers as
/// trainers: even ranks serve, odd ranks train, as the symmetric MPI role maker
/// of the Fleet API has it.) A job without servers has trainer `rank`.
/// `rank` < servers + trainers.
std::pair<plan::Role, uint32_t> placeOfWorldRank(const plan::Job &job,
                                                 uint32_t rank);

/// The inverse: at which number of all processes a server or trainer is.
uint32_t worldRankOf(const plan::Job &job, plan::Role role, uint32_t rank);

} // namespace fleet

#endif // FLEET_RUNTIME_ENVIRONMENT_WORLDLAYOUT_H
