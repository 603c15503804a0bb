//===- Optim.h - The optim dialect ------------------------------*- C++ -*-===//
//
// Parameters, optimizer state and update rules of a single-machine training
// program: see OptimDialect.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIM_H
#define FLEET_DIALECTS_OPTIM_IR_OPTIM_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::fleet::optim {

/// How the gradients that several contributors send become one.
enum class GradientReduction {
  Mean, ///< weighted by the examples that each contributor has seen
  Sum
};

/// What reads and updates of parameters and optimizer state touch.
struct VariableResource : public SideEffects::Resource::Base<VariableResource> {
  StringRef getName() final { return "optim.variables"; }
};

} // namespace mlir::fleet::optim

#include "dialects/Optim/IR/OptimDialect.h.inc"

namespace mlir::fleet::optim {

/// Declares the state of parameters, at an insertion point in the symbol table
/// that has them, which it keeps up to date: a program has many parameters.
class StateBuilder : public OpBuilder {
public:
  explicit StateBuilder(SymbolTable &symbols)
      : OpBuilder(symbols.getOp()->getContext()), symbols(symbols) {}

  SymbolTable &symbols;
};

} // namespace mlir::fleet::optim

#include "dialects/Optim/IR/OptimAttrInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Optim/IR/OptimAttrs.h.inc"

#include "dialects/Optim/IR/OptimOpInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/Optim/IR/OptimOps.h.inc"

namespace mlir::fleet::optim {

/// Checks the symbols of an update op of any dialect: the parameter exists, is
/// not frozen and has the type of the gradient; the states exist and belong to
/// it. For the SymbolUserOpInterface of such ops.
LogicalResult verifyUpdateSymbols(OptimizerOpInterface op,
                                  SymbolTableCollection &tables);

} // namespace mlir::fleet::optim

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIM_H
