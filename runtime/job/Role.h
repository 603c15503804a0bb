//===- Role.h - Which process of a job this is ------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_ROLE_H
#define FLEET_RUNTIME_JOB_ROLE_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fleet {

/// What was said on the command line; empty where nothing was.
struct RoleFlags {
  std::string role;     ///< --role
  std::string endpoint; ///< --current-endpoint
  std::optional<int64_t> trainerId;
};

/// A variable of the environment, or nullptr; std::getenv in a tool.
using Getenv = std::function<const char *(const char *)>;

struct RoleChoice {
  plan::Role role = plan::LOCAL;
  uint32_t rank = 0;              ///< of a trainer; index of a server
  std::string endpoint;           ///< of a server
  std::string roleRule, rankRule; ///< what decided, for --print-env

  // What the launcher said about the processes around this one, if it did.
  std::optional<uint32_t> localRank, localSize; ///< on this host
  std::vector<std::string> trainerEndpoints;    ///< of all trainers, by rank
  std::string coordinator; ///< HOST:PORT at which the trainers meet

  /// "trainer 1", "pserver 0", "local".
  std::string name() const;
};

/// Decides from the flags, else from the environment. Role and rank are two
/// questions; for each the first launcher of launchers() that answers wins,
/// after the flags. Variables that describe another job than `job` are an
/// error, as is a value that makes no sense. One error lists everything that is
/// wrong.
StatusOr<RoleChoice> resolveRole(const plan::Job &job, const RoleFlags &flags,
                                 const Getenv &getenv);

/// All rules in their order, with every flag and variable: its value, or what
/// it would be for; those that decided are marked. Several lines, for
/// --print-env.
std::string describeRules(const RoleFlags &flags, const Getenv &getenv,
                          const StatusOr<RoleChoice> &choice);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_ROLE_H
