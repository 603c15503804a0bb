//===- OptimUpdateOps.cpp - The update rules ------------------------------===//

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

//===----------------------------------------------------------------------===//
// What all of them share
//===----------------------------------------------------------------------===//

LogicalResult
mlir::fleet::optim::verifyUpdateSymbols(OptimizerOpInterface op,
                                        SymbolTableCollection &tables) {
  FlatSymbolRefAttr name = op.getParameterAttr();
  Operation *symbol = tables.lookupNearestSymbolFrom(op, name);
  auto parameter = dyn_cast_or_null<ParameterOp>(symbol);
  if (!parameter) {
    InFlightDiagnostic diag = op->emitOpError("updates ")
                              << name << ", which is no optim.parameter";
    if (symbol)
      diag.attachNote(symbol->getLoc()) << "it is declared here";
    return diag;
  }
  if (parameter.getFrozen()) {
    InFlightDiagnostic diag = op->emitOpError("updates ")
                              << name << ", which is frozen";
    diag.attachNote(parameter.getLoc()) << "it is declared here";
    return diag;
  }
  if (parameter.getType() != op.getGradient().getType()) {
    InFlightDiagnostic diag = op->emitOpError("updates ")
                              << name << " by a gradient of type "
                              << op.getGradient().getType();
    diag.attachNote(parameter.getLoc())
        << "the parameter is " << parameter.getType();
    return diag;
  }
  for (FlatSymbolRefAttr stateName : op.getStateSymbols()) {
    Operation *stateSymbol = tables.lookupNearestSymbolFrom(op, stateName);
    auto state = dyn_cast_or_null<StateOp>(stateSymbol);
    if (state && state.getParameterAttr() == name)
      continue;
    InFlightDiagnostic diag = op->emitOpError("keeps state in ")
                              << stateName << ", which is no optim.state of "
                              << name;
    if (stateSymbol)
      diag.attachNote(stateSymbol->getLoc()) << "it is declared here";
    return diag;
  }
  return success();
}

static void getUpdateEffects(OptimizerOpInterface op, Effects &effects) {
  SmallVector<FlatSymbolRefAttr> symbols = op.getStateSymbols();
  symbols.push_back(op.getParameterAttr());
  for (FlatSymbolRefAttr symbol : symbols) {
    effects.emplace_back(MemoryEffects::Read::get(), symbol,
                         VariableResource::get());
    effects.emplace_back(MemoryEffects::Write::get(), symbol,
                         VariableResource::get());
  }
}

/// The slots `slots` hold values of `types`.
static LogicalResult verifyStateTypes(OptimizerOpInterface op,
                                      SymbolTableCollection &tables,
                                      ArrayRef<RankedTensorType> types) {
  for (auto [name, type] : llvm::zip_equal(op.getStateSymbols(), types)) {
    auto state = tables.lookupNearestSymbolFrom<StateOp>(op, name);
    if (state.getType() == type)
      continue;
    InFlightDiagnostic diag = op->emitOpError("needs ")
                              << type << " as state " << name;
    diag.attachNote(state.getLoc()) << "it is " << state.getType();
    return diag;
  }
  return success();
}

namespace {
/// Writes arithmetic on tensors of one float type; doubles become scalar
/// constants of that type, rounded once.
class Rule {
public:
  Rule(OpBuilder &b, Location loc, Value like)
      : b(b), loc(loc),
        element(cast<RankedTensorType>(like.getType()).getElementType()) {}

  Value number(double value) {
    return nn::createScalarConstant(b, loc, element, value);
  }
  Value add(Value x, Value y) { return nn::AddOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return nn::SubOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return nn::MulOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return nn::DivOp::create(b, loc, x, y); }
  Value sqrt(Value x) { return nn::SqrtOp::create(b, loc, x); }
  Value square(Value x) { return nn::SquareOp::create(b, loc, x); }

private:
  OpBuilder &b;
  Location loc;
  Type element;
};
} // namespace

static double toDouble(const llvm::APFloat &value) {
  return value.convertToDouble();
}

//===----------------------------------------------------------------------===//
// SGD
//===----------------------------------------------------------------------===//

SmallVector<FlatSymbolRefAttr> SgdOp::getStateSymbols() { return {}; }
bool SgdOp::isRowSplittable() { return true; }

LogicalResult SgdOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyUpdateSymbols(*this, tables);
}

void SgdOp::getEffects(Effects &effects) { getUpdateEffects(*this, effects); }

LogicalResult SgdOp::buildUpdate(OpBuilder &b, Location loc, Value param,
                                 Value grad, ValueRange, Value &newParam,
                                 SmallVectorImpl<Value> &) {
  Rule r(b, loc, param);
  newParam = r.sub(param, r.mul(grad, r.number(toDouble(getLearningRate()))));
  return success();
}

//===----------------------------------------------------------------------===//
// Momentum
//===----------------------------------------------------------------------===//

SmallVector<FlatSymbolRefAttr> MomentumOp::getStateSymbols() {
  return {getVelocityAttr()};
}
bool MomentumOp::isRowSplittable() { return true; }

LogicalResult MomentumOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifyUpdateSymbols(*this, tables)))
    return failure();
  return verifyStateTypes(*this, tables, {getGradient().getType()});
}

void MomentumOp::getEffects(Effects &effects) {
  getUpdateEffects(*this, effects);
}

LogicalResult MomentumOp::buildUpdate(OpBuilder &b, Location loc, Value param,
                                      Value grad, ValueRange states,
                                      Value &newParam,
                                      SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param);
  Value rate = r.number(toDouble(getLearningRate()));
  Value momentum = r.number(toDouble(getMomentum()));
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

SmallVector<FlatSymbolRefAttr> AdamOp::getStateSymbols() {
  return {getMoment1Attr(), getMoment2Attr(), getBeta1PowerAttr(),
          getBeta2PowerAttr()};
}
bool AdamOp::isRowSplittable() { return true; }

LogicalResult AdamOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifyUpdateSymbols(*this, tables)))
    return failure();
  RankedTensorType type = getGradient().getType();
  auto scalar = RankedTensorType::get({}, type.getElementType());
  return verifyStateTypes(*this, tables, {type, type, scalar, scalar});
}

void AdamOp::getEffects(Effects &effects) { getUpdateEffects(*this, effects); }

LogicalResult AdamOp::buildUpdate(OpBuilder &b, Location loc, Value param,
                                  Value grad, ValueRange states,
                                  Value &newParam,
                                  SmallVectorImpl<Value> &newStates) {
  Rule r(b, loc, param);
  double beta1 = toDouble(getBeta1()), beta2 = toDouble(getBeta2());
  Value one = r.number(1.0);

  // The corrected step size is a scalar: computed once, not once an element.
  Value power1 = r.mul(states[2], r.number(beta1));
  Value power2 = r.mul(states[3], r.number(beta2));
  Value rate = r.div(
      r.mul(r.number(toDouble(getLearningRate())), r.sqrt(r.sub(one, power2))),
      r.sub(one, power1));

  Value moment1 = r.add(r.mul(states[0], r.number(beta1)),
                        r.mul(grad, r.number(1.0 - beta1)));
  Value moment2 = r.add(r.mul(states[1], r.number(beta2)),
                        r.mul(r.square(grad), r.number(1.0 - beta2)));
  Value divisor = r.add(r.sqrt(moment2), r.number(toDouble(getEpsilon())));
  newParam = r.sub(param, r.mul(rate, r.div(moment1, divisor)));
  newStates.append({moment1, moment2, power1, power2});
  return success();
}
