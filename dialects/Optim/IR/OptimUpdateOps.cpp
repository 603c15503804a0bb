//===- OptimUpdateOps.cpp - The update rules ------------------------------===//

#include "dialects/Optim/IR/UpdateRules.h"

using namespace mlir;
using namespace mlir::fleet::optim;

//===----------------------------------------------------------------------===//
// SGD
//===----------------------------------------------------------------------===//

LogicalResult SgdOp::buildRule(OpBuilder &b, Location loc, Value param,
                               Value grad, Value factor, ValueRange,
                               Value &newParam, SmallVectorImpl<Value> &) {
  Rule r(b, loc, param, factor);
  newParam = r.sub(param, r.mul(grad, r.rate(getLearningRate())));
  return success();
}

LogicalResult ApplyDeltaOp::buildRule(OpBuilder &b, Location loc, Value param,
                                      Value grad, Value, ValueRange,
                                      Value &newParam,
                                      SmallVectorImpl<Value> &) {
  newParam = Rule(b, loc, param).add(param, grad);
  return success();
}

LogicalResult TakeAverageOp::buildRule(OpBuilder &, Location, Value, Value grad,
                                       Value, ValueRange, Value &newParam,
                                       SmallVectorImpl<Value> &) {
  newParam = grad;
  return success();
}

//===----------------------------------------------------------------------===//
// Momentum
//===----------------------------------------------------------------------===//

LogicalResult MomentumOp::buildRule(OpBuilder &b, Location loc, Value param,
                                    Value grad, Value factor, ValueRange states,
                                    Value &newParam,
                                    SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  Value rate = r.rate(getLearningRate());
  Value momentum = r.number(getMomentum());
  Value velocity = r.add(r.mul(states[0], momentum), grad);
  Value step = velocity;
  if (getNesterov())
    step = r.add(grad, r.mul(velocity, momentum));
  newParam = r.sub(param, r.mul(step, rate));
  newStates.push_back(velocity);
  return success();
}

//===----------------------------------------------------------------------===//
// Adam
//===----------------------------------------------------------------------===//

LogicalResult AdamOp::buildRule(OpBuilder &b, Location loc, Value param,
                                Value grad, Value factor, ValueRange states,
                                Value &newParam,
                                SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param, factor);
  double beta1 = getBeta1().convertToDouble();
  double beta2 = getBeta2().convertToDouble();
  Value one = r.number(1.0);

  // The corrected step size is a scalar: computed once, not once an element.
  Value power1 = r.mul(states[2], r.number(beta1));
  Value power2 = r.mul(states[3], r.number(beta2));
  Value rate =
      r.div(r.mul(r.rate(getLearningRate()), r.sqrt(r.sub(one, power2))),
            r.sub(one, power1));

  Value moment1 = r.add(r.mul(states[0], r.number(beta1)),
                        r.mul(grad, r.number(1.0 - beta1)));
  Value moment2 = r.add(r.mul(states[1], r.number(beta2)),
                        r.mul(r.square(grad), r.number(1.0 - beta2)));
  Value divisor = r.add(r.sqrt(moment2), r.number(getEpsilon()));
  newParam = r.sub(param, r.mul(rate, r.div(moment1, divisor)));
  newStates.append({moment1, moment2, power1, power2});
  return success();
}
