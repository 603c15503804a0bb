//===- Program.h - Reading a single-machine program -------------*- C++ -*-===//

#ifndef FLEET_INGEST_PROGRAM_H
#define FLEET_INGEST_PROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace mlir::fleet {

/// What a program text may contain: the parser recurses, and dies of a stack
/// overflow far above these.
struct SourceLimits {
  size_t bytes = size_t(256) << 20;
  unsigned depth = 256;      ///< of ( [ { <
  unsigned operators = 1000; ///< in one affine_map<...> or affine_set<...>
};

/// Where a text breaks a limit, and how ("is nested more than 256 deep").
struct SourceProblem {
  unsigned line, column; ///< from 1
  std::string what;
};

/// Checks `text` against `limits` without parsing it.
std::optional<SourceProblem> checkSource(llvm::StringRef text,
                                         const SourceLimits &limits);

/// Reads a program from the file `path` ("-": standard input), checks and
/// verifies it. The names of `%x` arguments and `%loss` results in the text
/// become the attribute `fleet.name` of the function, by which data is bound
/// and metrics are reported. Errors are diagnostics of `context`.
OwningOpRef<ModuleOp> readProgram(llvm::StringRef path, MLIRContext &context);

/// The same for a text; `name` stands for the path in diagnostics.
OwningOpRef<ModuleOp> parseProgram(llvm::StringRef text, llvm::StringRef name,
                                   MLIRContext &context);

/// Gives the parameters of `program` the initial values that `startup` declares
/// for them: a module of optim.parameter ops with the same names and types.
/// Parameters that it does not name keep their own. Errors name both sides.
LogicalResult applyStartupProgram(ModuleOp startup, ModuleOp program);

} // namespace mlir::fleet

#endif // FLEET_INGEST_PROGRAM_H
