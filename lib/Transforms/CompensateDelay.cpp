//===- CompensateDelay.cpp - Gradients of older parameters ----------------===//

#include "lib/Transforms/CompensateDelay.h"

#include "dialects/NN/IR/NN.h"

using namespace mlir;
using namespace mlir::fleet;

Value mlir::fleet::compensateDelay(OpBuilder &b, Location loc, Value gradient,
                                   Value received, optim::ParameterOp parameter,
                                   double lambda) {
  RankedTensorType type = parameter.getType();
  Value now = optim::ReadOp::create(
      b, loc, type, FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
  Value moved = nn::SubOp::create(b, loc, type, now, received);
  Value curvature = nn::SquareOp::create(b, loc, type, gradient);
  Value correction = nn::MulOp::create(b, loc, type, curvature, moved);
  if (lambda != 1) {
    auto scalar = RankedTensorType::get({}, type.getElementType());
    Value factor = nn::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(
            scalar, b.getFloatAttr(type.getElementType(), lambda).getValue()));
    correction = nn::MulOp::create(b, loc, type, correction, factor);
  }
  return nn::AddOp::create(b, loc, type, gradient, correction);
}
