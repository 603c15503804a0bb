//===- OptimAdaptiveOps.cpp - Adaptive update rules -----------------------===//
//
// The formulas are in OptimAdaptiveOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialects/Optim/IR/UpdateRules.h"

using namespace mlir;
using namespace mlir::fleet::optim;

namespace {
/// The moments of adam and their powers, as `states` has them.
struct Moments {
  Value first, second, power1, power2;

  Moments(Rule &r, Value gradient, ValueRange states, double beta1,
          double beta2)
      : first(r.average(states[0], gradient, beta1)),
        second(r.average(states[1], r.square(gradient), beta2)),
        power1(r.mul(states[2], r.number(beta1))),
        power2(r.mul(states[3], r.number(beta2))) {}

  void appendTo(SmallVectorImpl<Value> &states) {
    states.append({first, second, power1, power2});
  }
};
} // namespace

LogicalResult AdamWOp::buildRule(OpBuilder &b, Location loc, Value param,
                                 Value grad, Value factor, ValueRange states,
                                 Value &newParam,
                                 SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value one = r.number(1.0), rate = r.rate(getLearningRate());
  Moments m(r, grad, states, getBeta1().convertToDouble(),
            getBeta2().convertToDouble());
  Value corrected =
      r.div(r.mul(rate, r.sqrt(r.sub(one, m.power2))), r.sub(one, m.power1));
  Value kept =
      r.mul(param, r.sub(one, r.mul(rate, r.number(getWeightDecay()))));
  Value divisor = r.add(r.sqrt(m.second), r.number(getEpsilon()));
  newParam = r.sub(kept, r.mul(corrected, r.div(m.first, divisor)));
  m.appendTo(newStates);
  return success();
}

LogicalResult AdamaxOp::buildRule(OpBuilder &b, Location loc, Value param,
                                  Value grad, Value factor, ValueRange states,
                                  Value &newParam,
                                  SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  double beta1 = getBeta1().convertToDouble();
  Value power = r.mul(states[2], r.number(beta1));
  Value rate = r.div(r.rate(getLearningRate()), r.sub(r.number(1.0), power));
  Value moment = r.average(states[0], grad, beta1);
  Value norm = r.max(r.abs(grad), r.add(r.mul(states[1], r.number(getBeta2())),
                                        r.number(getEpsilon())));
  newParam = r.sub(param, r.mul(rate, r.div(moment, norm)));
  newStates.append({moment, norm, power});
  return success();
}

/// param - rate * grad / (sqrt(moment) + epsilon)
static Value stepByRoot(Rule &r, Value param, Value grad, Value moment,
                        const llvm::APFloat &rate,
                        const llvm::APFloat &epsilon) {
  Value divisor = r.add(r.sqrt(moment), r.number(epsilon));
  return r.sub(param, r.div(r.mul(grad, r.rate(rate)), divisor));
}

LogicalResult AdagradOp::buildRule(OpBuilder &b, Location loc, Value param,
                                   Value grad, Value factor, ValueRange states,
                                   Value &newParam,
                                   SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value moment = r.add(states[0], r.square(grad));
  newParam =
      stepByRoot(r, param, grad, moment, getLearningRate(), getEpsilon());
  newStates.push_back(moment);
  return success();
}

LogicalResult DecayedAdagradOp::buildRule(OpBuilder &b, Location loc,
                                          Value param, Value grad, Value factor,
                                          ValueRange states, Value &newParam,
                                          SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value moment =
      r.average(states[0], r.square(grad), getDecay().convertToDouble());
  newParam =
      stepByRoot(r, param, grad, moment, getLearningRate(), getEpsilon());
  newStates.push_back(moment);
  return success();
}

LogicalResult AdadeltaOp::buildRule(OpBuilder &b, Location loc, Value param,
                                    Value grad, Value factor, ValueRange states,
                                    Value &newParam,
                                    SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  double rho = getRho().convertToDouble();
  Value epsilon = r.number(getEpsilon());
  Value gradients = r.average(states[0], r.square(grad), rho);
  Value step =
      r.mul(r.sqrt(r.div(r.add(states[1], epsilon), r.add(gradients, epsilon))),
            grad);
  Value updates = r.average(states[1], r.square(step), rho);
  newParam = r.sub(param, r.mul(step, r.rate(getLearningRate())));
  newStates.append({gradients, updates});
  return success();
}

/// momentum * velocity + rate * grad / sqrt(variance + epsilon)
template <typename Op>
static Value accelerate(Op op, Rule &r, Value velocity, Value grad,
                        Value variance) {
  Value root = r.sqrt(r.add(variance, r.number(op.getEpsilon())));
  return r.add(r.mul(velocity, r.number(op.getMomentum())),
               r.div(r.mul(grad, r.rate(op.getLearningRate())), root));
}

