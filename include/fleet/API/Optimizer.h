//===- Optimizer.h - What a program is trained with, and how ----*- C++ -*-===//

#ifndef FLEET_API_OPTIMIZER_H
#define FLEET_API_OPTIMIZER_H

#include "fleet/API/Program.h"
#include "fleet/API/Tensor.h"
#include "runtime/base/Status.h"

#include <functional>
#include <memory>
#include <string>

namespace fleet::api {

/// The settings of a job: what fleet-transpile --strategy=FILE reads
/// (include/fleet/Strategy/strategy.proto), under the names of Paddle's
/// DistributedStrategy. Mode and number of trainers come from Fleet::init() and
/// may be left out.
class DistributedStrategy {
public:
  /// All defaults.
  DistributedStrategy() = default;
  /// Reads FILE.textproto.
  static StatusOr<DistributedStrategy> readFile(const std::string &path);
  /// The same for a text, such as "fuse_grad_size_in_MB: 8"; `name` stands for
  /// the file in errors.
  static StatusOr<DistributedStrategy>
  parse(const std::string &text, const std::string &name = "<strategy>");

  const std::string &text() const { return contents; }
  const std::string &name() const { return from; }

private:
  DistributedStrategy(std::string text, std::string name)
      : contents(std::move(text)), from(std::move(name)) {}
  std::string contents, from = "<strategy>";
};

/// An optimizer as the program would write it: "#optim.sgd<learning_rate =
/// ...>". An empty one is the program's own.
struct Optimizer {
  std::string attribute;
};

namespace optim {
Optimizer sgd(double learningRate);
Optimizer momentum(double learningRate, double momentum = 0.9,
                   bool useNesterov = false);
Optimizer adam(double learningRate, double beta1 = 0.9, double beta2 = 0.999,
               double epsilon = 1e-8);
} // namespace optim

/// What fleet-run's flags of the same names say.
struct TrainOptions {
  std::string data;                         ///< --data=SPEC
  int64_t batchSize = 0;                    ///< rows a step of each worker
  int64_t epochs = 0;                       ///< passes over the data; or
  int64_t steps = 0;                        ///< steps; one of both is set
  bool shuffle = false;                     ///< a new order of rows each epoch
  std::string saveDirectory, loadDirectory; ///< empty: do not
  std::string metricsFile;                  ///< empty: none
  /// Takes the lines that are results, on worker 0; empty: nobody does.
  std::function<void(const std::string &)> print;
};

class Session;
class Execution;

/// A compiled program of which each step is one call: forward, backward,
/// all-reduce, update. Calls are made by all workers, in the same order, and
/// end at the deadline of Fleet::init(). Used by one thread.
class TrainingJob {
public:
  TrainingJob(TrainingJob &&) noexcept;
  TrainingJob &operator=(TrainingJob &&) noexcept;
  ~TrainingJob();

  /// Trains over data as fleet-run does; a second call goes on with the
  /// parameters of the first.
  Status train(const TrainOptions &options);
  /// Copies of parameters and optimizer states; after train() the same on all
  /// workers.
  StatusOr<StateDict> stateDict();
  /// Worker 0 writes DIR/model.safetensors.
  Status savePersistables(const std::string &directory);
  /// Writes the job as fleet-transpile does, for fleet-run and fleet-launch.
  /// Made by this worker alone.
  Status writeJob(const std::string &directory) const;

private:
  friend class DistributedOptimizer;
  explicit TrainingJob(std::unique_ptr<Execution> execution);
  std::unique_ptr<Execution> execution;
};

/// An optimizer that minimizes over all workers of a job.
class DistributedOptimizer {
public:
  /// Compiles `program` for this job and makes its parameters, equal on all
  /// workers: a call that all workers make, with the same program.
  StatusOr<TrainingJob> minimize(const Program &program) const;

private:
  friend class Fleet;
  DistributedOptimizer(std::shared_ptr<Session> session, Optimizer optimizer,
                       DistributedStrategy strategy)
      : session(std::move(session)), optimizer(std::move(optimizer)),
        strategy(std::move(strategy)) {}
  std::shared_ptr<Session> session;
  Optimizer optimizer;
  DistributedStrategy strategy;
};

} // namespace fleet::api

#endif // FLEET_API_OPTIMIZER_H
