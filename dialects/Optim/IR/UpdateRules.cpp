//===- UpdateRules.cpp - What update ops and optimizers share -------------===//

#include "dialects/Optim/IR/UpdateRules.h"

using namespace mlir;
using namespace mlir::fleet::optim;

//===----------------------------------------------------------------------===//
// Update ops
//===----------------------------------------------------------------------===//

/// A step knows of the gradient of `table` only the rows that it has looked up,
/// and changes only those and their state.
static LogicalResult verifyTableUpdate(OptimizerOpInterface op,
                                       ParameterOp table,
                                       SymbolTableCollection &tables) {
  auto error = [&](StringRef message) {
    InFlightDiagnostic diag = op->emitOpError("updates ")
                              << op.getParameterAttr() << " by " << message;
    diag.attachNote(table.getLoc()) << "the table is declared here";
    return diag;
  };
  if (!op.isRowSplittable())
    return error("a rule that needs the whole gradient, for its norm say, but "
                 "of a table a step knows only the rows that it looks up");
  Value gradient = op.getGradient();
  RowGradientOp rows = findRowGradient(gradient);
  if (rows ? rows.getParameterAttr() != op.getParameterAttr()
           : !isa<BlockArgument>(gradient))
    return error("a gradient that is no optim.row_gradient of it");
  for (FlatSymbolRefAttr name : op.getStateSymbols()) {
    auto state = tables.lookupNearestSymbolFrom<StateOp>(op, name);
    RankedTensorType type = state.getType();
    if (type.getRank() == 0 ||
        (type.getRank() == 2 &&
         type.getDimSize(0) == table.getType().getDimSize(0) &&
         type.getElementType() == table.getType().getElementType()))
      continue;
    InFlightDiagnostic diag = op->emitOpError("keeps state of a table in ")
                              << name << " of type " << type
                              << ", expected a scalar or one row a row of the "
                                 "table";
    diag.attachNote(state.getLoc()) << "it is declared here";
    return diag;
  }
  return success();
}

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
  if (parameter.getFrozen() && op.takesGradient()) {
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
  return parameter.isTable() ? verifyTableUpdate(op, parameter, tables)
                             : success();
}

SmallVector<FlatSymbolRefAttr>
mlir::fleet::optim::getStateAttributes(Operation *op,
                                       ArrayRef<StringRef> likeParameter,
                                       ArrayRef<StringRef> scalars) {
  SmallVector<FlatSymbolRefAttr> states;
  for (ArrayRef<StringRef> names : {likeParameter, scalars})
    for (StringRef name : names)
      if (auto state = op->getAttrOfType<FlatSymbolRefAttr>(name))
        states.push_back(state);
  return states;
}

