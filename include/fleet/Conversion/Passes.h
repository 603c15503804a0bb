//===- Passes.h - Conversions -----------------------------------*- C++ -*-===//

#ifndef FLEET_CONVERSION_PASSES_H
#define FLEET_CONVERSION_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fleet {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fleet/Conversion/Passes.h.inc"

} // namespace mlir::fleet

#endif // FLEET_CONVERSION_PASSES_H
