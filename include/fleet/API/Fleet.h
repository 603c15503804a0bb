//===- Fleet.h - A worker of a distributed job ------------------*- C++ -*-===//
//
// The Fleet API for C++ (docs/api.md): collective jobs, whose workers are equal
// and add their gradients. There is no global state; ranks may be processes or
// threads of one.
//
//   fleet::api::Fleet fleet;
//   fleet.init(fleet::api::PaddleCloudRoleMaker(), /*isCollective=*/true);
//   auto program = fleet::api::Program::readFile("fit_a_line.mlir");
//   auto optimizer = fleet.distributedOptimizer(fleet::api::optim::adam(1e-3));
//   auto model = fleet.distributedModel(*program, *optimizer);
//
// Every call that can fail returns a Status or a StatusOr; each is checked.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_API_FLEET_H
#define FLEET_API_FLEET_H

#include "fleet/API/Model.h"
#include "fleet/API/Optimizer.h"
#include "fleet/API/Program.h"
#include "fleet/API/RoleMaker.h"
#include "fleet/API/Tensor.h"
#include "runtime/base/Status.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fleet::api {

/// Workers that are threads of this process, in place of processes: each thread
/// has a Fleet of its own and passes the same group to init().
class ThreadGroup {
public:
  /// `workers` is at least 1; each wait ends at the deadline.
  static StatusOr<std::shared_ptr<ThreadGroup>>
  create(uint32_t workers,
         std::chrono::milliseconds deadline = std::chrono::seconds(60));
  ~ThreadGroup();

  struct Implementation;
  Implementation &implementation() const { return *members; }

private:
  ThreadGroup();
  std::unique_ptr<Implementation> members;
};

struct FleetOptions {
  /// Of init() and of every wait for other workers.
  std::chrono::milliseconds deadline = std::chrono::seconds(60);
  /// Of initial values and of shuffling; the same on all workers.
  uint64_t seed = 0;
  /// Threads for big kernels, from 1.
  int threads = 1;
  /// How workers meet: "auto", "shm", "mpi" or "nccl", as fleet-run
  /// --collective.
  std::string collective = "auto";
  /// Not null: workers are threads of this group, which has its own deadline.
  std::shared_ptr<ThreadGroup> threadGroup;
};

enum class ReduceOp { Sum, Max, Min };

class Fleet {
public:
  Fleet();
  Fleet(Fleet &&) noexcept;
  Fleet &operator=(Fleet &&) noexcept;
  ~Fleet();

  /// Takes the place that `roleMaker` says and meets the other workers.
  /// Parameter servers (`isCollective` false) are not in this version of the
  /// API: fleet-transpile --mode=ps and fleet-run have them. A second init() is
  /// an error, after a failed one it is not.
  Status init(const RoleMaker &roleMaker, bool isCollective,
              const FleetOptions &options = {});

  // Before init() there are no workers, and this is none.
  uint32_t workerIndex() const;
  uint32_t workerNum() const;
  bool isFirstWorker() const;
  bool isWorker() const;
  bool isServer() const;
  /// Of all workers, by index; empty if nobody said.
  std::vector<std::string> workerEndpoints() const;

  /// Returns when all workers have called it.
  Status barrierWorker();
  /// Replaces every element by its sum (largest, least) over all workers, which
  /// pass the same number of elements.
  Status allReduce(std::vector<double> &values, ReduceOp op = ReduceOp::Sum);
  /// The value of each worker, by index.
  StatusOr<std::vector<double>> allGather(double value);
  /// The contiguous part of `files` that this worker reads; the first workers
  /// have one more where they do not divide evenly.
  StatusOr<std::vector<std::string>>
  splitFiles(const std::vector<std::string> &files) const;

  /// What `program`s of this job are trained with. The strategy is checked
  /// here; whether it suits a program shows in minimize() or
  /// distributedModel().
  StatusOr<DistributedOptimizer>
  distributedOptimizer(Optimizer optimizer = {},
                       DistributedStrategy strategy = {});

  /// Compiles `program` into a function that computes gradients and one that
  /// updates, and makes its parameters, equal on all workers. A call that all
  /// workers make, with the same program. `optimizer` is of this Fleet.
  StatusOr<DistributedModel>
  distributedModel(const Program &program,
                   const DistributedOptimizer &optimizer,
                   const ModelOptions &options = {});

private:
  std::shared_ptr<Session> session;
};

} // namespace fleet::api

#endif // FLEET_API_FLEET_H
