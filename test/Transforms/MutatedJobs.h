//===- MutatedJobs.h - Jobs with one mistake each ---------------*- C++ -*-===//

#ifndef FLEET_TEST_TRANSFORMS_MUTATEDJOBS_H
#define FLEET_TEST_TRANSFORMS_MUTATEDJOBS_H

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "fleet/InitAll.h"
#include "fleet/Pipelines/Distribute.h"
#include "fleet/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

namespace mlir::fleet {

/// A program with a hole for its optimizer.
constexpr char kProgram[] = R"mlir(
module @program {
  optim.parameter @w : tensor<6x4xf32> init = #optim.xavier_uniform
  optim.parameter @b : tensor<4xf32> init = #optim.zeros
  optim.parameter @v : tensor<4x1xf32> init = #optim.xavier_uniform
  func.func @main(%x: tensor<?x6xf32>, %y: tensor<?x1xf32>) -> tensor<f32> {
    %w = optim.read @w : tensor<6x4xf32>
    %b = optim.read @b : tensor<4xf32>
    %v = optim.read @v : tensor<4x1xf32>
    %0 = nn.linear %x, %w, %b : (tensor<?x6xf32>, tensor<6x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %1 = nn.tanh %0 : tensor<?x4xf32>
    %2 = nn.matmul %1, %v : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    %3 = nn.square_error %2, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %3 : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.OPTIMIZER
    return %loss : tensor<f32>
  }
}
)mlir";

/// Spoils `op`; false if it does not apply to it.
using Mutation = std::function<bool(Operation *op)>;

class MutatedJobs : public testing::Test {
protected:
  MutatedJobs() : context(MLIRContext::Threading::DISABLED) {
    DialectRegistry registry;
    registerAllFleetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// `text` with `optimizer` for OPTIMIZER, distributed.
  OwningOpRef<ModuleOp> makeJob(std::string text, const std::string &optimizer,
                                const DistributeOptions &options) {
    text.replace(text.find("OPTIMIZER"), 9, optimizer);
    OwningOpRef<ModuleOp> job = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(job);
    PassManager pm(&context);
    buildDistributePipeline(pm, options);
    EXPECT_TRUE(succeeded(pm.run(*job)));
    return job;
  }

  bool isAccepted(ModuleOp job) {
    PassManager pm(&context);
    pm.enableVerifier(false);
    pm.addPass(createVerifyJobPass());
    return succeeded(pm.run(job));
  }

  /// Applies `mutation` to each operation of `job` that it fits, one a time.
  void expectRefused(ModuleOp job, StringRef what, const Mutation &mutation) {
    int64_t count = 0;
    job.walk([&](Operation *) { ++count; });
    for (int64_t target = 0; target < count; ++target) {
      OwningOpRef<ModuleOp> copy = job.clone();
      Operation *chosen = nullptr;
      int64_t index = 0;
      copy->walk([&](Operation *op) {
        if (index++ == target)
          chosen = op;
      });
      std::string before;
      llvm::raw_string_ostream os(before);
      chosen->print(os, OpPrintingFlags().skipRegions());
      ScopedDiagnosticHandler quiet(&context,
                                    [](Diagnostic &) { return success(); });
      if (!mutation(chosen))
        continue;
      ++mutants;
      EXPECT_FALSE(succeeded(verify(*copy)) && isAccepted(*copy))
          << what.str() << ": " << before;
    }
  }

  MLIRContext context;
  int mutants = 0;
};

} // namespace mlir::fleet

#endif // FLEET_TEST_TRANSFORMS_MUTATEDJOBS_H
