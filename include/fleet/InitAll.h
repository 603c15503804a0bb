//===- InitAll.h - Register everything of the compiler ----------*- C++ -*-===//

#ifndef FLEET_INITALL_H
#define FLEET_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::fleet {

/// Registers Fleet's dialects only: nn, optim, fleet, plan.
void registerFleetDialects(DialectRegistry &registry);

/// Registers Fleet's dialects and the upstream ones that programs, kernels and
/// their lowering use, with the interfaces that bufferization and conversion
/// to LLVM need.
void registerAllFleetDialects(DialectRegistry &registry);

/// Registers Fleet's passes and pipelines for textual pass pipelines. Call it
/// once a process.
void registerFleetPasses();

/// Registers Fleet's passes and pipelines, and the general ones of upstream
/// (canonicalize, cse, symbol-dce, ...). Call it once a process.
void registerAllFleetPasses();

} // namespace mlir::fleet

#endif // FLEET_INITALL_H