LogicalResult RmspropOp::buildRule(OpBuilder &b, Location loc, Value param,
                                   Value grad, Value factor, ValueRange states,
                                   Value &newParam,
                                   SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value square =
      r.average(states[0], r.square(grad), getRho().convertToDouble());
  Value velocity = accelerate(*this, r, states[1], grad, square);
  newParam = r.sub(param, velocity);
  newStates.append({square, velocity});
  return success();
}

LogicalResult CenteredRmspropOp::buildRule(OpBuilder &b, Location loc,
                                           Value param, Value grad,
                                           Value factor, ValueRange states,
                                           Value &newParam,
                                           SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  double rho = getRho().convertToDouble();
  Value square = r.average(states[0], r.square(grad), rho);
  Value mean = r.average(states[2], grad, rho);
  Value velocity =
      accelerate(*this, r, states[1], grad, r.sub(square, r.square(mean)));
  newParam = r.sub(param, velocity);
  newStates.append({square, velocity, mean});
  return success();
}

LogicalResult FtrlOp::buildRule(OpBuilder &b, Location loc, Value param,
                                Value grad, Value factor, ValueRange states,
                                Value &newParam,
                                SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value rate = r.rate(getLearningRate()), l1 = r.number(getL1());
  Value zero = r.number(0.0);
  Value squared = r.add(states[0], r.square(grad));
  Value root = r.sqrt(squared);
  Value sigma = r.div(r.sub(root, r.sqrt(states[0])), rate);
  Value linear = r.sub(r.add(states[1], grad), r.mul(sigma, param));
  // sign(z) * l1 - z, where |z| > l1
  Value shrunk =
      r.sub(r.select(r.isGreater(linear, zero), l1, r.sub(zero, l1)), linear);
  double l2 = getL2().convertToDouble();
  Value curvature = r.add(r.div(root, rate), r.number(2.0 * l2));
  newParam =
      r.select(r.isGreater(r.abs(linear), l1), r.div(shrunk, curvature), zero);
  newStates.append({squared, linear});
  return success();
}

/// `x` where both norms are greater than zero, else `otherwise`.
static Value whereNormed(Rule &r, Value norm1, Value norm2, Value x,
                         Value otherwise) {
  Value zero = r.number(0.0);
  return r.select(r.isGreater(norm1, zero),
                  r.select(r.isGreater(norm2, zero), x, otherwise), otherwise);
}

LogicalResult LarsOp::buildRule(OpBuilder &b, Location loc, Value param,
                                Value grad, Value factor, ValueRange states,
                                Value &newParam,
                                SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value rate = r.rate(getLearningRate());
  Value decay = r.number(getWeightDecay());
  Value paramNorm = r.norm(param), gradNorm = r.norm(grad);
  Value divisor =
      r.add(r.add(gradNorm, r.mul(decay, paramNorm)), r.number(getEpsilon()));
  Value scaled =
      r.div(r.mul(r.mul(rate, r.number(getCoefficient())), paramNorm), divisor);
  Value local = whereNormed(r, paramNorm, gradNorm, scaled, rate);
  Value velocity = r.add(r.mul(states[0], r.number(getMomentum())),
                         r.mul(local, r.add(grad, r.mul(decay, param))));
  newParam = r.sub(param, velocity);
  newStates.push_back(velocity);
  return success();
}

LogicalResult LambOp::buildRule(OpBuilder &b, Location loc, Value param,
                                Value grad, Value factor, ValueRange states,
                                Value &newParam,
                                SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value one = r.number(1.0);
  Moments m(r, grad, states, getBeta1().convertToDouble(),
            getBeta2().convertToDouble());
  Value first = r.div(m.first, r.sub(one, m.power1));
  Value second = r.div(m.second, r.sub(one, m.power2));
  Value step =
      r.add(r.div(first, r.add(r.sqrt(second), r.number(getEpsilon()))),
            r.mul(param, r.number(getWeightDecay())));
  Value paramNorm = r.norm(param), stepNorm = r.norm(step);
  Value ratio =
      whereNormed(r, paramNorm, stepNorm, r.div(paramNorm, stepNorm), one);
  newParam = r.sub(param, r.mul(r.mul(r.rate(getLearningRate()), ratio), step));
  m.appendTo(newStates);
  return success();
}

LogicalResult DpsgdOp::buildRule(OpBuilder &b, Location loc, Value param,
                                 Value grad, Value factor, ValueRange states,
                                 Value &newParam,
                                 SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value clip = r.number(getClip());
  // Exactly 1, so that a short gradient keeps its bits.
  Value clipped = r.mul(grad, r.div(clip, r.max(r.norm(grad), clip)));
  double deviation =
      getSigma().convertToDouble() / getBatchSize().convertToDouble();
  Value noise = r.mul(nn::StandardNormalOp::create(b, loc, states[0], getKey()),
                      r.number(deviation));
  newParam =
      r.sub(param, r.mul(r.add(clipped, noise), r.rate(getLearningRate())));
  newStates.push_back(addOne(b, loc, states[0]));
  return success();
}
