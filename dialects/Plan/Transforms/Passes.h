//===- Passes.h - Passes on the plan dialect --------------------*- C++ -*-===//

#ifndef FLEET_DIALECTS_PLAN_TRANSFORMS_PASSES_H
#define FLEET_DIALECTS_PLAN_TRANSFORMS_PASSES_H

#include "dialects/Plan/IR/Plan.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fleet::plan {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialects/Plan/Transforms/Passes.h.inc"

} // namespace mlir::fleet::plan

#endif // FLEET_DIALECTS_PLAN_TRANSFORMS_PASSES_H