LogicalResult mlir::fleet::optim::verifyUpdate(OptimizerOpInterface op,
                                               SymbolTableCollection &tables,
                                               size_t numLikeParameter) {
  if (failed(verifyUpdateSymbols(op, tables)))
    return failure();
  auto whole = cast<RankedTensorType>(op.getGradient().getType());
  auto scalar = RankedTensorType::get({}, whole.getElementType());
  if (op->hasAttr("count") != op->hasAttr("schedule"))
    return op->emitOpError("has a ")
           << (op->hasAttr("count") ? "count" : "schedule") << " but no "
           << (op->hasAttr("count") ? "schedule that reads it"
                                    : "count that it depends on");
  for (auto [i, name] : llvm::enumerate(op.getStateSymbols())) {
    RankedTensorType type = i < numLikeParameter ? whole : scalar;
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

void mlir::fleet::optim::getUpdateEffects(
    OptimizerOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  SmallVector<FlatSymbolRefAttr> symbols = op.getStateSymbols();
  symbols.push_back(op.getParameterAttr());
  for (FlatSymbolRefAttr symbol : symbols) {
    effects.emplace_back(MemoryEffects::Read::get(), symbol,
                         VariableResource::get());
    effects.emplace_back(MemoryEffects::Write::get(), symbol,
                         VariableResource::get());
  }
}

//===----------------------------------------------------------------------===//
// Optimizers
//===----------------------------------------------------------------------===//

/// Declares the state `slot` of `parameter`, with every element `initial`.
/// Null, with an error emitted, if the name that the state would have in a
/// checkpoint is taken.
static FlatSymbolRefAttr declareState(StateBuilder &b, Location loc,
                                      FlatSymbolRefAttr parameter,
                                      StringRef slot, RankedTensorType type,
                                      double initial,
                                      bool isTransient = false) {
  auto variable = b.symbols.lookup<ParameterOp>(parameter.getAttr());
  StringRef origin = variable ? variable.getOriginName() : parameter.getValue();
  std::string name = (origin + "/" + slot).str();
  if (Operation *taken = b.symbols.lookup(name)) {
    InFlightDiagnostic diag = emitError(loc)
                              << "the state \"" << slot << "\" of " << parameter
                              << " cannot be named @\"" << name
                              << "\", the name is taken";
    diag.attachNote(taken->getLoc()) << "by this, rename it";
    return {};
  }
  auto state = StateOp::create(
      b, loc, b.getStringAttr(name), parameter, b.getStringAttr(slot),
      TypeAttr::get(type), ConstantAttr::get(b.getContext(), initial),
      OriginAttr(), isTransient ? b.getUnitAttr() : UnitAttr());
  b.symbols.insert(state);
  return FlatSymbolRefAttr::get(b.getContext(), name);
}

LogicalResult mlir::fleet::optim::addSchedule(OptimizerOpInterface op,
                                              StateBuilder &stateBuilder,
                                              ScheduleAttrInterface schedule) {
  auto type = cast<RankedTensorType>(op.getGradient().getType());
  bool counts = schedule.countsUpdates();
  FlatSymbolRefAttr count =
      declareState(stateBuilder, op.getLoc(), op.getParameterAttr(),
                   counts ? "count" : "rate_factor",
                   RankedTensorType::get({}, type.getElementType()),
                   /*initial=*/counts ? 0 : 1, /*isTransient=*/!counts);
  if (!count)
    return failure();
  op->setAttr("count", count);
  op->setAttr("schedule", schedule);
  return success();
}

Value mlir::fleet::optim::addOne(OpBuilder &b, Location loc, Value count) {
  Rule r(b, loc, count);
  return r.add(count, r.number(1.0));
}

FailureOr<Operation *> mlir::fleet::optim::createUpdateOp(
    StringRef name, StateBuilder &stateBuilder, OpBuilder &b, Location loc,
    FlatSymbolRefAttr parameter, Value gradient, ArrayRef<StateSlot> slots,
    ArrayRef<std::pair<StringRef, Attribute>> attributes) {
  auto variable = stateBuilder.symbols.lookup<ParameterOp>(parameter.getAttr());
  auto type = cast<RankedTensorType>(gradient.getType());
  auto scalar = RankedTensorType::get({}, type.getElementType());
  OperationState op(loc, name);
  op.addOperands(gradient);
  op.addAttribute("parameter", parameter);
  for (const StateSlot &slot : slots) {
    FlatSymbolRefAttr state =
        declareState(stateBuilder, loc, parameter, slot.name,
                     slot.isScalar ? scalar : type, slot.initial);
    if (!state)
      return failure();
    op.addAttribute(slot.name, state);
  }
  for (auto [attribute, value] : attributes) {
    FloatAttr multiplier =
        variable ? variable.getLrMultiplierAttr() : FloatAttr();
    if (multiplier && attribute == "learning_rate")
      value = b.getF64FloatAttr(cast<FloatAttr>(value).getValueAsDouble() *
                                multiplier.getValueAsDouble());
    op.addAttribute(attribute, value);
  }
  return b.create(op);
}
