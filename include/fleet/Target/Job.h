//===- Job.h - A job folder -------------------------------------*- C++ -*-===//
//
// The last steps of `fleet-transpile`: from a job module to the files of a job
// folder. Everything is made in memory first, so a failure leaves no file.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TARGET_JOB_H
#define FLEET_TARGET_JOB_H

#include "fleet/Target/Cpu.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class PassManager;
} // namespace mlir

namespace mlir::fleet {

struct EmitOptions {
  bool programs = true; ///< write <role>.mlir
  bool plans = true;    ///< write <role>.plan
  /// Only programs of this role ("trainer", "pserver"); empty: all.
  std::string role;
  /// With role "pserver": only the server at this endpoint; empty: all.
  std::string endpoint;
  /// Is called with the pass manager that compiles kernels: for options of a
  /// command line, which other programs do not have. Empty: nothing.
  std::function<LogicalResult(PassManager &)> configure;
};

struct JobFile {
  std::string name; ///< within the job folder
  std::string contents;
};

/// Makes the files of a job folder. `job` is a verified job module; `planned`
/// the same after the compile pipeline (null if plans are not asked for).
/// job.textproto comes last: a folder that has it is complete.
FailureOr<std::vector<JobFile>> emitJob(ModuleOp job, ModuleOp planned,
                                        const CpuTarget &target,
                                        const EmitOptions &options);

/// Writes `files` into `directory` (made if missing), each under a temporary
/// name first. On failure returns false and `error` names the path.
bool writeJob(llvm::StringRef directory, const std::vector<JobFile> &files,
              std::string &error);

} // namespace mlir::fleet

#endif // FLEET_TARGET_JOB_H
