//===- NNElementwiseGradients.cpp - Derivatives of the elementwise ops ----===//

#include "dialects/NN/IR/NN.h"

using namespace mlir;
using namespace mlir::fleet::nn;

namespace {

/// Builds gradients at an op's location, in terms of nn ops that infer their
/// types.
struct GradientBuilder {
  GradientBuilder(OpBuilder &b, Operation *op)
      : b(b), loc(op->getLoc()),
        elementType(getElementTypeOrSelf(op->getResult(0).getType())) {}

  template <typename OpTy, typename... Args> Value create(Args &&...args) {
    return OpTy::create(b, loc, std::forward<Args>(args)...);
  }
  Value constant(double value) {
    return createScalarConstant(b, loc, elementType, value);
  }
  Value compare(ComparePredicate predicate, Value lhs, Value rhs) {
    return CompareOp::create(b, loc, predicate, lhs, rhs);
  }
  Value sumTo(Value gradient, Value operand) {
    return sumGradientTo(b, loc, gradient, operand.getType());
  }

  OpBuilder &b;
  Location loc;
  Type elementType;
};

/// The gradient of maximum and minimum: it goes to the operand that was taken,
/// the first where both are equal.
template <typename OpTy>
void buildExtremumGradient(OpTy op, ComparePredicate takesLhs, OpBuilder &b,
                           Value g, SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, op);
  Value isLhs = gb.compare(takesLhs, op.getLhs(), op.getRhs());
  Value zero = gb.constant(0);
  Value toLhs = gb.create<SelectOp>(isLhs, g, zero);
  Value toRhs = gb.create<SelectOp>(isLhs, zero, g);
  gradients.push_back(gb.sumTo(toLhs, op.getLhs()));
  gradients.push_back(gb.sumTo(toRhs, op.getRhs()));
}

} // namespace

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

LogicalResult AddOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  gradients.push_back(gb.sumTo(g[0], getLhs()));
  gradients.push_back(gb.sumTo(g[0], getRhs()));
  return success();
}

LogicalResult SubOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  gradients.push_back(gb.sumTo(g[0], getLhs()));
  // Negated after the sum, which has fewer elements.
  gradients.push_back(gb.create<NegOp>(gb.sumTo(g[0], getRhs())));
  return success();
}

LogicalResult MulOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  gradients.push_back(gb.sumTo(gb.create<MulOp>(g[0], getRhs()), getLhs()));
  gradients.push_back(gb.sumTo(gb.create<MulOp>(g[0], getLhs()), getRhs()));
  return success();
}

LogicalResult DivOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value toLhs = gb.create<DivOp>(g[0], getRhs());
  gradients.push_back(gb.sumTo(toLhs, getLhs()));
  // d(a/b)/db = -(a/b)/b
  Value toRhs = gb.create<NegOp>(gb.create<MulOp>(toLhs, getResult()));
  gradients.push_back(gb.sumTo(toRhs, getRhs()));
  return success();
}

LogicalResult MaximumOp::buildGradient(OpBuilder &b, ValueRange g,
                                       SmallVectorImpl<Value> &gradients) {
  buildExtremumGradient(*this, ComparePredicate::Ge, b, g[0], gradients);
  return success();
}

LogicalResult MinimumOp::buildGradient(OpBuilder &b, ValueRange g,
                                       SmallVectorImpl<Value> &gradients) {
  buildExtremumGradient(*this, ComparePredicate::Le, b, g[0], gradients);
  return success();
}

LogicalResult SelectOp::buildGradient(OpBuilder &b, ValueRange g,
                                      SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value zero = gb.constant(0);
  Value toTrue = gb.create<SelectOp>(getCondition(), g[0], zero);
  Value toFalse = gb.create<SelectOp>(getCondition(), zero, g[0]);
  gradients.push_back(Value());
  gradients.push_back(gb.sumTo(toTrue, getTrueValue()));
  gradients.push_back(gb.sumTo(toFalse, getFalseValue()));
  return success();
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

LogicalResult NegOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  gradients.push_back(GradientBuilder(b, *this).create<NegOp>(g[0]));
  return success();
}

