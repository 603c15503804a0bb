//===- NNElementwiseFolds.cpp - Constants and identities ------------------===//
//
// Elementwise ops fold on constants where their result is the same on every
// machine: exp, log, tanh and sigmoid do not, since a kernel computes them by
// approximations of its own. x + 0 folds to x, which does not keep the sign of
// a negative zero.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NN.h"

#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fleet::nn;

namespace {

/// Constants with more elements than this, unless all are equal, are left to
/// the kernels.
constexpr int64_t maxFoldedElements = 256;

/// Computes one element of a result; null where it is not defined.
using ElementFn = llvm::function_ref<Attribute(ArrayRef<Attribute>)>;

/// The position of the element that `type`, broadcast to `result`, gives for
/// the element at `index` of the result; both are row major.
int64_t getSourceIndex(RankedTensorType type, RankedTensorType result,
                       int64_t index) {
  int64_t source = 0;
  int64_t stride = 1;
  for (int64_t d = result.getRank() - 1; d >= 0; --d) {
    int64_t extent = result.getDimSize(d);
    int64_t position = index % extent;
    index /= extent;
    int64_t dim = d - (result.getRank() - type.getRank());
    if (dim < 0)
      continue;
    source += (type.getDimSize(dim) == 1 ? 0 : position) * stride;
    stride *= type.getDimSize(dim);
  }
  return source;
}

OpFoldResult foldElements(RankedTensorType result, ArrayRef<Attribute> operands,
                          ElementFn compute) {
  if (!result.hasStaticShape())
    return {};
  SmallVector<DenseElementsAttr> constants;
  for (Attribute operand : operands) {
    auto constant = dyn_cast_or_null<DenseElementsAttr>(operand);
    if (!constant || constant.empty())
      return {};
    constants.push_back(constant);
  }
  if (llvm::all_of(constants,
                   [](DenseElementsAttr c) { return c.isSplat(); })) {
    SmallVector<Attribute> elements;
    for (DenseElementsAttr constant : constants)
      elements.push_back(constant.getSplatValue<Attribute>());
    if (Attribute value = compute(elements))
      return DenseElementsAttr::get(result, value);
    return {};
  }
  if (result.getNumElements() > maxFoldedElements)
    return {};
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    SmallVector<Attribute> elements;
    for (DenseElementsAttr constant : constants)
      elements.push_back(constant.getValues<Attribute>()[getSourceIndex(
          cast<RankedTensorType>(constant.getType()), result, i)]);
    Attribute value = compute(elements);
    if (!value)
      return {};
    values.push_back(value);
  }
  return DenseElementsAttr::get(result, values);
}

template <typename FloatFn, typename IntFn>
OpFoldResult foldBinary(RankedTensorType result, ArrayRef<Attribute> operands,
                        FloatFn onFloats, IntFn onInts) {
  return foldElements(
      result, operands, [&](ArrayRef<Attribute> s) -> Attribute {
        if (auto lhs = dyn_cast<FloatAttr>(s[0]))
          return FloatAttr::get(
              lhs.getType(),
              onFloats(lhs.getValue(), cast<FloatAttr>(s[1]).getValue()));
        auto lhs = cast<IntegerAttr>(s[0]);
        std::optional<APInt> value =
            onInts(lhs.getValue(), cast<IntegerAttr>(s[1]).getValue());
        return value ? IntegerAttr::get(lhs.getType(), *value) : Attribute();
      });
}

template <typename FloatFn, typename IntFn>
OpFoldResult foldUnary(RankedTensorType result, Attribute operand,
                       FloatFn onFloat, IntFn onInt) {
  return foldElements(result, operand, [&](ArrayRef<Attribute> s) -> Attribute {
    if (auto value = dyn_cast<FloatAttr>(s[0]))
      return FloatAttr::get(value.getType(), onFloat(value.getValue()));
    auto value = cast<IntegerAttr>(s[0]);
    return IntegerAttr::get(value.getType(), onInt(value.getValue()));
  });
}

/// Whether every element of `constant` is `value`.
bool isSplatOf(Attribute constant, int64_t value) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(constant);
  if (!elements || !elements.isSplat())
    return false;
  Attribute element = elements.getSplatValue<Attribute>();
  if (auto f = dyn_cast<FloatAttr>(element))
    return f.getValueAsDouble() == static_cast<double>(value);
  return cast<IntegerAttr>(element).getValue().getSExtValue() == value;
}

