//===- Compile.cpp - From a job module to plans ---------------------------===//

#include "fleet/Pipelines/Compile.h"

#include "dialects/NN/Transforms/Passes.h"
#include "dialects/Plan/Transforms/Passes.h"
#include "fleet/Conversion/Passes.h"
#include "fleet/Kernels/Passes.h"
#include "fleet/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void mlir::fleet::buildCompilePipeline(OpPassManager &pm) {
  pm.addPass(nn::createDecomposePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createBoundIndicesPass());
  pm.addPass(createOutlineKernelsPass());
  // Inside the kernels: an update rule is written out only there.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createConvertProgramsToPlanPass());
  pm.nest<ModuleOp>().nest<plan::ProgramOp>().addNestedPass<plan::FunctionOp>(
      plan::createAssignBuffersPass());
}

void mlir::fleet::registerCompilePipeline() {
  PassPipelineRegistration<>(
      "fleet-compile", "From a verified job module to plans and their kernels",
      [](OpPassManager &pm) { buildCompilePipeline(pm); });
}
