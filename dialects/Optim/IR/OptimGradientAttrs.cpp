//===- OptimGradientAttrs.cpp - Clipping and regularization ---------------===//
//
// The formulas are in OptimGradientAttrs.td.
//
//===----------------------------------------------------------------------===//

#include "dialects/Optim/IR/UpdateRules.h"

using namespace mlir;
using namespace mlir::fleet::optim;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static LogicalResult verifyFinite(EmitError emitError, FloatAttr value,
                                  StringRef name) {
  if (value.getValue().isFinite())
    return success();
  return emitError() << name << " must be finite";
}

//===----------------------------------------------------------------------===//
// Regularizers
//===----------------------------------------------------------------------===//

static LogicalResult verifyCoefficient(EmitError emitError, FloatAttr value) {
  if (failed(verifyFinite(emitError, value, "coefficient")))
    return failure();
  if (value.getValueAsDouble() < 0)
    return emitError() << "coefficient must not be negative";
  return success();
}

LogicalResult L1Attr::verify(EmitError emitError, FloatAttr coefficient) {
  return verifyCoefficient(emitError, coefficient);
}

LogicalResult L2Attr::verify(EmitError emitError, FloatAttr coefficient) {
  return verifyCoefficient(emitError, coefficient);
}

bool L1Attr::isRegularizer() const { return true; }
bool L2Attr::isRegularizer() const { return true; }

Value L1Attr::apply(OpBuilder &b, Location loc, Value param, Value grad) const {
  Rule r(b, loc, grad);
  double coefficient = getCoefficient().getValueAsDouble();
  Value zero = r.number(0.0);
  Value below =
      r.select(r.isGreater(zero, param), r.number(-coefficient), zero);
  return r.add(
      grad, r.select(r.isGreater(param, zero), r.number(coefficient), below));
}

Value L2Attr::apply(OpBuilder &b, Location loc, Value param, Value grad) const {
  Rule r(b, loc, grad);
  return r.add(grad, r.mul(param, r.number(getCoefficient().getValue())));
}

//===----------------------------------------------------------------------===//
// Clipping
//===----------------------------------------------------------------------===//

LogicalResult ClipByValueAttr::verify(EmitError emitError, FloatAttr min,
                                      FloatAttr max) {
  if (failed(verifyFinite(emitError, min, "min")) ||
      failed(verifyFinite(emitError, max, "max")))
    return failure();
  if (min.getValueAsDouble() > max.getValueAsDouble())
    return emitError() << "min must not be greater than max";
  return success();
}

Value ClipByValueAttr::apply(OpBuilder &b, Location loc, Value,
                             Value grad) const {
  Rule r(b, loc, grad);
  return r.min(r.max(grad, r.number(getMin().getValue())),
               r.number(getMax().getValue()));
}

LogicalResult ClipByNormAttr::verify(EmitError emitError, FloatAttr max) {
  if (failed(verifyFinite(emitError, max, "max")))
    return failure();
  if (max.getValueAsDouble() <= 0)
    return emitError() << "max must be greater than 0";
  return success();
}

bool ClipByNormAttr::isElementwise() const { return false; }

Value ClipByNormAttr::apply(OpBuilder &b, Location loc, Value,
                            Value grad) const {
  Rule r(b, loc, grad);
  Value max = r.number(getMax().getValue());
  // Exactly 1, so that a short gradient keeps its bits.
  return r.mul(grad, r.div(max, r.max(r.norm(grad), max)));
}

LogicalResult ClipByGlobalNormAttr::verify(EmitError emitError, FloatAttr max) {
  return ClipByNormAttr::verify(emitError, max);
}

FailureOr<Operation *>
ClipByGlobalNormAttr::createClip(OpBuilder &b, Location loc,
                                 ValueRange gradients) const {
  Type first = getElementTypeOrSelf(gradients.front());
  for (Value gradient : gradients)
    if (Type type = getElementTypeOrSelf(gradient); type != first)
      return emitError(loc, "clips gradients of ")
             << first << " and " << type
             << " by their global norm; use one optim.minimize for each type";
  return ClipByGlobalNormOp::create(b, loc, gradients, getMax()).getOperation();
}

//===----------------------------------------------------------------------===//
// Use
//===----------------------------------------------------------------------===//

bool mlir::fleet::optim::areElementwise(ArrayAttr rules) {
  return !rules || llvm::all_of(rules.getAsRange<GradientRuleAttrInterface>(),
                                [](auto rule) { return rule.isElementwise(); });
}

Value mlir::fleet::optim::applyGradientRules(ArrayAttr rules, OpBuilder &b,
                                             Location loc, Value param,
                                             Value grad) {
  if (rules)
    for (auto rule : rules.getAsRange<GradientRuleAttrInterface>())
      grad = rule.apply(b, loc, param, grad);
  return grad;
}
