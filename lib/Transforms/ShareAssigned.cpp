//===- ShareAssigned.cpp - Variables that the program assigns itself ------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/Program.h"

#include "llvm/ADT/MapVector.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_SHAREASSIGNEDPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

namespace {
struct ShareAssignedPass
    : public fleet::impl::ShareAssignedPassBase<ShareAssignedPass> {
  using ShareAssignedPassBase::ShareAssignedPassBase;

  void runOnOperation() override;

private:
  LogicalResult collect(func::FuncOp main);
  void rewrite(AssignOp assign);

  llvm::SmallMapVector<Attribute, AssignOp, 8> assigns; ///< by variable
};
} // namespace

/// What @main assigns; each variable once, all of it, and not trained.
LogicalResult ShareAssignedPass::collect(func::FuncOp main) {
  SymbolTable symbols(getOperation());
  llvm::DenseMap<Attribute, Operation *> updates;
  main.walk([&](OptimizerOpInterface op) {
    updates.try_emplace(op.getParameterAttr(), op);
  });
  assigns.clear();
  auto result = main.walk([&](AssignOp assign) -> WalkResult {
    FlatSymbolRefAttr name = assign.getVariableAttr();
    if (assign->getParentOp() != main)
      return assign.emitOpError("must be directly in @main, so that every step "
                                "assigns once");
    auto parameter = symbols.lookup<ParameterOp>(name.getAttr());
    if (!parameter || parameter.isTable()) {
      InFlightDiagnostic diag = assign.emitOpError("assigns ")
                                << name
                                << (parameter ? ", whose rows are updated by "
                                                "optimizers only"
                                              : ", which is state of an "
                                                "optimizer");
      if (Operation *variable = symbols.lookup(name.getAttr()))
        diag.attachNote(variable->getLoc()) << "it is declared here";
      return diag;
    }
    if (assign.getRow())
      return assign.emitOpError("assigns rows of ")
             << name << "; with parameter servers, assign all of it";
    if (Operation *update = updates.lookup(name)) {
      InFlightDiagnostic diag = assign.emitOpError("assigns ")
                                << name << ", which an optimizer updates too";
      diag.attachNote(update->getLoc()) << "it is updated here";
      return diag;
    }
    auto [first, isNew] = assigns.insert({name, assign});
    if (isNew)
      return WalkResult::advance();
    InFlightDiagnostic diag = assign.emitOpError("assigns ")
                              << name << " a second time in one step";
    diag.attachNote(first->second.getLoc()) << "the first time is here";
    return diag;
  });
  return failure(result.wasInterrupted());
}

void ShareAssignedPass::rewrite(AssignOp assign) {
  OpBuilder b(assign);
  Location loc = assign.getLoc();
  StringRef name = assign.getVariable();
  if (!deltas) {
    TakeAverageOp::create(b, loc, name, assign.getValue(), ArrayAttr(),
                          FlatSymbolRefAttr(), ScheduleAttrInterface());
  } else {
    Value old = ReadOp::create(b, loc, assign.getValue().getType(),
                               assign.getVariable());
    ApplyDeltaOp::create(
        b, loc, name, nn::SubOp::create(b, loc, assign.getValue(), old),
        ArrayAttr(), FlatSymbolRefAttr(), ScheduleAttrInterface());
  }
  assign.erase();
}

void ShareAssignedPass::runOnOperation() {
  ModuleOp program = getOperation();
  func::FuncOp main;
  if (failed(verifySingleMachine(program)) || !(main = getMain(program)) ||
      failed(collect(main)))
    return signalPassFailure();
  for (auto [name, assign] : assigns)
    rewrite(assign);
}
