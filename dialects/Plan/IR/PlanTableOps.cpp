//===- PlanTableOps.cpp - Verification of tables in a plan ----------------===//

#include "dialects/Plan/IR/Plan.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::fleet::plan;

//===----------------------------------------------------------------------===//
// table
//===----------------------------------------------------------------------===//

/// The shards of a sparse table have all of its rows, in order.
static LogicalResult verifyRanges(TableOp table) {
  int64_t next = 0;
  for (auto shard : table.getBody().getOps<ShardOp>()) {
    auto first = static_cast<int64_t>(shard.getFirstRow());
    auto rows = static_cast<int64_t>(shard.getRows());
    if (first != next || rows < 1)
      return shard.emitOpError("has ")
             << rows << " rows from " << first << " on, expected row " << next
             << " next";
    next += rows;
  }
  int64_t rows = cast<MemRefType>(table.getType()).getDimSize(0);
  if (next != rows)
    return table.emitOpError("has ")
           << rows << " rows, but shards for " << next;
  return success();
}

LogicalResult TableOp::verifyRegions() {
  auto type = cast<MemRefType>(getType());
  if (type.getRank() != 2)
    return emitOpError("of type ") << type << ", expected a matrix";
  if (getPlacement() != "sparse" && getPlacement() != "distributed")
    return emitOpError("has the placement \"")
           << getPlacement() << "\", expected sparse or distributed";
  llvm::StringSet<> slots;
  llvm::DenseSet<int64_t> servers;
  for (Operation &op : getBody().front()) {
    if (auto state = dyn_cast<RowStateOp>(op)) {
      if (!slots.insert(state.getSlot()).second)
        return state.emitOpError("repeats the slot \"")
               << state.getSlot() << "\"";
    } else if (auto shard = dyn_cast<ShardOp>(op)) {
      if (!servers.insert(shard.getServer()).second)
        return shard.emitOpError("is a second one on server ")
               << shard.getServer();
    } else {
      return op.emitOpError("has no place in plan.table, which holds "
                            "plan.row_state and plan.shard only");
    }
  }
  if (servers.empty())
    return emitOpError("is nowhere: it has no plan.shard");
  return getPlacement() == "sparse" ? verifyRanges(*this) : success();
}

/// The inputs of `function`, which a table refers to by `name`; nullopt with an
/// error.
static std::optional<SmallVector<MemRefType>>
lookupInputs(SymbolTableCollection &tables, TableOp table,
             FlatSymbolRefAttr name) {
  auto program = table->getParentOfType<ProgramOp>();
  auto function =
      program ? tables.lookupSymbolIn<FunctionOp>(program, name.getAttr())
              : FunctionOp();
  if (!function) {
    table.emitOpError("refers to ")
        << name << ", which is no function of the program";
    return std::nullopt;
  }
  SmallVector<MemRefType> types;
  for (auto input : function.getBody().getOps<InputOp>())
    types.push_back(cast<MemRefType>(input.getResult().getType()));
  return types;
}

