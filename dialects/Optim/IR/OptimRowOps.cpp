//===- OptimRowOps.cpp - Rows of tables -----------------------------------===//

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

LogicalResult mlir::fleet::optim::verifyRows(Operation *op,
                                             RankedTensorType table, Type ids,
                                             Type rows, int64_t padding) {
  FailureOr<RankedTensorType> expected =
      nn::inferGather(op->getLoc(), op->getName().getStringRef(), table, ids);
  if (failed(expected))
    return failure();
  if (*expected != rows)
    return op->emitOpError("has rows of type ")
           << rows << ", but ids of type " << ids << " choose " << *expected
           << " from " << table;
  if (padding < -1 || padding >= table.getDimSize(0))
    return op->emitOpError("has 'padding_idx' ")
           << padding << ", but the table has rows 0 to "
           << table.getDimSize(0) - 1;
  return success();
}

/// The table that `op` refers to by `name`, or null with an error.
static ParameterOp lookupTable(SymbolTableCollection &tables, Operation *op,
                               FlatSymbolRefAttr name, StringRef verb) {
  Operation *symbol = tables.lookupNearestSymbolFrom(op, name);
  auto parameter = dyn_cast_or_null<ParameterOp>(symbol);
  if (parameter && parameter.isTable())
    return parameter;
  InFlightDiagnostic diag = op->emitOpError(verb) << " " << name;
  diag << (parameter ? ", which has no rows = sparse or rows = distributed"
                     : ", which is no optim.parameter");
  if (symbol)
    diag.attachNote(symbol->getLoc()) << "it is declared here";
  return nullptr;
}

//===----------------------------------------------------------------------===//
// lookup
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParameterOp table =
      lookupTable(tables, *this, getParameterAttr(), "looks up rows of");
  if (!table)
    return failure();
  auto padding = static_cast<int64_t>(getPaddingIdx().value_or(-1));
  return verifyRows(*this, table.getType(), getIds().getType(),
                    getValue().getType(), padding);
}

SmallVector<nn::RowNumbers> LookupOp::getRowNumbers() {
  auto table = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(
      *this, getParameterAttr());
  return {{getIds(), table.getType().getDimSize(0)}};
}

void LookupOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), getParameterAttr(),
                       VariableResource::get());
}

//===----------------------------------------------------------------------===//
// row_gradient
//===----------------------------------------------------------------------===//

LogicalResult RowGradientOp::verify() {
  if (getIds().empty())
    return emitOpError("has no rows; a table without a gradient needs no "
                       "update");
  if (getPaddingIdx().size() != getIds().size())
    return emitOpError("has ")
           << getIds().size() << " tensors of ids but says for "
           << getPaddingIdx().size() << " which id is padding";
  SmallVector<Value> gradients = {getGradient()};
  while (!gradients.empty()) {
    Value gradient = gradients.pop_back_val();
    for (OpOperand &use : gradient.getUses()) {
      Operation *user = use.getOwner();
      if (isa<RowGradientFilterOpInterface>(user) &&
          use.getOperandNumber() == 0) {
        gradients.push_back(user->getResult(0));
        continue;
      }
      if (isa<JointGradientOpInterface>(user)) {
        gradients.push_back(user->getResult(use.getOperandNumber()));
        continue;
      }
      if (isa<RowPartOp>(user))
        continue;
      auto update = dyn_cast<OptimizerOpInterface>(user);
      if (update && update.getGradient() == gradient &&
          update.getParameterAttr() == getParameterAttr())
        continue;
      InFlightDiagnostic diag =
          emitOpError("is used by something else than an update of its table");
      diag.attachNote(user->getLoc()) << "it is used here";
      return diag;
    }
  }
  return success();
}

LogicalResult RowGradientOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParameterOp table =
      lookupTable(tables, *this, getParameterAttr(), "is a gradient of");
  if (!table)
    return failure();
  if (table.getType() != getGradient().getType()) {
    InFlightDiagnostic diag = emitOpError("gives a gradient of type ")
                              << getGradient().getType();
    diag.attachNote(table.getLoc()) << "the table is " << table.getType();
    return diag;
  }
  for (auto [ids, rows, padding] :
       llvm::zip_equal(getIds(), getGradients(), getPaddingIdx()))
    if (failed(verifyRows(*this, table.getType(), ids.getType(), rows.getType(),
                          padding)))
      return failure();
  return success();
}

