//===- Program.cpp - What passes on whole programs share ------------------===//

#include "lib/Transforms/Program.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::fleet;

LogicalResult mlir::fleet::freeSymbol(ModuleOp program, StringRef name) {
  SymbolTable table(program);
  Operation *symbol = table.lookup(name);
  if (!symbol)
    return success();
  if (!isa<optim::VariableOpInterface>(symbol))
    return emitError(symbol->getLoc(), "the name @")
           << name << " is reserved for a function of the job";
  if (auto parameter = dyn_cast<optim::ParameterOp>(symbol);
      parameter && !parameter.getOriginAttr())
    parameter.setOriginAttr(optim::OriginAttr::get(
        program.getContext(), parameter.getSymNameAttr(),
        DenseI64ArrayAttr::get(program.getContext(),
                               parameter.getType().getShape()),
        /*row_offset=*/0));
  return table.renameToUnique(symbol, {});
}

func::FuncOp mlir::fleet::getMain(ModuleOp program) {
  auto main = program.lookupSymbol<func::FuncOp>(kMainName);
  if (!main || main.isExternal()) {
    emitError(program.getLoc(),
              "the program has no function @main, which is one training step");
    return nullptr;
  }
  if (!main.getBody().hasOneBlock()) {
    emitError(main.getLoc(),
              "a training step is a straight line, but @main has ")
        << main.getBody().getBlocks().size() << " blocks";
    return nullptr;
  }
  return main;
}

LogicalResult mlir::fleet::verifySingleMachine(ModuleOp program) {
  if (dist::getJob(program) || dist::getRole(program))
    return emitError(program.getLoc(), "the program is distributed already");
  LogicalResult result = success();
  program.walk([&](optim::MinimizeOp minimize) {
    minimize.emitOpError("is still there; run optim-append-backward first");
    result = failure();
  });
  return result;
}

func::FuncOp mlir::fleet::getFunctionOfInput(Operation *op, Value ids) {
  if (auto input = dyn_cast<BlockArgument>(ids))
    if (auto function = dyn_cast<func::FuncOp>(input.getOwner()->getParentOp()))
      return function;
  InFlightDiagnostic diagnostic = op->emitOpError(
      "takes ids that the program computes; they must be an input of the "
      "program, whose values are checked when data is loaded");
  if (Operation *def = ids.getDefiningOp())
    diagnostic.attachNote(def->getLoc()) << "they are computed here";
  return nullptr;
}

ModuleOp mlir::fleet::nestProgram(ModuleOp program, StringRef name) {
  auto nested = ModuleOp::create(program.getLoc(), name);
  Block *from = program.getBody(), *to = nested.getBody();
  to->getOperations().splice(to->end(), from->getOperations());
  from->push_back(nested);
  return nested;
}

void mlir::fleet::eraseDeadOps(Operation *begin, Operation *end) {
  for (Operation *op = end->getPrevNode(); op != begin;) {
    Operation *previous = op->getPrevNode();
    if (isOpTriviallyDead(op))
      op->erase();
    op = previous;
  }
}
