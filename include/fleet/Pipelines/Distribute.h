//===- Distribute.h - From a program to a verified job ----------*- C++ -*-===//
//
// Each phase is a plain function that adds its passes: for the tools, and for
// programs that embed the compiler.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_PIPELINES_DISTRIBUTE_H
#define FLEET_PIPELINES_DISTRIBUTE_H

#include "dialects/Fleet/IR/Fleet.h"
#include "fleet/Transforms/Dispatcher.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::fleet {

/// How a program becomes a job.
struct DistributeOptions {
  enum class Mode {
    Local,           ///< one process
    ParameterServer, ///< trainers and parameter servers
    Collective       ///< equal trainers
  };
  Mode mode = Mode::Local;
  /// ParameterServer and Collective: how many trainers; at least 1.
  int64_t trainers = 1;
  /// ParameterServer: endpoints of the servers, HOST:PORT or [V6]:PORT.
  std::vector<std::string> pservers;
  /// ParameterServer: when servers apply gradients.
  dist::SyncMode sync = dist::SyncMode::Sync;
  /// SyncMode::Async: steps of a trainer that may be under way, and that one
  /// push may have; 1 to 4096.
  int64_t queue = 4, merge = 4;
  /// SyncMode::Geo: steps between exchanges; at least 1.
  int64_t geoSteps = 100;
  /// SyncMode::HalfAsync and Async: lambda of delay-compensated SGD; 0 is none.
  double compensation = 0;
  /// The lambda of whoever gives none; the constant that the paper trained with
  /// (Paddle's is 1, with which large gradients diverge).
  static constexpr double kDefaultCompensation = 0.04;
  /// ParameterServer: what the program assigns without an optimizer.
  enum class Assigned {
    Average, ///< is averaged over the examples of all trainers, on servers
    Local    ///< is each trainer's own; checkpoints have that of trainer 0
  };
  Assigned assigned = Assigned::Average;
  /// ParameterServer: cut large parameters into blocks of rows, of at least
  /// `minBlockSize` elements, and deal the blocks so.
  bool slice = true;
  int64_t minBlockSize = 8192;
  Dispatcher dispatcher = Dispatcher::Balanced;
  /// Collective: bytes of gradients that travel together; at least 1.
  int64_t bucketSize = 25 << 20;
  /// Local and Collective: steps of an update; at least 1. With `mergeMean` it
  /// has the mean over the rows of all of them, else the sum of their means.
  int64_t mergeSteps = 1;
  bool mergeMean = true;
  /// Local and Collective: @main only adds its gradients up, and @update, which
  /// runs after each step or when somebody else wants it to, updates by them. In
  /// place of `mergeSteps`.
  bool splitUpdate = false;
  /// Collective: what keeps trainers equal. `localSteps` between averages, one
  /// after each step up to `localBegin`; both at least 1.
  enum class Equality {
    AllReduce,       ///< gradients are added in every step
    LocalSGD,        ///< trainers train alone and average what they become
    AdaptiveLocalSGD ///< the same, and choose the number of steps
  };
  Equality equality = Equality::AllReduce;
  int64_t localSteps = 1, localBegin = 1;
  /// Collective: trainers update parts of parameters.
  bool sharding = false;
  /// Collective: trainers of a machine, which add gradients before machines do;
  /// 0: all add together.
  int64_t neighbours = 0;
  /// Collective: the element type in which gradients travel and are added.
  enum class ReducedType {
    Gradient, ///< their own
    F16,
    BF16
  };
  ReducedType reducedType = ReducedType::Gradient;
};

/// From a single-machine program to a verified job module: gradients and
/// updates are written out, the program is distributed, and the parts are
/// checked against each other.
void buildDistributePipeline(OpPassManager &pm,
                             const DistributeOptions &options);

/// Registers `fleet-distribute{mode=local|ps|collective trainers=N
/// pservers=...}` for textual pipelines.
void registerDistributePipeline();

} // namespace mlir::fleet

#endif // FLEET_PIPELINES_DISTRIBUTE_H
