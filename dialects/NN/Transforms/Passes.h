//===- Passes.h - Passes on the nn dialect ----------------------*- C++ -*-===//

#ifndef FLEET_DIALECTS_NN_TRANSFORMS_PASSES_H
#define FLEET_DIALECTS_NN_TRANSFORMS_PASSES_H

#include "dialects/NN/IR/NN.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fleet::nn {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialects/NN/Transforms/Passes.h.inc"

} // namespace mlir::fleet::nn

#endif // FLEET_DIALECTS_NN_TRANSFORMS_PASSES_H
