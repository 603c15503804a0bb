//===- OptimScheduleAttrs.cpp - Learning-rate schedules -------------------===//
//
// The formulas are in OptimScheduleAttrs.td.
//
//===----------------------------------------------------------------------===//

#include "dialects/Optim/IR/UpdateRules.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fleet::optim;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static LogicalResult verifyCount(EmitError emitError, int64_t value,
                                 StringRef name) {
  if (value >= 1)
    return success();
  return emitError() << name << " must be at least 1";
}

static LogicalResult verifyNumber(EmitError emitError, FloatAttr value,
                                  StringRef name, bool mayBeZero) {
  double number = value.getValueAsDouble();
  if (std::isfinite(number) && (mayBeZero ? number >= 0 : number > 0))
    return success();
  return emitError() << name << " must be a number "
                     << (mayBeZero ? "from 0 on" : "greater than 0");
}

/// k / steps, rounded down if `whole`.
static Value periods(Rule &r, Value count, int64_t steps, bool whole) {
  Value quotient = r.div(count, r.number(static_cast<double>(steps)));
  return whole ? r.floor(quotient) : quotient;
}

//===----------------------------------------------------------------------===//
// Decay by a rate
//===----------------------------------------------------------------------===//

LogicalResult ExponentialDecayAttr::verify(EmitError emitError, int64_t steps,
                                           FloatAttr rate, bool) {
  return success(succeeded(verifyCount(emitError, steps, "steps")) &&
                 succeeded(verifyNumber(emitError, rate, "rate", false)));
}

Value ExponentialDecayAttr::buildFactor(OpBuilder &b, Location loc,
                                        Value count) const {
  Rule r(b, loc, count);
  double logarithm = std::log(getRate().getValueAsDouble());
  return r.exp(r.mul(periods(r, count, getSteps(), getStaircase()),
                     r.number(logarithm)));
}

LogicalResult NaturalExpDecayAttr::verify(EmitError emitError, int64_t steps,
                                          FloatAttr rate, bool) {
  return success(succeeded(verifyCount(emitError, steps, "steps")) &&
                 succeeded(verifyNumber(emitError, rate, "rate", true)));
}

Value NaturalExpDecayAttr::buildFactor(OpBuilder &b, Location loc,
                                       Value count) const {
  Rule r(b, loc, count);
  return r.exp(r.mul(periods(r, count, getSteps(), getStaircase()),
                     r.number(-getRate().getValueAsDouble())));
}

LogicalResult InverseTimeDecayAttr::verify(EmitError emitError, int64_t steps,
                                           FloatAttr rate, bool) {
  return success(succeeded(verifyCount(emitError, steps, "steps")) &&
                 succeeded(verifyNumber(emitError, rate, "rate", true)));
}

Value InverseTimeDecayAttr::buildFactor(OpBuilder &b, Location loc,
                                        Value count) const {
  Rule r(b, loc, count);
  Value slower = r.mul(periods(r, count, getSteps(), getStaircase()),
                       r.number(getRate().getValue()));
  return r.div(r.number(1.0), r.add(r.number(1.0), slower));
}

//===----------------------------------------------------------------------===//
// Polynomial
//===----------------------------------------------------------------------===//

LogicalResult PolynomialDecayAttr::verify(EmitError emitError, int64_t steps,
                                          FloatAttr end, FloatAttr power,
                                          bool) {
  return success(succeeded(verifyCount(emitError, steps, "steps")) &&
                 succeeded(verifyNumber(emitError, end, "end", true)) &&
                 succeeded(verifyNumber(emitError, power, "power", false)));
}

Value PolynomialDecayAttr::buildFactor(OpBuilder &b, Location loc,
                                       Value count) const {
  Rule r(b, loc, count);
  Value zero = r.number(0.0), one = r.number(1.0);
  Value done = periods(r, count, getSteps(), /*whole=*/false);
  if (getCycle()) {
    // How often `steps` fits, rounded up, at least once.
    Value down = r.floor(done);
    Value up = r.select(r.isGreater(done, down), r.add(down, one), down);
    done = r.div(done, r.max(up, one));
  }
  Value left = r.sub(one, r.min(done, one));
  double power = getPower().getValueAsDouble();
  if (power != 1.0)
    left = r.select(r.isGreater(left, zero),
                    r.exp(r.mul(r.log(left), r.number(power))), zero);
  double end = getEnd().getValueAsDouble();
  return r.add(r.mul(left, r.number(1.0 - end)), r.number(end));
}

//===----------------------------------------------------------------------===//
// Piecewise
//===----------------------------------------------------------------------===//

