//===- Model.h - A program that is trained call by call ---------*- C++ -*-===//
//
//   auto loss = model.forwardBackward({{"x", {x, {20, 13}}}, {"y", {y, {20,
//   1}}}}); model.step(); model.clearGrad();
//
// A call that is collective is made by all workers, in the same order, and
// waits for them no longer than the deadline of Fleet::init(). Calls are made
// by one thread. An error in what this worker passes comes before it waits for
// others; the call can be made again.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_API_MODEL_H
#define FLEET_API_MODEL_H

#include "fleet/API/Tensor.h"
#include "runtime/base/Status.h"

#include <memory>

namespace fleet::api {

class Execution;

struct ModelOptions {
  /// How gradients of several forwardBackward() calls become one update.
  enum class Accumulation {
    /// Added: the sum over calls of the means over all workers' rows, as with
    /// backward() of dynamic graphs.
    Sum,
    /// The mean over the rows of all calls and workers, as gradient_merge has
    /// it.
    Mean
  };
  Accumulation accumulation = Accumulation::Sum;
};

/// The gradient of a batch is that of the mean loss over the rows of all
/// workers, however they are dealt: N workers with B rows each train as one
/// with N * B rows does.
class DistributedModel {
public:
  DistributedModel(DistributedModel &&) noexcept;
  DistributedModel &operator=(DistributedModel &&) noexcept;
  ~DistributedModel();

  /// Computes the loss, the mean over this worker's rows, and adds the
  /// gradients to those that are there. A worker without rows (all first
  /// extents 0) takes part and gets NaN. Collective.
  StatusOr<double> forwardBackward(const Batch &batch);
  /// The loss only; not collective. At least one row.
  StatusOr<double> forward(const Batch &batch);
  /// Adds the gradients over all workers, updates by them, and sets them to
  /// zero. InvalidArgument if there was no forwardBackward() since they were
  /// zero. Collective.
  Status step();
  /// Sets the gradients to zero. (step() has done it already; programs that
  /// call both are right.) All workers have to agree on it.
  Status clearGrad();

  /// Sets the learning rate, a number greater than 0, from the next step on.
  /// InvalidArgument if workers say different rates, or if the program has a
  /// schedule. Collective.
  Status setLr(double rate);
  /// The learning rate, as for a parameter without lr_multiplier.
  /// InvalidArgument if the program has a schedule.
  StatusOr<double> getLr() const;

  /// Copies of parameters and optimizer states. The learning rate and gradients
  /// are not among them. Collective if the strategy has sharding: then each
  /// worker has parts, and gets all.
  StatusOr<StateDict> stateDict();
  /// Replaces all parameters and states, and clears gradients. Everything must
  /// be there, under the names, types and shapes that stateDict() gives; every
  /// worker's is checked, and all get what worker 0 has. If it fails on any
  /// worker, nothing is changed on any. Collective.
  Status setStateDict(const StateDict &states);

  /// Worker 0 writes DIR/model.safetensors, which fleet-run --load reads.
  /// Collective.
  Status savePersistables(const std::string &directory);

private:
  friend class Fleet;
  explicit DistributedModel(std::unique_ptr<Execution> execution);
  std::unique_ptr<Execution> execution;
};

} // namespace fleet::api

#endif // FLEET_API_MODEL_H
