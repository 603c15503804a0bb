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
// Random numbers
//===----------------------------------------------------------------------===//

/// coefficients[0] * x^n + ... + coefficients[n]
static Value buildPolynomial(OpBuilder &b, Location loc, Value x,
                             ArrayRef<double> coefficients) {
  Value sum = buildConstant(b, loc, x.getType(), coefficients.front());
  for (double coefficient : coefficients.drop_front())
    sum =
        arith::AddFOp::create(b, loc, arith::MulFOp::create(b, loc, sum, x),
                              buildConstant(b, loc, x.getType(), coefficient));
  return sum;
}

/// Where the standard normal distribution function is `u`, in (0, 1): see
/// https://web.archive.org/web/2015/http://home.online.no/~pjacklam/notes/invnorm
static Value buildNormalQuantile(OpBuilder &b, Location loc, Value u) {
  Type type = u.getType();
  auto number = [&](double value) {
    return buildConstant(b, loc, type, value);
  };
  Value q = arith::SubFOp::create(b, loc, u, number(0.5));
  Value r = arith::MulFOp::create(b, loc, q, q);
  Value central = arith::DivFOp::create(
      b, loc,
      arith::MulFOp::create(
          b, loc,
          buildPolynomial(b, loc, r,
                          {-3.969683028665376e+01, 2.209460984245205e+02,
                           -2.759285104469687e+02, 1.383577518672690e+02,
                           -3.066479806614716e+01, 2.506628277459239e+00}),
          q),
      buildPolynomial(b, loc, r,
                      {-5.447609879822406e+01, 1.615858368580409e+02,
                       -1.556989798598866e+02, 6.680131188771972e+01,
                       -1.328068155288572e+01, 1.0}));
  Value rest = arith::SubFOp::create(b, loc, number(1.0), u);
  Value p = arith::MinimumFOp::create(b, loc, u, rest);
  Value t = math::SqrtOp::create(
      b, loc,
      arith::MulFOp::create(b, loc, math::LogOp::create(b, loc, p),
                            number(-2.0)));
  Value below = arith::DivFOp::create(
      b, loc,
      buildPolynomial(b, loc, t,
                      {-7.784894002430293e-03, -3.223964580411365e-01,
                       -2.400758277161838e+00, -2.549732539343734e+00,
                       4.374664141464968e+00, 2.938163982698783e+00}),
      buildPolynomial(b, loc, t,
                      {7.784695709041462e-03, 3.224671290700398e-01,
                       2.445134137142996e+00, 3.754408661907416e+00, 1.0}));
  Value isBelow =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, q, number(0.0));
  Value tail = arith::SelectOp::create(b, loc, isBelow, below,
                                       arith::NegFOp::create(b, loc, below));
  Value isTail = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, p,
                                       number(0.02425));
  return arith::SelectOp::create(b, loc, isTail, tail, central);
}

Value StandardNormalOp::buildScalar(OpBuilder &b, Location loc, ValueRange s) {
  Type wide = b.getI64Type(), real = b.getF64Type(), type = s[0].getType();
  auto number = [&](uint64_t value) -> Value {
    return arith::ConstantOp::create(
        b, loc, b.getI64IntegerAttr(static_cast<int64_t>(value)));
  };
  auto mix = [&](Value z, uint64_t shift, uint64_t factor) -> Value {
    z = arith::XOrIOp::create(b, loc, z,
                              arith::ShRUIOp::create(b, loc, z, number(shift)));
    return factor ? Value(arith::MulIOp::create(b, loc, z, number(factor))) : z;
  };
  Value counter = arith::FPToSIOp::create(b, loc, wide, s[0]);
  Value z = arith::AddIOp::create(b, loc, counter, number(1));
  z = arith::MulIOp::create(b, loc, z, number(0x9e3779b97f4a7c15));
  z = arith::AddIOp::create(b, loc, z, number(getKey()));
  z = mix(z, 30, 0xbf58476d1ce4e5b9);
  z = mix(z, 27, 0x94d049bb133111eb);
  z = mix(z, 31, 0);
  // (0, 1), the upper 52 bits: less than 2^52, so the sign does not matter.
  z = arith::ShRUIOp::create(b, loc, z, number(12));
  Value u = arith::SIToFPOp::create(b, loc, real, z);
  u = arith::AddFOp::create(b, loc, u, buildConstant(b, loc, real, 0.5));
  u = arith::MulFOp::create(b, loc, u, buildConstant(b, loc, real, 0x1p-52));
  Value x = buildNormalQuantile(b, loc, u);
  return type == real ? x : Value(arith::TruncFOp::create(b, loc, type, x));
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
    // CPUs convert between f64 and half precision by a call, if at all.
    unsigned narrow = std::min(fromFloat.getWidth(), toFloat.getWidth());
    if (narrow == 16 && (fromFloat.isF64() || toFloat.isF64())) {
      Value single =
          fromFloat.isF64()
              ? arith::TruncFOp::create(b, loc, b.getF32Type(), in).getResult()
              : arith::ExtFOp::create(b, loc, b.getF32Type(), in).getResult();
      if (fromFloat.isF64())
        return arith::TruncFOp::create(b, loc, to, single);
      return arith::ExtFOp::create(b, loc, to, single);
    }
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