LogicalResult PiecewiseDecayAttr::verify(EmitError emitError,
                                         DenseI64ArrayAttr boundaries,
                                         DenseF64ArrayAttr factors) {
  if (factors.size() != boundaries.size() + 1)
    return emitError() << boundaries.size()
                       << " boundaries need one factor more, got "
                       << factors.size();
  for (double factor : factors.asArrayRef())
    if (!std::isfinite(factor) || factor < 0)
      return emitError() << "factors must be numbers from 0 on";
  int64_t last = 0;
  for (int64_t boundary : boundaries.asArrayRef()) {
    if (boundary <= last)
      return emitError() << "boundaries must grow, from at least 1";
    last = boundary;
  }
  return success();
}

Value PiecewiseDecayAttr::buildFactor(OpBuilder &b, Location loc,
                                      Value count) const {
  Rule r(b, loc, count);
  ArrayRef<double> factors = getFactors();
  Value factor = r.number(factors.back());
  for (int64_t i = getBoundaries().size() - 1; i >= 0; --i)
    factor = r.select(
        r.isGreater(r.number(static_cast<double>(getBoundaries()[i])), count),
        r.number(factors[i]), factor);
  return factor;
}

//===----------------------------------------------------------------------===//
// Cosine
//===----------------------------------------------------------------------===//

LogicalResult CosineDecayAttr::verify(EmitError emitError,
                                      int64_t stepsPerEpoch, int64_t epochs) {
  return success(
      succeeded(verifyCount(emitError, stepsPerEpoch, "steps_per_epoch")) &&
      succeeded(verifyCount(emitError, epochs, "epochs")));
}

/// sin(x) for x from 0 to pi/2, by its series; wrong by less than 1e-13.
static Value sine(Rule &r, Value x) {
  Value square = r.square(x);
  constexpr int kLast = 17;
  double coefficient = 1;
  for (int i = 2; i <= kLast; ++i)
    coefficient /= i;
  Value sum = r.number(coefficient); // of x^17, whose sign is +
  for (int i = kLast - 2; i >= 1; i -= 2) {
    coefficient *= -(i + 1.0) * (i + 2.0);
    sum = r.add(r.mul(sum, square), r.number(coefficient));
  }
  return r.mul(sum, x);
}

Value CosineDecayAttr::buildFactor(OpBuilder &b, Location loc,
                                   Value count) const {
  Rule r(b, loc, count);
  auto epochs = static_cast<double>(getEpochs());
  Value epoch = r.min(periods(r, count, getStepsPerEpoch(), /*whole=*/true),
                      r.number(epochs));
  // (cos(2x) + 1) / 2 = 1 - sin(x)^2
  Value x = r.mul(epoch, r.number(M_PI / 2 / epochs));
  return r.sub(r.number(1.0), r.square(sine(r, x)));
}

//===----------------------------------------------------------------------===//
// Noam
//===----------------------------------------------------------------------===//

LogicalResult NoamDecayAttr::verify(EmitError emitError, int64_t dModel,
                                    int64_t warmupSteps) {
  return success(
      succeeded(verifyCount(emitError, dModel, "d_model")) &&
      succeeded(verifyCount(emitError, warmupSteps, "warmup_steps")));
}

Value NoamDecayAttr::buildFactor(OpBuilder &b, Location loc,
                                 Value count) const {
  Rule r(b, loc, count);
  Value step = r.add(count, r.number(1.0));
  Value decay = r.div(r.number(1.0), r.sqrt(step));
  Value warmup = r.mul(
      step, r.number(std::pow(static_cast<double>(getWarmupSteps()), -1.5)));
  return r.mul(r.number(std::pow(static_cast<double>(getDModel()), -0.5)),
               r.min(decay, warmup));
}

//===----------------------------------------------------------------------===//
// Warm-up
//===----------------------------------------------------------------------===//

LogicalResult LinearWarmupAttr::verify(EmitError emitError, int64_t steps,
                                       FloatAttr start, FloatAttr end,
                                       ScheduleAttrInterface) {
  return success(succeeded(verifyCount(emitError, steps, "steps")) &&
                 succeeded(verifyNumber(emitError, start, "start", true)) &&
                 succeeded(verifyNumber(emitError, end, "end", true)));
}

Value LinearWarmupAttr::buildFactor(OpBuilder &b, Location loc,
                                    Value count) const {
  Rule r(b, loc, count);
  double start = getStart().getValueAsDouble();
  double end = getEnd().getValueAsDouble();
  Value rising = r.add(r.mul(periods(r, count, getSteps(), /*whole=*/false),
                             r.number(end - start)),
                       r.number(start));
  Value after =
      getAfter() ? getAfter().buildFactor(b, loc, count) : r.number(1.0);
  return r.select(r.isGreater(r.number(static_cast<double>(getSteps())), count),
                  rising, after);
}

//===----------------------------------------------------------------------===//
// A rate that is set from outside
//===----------------------------------------------------------------------===//

Value VariableRateAttr::buildFactor(OpBuilder &, Location, Value count) const {
  return count;
}

bool VariableRateAttr::countsUpdates() const { return false; }
