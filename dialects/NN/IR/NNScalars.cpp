//===- NNScalars.cpp - What each elementwise op does to one element -------===//

#include "dialects/NN/IR/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::fleet::nn;

namespace {

bool isFloat(Value value) { return isa<FloatType>(value.getType()); }

/// Sums and products may be contracted to fused multiply-adds.
constexpr auto contract = arith::FastMathFlags::contract;

template <typename FloatOp, typename IntOp>
Value buildContractible(OpBuilder &b, Location loc, ValueRange s) {
  if (isFloat(s[0]))
    return FloatOp::create(b, loc, s[0], s[1], contract);
  return IntOp::create(b, loc, s[0], s[1]);
}

template <typename FloatOp, typename IntOp>
Value buildBinary(OpBuilder &b, Location loc, ValueRange s) {
  if (isFloat(s[0]))
    return FloatOp::create(b, loc, s[0], s[1]);
  return IntOp::create(b, loc, s[0], s[1]);
}

Value buildConstant(OpBuilder &b, Location loc, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(
      b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

arith::CmpFPredicate getFloatPredicate(ComparePredicate predicate) {
  switch (predicate) {
  case ComparePredicate::Eq:
    return arith::CmpFPredicate::OEQ;
  case ComparePredicate::Ne:
    return arith::CmpFPredicate::UNE;
  case ComparePredicate::Lt:
    return arith::CmpFPredicate::OLT;
  case ComparePredicate::Le:
    return arith::CmpFPredicate::OLE;
  case ComparePredicate::Gt:
    return arith::CmpFPredicate::OGT;
  case ComparePredicate::Ge:
    return arith::CmpFPredicate::OGE;
  }
  llvm_unreachable("all predicates are listed");
}

/// i1 is unsigned (false < true), wider integers are signed.
arith::CmpIPredicate getIntPredicate(ComparePredicate predicate, bool isBool) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case ComparePredicate::Eq:
    return P::eq;
  case ComparePredicate::Ne:
    return P::ne;
  case ComparePredicate::Lt:
    return isBool ? P::ult : P::slt;
  case ComparePredicate::Le:
    return isBool ? P::ule : P::sle;
  case ComparePredicate::Gt:
    return isBool ? P::ugt : P::sgt;
  case ComparePredicate::Ge:
    return isBool ? P::uge : P::sge;
  }
  llvm_unreachable("all predicates are listed");
}

} // namespace

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

Value AddOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return buildContractible<arith::AddFOp, arith::AddIOp>(b, loc, s);
}

Value SubOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return buildContractible<arith::SubFOp, arith::SubIOp>(b, loc, s);
}

Value MulOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return buildContractible<arith::MulFOp, arith::MulIOp>(b, loc, s);
}

Value DivOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return buildBinary<arith::DivFOp, arith::DivSIOp>(b, loc, s);
}

Value MaximumOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return buildBinary<arith::MaximumFOp, arith::MaxSIOp>(b, loc, s);
}

Value MinimumOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return buildBinary<arith::MinimumFOp, arith::MinSIOp>(b, loc, s);
}

Value CompareOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  if (isFloat(s[0]))
    return arith::CmpFOp::create(b, loc, getFloatPredicate(getPredicate()),
                                 s[0], s[1]);
  return arith::CmpIOp::create(
      b, loc, getIntPredicate(getPredicate(), s[0].getType().isInteger(1)),
      s[0], s[1]);
}

Value SelectOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return arith::SelectOp::create(b, loc, s[0], s[1], s[2]);
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

Value NegOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  if (isFloat(s[0]))
    return arith::NegFOp::create(b, loc, s[0]);
  Value zero = buildConstant(b, loc, s[0].getType(), 0);
  return arith::SubIOp::create(b, loc, zero, s[0]);
}

Value ExpOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return math::ExpOp::create(b, loc, s[0]);
}

Value LogOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return math::LogOp::create(b, loc, s[0]);
}

Value SqrtOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return math::SqrtOp::create(b, loc, s[0]);
}

Value TanhOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return math::TanhOp::create(b, loc, s[0]);
}

Value AbsOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  if (isFloat(s[0]))
    return math::AbsFOp::create(b, loc, s[0]);
  return math::AbsIOp::create(b, loc, s[0]);
}

Value SquareOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  return buildContractible<arith::MulFOp, arith::MulIOp>(b, loc, {s[0], s[0]});
}

Value ReluOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  Value zero = buildConstant(b, loc, s[0].getType(), 0);
  return arith::MaximumFOp::create(b, loc, s[0], zero);
}

Value SigmoidOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  // exp overflows to infinity for very negative elements, which gives the
  // right 0.
  Value one = buildConstant(b, loc, s[0].getType(), 1);
  Value negated = arith::NegFOp::create(b, loc, s[0]);
  Value power = math::ExpOp::create(b, loc, negated);
  Value sum = arith::AddFOp::create(b, loc, one, power, contract);
  return arith::DivFOp::create(b, loc, one, sum);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value CastOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  Value in = s[0];
  Type from = in.getType();
  Type to = getType().getElementType();
  if (from == to)
    return in;
  auto fromFloat = dyn_cast<FloatType>(from);
  auto toFloat = dyn_cast<FloatType>(to);
  if (to.isInteger(1)) {
    Value zero = buildConstant(b, loc, from, 0);
    if (fromFloat)
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, in, zero);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, in, zero);
  }
  if (fromFloat && toFloat) {
    if (fromFloat.getWidth() < toFloat.getWidth())
      return arith::ExtFOp::create(b, loc, to, in);
    return arith::TruncFOp::create(b, loc, to, in);
  }
  if (fromFloat)
    return arith::FPToSIOp::create(b, loc, to, in);
  if (from.isInteger(1)) {
    if (toFloat)
      return arith::UIToFPOp::create(b, loc, to, in);
    return arith::ExtUIOp::create(b, loc, to, in);
  }
  if (toFloat)
    return arith::SIToFPOp::create(b, loc, to, in);
  if (from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
    return arith::ExtSIOp::create(b, loc, to, in);
  return arith::TruncIOp::create(b, loc, to, in);
}

Value BroadcastOp::buildScalar(OpBuilder &, Location, ValueRange s) {
  return s[0];
}
