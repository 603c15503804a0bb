//===- Compile.cpp - From a program to what a worker runs -----------------===//

#include "lib/API/Compile.h"

#include "dialects/Optim/IR/Optim.h"
#include "fleet/Pipelines/Compile.h"
#include "fleet/Pipelines/Distribute.h"
#include "fleet/Strategy/Strategy.h"
#include "fleet/Target/Job.h"
#include "lib/API/ProgramSource.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Pass/PassManager.h"

#include <algorithm>

using namespace fleet;
using namespace fleet::api;
using mlir::fleet::DistributeOptions;
using mlir::fleet::optim::MinimizeOp;

static StatusOr<DistributeOptions>
readOptions(const DistributedStrategy &strategy, uint32_t workers) {
  auto fail = [&](const std::string &what) {
    return Status(StatusCode::InvalidArgument, strategy.name() + ": " + what);
  };
  auto options = mlir::fleet::parseStrategy(
      strategy.text(), strategy.name(), DistributeOptions::Mode::Collective);
  if (!options)
    return Status(StatusCode::InvalidArgument,
                  llvm::toString(options.takeError()));
  if (options->mode != DistributeOptions::Mode::Collective)
    return fail("mode: the fleet was initialized with isCollective; leave it "
                "out or say COLLECTIVE");
  if (options->trainers != 1 && options->trainers != workers)
    return fail(fmt::format("trainers: {}, but the fleet has {} workers; leave "
                            "it out",
                            options->trainers, workers));
  options->trainers = workers;
  return std::move(*options);
}

Status fleet::api::checkStrategy(const DistributedStrategy &strategy,
                                 uint32_t workers) {
  return readOptions(strategy, workers).status();
}

/// Makes the calls of a model decide when to update.
static Status splitUpdate(const CompileRequest &request,
                          DistributeOptions &options) {
  auto fail = [&](const char *what) {
    return Status(StatusCode::InvalidArgument,
                  request.strategy.name() + ": " + what);
  };
  if (options.mergeSteps != 1)
    return fail("gradient_merge: a model updates when step() is called; leave "
                "it out and call forwardBackward() as often before");
  if (options.equality != DistributeOptions::Equality::AllReduce)
    return fail("localsgd and adaptive_localsgd: a model adds gradients over "
                "all workers in each step(); use minimize() and train()");
  options.splitUpdate = true;
  options.mergeMean = request.averages;
  return Status();
}

/// Replaces what `module` trains with by `optimizer`.
static Status setOptimizer(mlir::ModuleOp module, const Optimizer &optimizer) {
  auto attribute =
      llvm::dyn_cast_or_null<mlir::fleet::optim::OptimizerAttrInterface>(
          mlir::parseAttribute(optimizer.attribute, module.getContext()));
  if (!attribute)
    return makeError(StatusCode::InvalidArgument,
                     "'{}' is no optimizer; expected one such as "
                     "#optim.sgd<learning_rate = 1.0e-2>",
                     optimizer.attribute);
  bool isUsed = false;
  module.walk([&](MinimizeOp minimize) {
    minimize.setOptimizerAttr(attribute);
    isUsed = true;
  });
  if (!isUsed)
    return Status(StatusCode::InvalidArgument,
                  "the program has no optim.minimize that an optimizer could "
                  "be for");
  return Status();
}

/// Makes the learning rate of `module` one that can be set, or says why not.
static void makeRateVariable(mlir::ModuleOp module, CompiledProgram &compiled) {
  llvm::SmallVector<MinimizeOp> minimizes;
  module.walk([&](MinimizeOp minimize) { minimizes.push_back(minimize); });
  auto refuse = [&](const char *why) { compiled.whyNoLearningRate = why; };
  if (minimizes.empty())
    return refuse("the program has no optim.minimize");
  mlir::FloatAttr rate;
  for (MinimizeOp minimize : minimizes) {
    if (minimize.getScheduleAttr())
      return refuse("the program has a schedule, which decides it");
    mlir::FloatAttr own = minimize.getOptimizer().getLearningRate();
    if (!own || !(own.getValueAsDouble() > 0))
      return refuse("the program's optimizer has none that is greater than 0");
    if (rate && rate.getValueAsDouble() != own.getValueAsDouble())
      return refuse("the program has several, one of each optim.minimize");
    rate = own;
  }
  compiled.learningRate = rate.getValueAsDouble();
  for (MinimizeOp minimize : minimizes)
    minimize.setScheduleAttr(
        mlir::fleet::optim::VariableRateAttr::get(module.getContext()));
}

static StatusOr<mlir::fleet::CpuTarget> findTarget() {
  auto target = mlir::fleet::resolveCpuTarget("native");
  if (!target)
    return Status(StatusCode::Unavailable, llvm::toString(target.takeError()));
  return std::move(*target);
}

StatusOr<CompiledProgram>
fleet::api::compileProgram(const Program &program,
                           const CompileRequest &request) {
  FLEET_ASSIGN_OR_RETURN(DistributeOptions options,
                         readOptions(request.strategy, request.workers));
  if (request.splitsUpdate)
    FLEET_RETURN_IF_ERROR(splitUpdate(request, options));
  FLEET_ASSIGN_OR_RETURN(mlir::fleet::CpuTarget target, findTarget());

  Program::Implementation &source = program.implementation();
  std::lock_guard<std::mutex> lock(source.mutex);
  FirstDiagnostic diagnostic(source.context);
  mlir::OwningOpRef<mlir::ModuleOp> job = source.module->clone();
  CompiledProgram compiled;
  if (!request.optimizer.attribute.empty())
    FLEET_RETURN_IF_ERROR(setOptimizer(*job, request.optimizer));
  if (request.splitsUpdate)
    makeRateVariable(*job, compiled);

  mlir::PassManager distribute(&source.context);
  mlir::fleet::buildDistributePipeline(distribute, options);
  if (mlir::failed(distribute.run(*job)))
    return diagnostic.status();
  mlir::OwningOpRef<mlir::ModuleOp> planned = job->clone();
  mlir::PassManager compile(&source.context);
  mlir::fleet::buildCompilePipeline(compile);
  if (mlir::failed(compile.run(*planned)))
    return diagnostic.status();
  auto files = mlir::fleet::emitJob(*job, *planned, target, {});
  if (mlir::failed(files))
    return diagnostic.status();
  for (mlir::fleet::JobFile &file : *files)
    compiled.files.push_back({file.name, std::move(file.contents)});
  auto plan = std::find_if(compiled.files.begin(), compiled.files.end(),
                           [](const CompiledProgram::File &file) {
                             return file.name == "trainer.plan";
                           });
  if (plan == compiled.files.end())
    return Status(StatusCode::Internal, "the job has no trainer.plan");
  FLEET_ASSIGN_OR_RETURN(compiled.plan, parsePlan(plan->contents, plan->name));
  return compiled;
}

Status
fleet::api::writeJobFolder(const std::string &directory,
                           const std::vector<CompiledProgram::File> &files) {
  std::vector<mlir::fleet::JobFile> job;
  for (const CompiledProgram::File &file : files)
    job.push_back({file.name, file.contents});
  std::string error;
  if (!mlir::fleet::writeJob(directory, job, error))
    return Status(StatusCode::Unavailable, directory + ": " + error);
  return Status();
}
