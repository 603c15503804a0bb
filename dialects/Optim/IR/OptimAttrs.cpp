//===- OptimAttrs.cpp - Initializers and optimizers -----------------------===//

#include "dialects/Optim/IR/UpdateRules.h"
#include "mlir/IR/DialectImplementation.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fleet::optim;

/// What the float parameters of the attributes are parsed by.
static FailureOr<FloatAttr> parseFloatParameter(AsmParser &parser) {
  double value;
  if (parser.parseFloat(value))
    return failure();
  return parser.getBuilder().getF64FloatAttr(value);
}

static FailureOr<DenseI64ArrayAttr> parseShapeParameter(AsmParser &parser) {
  Attribute shape = DenseI64ArrayAttr::parse(parser, Type());
  if (!shape)
    return failure();
  return cast<DenseI64ArrayAttr>(shape);
}

static FailureOr<DenseF64ArrayAttr> parseFactorsParameter(AsmParser &parser) {
  Attribute factors = DenseF64ArrayAttr::parse(parser, Type());
  if (!factors)
    return failure();
  return cast<DenseF64ArrayAttr>(factors);
}

#include "dialects/Optim/IR/OptimAttrInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Optim/IR/OptimAttrs.cpp.inc"

void OptimDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Optim/IR/OptimAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Initializers
//===----------------------------------------------------------------------===//

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static LogicalResult verifyFinite(EmitError emitError, FloatAttr value,
                                  StringRef name) {
  if (value.getValue().isFinite())
    return success();
  return emitError() << name << " must be a finite number";
}

static LogicalResult verifyNormal(EmitError emitError, FloatAttr mean,
                                  FloatAttr stddev) {
  if (failed(verifyFinite(emitError, mean, "mean")) ||
      failed(verifyFinite(emitError, stddev, "stddev")))
    return failure();
  if (stddev.getValueAsDouble() < 0)
    return emitError() << "stddev must not be negative";
  return success();
}

LogicalResult ConstantAttr::verify(EmitError emitError, FloatAttr value) {
  return verifyFinite(emitError, value, "value");
}

LogicalResult UniformAttr::verify(EmitError emitError, FloatAttr low,
                                  FloatAttr high) {
  if (failed(verifyFinite(emitError, low, "low")) ||
      failed(verifyFinite(emitError, high, "high")))
    return failure();
  if (low.getValueAsDouble() > high.getValueAsDouble())
    return emitError() << "low must not be greater than high";
  return success();
}

LogicalResult NormalAttr::verify(EmitError emitError, FloatAttr mean,
                                 FloatAttr stddev) {
  return verifyNormal(emitError, mean, stddev);
}

LogicalResult TruncatedNormalAttr::verify(EmitError emitError, FloatAttr mean,
                                          FloatAttr stddev) {
  return verifyNormal(emitError, mean, stddev);
}

Attribute ConstantAttr::resolve(ArrayRef<int64_t>) const { return *this; }
Attribute UniformAttr::resolve(ArrayRef<int64_t>) const { return *this; }
Attribute NormalAttr::resolve(ArrayRef<int64_t>) const { return *this; }
Attribute TruncatedNormalAttr::resolve(ArrayRef<int64_t>) const {
  return *this;
}
Attribute ZerosAttr::resolve(ArrayRef<int64_t>) const {
  return ConstantAttr::get(getContext(), 0.0);
}
Attribute OnesAttr::resolve(ArrayRef<int64_t>) const {
  return ConstantAttr::get(getContext(), 1.0);
}

namespace {
/// How many inputs an output sums over, and how many outputs an input feeds.
struct Fans {
  explicit Fans(ArrayRef<int64_t> shape) {
    if (shape.empty())
      return;
    in = out = static_cast<double>(shape[0]);
    if (shape.size() == 2)
      out = static_cast<double>(shape[1]);
    if (shape.size() <= 2)
      return;
    in = static_cast<double>(shape[1]);
    for (int64_t extent : shape.drop_front(2)) {
      in *= static_cast<double>(extent);
      out *= static_cast<double>(extent);
    }
  }
  double in = 1, out = 1;
};
} // namespace

Attribute XavierUniformAttr::resolve(ArrayRef<int64_t> shape) const {
  Fans fans(shape);
  double limit = std::sqrt(6.0 / (fans.in + fans.out));
  return UniformAttr::get(getContext(), -limit, limit);
}

Attribute XavierNormalAttr::resolve(ArrayRef<int64_t> shape) const {
  Fans fans(shape);
  return NormalAttr::get(getContext(), 0.0,
                         std::sqrt(2.0 / (fans.in + fans.out)));
}

