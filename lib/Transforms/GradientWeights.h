//===- GradientWeights.h - How much a trainer's gradients count -*- C++ -*-===//

#ifndef FLEET_LIB_TRANSFORMS_GRADIENTWEIGHTS_H
#define FLEET_LIB_TRANSFORMS_GRADIENTWEIGHTS_H

#include "dialects/Fleet/IR/Fleet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::fleet {

/// Makes the gradients that are used by `uses` count by `fleet.examples` of
/// `kind`: where a loss of `function` was differentiated, in place of 1, or
/// else each gradient by itself. Other gradients of these losses count so too.
void weighGradients(func::FuncOp function, ArrayRef<OpOperand *> uses,
                    dist::Examples kind);

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_GRADIENTWEIGHTS_H
