//===- Compile.h - From a job module to plans -------------------*- C++ -*-===//

#ifndef FLEET_PIPELINES_COMPILE_H
#define FLEET_PIPELINES_COMPILE_H

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::fleet {

/// From a verified job module to one `plan.program` a role, with its kernels
/// (nn ops on tensors, attribute `plan.rows`) beside it: decompose composites,
/// simplify, fuse and outline kernels, assign buffers.
void buildCompilePipeline(OpPassManager &pm);

/// Registers `fleet-compile` for textual pipelines.
void registerCompilePipeline();

} // namespace mlir::fleet

#endif // FLEET_PIPELINES_COMPILE_H