LogicalResult TableOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto type = cast<MemRefType>(getType());
  if (FlatSymbolRefAttr name = getUpdateAttr()) {
    auto inputs = lookupInputs(tables, *this, name);
    if (!inputs)
      return failure();
    auto rowsOf = [&](int64_t columns) {
      return MemRefType::get({ShapedType::kDynamic, columns},
                             type.getElementType());
    };
    SmallVector<MemRefType> expected(2, rowsOf(type.getDimSize(1)));
    for (auto state : getBody().getOps<RowStateOp>())
      expected.push_back(rowsOf(static_cast<int64_t>(state.getColumns())));
    if (getPartAttr())
      expected.push_back(MemRefType::get({}, type.getElementType()));
    if (*inputs != expected)
      return emitOpError("needs an update function of gradients, values and "
                         "row states, ")
             << expected.size() << " inputs of some rows each"
             << (getPartAttr() ? " but the last, the sum of parts; " : "; ")
             << name << " is another";
  }
  if (FlatSymbolRefAttr name = getPartAttr()) {
    auto inputs = lookupInputs(tables, *this, name);
    if (!inputs)
      return failure();
    auto rows = MemRefType::get({ShapedType::kDynamic, type.getDimSize(1)},
                                type.getElementType());
    if (*inputs != ArrayRef(rows))
      return emitOpError("has the part ")
             << name << ", which is no function of gradients";
  }
  if (FlatSymbolRefAttr name = getAdvanceAttr()) {
    auto inputs = lookupInputs(tables, *this, name);
    if (!inputs)
      return failure();
    if (!inputs->empty())
      return emitOpError("advances by ") << name << ", which takes inputs";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// pull_rows, push_rows
//===----------------------------------------------------------------------===//

/// Table number `index` of the program; null with an error.
static TableOp lookupTable(Operation *op, int64_t index) {
  auto program = op->getParentOfType<ProgramOp>();
  TableOp table;
  int64_t count = 0;
  for (auto candidate : program.getBody().getOps<TableOp>())
    if (count++ == index)
      table = candidate;
  if (!table)
    op->emitOpError("names table ") << index << ", the program has " << count;
  return table;
}

static LogicalResult verifyGroup(SymbolTableCollection &tables, Operation *op,
                                 FlatSymbolRefAttr name) {
  auto program = op->getParentOfType<ProgramOp>();
  if (tables.lookupSymbolIn<GroupOp>(program, name.getAttr()))
    return success();
  return op->emitOpError("refers to ")
         << name << ", which is no group of the program";
}

/// Table number `index` of the program has rows that `ids` choose, of the type
/// of `rows`.
static LogicalResult verifyRows(Operation *op, int64_t index, Value ids,
                                Value rows, int64_t padding) {
  TableOp table = lookupTable(op, index);
  if (!table)
    return failure();
  auto type = cast<MemRefType>(table.getType());
  auto idsType = cast<MemRefType>(ids.getType());
  SmallVector<int64_t> shape(idsType.getShape());
  if (!shape.empty() && shape.back() == 1)
    shape.pop_back();
  shape.push_back(type.getDimSize(1));
  if (rows.getType() != MemRefType::get(shape, type.getElementType()) ||
      !(idsType.getElementType().isInteger(32) ||
        idsType.getElementType().isInteger(64))) {
    InFlightDiagnostic diag = op->emitOpError("has ids of type ")
                              << idsType << " for rows of type "
                              << rows.getType();
    diag.attachNote(table.getLoc()) << "the table is " << type;
    return diag;
  }
  if (padding < -1 || padding >= type.getDimSize(0))
    return op->emitOpError("has the padding ")
           << padding << ", but the table has " << type.getDimSize(0)
           << " rows";
  return success();
}

LogicalResult PullRowsOp::verifySymbolUses(SymbolTableCollection &) {
  size_t items = getIds().size();
  if (getTables().size() != items || getPaddingIdx().size() != items)
    return emitOpError("has ")
           << items << " buffers of ids, " << getTables().size()
           << " tables and " << getPaddingIdx().size() << " paddings";
  for (size_t i = 0; i < items; ++i)
    if (failed(verifyRows(*this, getTables()[i], getIds()[i], getOuts()[i],
                          getPaddingIdx()[i])))
      return failure();
  return success();
}

/// Of a push_rows or merge_rows.
template <typename Op> static LogicalResult verifyGradients(Op op) {
  size_t items = op.getIds().size();
  if (items == 0 || op.getPaddingIdx().size() != items)
    return op.emitOpError("has ") << items << " buffers of ids and "
                                  << op.getPaddingIdx().size() << " paddings";
  for (size_t i = 0; i < items; ++i)
    if (failed(verifyRows(op, static_cast<int64_t>(op.getTable()),
                          op.getIds()[i], op.getGradients()[i],
                          op.getPaddingIdx()[i])))
      return failure();
  return success();
}

LogicalResult PushRowsOp::verifySymbolUses(SymbolTableCollection &) {
  return verifyGradients(*this);
}

//===----------------------------------------------------------------------===//
// merge_rows, update_rows, broadcast_rows
//===----------------------------------------------------------------------===//

LogicalResult MergeRowsOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (getGroupAttr() && failed(verifyGroup(tables, *this, getGroupAttr())))
    return failure();
  return verifyGradients(*this);
}

LogicalResult UpdateRowsOp::verifySymbolUses(SymbolTableCollection &) {
  TableOp table = lookupTable(*this, static_cast<int64_t>(getTable()));
  if (!table)
    return failure();
  if (table.getUpdateAttr() && !table.getPartAttr() == !getSum())
    return success();
  InFlightDiagnostic diag =
      emitOpError(!table.getUpdateAttr() ? "updates a table without an update"
                  : getSum() ? "has a sum for a table without a part"
                             : "has no sum for a table with a part");
  diag.attachNote(table.getLoc()) << "it is declared here";
  return diag;
}

LogicalResult RowsPartOp::verifySymbolUses(SymbolTableCollection &) {
  TableOp table = lookupTable(*this, static_cast<int64_t>(getTable()));
  if (!table)
    return failure();
  Type scalar =
      MemRefType::get({}, cast<MemRefType>(table.getType()).getElementType());
  if (table.getPartAttr() && getOut().getType() == scalar)
    return success();
  InFlightDiagnostic diag = !table.getPartAttr()
                                ? emitOpError("is of a table without a part")
                                : emitOpError("gives a ") << scalar;
  diag.attachNote(table.getLoc()) << "it is declared here";
  return diag;
}

LogicalResult BroadcastRowsOp::verifySymbolUses(SymbolTableCollection &tables) {
  TableOp table = lookupTable(*this, static_cast<int64_t>(getTable()));
  if (!table || failed(verifyGroup(tables, *this, getGroupAttr())))
    return failure();
  auto states = table.getBody().getOps<RowStateOp>();
  int64_t components = 1 + std::distance(states.begin(), states.end());
  auto component = static_cast<int64_t>(getComponent());
  if (component < 0 || component >= components)
    return emitOpError("gives component ")
           << component << " of a table that has " << components;
  if (table.getPlacement() == "sparse")
    return success();
  InFlightDiagnostic diag =
      emitOpError("gives all rows of a distributed table, of which nobody "
                  "knows which exist");
  diag.attachNote(table.getLoc()) << "it is declared here";
  return diag;
}
