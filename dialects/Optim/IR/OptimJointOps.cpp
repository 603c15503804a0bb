//===- OptimJointOps.cpp - Changes of several gradients -------------------===//

#include "dialects/Optim/IR/UpdateRules.h"

using namespace mlir;
using namespace mlir::fleet::optim;

LogicalResult ClipByGlobalNormOp::verify() {
  if (getGradients().empty())
    return emitOpError("clips nothing, expected at least one gradient");
  double max = getMax().convertToDouble();
  if (!getMax().isFinite() || max <= 0)
    return emitOpError("has the max ")
           << max << ", expected a number greater than 0";
  Type first = getElementTypeOrSelf(getGradients().front());
  for (Value gradient : getGradients())
    if (Type type = getElementTypeOrSelf(gradient); type != first)
      return emitOpError("clips gradients of ")
             << first << " and " << type << ", which have no norm in common";
  return success();
}

LogicalResult ClipByGlobalNormOp::inferReturnTypes(
    MLIRContext *, std::optional<Location>, ValueRange operands, DictionaryAttr,
    OpaqueProperties, RegionRange, SmallVectorImpl<Type> &types) {
  llvm::append_range(types, operands.getTypes());
  return success();
}

Value ClipByGlobalNormOp::buildPart(OpBuilder &b, Location loc,
                                    Value gradient) {
  return Rule(b, loc, gradient).squaredNorm(gradient);
}

Value ClipByGlobalNormOp::buildChange(OpBuilder &b, Location loc,
                                      Value gradient, Value sum) {
  Rule r(b, loc, gradient);
  Value max = r.number(getMax());
  // Exactly 1, so that short gradients keep their bits.
  return r.mul(gradient, r.div(max, r.max(r.sqrt(sum), max)));
}

FailureOr<SmallVector<Value>> ClipByGlobalNormOp::decompose(OpBuilder &b) {
  Value sum;
  for (Value gradient : getGradients()) {
    Value part = buildPart(b, getLoc(), gradient);
    sum = sum ? Rule(b, getLoc(), gradient).add(sum, part) : part;
  }
  SmallVector<Value> results;
  for (Value gradient : getGradients())
    results.push_back(buildChange(b, getLoc(), gradient, sum));
  return results;
}
