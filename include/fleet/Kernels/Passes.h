//===- Passes.h - Choosing kernels ------------------------------*- C++ -*-===//

#ifndef FLEET_KERNELS_PASSES_H
#define FLEET_KERNELS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fleet {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fleet/Kernels/Passes.h.inc"

} // namespace mlir::fleet

#endif // FLEET_KERNELS_PASSES_H
