//===- Passes.h - From one machine to a verified job ------------*- C++ -*-===//

#ifndef FLEET_TRANSFORMS_PASSES_H
#define FLEET_TRANSFORMS_PASSES_H

#include "dialects/Fleet/IR/Fleet.h"
#include "fleet/Transforms/Dispatcher.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>

namespace mlir::fleet {

/// On an argument of a program's function: its elements are from 0 to below
/// this number (i64).
constexpr llvm::StringLiteral kUpperBoundAttr = "fleet.upper_bound";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fleet/Transforms/Passes.h.inc"

} // namespace mlir::fleet

#endif // FLEET_TRANSFORMS_PASSES_H
