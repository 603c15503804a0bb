//===- CompensateDelay.h - Gradients of older parameters --------*- C++ -*-===//
//
// Delay-compensated asynchronous SGD (Zheng et al., "Asynchronous Stochastic
// Gradient Descent with Delay Compensation", ICML 2017).
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_TRANSFORMS_COMPENSATEDELAY_H
#define FLEET_LIB_TRANSFORMS_COMPENSATEDELAY_H

#include "dialects/Optim/IR/Optim.h"

namespace mlir::fleet {

/// What the gradient `gradient`, taken where `parameter` was `received`, would
/// about be at its value now: g + lambda * g * g * (parameter - received),
/// where g * g stands for the diagonal of the Hessian. Elementwise, so that it
/// is exact on rows of a parameter.
Value compensateDelay(OpBuilder &b, Location loc, Value gradient,
                      Value received, optim::ParameterOp parameter,
                      double lambda);

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_COMPENSATEDELAY_H
