//===- OptimAdaptiveAttrs.cpp - Adaptive optimizers -----------------------===//

#include "dialects/Optim/IR/UpdateRules.h"

#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace mlir::fleet::optim;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

namespace {
/// What a number of an optimizer may be.
enum class Range { Decay, Positive, NotNegative };

struct Number {
  StringRef name;
  FloatAttr value;
  Range range;
};
} // namespace

static LogicalResult verifyNumbers(EmitError emitError, FloatAttr rate,
                                   ArrayRef<Number> numbers) {
  auto check = [&](const Number &number) -> LogicalResult {
    double value = number.value.getValueAsDouble();
    if (!number.value.getValue().isFinite())
      return emitError() << number.name << " must be finite";
    if (number.range == Range::Decay && (value < 0 || value >= 1))
      return emitError() << number.name
                         << " must be at least 0 and less than 1";
    if (number.range == Range::Positive && value <= 0)
      return emitError() << number.name << " must be greater than 0";
    if (value < 0)
      return emitError() << number.name << " must not be negative";
    return success();
  };
  if (failed(check({"learning_rate", rate, Range::NotNegative})))
    return failure();
  for (const Number &number : numbers)
    if (failed(check(number)))
      return failure();
  return success();
}

LogicalResult AdamWAttr::verify(EmitError emitError, FloatAttr rate,
                                FloatAttr beta1, FloatAttr beta2,
                                FloatAttr epsilon, FloatAttr weightDecay) {
  return verifyNumbers(emitError, rate,
                       {{"beta1", beta1, Range::Decay},
                        {"beta2", beta2, Range::Decay},
                        {"epsilon", epsilon, Range::Positive},
                        {"weight_decay", weightDecay, Range::NotNegative}});
}

FailureOr<Operation *> AdamWAttr::createUpdate(StateBuilder &stateBuilder,
                                               OpBuilder &b, Location loc,
                                               FlatSymbolRefAttr parameter,
                                               Value gradient) const {
  return createUpdateOp(AdamWOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient,
                        {{"moment1"},
                         {"moment2"},
                         {"beta1_power", true, 1.0},
                         {"beta2_power", true, 1.0}},
                        {{"learning_rate", getLearningRate()},
                         {"beta1", getBeta1()},
                         {"beta2", getBeta2()},
                         {"epsilon", getEpsilon()},
                         {"weight_decay", getWeightDecay()}});
}

LogicalResult AdamaxAttr::verify(EmitError emitError, FloatAttr rate,
                                 FloatAttr beta1, FloatAttr beta2,
                                 FloatAttr epsilon) {
  return verifyNumbers(emitError, rate,
                       {{"beta1", beta1, Range::Decay},
                        {"beta2", beta2, Range::Decay},
                        {"epsilon", epsilon, Range::Positive}});
}

FailureOr<Operation *> AdamaxAttr::createUpdate(StateBuilder &stateBuilder,
                                                OpBuilder &b, Location loc,
                                                FlatSymbolRefAttr parameter,
                                                Value gradient) const {
  return createUpdateOp(AdamaxOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient,
                        {{"moment"}, {"norm"}, {"beta1_power", true, 1.0}},
                        {{"learning_rate", getLearningRate()},
                         {"beta1", getBeta1()},
                         {"beta2", getBeta2()},
                         {"epsilon", getEpsilon()}});
}

LogicalResult AdagradAttr::verify(EmitError emitError, FloatAttr rate,
                                  FloatAttr epsilon, FloatAttr initial) {
  return verifyNumbers(emitError, rate,
                       {{"epsilon", epsilon, Range::Positive},
                        {"initial", initial, Range::NotNegative}});
}

FailureOr<Operation *> AdagradAttr::createUpdate(StateBuilder &stateBuilder,
                                                 OpBuilder &b, Location loc,
                                                 FlatSymbolRefAttr parameter,
                                                 Value gradient) const {
  return createUpdateOp(
      AdagradOp::getOperationName(), stateBuilder, b, loc, parameter, gradient,
      {{"moment", false, getInitial().getValueAsDouble()}},
      {{"learning_rate", getLearningRate()}, {"epsilon", getEpsilon()}});
}

LogicalResult DecayedAdagradAttr::verify(EmitError emitError, FloatAttr rate,
                                         FloatAttr decay, FloatAttr epsilon) {
  return verifyNumbers(
      emitError, rate,
      {{"decay", decay, Range::Decay}, {"epsilon", epsilon, Range::Positive}});
}

FailureOr<Operation *>
DecayedAdagradAttr::createUpdate(StateBuilder &stateBuilder, OpBuilder &b,
                                 Location loc, FlatSymbolRefAttr parameter,
                                 Value gradient) const {
  return createUpdateOp(DecayedAdagradOp::getOperationName(), stateBuilder, b,
                        loc, parameter, gradient, {{"moment"}},
                        {{"learning_rate", getLearningRate()},
                         {"decay", getDecay()},
                         {"epsilon", getEpsilon()}});
}

LogicalResult AdadeltaAttr::verify(EmitError emitError, FloatAttr rate,
                                   FloatAttr rho, FloatAttr epsilon) {
  return verifyNumbers(
      emitError, rate,
      {{"rho", rho, Range::Decay}, {"epsilon", epsilon, Range::Positive}});
}

FailureOr<Operation *> AdadeltaAttr::createUpdate(StateBuilder &stateBuilder,
                                                  OpBuilder &b, Location loc,
                                                  FlatSymbolRefAttr parameter,
                                                  Value gradient) const {
  return createUpdateOp(AdadeltaOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient,
                        {{"avg_squared_grad"}, {"avg_squared_update"}},
                        {{"learning_rate", getLearningRate()},
                         {"rho", getRho()},
                         {"epsilon", getEpsilon()}});
}

