//===- ServerBlocks.cpp - What a server does with its blocks --------------===//

#include "lib/Transforms/ServerBlocks.h"

#include "lib/Transforms/CompensateDelay.h"
#include "mlir/IR/IRMapping.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

void mlir::fleet::addVariables(Update &update, Placement &placement,
                               bool hasOwnName) {
  Server &server = *placement.owner;
  ParameterBlock &block = placement.block;
  bool isWhole = block.type == update.parameter.getType();
  auto insert = [&](auto op) {
    server.symbols->insert(op, server.main->getIterator());
    return op;
  };
  ParameterOp parameter = cast<ParameterOp>(update.parameter->clone());
  if (!isWhole)
    cutVariable(parameter, block);
  // Its own name, which the symbol of a base is not.
  if (!isWhole || hasOwnName)
    parameter.setSymName(block.name);
  placement.parameter = insert(parameter);
  for (StateOp state : update.states) {
    auto clone = cast<StateOp>(state->clone());
    if (!isWhole) {
      cutVariable(clone, block);
      clone.setSymName((block.name + "/" + state.getSlot()).str());
    }
    clone.setParameter(placement.parameter.getSymName());
    placement.states.push_back(insert(clone));
  }
}

/// A new function on the owner of a block, with its body still empty. All
/// variables are there, so that it finds a free name.
static func::FuncOp addFunction(const Placement &placement, Location loc,
                                StringRef verb, ArrayRef<Type> arguments,
                                ArrayRef<Type> results) {
  Server &server = *placement.owner;
  OpBuilder b(loc.getContext());
  std::string name = (verb + "_" + placement.block.name).str();
  // The function becomes kernels, which are symbols to a linker.
  for (char &c : name)
    if (!llvm::isAlnum(c) && c != '.')
      c = '_';
  auto function =
      func::FuncOp::create(loc, name, b.getFunctionType(arguments, results));
  server.symbols->insert(function, server.main->getIterator());
  function.addEntryBlock();
  return function;
}

/// Gives the owner of a block a function that makes its part of what all
/// gradients are changed by.
static FlatSymbolRefAttr addPart(Update &update, Placement &placement) {
  Location loc = update.joint.getLoc();
  RankedTensorType type = placement.block.type;
  auto function =
      addFunction(placement, loc, "part", {type},
                  {RankedTensorType::get({}, type.getElementType())});
  OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
  function.setResultAttr(0, "fleet.name", b.getStringAttr("part"));
  func::ReturnOp::create(
      b, loc, update.joint.buildPart(b, loc, function.getArgument(0)));
  return FlatSymbolRefAttr::get(function.getSymNameAttr());
}

void mlir::fleet::addHandler(Update &update, Placement &placement,
                             StringRef wireName, double compensation) {
  Server &server = *placement.owner;
  Location loc = update.op.getLoc();
  RankedTensorType type = placement.block.type;
  SmallVector<Type> arguments = {type};
  bool isCompensated = compensation > 0 && update.op.takesGradient();
  if (isCompensated)
    arguments.push_back(type);
  FlatSymbolRefAttr part;
  if (update.joint) {
    part = addPart(update, placement);
    arguments.push_back(RankedTensorType::get({}, type.getElementType()));
  }
  func::FuncOp function =
      addFunction(placement, loc, "update", arguments, /*results=*/{});
  OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
  IRMapping mapping;
  Value gradient = function.getArgument(0);
  if (isCompensated)
    gradient = compensateDelay(b, loc, gradient, function.getArgument(1),
                               placement.parameter, compensation);
  if (update.joint)
    gradient = update.joint.buildChange(b, update.joint.getLoc(), gradient,
                                        function.getArgument(1));
  mapping.map(update.op.getGradient(), gradient);
  for (Value operand : update.op->getOperands())
    if (!mapping.contains(operand))
      b.clone(*operand.getDefiningOp(), mapping);
  Operation *op = b.clone(*update.op, mapping);
  AttrTypeReplacer symbols;
  symbols.addReplacement([&](FlatSymbolRefAttr symbol) -> Attribute {
    if (symbol.getAttr() == update.parameter.getSymNameAttr())
      return FlatSymbolRefAttr::get(placement.parameter.getSymNameAttr());
    for (auto [ours, theirs] : llvm::zip(update.states, placement.states))
      if (symbol.getAttr() == ours.getSymNameAttr())
        return FlatSymbolRefAttr::get(theirs.getSymNameAttr());
    return symbol;
  });
  symbols.replaceElementsIn(op);
  func::ReturnOp::create(b, loc);

  b.setInsertionPointToEnd(&server.serve.getHandlers().front());
  OnOp::create(b, update.parameter.getLoc(), b.getStringAttr(wireName), part,
               FlatSymbolRefAttr::get(function.getSymNameAttr()),
               FlatSymbolRefAttr::get(placement.parameter.getSymNameAttr()),
               b.getStringAttr(placement.block.name));
}
