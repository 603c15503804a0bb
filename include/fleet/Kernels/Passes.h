//===- Passes.h - Choosing kernels ------------------------------*- C++ -*-===//

#ifndef FLEET_KERNELS_PASSES_H
#define FLEET_KERNELS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fleet {

/// On a table: the function that updates some rows of it by their gradients,
/// and the one that updates the scalar states of its optimizer afterwards, if
/// there are any.
inline constexpr llvm::StringLiteral kUpdateAttr = "plan.update";
inline constexpr llvm::StringLiteral kAdvanceAttr = "plan.advance";
/// On an argument of a function: kernels may overwrite it.
inline constexpr llvm::StringLiteral kOverwrittenAttr = "plan.overwritten";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fleet/Kernels/Passes.h.inc"

} // namespace mlir::fleet

#endif // FLEET_KERNELS_PASSES_H
