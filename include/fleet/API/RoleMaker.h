//===- RoleMaker.h - Which process of a job this is -------------*- C++ -*-===//

#ifndef FLEET_API_ROLEMAKER_H
#define FLEET_API_ROLEMAKER_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fleet::api {

enum class Role { Worker, Server };

/// A process among those of its job.
struct Place {
  Role role = Role::Worker;
  uint32_t index = 0;   ///< among the processes of its role, from 0
  uint32_t workers = 1; ///< how many there are
  /// HOST:PORT of all workers, by index; empty if nobody said.
  std::vector<std::string> workerEndpoints;
  /// HOST:PORT at which the workers meet: worker 0 listens there. Empty: the
  /// first of workerEndpoints.
  std::string coordinator;
  /// This process among those of its host; empty: `index`.
  std::optional<uint32_t> localIndex;
};

/// Says the place of a process.
class RoleMaker {
public:
  virtual ~RoleMaker();
  /// The place in a job, of workers only if `isCollective`. The error says
  /// which variable or field is wrong, and what would be right.
  virtual StatusOr<Place> place(bool isCollective) const = 0;
};

/// Asks the environment, by the rules of fleet-run (docs/launching.md): the
/// variables of Fleet, of Paddle (PADDLE_TRAINER_ID, PADDLE_TRAINERS_NUM,
/// PADDLE_TRAINER_ENDPOINTS, ...), of torchrun, mpirun, Slurm and Kubernetes.
/// Without any of them the process is a job of its own, of one worker.
class PaddleCloudRoleMaker final : public RoleMaker {
public:
  /// A variable, or nullptr.
  using Getenv = std::function<const char *(const char *)>;
  /// `getenv` is std::getenv unless something else is given.
  explicit PaddleCloudRoleMaker(Getenv getenv = {});
  StatusOr<Place> place(bool isCollective) const override;

private:
  Getenv getenv;
};

/// Says what it was told.
class UserDefinedRoleMaker final : public RoleMaker {
public:
  explicit UserDefinedRoleMaker(Place told) : told(std::move(told)) {}
  StatusOr<Place> place(bool isCollective) const override;

private:
  Place told;
};

} // namespace fleet::api

#endif // FLEET_API_ROLEMAKER_H