LogicalResult ExpOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  gradients.push_back(
      GradientBuilder(b, *this).create<MulOp>(g[0], getResult()));
  return success();
}

LogicalResult LogOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  gradients.push_back(
      GradientBuilder(b, *this).create<DivOp>(g[0], getOperand()));
  return success();
}

LogicalResult SqrtOp::buildGradient(OpBuilder &b, ValueRange g,
                                    SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value half = gb.create<MulOp>(g[0], gb.constant(0.5));
  gradients.push_back(gb.create<DivOp>(half, getResult()));
  return success();
}

LogicalResult TanhOp::buildGradient(OpBuilder &b, ValueRange g,
                                    SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value square = gb.create<SquareOp>(getResult());
  Value slope = gb.create<SubOp>(gb.constant(1), square);
  gradients.push_back(gb.create<MulOp>(g[0], slope));
  return success();
}

LogicalResult AbsOp::buildGradient(OpBuilder &b, ValueRange g,
                                   SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value zero = gb.constant(0);
  Value isPositive = gb.compare(ComparePredicate::Gt, getOperand(), zero);
  Value isNegative = gb.compare(ComparePredicate::Lt, getOperand(), zero);
  Value negated = gb.create<NegOp>(g[0]);
  Value elsewhere = gb.create<SelectOp>(isNegative, negated, zero);
  gradients.push_back(gb.create<SelectOp>(isPositive, g[0], elsewhere));
  return success();
}

LogicalResult SquareOp::buildGradient(OpBuilder &b, ValueRange g,
                                      SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value slope = gb.create<MulOp>(getOperand(), gb.constant(2));
  gradients.push_back(gb.create<MulOp>(g[0], slope));
  return success();
}

LogicalResult ReluOp::buildGradient(OpBuilder &b, ValueRange g,
                                    SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value zero = gb.constant(0);
  // By the result, so that the operand need not be kept for the backward pass.
  Value isPositive = gb.compare(ComparePredicate::Gt, getResult(), zero);
  gradients.push_back(gb.create<SelectOp>(isPositive, g[0], zero));
  return success();
}

LogicalResult SigmoidOp::buildGradient(OpBuilder &b, ValueRange g,
                                       SmallVectorImpl<Value> &gradients) {
  GradientBuilder gb(b, *this);
  Value rest = gb.create<SubOp>(gb.constant(1), getResult());
  Value slope = gb.create<MulOp>(getResult(), rest);
  gradients.push_back(gb.create<MulOp>(g[0], slope));
  return success();
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

LogicalResult CastOp::buildGradient(OpBuilder &b, ValueRange g,
                                    SmallVectorImpl<Value> &gradients) {
  RankedTensorType from = getOperand().getType();
  for (Type element : {from.getElementType(), getType().getElementType()})
    if (element.isF16() || element.isBF16())
      return emitOpError("has no gradient in ")
             << element << ", in which nothing is computed";
  if (isa<FloatType>(from.getElementType()) &&
      isa<FloatType>(getType().getElementType()))
    gradients.push_back(CastOp::create(b, getLoc(), from, g[0]));
  else
    gradients.push_back(Value());
  return success();
}

LogicalResult BroadcastOp::buildGradient(OpBuilder &b, ValueRange g,
                                         SmallVectorImpl<Value> &gradients) {
  Value gradient = g[0];
  if (!getAlong().empty())
    gradient = ReduceOp::create(b, getLoc(), ReduceKind::Sum, gradient,
                                getAlong(), /*keep_dims=*/false);
  gradients.push_back(
      sumGradientTo(b, getLoc(), gradient, getValue().getType()));
  gradients.push_back(Value());
  return success();
}