/// `x` where the op's other operand is `neutral`, and stretches nothing.
OpFoldResult foldNeutral(Value x, Attribute other, int64_t neutral,
                         Type result) {
  if (x.getType() == result && isSplatOf(other, neutral))
    return x;
  return {};
}

/// The square root; IEEE 754 asks every machine for the same one. Rounding a
/// double's root to a float gives the float's.
APFloat getSquareRoot(APFloat value) {
  const llvm::fltSemantics &semantics = value.getSemantics();
  bool losesInfo = false;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  APFloat root(std::sqrt(value.convertToDouble()));
  root.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return root;
}

bool evaluate(ComparePredicate predicate, bool less, bool equal,
              bool unordered) {
  switch (predicate) {
  case ComparePredicate::Eq:
    return equal;
  case ComparePredicate::Ne:
    return !equal;
  case ComparePredicate::Lt:
    return less;
  case ComparePredicate::Le:
    return less || equal;
  case ComparePredicate::Gt:
    return !less && !equal && !unordered;
  case ComparePredicate::Ge:
    return !less && !unordered;
  }
  llvm_unreachable("all predicates are listed");
}

} // namespace

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  if (OpFoldResult x = foldNeutral(getLhs(), adaptor.getRhs(), 0, getType()))
    return x;
  if (OpFoldResult x = foldNeutral(getRhs(), adaptor.getLhs(), 0, getType()))
    return x;
  return foldBinary(
      getType(), adaptor.getOperands(),
      [](APFloat a, const APFloat &b) { return a + b; },
      [](const APInt &a, const APInt &b) { return std::optional(a + b); });
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (OpFoldResult x = foldNeutral(getLhs(), adaptor.getRhs(), 0, getType()))
    return x;
  return foldBinary(
      getType(), adaptor.getOperands(),
      [](APFloat a, const APFloat &b) { return a - b; },
      [](const APInt &a, const APInt &b) { return std::optional(a - b); });
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (OpFoldResult x = foldNeutral(getLhs(), adaptor.getRhs(), 1, getType()))
    return x;
  if (OpFoldResult x = foldNeutral(getRhs(), adaptor.getLhs(), 1, getType()))
    return x;
  return foldBinary(
      getType(), adaptor.getOperands(),
      [](APFloat a, const APFloat &b) { return a * b; },
      [](const APInt &a, const APInt &b) { return std::optional(a * b); });
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (OpFoldResult x = foldNeutral(getLhs(), adaptor.getRhs(), 1, getType()))
    return x;
  return foldBinary(
      getType(), adaptor.getOperands(),
      [](APFloat a, const APFloat &b) { return a / b; },
      [](const APInt &a, const APInt &b) -> std::optional<APInt> {
        if (b.isZero() || (a.isMinSignedValue() && b.isAllOnes()))
          return std::nullopt; // not defined: left for run time
        return a.sdiv(b);
      });
}

OpFoldResult MaximumOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs())
    return getLhs();
  return foldBinary(
      getType(), adaptor.getOperands(),
      [](const APFloat &a, const APFloat &b) { return llvm::maximum(a, b); },
      [](const APInt &a, const APInt &b) {
        return std::optional(llvm::APIntOps::smax(a, b));
      });
}

OpFoldResult MinimumOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs())
    return getLhs();
  return foldBinary(
      getType(), adaptor.getOperands(),
      [](const APFloat &a, const APFloat &b) { return llvm::minimum(a, b); },
      [](const APInt &a, const APInt &b) {
        return std::optional(llvm::APIntOps::smin(a, b));
      });
}

