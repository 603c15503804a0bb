//===- TableReport.cpp - Where rows of tables are, and what they cost -----===//

#include "lib/Report/TableReport.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "lib/Report/Spell.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

/// Of an id on the wire.
static constexpr int64_t kIdBytes = 8;

static int64_t rowBytes(RankedTensorType type) {
  return type.getDimSize(1) * (type.getElementTypeBitWidth() / 8);
}

bool TableReport::visit(VariableOpInterface variable, int64_t server,
                        Held &held) {
  auto parameter = dyn_cast<ParameterOp>(*variable);
  auto state = dyn_cast<StateOp>(*variable);
  if (state && state.getType().getRank() > 0)
    parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(
        state, state.getParameterAttr());
  if (!parameter || !parameter.isTable())
    return false;
  RankedTensorType type = variable.getType();
  // Rows of a distributed table are made when they are first used.
  int64_t bytes = parameter.getRows() == RowPlacement::Sparse
                      ? type.getDimSize(0) * rowBytes(type)
                      : 0;
  (state ? held.state : held.values) += bytes;
  Table &table = tables[parameter.getOriginName()];
  if (!state)
    table.pieces.push_back({server, parameter});
  else if (table.pieces.size() <= 1) // the same on all servers
    table.stateBytes += rowBytes(type);
  return true;
}

/// Ids that belong to a row of the batch.
static int64_t countIds(Value ids) {
  int64_t count = 1;
  for (int64_t extent : cast<RankedTensorType>(ids.getType()).getShape())
    count *= ShapedType::isDynamic(extent) ? 1 : extent;
  return count;
}

void TableReport::visitTrainer(ModuleOp trainer) {
  auto find = [&](FlatSymbolRefAttr symbol) -> Table & {
    return tables[trainer.lookupSymbol<dist::TableOp>(symbol.getAttr())
                      .getName()];
  };
  auto main = trainer.lookupSymbol<func::FuncOp>("main");
  for (auto pull : main.getOps<dist::PullRowsOp>())
    for (auto [symbol, ids] : llvm::zip(
             pull.getTables().getAsRange<FlatSymbolRefAttr>(), pull.getIds()))
      find(symbol).pulled += countIds(ids);
  for (auto push : main.getOps<dist::PushRowsOp>()) {
    llvm::SmallDenseSet<Value> seen; // an id travels once
    for (Value ids : push.getIds())
      if (seen.insert(ids).second)
        find(push.getTableAttr()).pushed += countIds(ids);
  }
}

std::string TableReport::spellPlaces(Table &table) {
  if (table.pieces.front().parameter.getRows() == RowPlacement::Distributed)
    return llvm::formatv("id modulo {0}", table.pieces.size());
  auto firstRow = [](Piece &piece) {
    OriginAttr origin = piece.parameter.getOriginAttr();
    return origin ? origin.getRowOffset() : 0;
  };
  llvm::sort(table.pieces,
             [&](Piece a, Piece b) { return firstRow(a) < firstRow(b); });
  std::string text;
  for (Piece &piece : table.pieces) {
    int64_t first = firstRow(piece);
    text += llvm::formatv("{0}{1}: {2}..{3}", text.empty() ? "" : ", ",
                          piece.server, first,
                          first + piece.parameter.getType().getDimSize(0) - 1);
  }
  return text;
}

void TableReport::print(llvm::raw_ostream &os) {
  if (tables.empty())
    return;
  os << llvm::formatv("\n  {0,-24} {1,-24} {2,11} {3,11} {4,11} {5,11}  {6}\n",
                      "table", "type", "row", "its state", "pulled", "pushed",
                      "server: rows");
  for (auto &[name, table] : tables) {
    ParameterOp parameter = table.pieces.front().parameter;
    int64_t row = rowBytes(parameter.getType());
    os << llvm::formatv(
        "  {0,-24} {1,-24} {2,11} {3,11} {4,11} {5,11}  {6}\n", name,
        spellShape(parameter.getOriginShape(),
                   parameter.getType().getElementType()),
        spellBytes(row), spellBytes(table.stateBytes),
        spellBytes(table.pulled * (kIdBytes + row)),
        spellBytes(table.pushed * (kIdBytes + row)), spellPlaces(table));
  }
  os << "  pulled and pushed: at most, for each row of a trainer's batch; an "
        "id that occurs again in\n  a step travels once, and neither is part "
        "of "
        "the figures below. Rows that are spread by\n  modulo exist from their "
        "first use on.\n";
}