LogicalResult RmspropAttr::verify(EmitError emitError, FloatAttr rate,
                                  FloatAttr rho, FloatAttr epsilon,
                                  FloatAttr momentum, BoolAttr) {
  return verifyNumbers(emitError, rate,
                       {{"rho", rho, Range::Decay},
                        {"epsilon", epsilon, Range::Positive},
                        {"momentum", momentum, Range::Decay}});
}

FailureOr<Operation *> RmspropAttr::createUpdate(StateBuilder &stateBuilder,
                                                 OpBuilder &b, Location loc,
                                                 FlatSymbolRefAttr parameter,
                                                 Value gradient) const {
  bool centered = getCentered().getValue();
  SmallVector<StateSlot> slots = {{"mean_square"}, {"momentum_acc"}};
  if (centered)
    slots.push_back({"mean_grad"});
  return createUpdateOp(centered ? CenteredRmspropOp::getOperationName()
                                 : RmspropOp::getOperationName(),
                        stateBuilder, b, loc, parameter, gradient, slots,
                        {{"learning_rate", getLearningRate()},
                         {"rho", getRho()},
                         {"epsilon", getEpsilon()},
                         {"momentum", getMomentum()}});
}

LogicalResult FtrlAttr::verify(EmitError emitError, FloatAttr rate,
                               FloatAttr l1, FloatAttr l2) {
  // The rule divides by it.
  if (rate.getValueAsDouble() == 0)
    return emitError() << "learning_rate must be greater than 0";
  return verifyNumbers(
      emitError, rate,
      {{"l1", l1, Range::NotNegative}, {"l2", l2, Range::NotNegative}});
}

FailureOr<Operation *> FtrlAttr::createUpdate(StateBuilder &stateBuilder,
                                              OpBuilder &b, Location loc,
                                              FlatSymbolRefAttr parameter,
                                              Value gradient) const {
  return createUpdateOp(
      FtrlOp::getOperationName(), stateBuilder, b, loc, parameter, gradient,
      {{"squared"}, {"linear"}},
      {{"learning_rate", getLearningRate()}, {"l1", getL1()}, {"l2", getL2()}});
}

LogicalResult LarsAttr::verify(EmitError emitError, FloatAttr rate,
                               FloatAttr momentum, FloatAttr coefficient,
                               FloatAttr weightDecay, FloatAttr epsilon) {
  return verifyNumbers(emitError, rate,
                       {{"momentum", momentum, Range::Decay},
                        {"coefficient", coefficient, Range::Positive},
                        {"weight_decay", weightDecay, Range::NotNegative},
                        {"epsilon", epsilon, Range::NotNegative}});
}

FailureOr<Operation *> LarsAttr::createUpdate(StateBuilder &stateBuilder,
                                              OpBuilder &b, Location loc,
                                              FlatSymbolRefAttr parameter,
                                              Value gradient) const {
  return createUpdateOp(LarsOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient, {{"velocity"}},
                        {{"learning_rate", getLearningRate()},
                         {"momentum", getMomentum()},
                         {"coefficient", getCoefficient()},
                         {"weight_decay", getWeightDecay()},
                         {"epsilon", getEpsilon()}});
}

LogicalResult LambAttr::verify(EmitError emitError, FloatAttr rate,
                               FloatAttr beta1, FloatAttr beta2,
                               FloatAttr epsilon, FloatAttr weightDecay) {
  return verifyNumbers(emitError, rate,
                       {{"beta1", beta1, Range::Decay},
                        {"beta2", beta2, Range::Decay},
                        {"epsilon", epsilon, Range::Positive},
                        {"weight_decay", weightDecay, Range::NotNegative}});
}

FailureOr<Operation *> LambAttr::createUpdate(StateBuilder &stateBuilder,
                                              OpBuilder &b, Location loc,
                                              FlatSymbolRefAttr parameter,
                                              Value gradient) const {
  return createUpdateOp(LambOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient,
                        {{"moment1"},
                         {"moment2"},
                         {"beta1_power", true, 1.0},
                         {"beta2_power", true, 1.0}},
                        {{"learning_rate", getLearningRate()},
                         {"beta1", getBeta1()},
                         {"beta2", getBeta2()},
                         {"epsilon", getEpsilon()},
                         {"weight_decay", getWeightDecay()}});
}

LogicalResult DpsgdAttr::verify(EmitError emitError, FloatAttr rate,
                                FloatAttr clip, FloatAttr batchSize,
                                FloatAttr sigma, int64_t) {
  return verifyNumbers(emitError, rate,
                       {{"clip", clip, Range::Positive},
                        {"batch_size", batchSize, Range::Positive},
                        {"sigma", sigma, Range::NotNegative}});
}

FailureOr<Operation *> DpsgdAttr::createUpdate(StateBuilder &stateBuilder,
                                               OpBuilder &b, Location loc,
                                               FlatSymbolRefAttr parameter,
                                               Value gradient) const {
  auto variable = stateBuilder.symbols.lookup<ParameterOp>(parameter.getAttr());
  StringRef name = variable ? variable.getOriginName() : parameter.getValue();
  auto key = static_cast<int64_t>(
      llvm::xxh3_64bits((Twine(getSeed()) + "/" + name).str()));
  return createUpdateOp(DpsgdOp::getOperationName(), stateBuilder, b, loc,
                        parameter, gradient, {{"step", true}},
                        {{"learning_rate", getLearningRate()},
                         {"clip", getClip()},
                         {"batch_size", getBatchSize()},
                         {"sigma", getSigma()},
                         {"key", b.getI64IntegerAttr(key)}});
}
