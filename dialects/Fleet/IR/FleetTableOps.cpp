//===- FleetTableOps.cpp - Verification of pulled and pushed rows ---------===//

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using mlir::fleet::optim::ParameterOp;

//===----------------------------------------------------------------------===//
// table
//===----------------------------------------------------------------------===//

LogicalResult TableOp::verify() {
  if (getName().empty())
    return emitOpError("has no name on the wire");
  RankedTensorType type = getTableType();
  if (type.getRank() != 2)
    return emitOpError("of type ") << type << ", but a table is a matrix";
  if (getPeers().empty())
    return emitOpError("names no server that has its rows");
  llvm::SmallDenseSet<Attribute> seen;
  for (Attribute peer : getPeers())
    if (!seen.insert(peer).second)
      return emitOpError("names ") << peer << " twice";
  if (!isSparse())
    return success();
  ArrayRef<int64_t> counts = *getCounts();
  if (counts.size() != getPeers().size())
    return emitOpError("has ") << counts.size() << " counts of rows for "
                               << getPeers().size() << " servers";
  int64_t rest = type.getDimSize(0);
  for (int64_t count : counts) {
    if (count < 1 || count > rest)
      return emitOpError("gives a server ")
             << count << " rows, of " << rest << " that are left";
    rest -= count;
  }
  if (rest != 0)
    return emitOpError("leaves ") << rest << " rows without a server";
  return success();
}

LogicalResult TableOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (auto peer : getPeers().getAsRange<FlatSymbolRefAttr>())
    if (!tables.lookupNearestSymbolFrom<PeerOp>(*this, peer))
      return emitOpError("has rows on ") << peer << ", which is no fleet.peer";
  return success();
}

/// The table that `op` refers to by `name`; null, with an error, if there is
/// none.
static TableOp lookupTable(SymbolTableCollection &tables, Operation *op,
                           FlatSymbolRefAttr name) {
  Operation *symbol = tables.lookupNearestSymbolFrom(op, name);
  if (auto table = dyn_cast_or_null<TableOp>(symbol))
    return table;
  InFlightDiagnostic diag = op->emitOpError("refers to ")
                            << name << ", which is no fleet.table";
  if (symbol)
    diag.attachNote(symbol->getLoc()) << "it is declared here";
  return nullptr;
}

//===----------------------------------------------------------------------===//
// pull_rows
//===----------------------------------------------------------------------===//

LogicalResult PullRowsOp::verify() {
  if (getTables().empty())
    return emitOpError("looks up nothing");
  if (getIds().size() != getTables().size() ||
      getRows().size() != getTables().size() ||
      getPadding().size() != getTables().size())
    return emitOpError("has ")
           << getTables().size() << " tables, " << getIds().size()
           << " tensors of ids, " << getPadding().size() << " paddings and "
           << getRows().size() << " results";
  return success();
}

LogicalResult PullRowsOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (auto [name, ids, rows, padding] :
       llvm::zip(getTables().getAsRange<FlatSymbolRefAttr>(), getIds(),
                 getRows(), getPadding())) {
    TableOp table = lookupTable(tables, *this, name);
    if (!table ||
        failed(optim::verifyRows(*this, table.getTableType(), ids.getType(),
                                 rows.getType(), padding)))
      return failure();
  }
  return success();
}

SmallVector<nn::RowNumbers> PullRowsOp::getRowNumbers() {
  SmallVector<nn::RowNumbers> numbers;
  for (auto [name, ids] :
       llvm::zip(getTables().getAsRange<FlatSymbolRefAttr>(), getIds())) {
    auto table = SymbolTable::lookupNearestSymbolFrom<TableOp>(*this, name);
    numbers.push_back({ids, table.getTableType().getDimSize(0)});
  }
  return numbers;
}

/// `@table[%ids] padding_idx = 0, ...`; -1 stands where no id is padding.
ParseResult mlir::fleet::dist::parseLookups(
    OpAsmParser &parser, ArrayAttr &tables,
    SmallVectorImpl<OpAsmParser::UnresolvedOperand> &ids,
    DenseI64ArrayAttr &padding) {
  SmallVector<Attribute> names;
  SmallVector<int64_t> numbers;
  auto parseItem = [&]() -> ParseResult {
    StringAttr name;
    if (parser.parseSymbolName(name) || parser.parseLSquare() ||
        parser.parseOperand(ids.emplace_back()) || parser.parseRSquare())
      return failure();
    names.push_back(FlatSymbolRefAttr::get(name));
    numbers.push_back(-1);
    if (failed(parser.parseOptionalKeyword("padding_idx")))
      return success();
    return failure(parser.parseEqual() || parser.parseInteger(numbers.back()));
  };
  if (parser.parseCommaSeparatedList(parseItem))
    return failure();
  tables = parser.getBuilder().getArrayAttr(names);
  padding = parser.getBuilder().getDenseI64ArrayAttr(numbers);
  return success();
}

void mlir::fleet::dist::printLookups(OpAsmPrinter &printer, Operation *,
                                     ArrayAttr tables, OperandRange ids,
                                     DenseI64ArrayAttr padding) {
  // Invalid ops are printed too.
  for (size_t i = 0; i < std::min<size_t>(tables.size(), ids.size()); ++i) {
    printer << (i ? ", " : "") << tables[i] << "[" << ids[i] << "]";
    if (i < static_cast<size_t>(padding.size()) && padding[i] != -1)
      printer << " padding_idx = " << padding[i];
  }
}

//===----------------------------------------------------------------------===//
// push_rows
//===----------------------------------------------------------------------===//

LogicalResult PushRowsOp::verify() {
  if (!getIds().empty() && getPadding().size() == getIds().size())
    return success();
  return emitOpError("has ") << getIds().size() << " tensors of ids and "
                             << getPadding().size() << " paddings";
}

LogicalResult PushRowsOp::verifySymbolUses(SymbolTableCollection &tables) {
  TableOp table = lookupTable(tables, *this, getTableAttr());
  if (!table)
    return failure();
  for (auto [ids, rows, padding] :
       llvm::zip(getIds(), getGradients(), getPadding()))
    if (failed(optim::verifyRows(*this, table.getTableType(), ids.getType(),
                                 rows.getType(), padding)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// on_rows
//===----------------------------------------------------------------------===//

LogicalResult OnRowsOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (getTable().empty())
    return emitOpError("names a table by an empty string");
  Operation *symbol = tables.lookupNearestSymbolFrom(*this, getParameterAttr());
  auto parameter = dyn_cast_or_null<ParameterOp>(symbol);
  if (!parameter || !parameter.isTable()) {
    InFlightDiagnostic diag = emitOpError("serves rows of ")
                              << getParameterAttr()
                              << ", which is no optim.parameter with rows";
    if (symbol)
      diag.attachNote(symbol->getLoc()) << "it is declared here";
    return diag;
  }
  if (!getUpdateAttr())
    return success();
  auto update = tables.lookupNearestSymbolFrom<FunctionOpInterface>(
      *this, getUpdateAttr());
  if (!update)
    return emitOpError("updates by ")
           << getUpdateAttr() << ", which is no function";
  if (!update.isExternal() && update.getNumResults() == 0 &&
      update.getArgumentTypes() == ArrayRef<Type>(parameter.getType()))
    return success();
  InFlightDiagnostic diag = emitOpError("needs as update a function of one ")
                            << parameter.getType() << ", without results";
  diag.attachNote(update.getLoc()) << "the function is here";
  return diag;
}
