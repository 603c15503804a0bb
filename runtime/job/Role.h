//===- Role.h - Which process of a job this is ------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_JOB_ROLE_H
#define FLEET_RUNTIME_JOB_ROLE_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <functional>
#include <optional>
#include <string>

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

  /// "trainer 1", "pserver 0", "local".
  std::string name() const;
};

/// Decides from the flags, else from the environment: TRAINING_ROLE or
/// PADDLE_TRAINING_ROLE, PADDLE_TRAINER_ID, PADDLE_CURRENT_ENDPOINT or POD_IP
/// and PADDLE_PORT. PADDLE_TRAINERS_NUM and PADDLE_PSERVERS_IP_PORT_LIST, where
/// set, have to agree with the job. One error lists everything that is missing.
StatusOr<RoleChoice> resolveRole(const plan::Job &job, const RoleFlags &flags,
                                 const Getenv &getenv);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_ROLE_H