OpFoldResult CompareOp::fold(FoldAdaptor adaptor) {
  return foldElements(
      getType(), {adaptor.getLhs(), adaptor.getRhs()},
      [&](ArrayRef<Attribute> s) -> Attribute {
        if (auto lhs = dyn_cast<FloatAttr>(s[0])) {
          APFloat::cmpResult order =
              lhs.getValue().compare(cast<FloatAttr>(s[1]).getValue());
          return BoolAttr::get(getContext(),
                               evaluate(getPredicate(),
                                        order == APFloat::cmpLessThan,
                                        order == APFloat::cmpEqual,
                                        order == APFloat::cmpUnordered));
        }
        APInt a = cast<IntegerAttr>(s[0]).getValue();
        APInt b = cast<IntegerAttr>(s[1]).getValue();
        bool less = a.getBitWidth() == 1 ? a.ult(b) : a.slt(b);
        return BoolAttr::get(getContext(),
                             evaluate(getPredicate(), less, a == b, false));
      });
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  Value chosen;
  if (getTrueValue() == getFalseValue() ||
      isSplatOf(adaptor.getCondition(), -1)) // i1 true, sign extended
    chosen = getTrueValue();
  else if (isSplatOf(adaptor.getCondition(), 0))
    chosen = getFalseValue();
  if (chosen && chosen.getType() == getType())
    return chosen;
  return foldElements(
      getType(), adaptor.getOperands(), [](ArrayRef<Attribute> s) {
        return cast<IntegerAttr>(s[0]).getValue().isZero() ? s[2] : s[1];
      });
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

OpFoldResult NegOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getOperand().getDefiningOp<NegOp>())
    return inner.getOperand();
  return foldUnary(
      getType(), adaptor.getOperand(), [](const APFloat &a) { return -a; },
      [](const APInt &a) { return -a; });
}

OpFoldResult AbsOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getDefiningOp<AbsOp>())
    return getOperand();
  return foldUnary(
      getType(), adaptor.getOperand(),
      [](const APFloat &a) { return llvm::abs(a); },
      [](const APInt &a) { return a.abs(); });
}

OpFoldResult SquareOp::fold(FoldAdaptor adaptor) {
  return foldUnary(
      getType(), adaptor.getOperand(), [](const APFloat &a) { return a * a; },
      [](const APInt &a) { return a * a; });
}

OpFoldResult SqrtOp::fold(FoldAdaptor adaptor) {
  return foldUnary(getType(), adaptor.getOperand(), getSquareRoot,
                   [](const APInt &a) { return a; });
}

OpFoldResult ReluOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getDefiningOp<ReluOp>())
    return getOperand();
  return foldUnary(
      getType(), adaptor.getOperand(),
      [](const APFloat &a) {
        return llvm::maximum(a, APFloat::getZero(a.getSemantics()));
      },
      [](const APInt &a) { return a; });
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// One element converted; null where the element type cannot hold it.
static Attribute castElement(Attribute element, Type to) {
  if (auto from = dyn_cast<FloatAttr>(element)) {
    APFloat value = from.getValue();
    if (to.isInteger(1))
      return BoolAttr::get(to.getContext(), !value.isZero());
    if (auto type = dyn_cast<FloatType>(to)) {
      bool losesInfo = false;
      value.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      return FloatAttr::get(type, value);
    }
    llvm::APSInt integer(to.getIntOrFloatBitWidth(), /*isUnsigned=*/false);
    bool isExact = false;
    if (value.convertToInteger(integer, APFloat::rmTowardZero, &isExact) &
        APFloat::opInvalidOp)
      return {};
    return IntegerAttr::get(to, integer);
  }
  auto from = cast<IntegerAttr>(element);
  bool isBool = from.getType().isInteger(1);
  APInt value = from.getValue();
  if (to.isInteger(1))
    return BoolAttr::get(to.getContext(), !value.isZero());
  if (auto type = dyn_cast<FloatType>(to)) {
    APFloat result(type.getFloatSemantics());
    result.convertFromAPInt(value, /*IsSigned=*/!isBool,
                            APFloat::rmNearestTiesToEven);
    return FloatAttr::get(type, result);
  }
  unsigned width = to.getIntOrFloatBitWidth();
  return IntegerAttr::get(to, isBool ? value.zextOrTrunc(width)
                                     : value.sextOrTrunc(width));
}

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  return foldElements(getType(), adaptor.getOperand(),
                      [&](ArrayRef<Attribute> s) {
                        return castElement(s[0], getType().getElementType());
                      });
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getValue().getType() == getType() && getAlong().empty())
    return getValue();
  auto constant = dyn_cast_or_null<DenseElementsAttr>(adaptor.getValue());
  if (constant && constant.isSplat() && getType().hasStaticShape())
    return DenseElementsAttr::get(getType(),
                                  constant.getSplatValue<Attribute>());
  return {};
}
