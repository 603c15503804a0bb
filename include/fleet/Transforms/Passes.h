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

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fleet/Transforms/Passes.h.inc"

} // namespace mlir::fleet

#endif // FLEET_TRANSFORMS_PASSES_H
