//===- Optim.h - The optim dialect ------------------------------*- C++ -*-===//
//
// Parameters, optimizer state and update rules of a single-machine training
// program: see OptimDialect.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIM_H
#define FLEET_DIALECTS_OPTIM_IR_OPTIM_H

#include "dialects/NN/IR/NN.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
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

#include "dialects/Optim/IR/OptimEnums.h.inc"

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

/// The rows of this step that `gradient` stands for the gradients of, through
/// ops of RowGradientFilterOpInterface; null if it is an ordinary tensor.
RowGradientOp findRowGradient(Value gradient);

/// The type of some rows of a table.
RankedTensorType getSomeRows(Type table);

/// Checks an access of `op` to rows of a table: `ids` choose rows of `table`
/// and give a tensor of type `rows`, and `padding` is an id or -1.
LogicalResult verifyRows(Operation *op, RankedTensorType table, Type ids,
                         Type rows, int64_t padding);

/// `[%ids] %rows padding_idx = 0, ...`: ids and what belongs to their rows. In
/// `padding` stands -1 where no id is padding.
ParseResult parseRowItems(OpAsmParser &parser,
                          SmallVectorImpl<OpAsmParser::UnresolvedOperand> &ids,
                          SmallVectorImpl<OpAsmParser::UnresolvedOperand> &rows,
                          DenseI64ArrayAttr &padding);
void printRowItems(OpAsmPrinter &printer, Operation *op, OperandRange ids,
                   OperandRange rows, DenseI64ArrayAttr padding);

} // namespace mlir::fleet::optim

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIM_H