Attribute HeUniformAttr::resolve(ArrayRef<int64_t> shape) const {
  double limit = std::sqrt(6.0 / Fans(shape).in);
  return UniformAttr::get(getContext(), -limit, limit);
}

Attribute HeNormalAttr::resolve(ArrayRef<int64_t> shape) const {
  return NormalAttr::get(getContext(), 0.0, std::sqrt(2.0 / Fans(shape).in));
}

//===----------------------------------------------------------------------===//
// Optimizers
//===----------------------------------------------------------------------===//

static LogicalResult verifyRate(EmitError emitError, FloatAttr rate) {
  if (failed(verifyFinite(emitError, rate, "learning_rate")))
    return failure();
  if (rate.getValueAsDouble() < 0)
    return emitError() << "learning_rate must not be negative";
  return success();
}

/// `value` lies in [0, 1).
static LogicalResult verifyDecay(EmitError emitError, FloatAttr value,
                                 StringRef name) {
  double decay = value.getValueAsDouble();
  if (decay >= 0 && decay < 1)
    return success();
  return emitError() << name << " must be at least 0 and less than 1";
}

LogicalResult SgdAttr::verify(EmitError emitError, FloatAttr rate) {
  return verifyRate(emitError, rate);
}

LogicalResult MomentumAttr::verify(EmitError emitError, FloatAttr rate,
                                   FloatAttr momentum, BoolAttr) {
  return success(succeeded(verifyRate(emitError, rate)) &&
                 succeeded(verifyDecay(emitError, momentum, "momentum")));
}

LogicalResult AdamAttr::verify(EmitError emitError, FloatAttr rate,
                               FloatAttr beta1, FloatAttr beta2,
                               FloatAttr epsilon) {
  if (failed(verifyRate(emitError, rate)) ||
      failed(verifyDecay(emitError, beta1, "beta1")) ||
      failed(verifyDecay(emitError, beta2, "beta2")) ||
      failed(verifyFinite(emitError, epsilon, "epsilon")))
    return failure();
  if (epsilon.getValueAsDouble() <= 0)
    return emitError() << "epsilon must be greater than 0";
  return success();
}

FailureOr<Operation *> SgdAttr::createUpdate(StateBuilder &stateBuilder,
                                             OpBuilder &b, Location loc,
                                             FlatSymbolRefAttr parameter,
                                             Value gradient) const {
  return createUpdateOp(SgdOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient, {},
                        {{"learning_rate", getLearningRate()}});
}

FailureOr<Operation *> MomentumAttr::createUpdate(StateBuilder &stateBuilder,
                                                  OpBuilder &b, Location loc,
                                                  FlatSymbolRefAttr parameter,
                                                  Value gradient) const {
  SmallVector<std::pair<StringRef, Attribute>> attributes = {
      {"learning_rate", getLearningRate()}, {"momentum", getMomentum()}};
  if (getNesterov().getValue())
    attributes.push_back({"nesterov", b.getUnitAttr()});
  return createUpdateOp(MomentumOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient, {{"velocity"}}, attributes);
}

FailureOr<Operation *> AdamAttr::createUpdate(StateBuilder &stateBuilder,
                                              OpBuilder &b, Location loc,
                                              FlatSymbolRefAttr parameter,
                                              Value gradient) const {
  return createUpdateOp(AdamOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient,
                        {{"moment1"},
                         {"moment2"},
                         {"beta1_power", /*isScalar=*/true, 1.0},
                         {"beta2_power", /*isScalar=*/true, 1.0}},
                        {{"learning_rate", getLearningRate()},
                         {"beta1", getBeta1()},
                         {"beta2", getBeta2()},
                         {"epsilon", getEpsilon()}});
}

//===----------------------------------------------------------------------===//
// Origin
//===----------------------------------------------------------------------===//

LogicalResult OriginAttr::verify(EmitError emitError, StringAttr name,
                                 DenseI64ArrayAttr shape, int64_t rowOffset,
                                 int64_t shards) {
  if (name.empty())
    return emitError() << "an origin needs a name";
  for (int64_t extent : shape.asArrayRef())
    if (extent < 0)
      return emitError() << "an origin has a static shape, got extent "
                         << extent;
  if (rowOffset < 0)
    return emitError() << "row_offset must not be negative";
  if (shards < 0 || (shards > 0 && rowOffset > 0))
    return emitError()
           << "shards must not be negative, nor beside a row_offset";
  return success();
}
