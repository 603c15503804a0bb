//===- fleet-transpile.cpp - A program for one machine to a job -----------===//

#include "Options.h"

#include "fleet/Ingest/Program.h"
#include "fleet/InitAll.h"
#include "fleet/Pipelines/Compile.h"
#include "fleet/Pipelines/Distribute.h"
#include "fleet/Report/JobReport.h"
#include "fleet/Target/Job.h"
#include "fleet/Target/Plan.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/InitLLVM.h"

#include <algorithm>

using namespace mlir;
using namespace mlir::fleet;

static int fail(const llvm::Twine &message, int status = 1) {
  llvm::errs() << "fleet-transpile: error: " << message << "\n";
  return status;
}

/// Prints a diagnostic, and its notes, as one line each:
/// "file:line:column: error: message".
static void printDiagnostic(Diagnostic &diagnostic) {
  auto print = [](Diagnostic &part) {
    StringRef severity = "error";
    if (part.getSeverity() == DiagnosticSeverity::Warning)
      severity = "warning";
    else if (part.getSeverity() == DiagnosticSeverity::Note)
      severity = "note";
    else if (part.getSeverity() == DiagnosticSeverity::Remark)
      severity = "remark";
    std::string where = describeLocation(part.getLocation());
    std::string text = part.str();
    std::replace(text.begin(), text.end(), '\n', ' ');
    llvm::errs() << (where.empty() ? "fleet-transpile" : where) << ": "
                 << severity << ": " << text << "\n";
  };
  print(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes())
    print(note);
}

/// Runs the part from the program to the verified job module.
static LogicalResult distribute(ModuleOp program,
                                const TranspileOptions &options) {
  PassManager pm(program.getContext());
  if (failed(applyPassManagerCLOptions(pm)))
    return failure();
  buildDistributePipeline(pm, options.distribution);
  return pm.run(program);
}

static LogicalResult compile(ModuleOp job) {
  PassManager pm(job.getContext());
  if (failed(applyPassManagerCLOptions(pm)))
    return failure();
  buildCompilePipeline(pm);
  return pm.run(job);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  TranspileOptions options = parseCommandLine(argc, argv);
  llvm::Expected<CpuTarget> target = resolveCpuTarget(options.targetCpu);
  if (!target)
    return fail(llvm::toString(target.takeError()), 2);

  DialectRegistry registry;
  registerAllFleetDialects(registry);
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  context.getDiagEngine().registerHandler(
      [](Diagnostic &diagnostic) { printDiagnostic(diagnostic); });
  OwningOpRef<ModuleOp> job = readProgram(options.input, context);
  if (!job)
    return 1;
  if (!options.startup.empty()) {
    OwningOpRef<ModuleOp> startup = readProgram(options.startup, context);
    if (!startup || failed(applyStartupProgram(*startup, *job)))
      return 1;
  }
  if (failed(distribute(*job, options)))
    return 1;
  if (options.output == "-") {
    job->print(llvm::outs());
    return 0;
  }
  OwningOpRef<ModuleOp> planned;
  if (options.emitPlans) {
    planned = job->clone();
    if (failed(compile(*planned)))
      return 1;
  }
  if (options.explain)
    printJobReport(*job, planned ? *planned : ModuleOp(), llvm::outs());
  EmitOptions emit;
  emit.programs = options.emitPrograms;
  emit.plans = options.emitPlans;
  emit.role = options.role;
  emit.endpoint = options.endpoint;
  emit.configure = [](PassManager &pm) {
    return applyPassManagerCLOptions(pm);
  };
  auto files = emitJob(*job, planned ? *planned : ModuleOp(), *target, emit);
  if (failed(files))
    return 1;
  std::string error;
  if (!writeJob(options.output, *files, error))
    return fail("-o " + options.output + ": " + error);
  return 0;
}
