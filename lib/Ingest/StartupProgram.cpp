//===- StartupProgram.cpp - Initial values from a module of their own -----===//

#include "fleet/Ingest/Program.h"

#include "dialects/Optim/IR/Optim.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

/// A startup program says how a parameter begins; what it is says the program.
static LogicalResult verifyBare(ParameterOp startup) {
  for (NamedAttribute attribute : startup->getAttrs()) {
    StringRef name = attribute.getName();
    if (name == startup.getSymNameAttrName() ||
        name == startup.getTypeAttrName() || name == startup.getInitAttrName())
      continue;
    return startup.emitOpError("says '")
           << name
           << "' in a startup program, which gives initial values only; say it "
              "in the program";
  }
  return success();
}

LogicalResult mlir::fleet::applyStartupProgram(ModuleOp startup,
                                               ModuleOp program) {
  SymbolTable symbols(program);
  if (startup.getBody()->empty())
    return emitError(startup.getLoc(), "the startup program initializes "
                                       "nothing, expected optim.parameter ops");
  for (Operation &op : *startup.getBody()) {
    auto given = dyn_cast<ParameterOp>(op);
    if (!given)
      return op.emitOpError("has no place in a startup program, which declares "
                            "parameters with their initial values only");
    if (failed(verifyBare(given)))
      return failure();
    Operation *symbol = symbols.lookup(given.getSymName());
    auto parameter = dyn_cast_or_null<ParameterOp>(symbol);
    if (!parameter) {
      InFlightDiagnostic diag = given.emitOpError("initializes @")
                                << given.getSymName()
                                << ", which is no parameter of the program";
      diag.attachNote(symbol ? symbol->getLoc() : program.getLoc())
          << (symbol ? "there it is this" : "the program is here");
      return diag;
    }
    if (parameter.getType() != given.getType()) {
      InFlightDiagnostic diag = given.emitOpError("initializes @")
                                << given.getSymName() << " as "
                                << given.getType();
      diag.attachNote(parameter.getLoc())
          << "the program declares it as " << parameter.getType();
      return diag;
    }
    parameter.setInitAttr(given.getInitAttr());
  }
  return success();
}