RowGradientOp mlir::fleet::optim::findRowGradient(Value gradient) {
  while (true) {
    if (auto filter = gradient.getDefiningOp<RowGradientFilterOpInterface>()) {
      gradient = filter.getRowGradient();
    } else if (Operation *joint =
                   gradient.getDefiningOp<JointGradientOpInterface>()) {
      unsigned index = cast<OpResult>(gradient).getResultNumber();
      gradient = joint->getOperand(index);
    } else {
      return gradient.getDefiningOp<RowGradientOp>();
    }
  }
}

//===----------------------------------------------------------------------===//
// row_part, row_change
//===----------------------------------------------------------------------===//

/// `name` is a function from some rows of `gradient`, and `more`, to `result`.
static LogicalResult verifyRowFunction(SymbolTableCollection &tables,
                                       Operation *op, FlatSymbolRefAttr name,
                                       Value gradient, TypeRange more,
                                       Type result) {
  if (!findRowGradient(gradient))
    return op->emitOpError("takes a gradient that is no optim.row_gradient");
  auto function = tables.lookupNearestSymbolFrom<FunctionOpInterface>(op, name);
  if (!function)
    return op->emitOpError("refers to ") << name << ", which is no function";
  SmallVector<Type> arguments = {getSomeRows(gradient.getType())};
  llvm::append_range(arguments, more);
  if (!result)
    result = arguments.front();
  if (llvm::equal(function.getArgumentTypes(), arguments) &&
      llvm::equal(function.getResultTypes(), ArrayRef(result)))
    return success();
  InFlightDiagnostic diag = op->emitOpError("needs a function from ")
                            << arguments << " to " << result;
  diag.attachNote(function.getLoc()) << name << " is another";
  return diag;
}

RankedTensorType mlir::fleet::optim::getSomeRows(Type table) {
  auto type = cast<RankedTensorType>(table);
  return type.clone({ShapedType::kDynamic, type.getDimSize(1)});
}

LogicalResult RowPartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyRowFunction(tables, *this, getPartAttr(), getRowGradient(), {},
                           getSum().getType());
}

LogicalResult RowChangeOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyRowFunction(tables, *this, getChangeAttr(), getRowGradient(),
                           getSum().getType(), Type());
}

LogicalResult RowChangeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location>,
                                            ValueRange operands, DictionaryAttr,
                                            OpaqueProperties, RegionRange,
                                            SmallVectorImpl<Type> &types) {
  types.push_back(operands.front().getType());
  return success();
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

ParseResult mlir::fleet::optim::parseRowItems(
    OpAsmParser &parser, SmallVectorImpl<OpAsmParser::UnresolvedOperand> &ids,
    SmallVectorImpl<OpAsmParser::UnresolvedOperand> &rows,
    DenseI64ArrayAttr &padding) {
  SmallVector<int64_t> numbers;
  auto parseItem = [&]() -> ParseResult {
    if (parser.parseLSquare() || parser.parseOperand(ids.emplace_back()) ||
        parser.parseRSquare() || parser.parseOperand(rows.emplace_back()))
      return failure();
    numbers.push_back(-1);
    if (failed(parser.parseOptionalKeyword("padding_idx")))
      return success();
    return failure(parser.parseEqual() || parser.parseInteger(numbers.back()));
  };
  if (parser.parseCommaSeparatedList(parseItem))
    return failure();
  padding = parser.getBuilder().getDenseI64ArrayAttr(numbers);
  return success();
}

void mlir::fleet::optim::printRowItems(OpAsmPrinter &printer, Operation *,
                                       OperandRange ids, OperandRange rows,
                                       DenseI64ArrayAttr padding) {
  // Invalid ops are printed too.
  for (size_t i = 0; i < std::min(ids.size(), rows.size()); ++i) {
    printer << (i ? ", [" : "[") << ids[i] << "] " << rows[i];
    if (i < static_cast<size_t>(padding.size()) && padding[i] != -1)
      printer << " padding_idx = " << padding[i];
  }
}
