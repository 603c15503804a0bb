//===- RankDependence.cpp - What differs between trainers -----------------===//

#include "lib/Transforms/RankDependence.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

/// Returns true if something new differs.
bool RankDependence::visit(Operation *op) {
  bool isNew = false;
  auto store = [&](Attribute variable) {
    isNew |= variables.insert(variable).second;
  };
  bool differs = llvm::any_of(op->getOperands(), [&](Value operand) {
    return values.contains(operand);
  });
  if (auto update = dyn_cast<OptimizerOpInterface>(op)) {
    SmallVector<FlatSymbolRefAttr> symbols = update.getStateSymbols();
    for (FlatSymbolRefAttr state : symbols)
      differs |= variables.contains(state);
    symbols.push_back(update.getParameterAttr());
    if (differs)
      llvm::for_each(symbols, store);
    return isNew;
  }
  if (auto assign = dyn_cast<AssignOp>(op)) {
    if (differs)
      store(assign.getVariableAttr());
    return isNew;
  }
  if (isa<dist::AllReduceWaitOp>(op))
    return false;
  if (auto read = dyn_cast<ReadOp>(op))
    differs = variables.contains(read.getVariableAttr());
  else if (auto examples = dyn_cast<dist::ExamplesOp>(op))
    differs = examples.getKind() != dist::Examples::All;
  if (differs)
    for (Value result : op->getResults())
      isNew |= values.insert(result).second;
  return isNew;
}

RankDependence::RankDependence(ModuleOp trainer) {
  for (auto function : trainer.getOps<func::FuncOp>())
    values.insert_range(function.getArguments());
  // Each round adds a variable or is the last one.
  for (bool isNew = true; isNew;) {
    isNew = false;
    trainer.walk([&](Operation *op) {
      if (!isa<func::FuncOp, ModuleOp>(op))
        isNew |= visit(op);
    });
  }
}
