//===- RankDependence.cpp - What differs between trainers -----------------===//

#include "lib/Transforms/RankDependence.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

/// The extent within which the group of `op` calls.
RankDependence::Extent RankDependence::extentOfGroup(Operation *op) const {
  auto group = SymbolTable::lookupNearestSymbolFrom<dist::GroupOp>(
      op, op->getAttrOfType<FlatSymbolRefAttr>("group"));
  if (!group || !group.getStride())
    return kAnywhere;
  return *group.getStride() == 1 ? kWithinNeighbours : kAcross;
}

/// Where a result of an op that waits for a call differs.
RankDependence::Extent RankDependence::extentOfWait(Operation *wait,
                                                    unsigned result) const {
  Operation *start = wait->getOperand(0).getDefiningOp();
  if (!start || result >= start->getNumOperands())
    return kAnywhere; // will be refused
  Extent operand = values.lookup(start->getOperand(result));
  Extent group = extentOfGroup(start);
  auto part = static_cast<Extent>(group << kPartShift);
  auto equal = static_cast<Extent>(operand & ~(group | part));
  return isa<dist::ReduceScatterWaitOp>(wait) ? equal | part : equal;
}

/// Returns true if something new differs.
bool RankDependence::visit(Operation *op) {
  bool isNew = false;
  auto add = [&](auto &map, auto key, Extent extent) {
    if (extent == 0)
      return;
    Extent &known = map[key];
    isNew |= (known | extent) != known;
    known |= extent;
  };
  Extent extent = 0;
  for (Value operand : op->getOperands())
    extent |= values.lookup(operand);
  if (auto update = dyn_cast<OptimizerOpInterface>(op)) {
    SmallVector<FlatSymbolRefAttr> symbols = update.getStateSymbols();
    for (FlatSymbolRefAttr state : symbols)
      extent |= variables.lookup(state);
    symbols.push_back(update.getParameterAttr());
    for (FlatSymbolRefAttr symbol : symbols)
      add(variables, Attribute(symbol), extent);
    return isNew;
  }
  if (auto assign = dyn_cast<AssignOp>(op)) {
    add(variables, Attribute(assign.getVariableAttr()), extent);
    return isNew;
  }
  if (dist::endsCall(op)) {
    for (OpResult result : op->getResults())
      add(values, Value(result), extentOfWait(op, result.getResultNumber()));
    return isNew;
  }
  if (isa<dist::AllGatherRowsOp>(op))
    return false; // in the group of all
  if (auto read = dyn_cast<ReadOp>(op))
    extent = variables.lookup(read.getVariableAttr());
  else if (auto examples = dyn_cast<dist::ExamplesOp>(op))
    extent = examples.getKind() == dist::Examples::All ? 0 : kAnywhere;
  else if (isa<dist::OwnPartOp>(op))
    extent |= extentOfGroup(op) << kPartShift;
  for (Value result : op->getResults())
    add(values, result, extent);
  return isNew;
}

RankDependence::RankDependence(ModuleOp trainer) {
  for (auto function : trainer.getOps<func::FuncOp>())
    for (Value argument : function.getArguments())
      values[argument] = kAnywhere;
  // Each round adds to an extent or is the last one.
  for (bool isNew = true; isNew;) {
    isNew = false;
    trainer.walk([&](Operation *op) {
      if (!isa<func::FuncOp, ModuleOp>(op))
        isNew |= visit(op);
    });
  }
}
