//===- Distribute.cpp - From a program to a verified job ------------------===//

#include "fleet/Pipelines/Distribute.h"

#include "fleet/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace mlir::fleet;

static void addMergeGradients(OpPassManager &pm,
                              const DistributeOptions &options) {
  if (options.mergeSteps == 1 && !options.splitUpdate)
    return;
  MergeGradientsPassOptions merge;
  merge.steps = options.splitUpdate ? 1 : options.mergeSteps;
  merge.average = options.mergeMean;
  pm.addPass(createMergeGradientsPass(merge));
}

void mlir::fleet::buildDistributePipeline(OpPassManager &pm,
                                          const DistributeOptions &options) {
  pm.addPass(createLookupRowsPass());
  pm.addPass(createAppendBackwardPass());
  if (options.mode == DistributeOptions::Mode::ParameterServer) {
    bool isShared = options.assigned == DistributeOptions::Assigned::Average;
    if (isShared) {
      ShareAssignedPassOptions share;
      // Where pushes are applied one by one, each changes what is there by
      // then.
      share.deltas = options.sync == dist::SyncMode::HalfAsync ||
                     options.sync == dist::SyncMode::Async;
      pm.addPass(createShareAssignedPass(share));
    }
    if (options.sync == dist::SyncMode::Geo) {
      ExchangeDeltasPassOptions exchange;
      exchange.every = options.geoSteps;
      exchange.trainers = options.trainers;
      pm.addPass(createExchangeDeltasPass(exchange));
    }
    DistributePSPassOptions distribute;
    distribute.pservers.assign(options.pservers.begin(),
                               options.pservers.end());
    distribute.trainers = options.trainers;
    distribute.sync = options.sync;
    distribute.queue = options.queue;
    distribute.merge = options.merge;
    distribute.compensation = options.compensation;
    distribute.keepAssigned = !isShared;
    distribute.slice = options.slice;
    distribute.minBlockSize = options.minBlockSize;
    distribute.dispatcher = options.dispatcher;
    pm.addPass(createDistributePSPass(distribute));
  } else if (options.mode == DistributeOptions::Mode::Collective) {
    pm.addPass(createShareAssignedPass());
    addMergeGradients(pm, options);
    DistributeCollectivePassOptions distribute;
    distribute.trainers = options.trainers;
    pm.addPass(createDistributeCollectivePass(distribute));
    if (options.equality == DistributeOptions::Equality::AllReduce) {
      AllReduceGradientsPassOptions reduce;
      reduce.bucketSize = options.bucketSize;
      pm.addPass(createAllReduceGradientsPass(reduce));
      pm.addPass(createSplitJointRowsPass());
      if (options.reducedType != DistributeOptions::ReducedType::Gradient) {
        CastAllReducePassOptions cast;
        cast.type = options.reducedType == DistributeOptions::ReducedType::F16
                        ? "f16"
                        : "bf16";
        pm.addPass(createCastAllReducePass(cast));
      }
    } else {
      LocalSGDPassOptions local;
      local.steps = options.localSteps;
      local.begin = options.localBegin;
      local.adaptive =
          options.equality == DistributeOptions::Equality::AdaptiveLocalSGD;
      local.bucketSize = options.bucketSize;
      pm.addPass(createLocalSGDPass(local));
    }
    if (options.sharding)
      pm.addPass(createShardUpdatesPass());
    if (options.neighbours > 0) {
      HierarchicalAllReducePassOptions hierarchy;
      hierarchy.neighbours = options.neighbours;
      pm.addPass(createHierarchicalAllReducePass(hierarchy));
    }
  } else {
    addMergeGradients(pm, options);
    pm.addPass(createDistributeLocalPass());
    pm.addPass(createSplitJointRowsPass());
  }
  pm.addPass(createVerifyJobPass());
}

namespace {
/// The same options as text.
struct PipelineOptions : public PassPipelineOptions<PipelineOptions> {
  using Mode = DistributeOptions::Mode;
  Option<Mode> mode{
      *this, "mode", llvm::cl::desc("how the job is distributed"),
      llvm::cl::init(Mode::Local),
      llvm::cl::values(
          clEnumValN(Mode::Local, "local", "one process"),
          clEnumValN(Mode::ParameterServer, "ps",
                     "trainers and parameter servers"),
          clEnumValN(Mode::Collective, "collective", "equal trainers"))};
  Option<int64_t> trainers{*this, "trainers",
                           llvm::cl::desc("number of trainers"),
                           llvm::cl::init(1)};
  ListOption<std::string> pservers{*this, "pservers",
                                   llvm::cl::desc("endpoints of the servers")};
};
} // namespace

void mlir::fleet::registerDistributePipeline() {
  PassPipelineRegistration<PipelineOptions>(
      "fleet-distribute", "From a single-machine program to a verified job",
      [](OpPassManager &pm, const PipelineOptions &text) {
        DistributeOptions options;
        options.mode = text.mode;
        options.trainers = text.trainers;
        options.pservers.assign(text.pservers.begin(), text.pservers.end());
        buildDistributePipeline(pm, options);
      });
}
