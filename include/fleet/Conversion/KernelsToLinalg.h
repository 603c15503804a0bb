//===- KernelsToLinalg.h - Kernels to loops over rows -----------*- C++ -*-===//

#ifndef FLEET_CONVERSION_KERNELSTOLINALG_H
#define FLEET_CONVERSION_KERNELSTOLINALG_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::fleet {

/// On a function: it is a kernel that sweeps this many rows; -1: the batch.
inline constexpr llvm::StringLiteral kRowsAttr = "plan.rows";
/// On a result of a kernel: the argument whose memory it overwrites.
inline constexpr llvm::StringLiteral kInplaceAttr = "plan.inplace";

/// Replaces `kernel` (nn ops on tensors) by two functions: a body with one
/// pointer a buffer and `linalg` on memrefs, and the exported one with the C
/// ABI of plan.proto (`Kernel`), which has the kernel's name.
LogicalResult convertKernelToLinalg(func::FuncOp kernel);

/// The buffers of a kernel in ABI order: arguments, then results that do not
/// overwrite an argument. For each result, its index among them.
SmallVector<int64_t> getResultBuffers(func::FuncOp kernel);

} // namespace mlir::fleet

#endif // FLEET_CONVERSION_KERNELSTOLINALG_H
