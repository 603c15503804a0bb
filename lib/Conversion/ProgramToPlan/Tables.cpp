//===- Tables.cpp - The tables of a job -----------------------------------===//

#include "Tables.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "fleet/Kernels/Passes.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

static MemRefType toMemRef(RankedTensorType type) {
  return MemRefType::get(type.getShape(), type.getElementType());
}

bool TableList::hasRows(VariableOpInterface variable) {
  auto parameter = dyn_cast<ParameterOp>(*variable);
  if (auto state = dyn_cast<StateOp>(*variable);
      state && state.getType().getRank() > 0)
    parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(
        state, state.getParameterAttr());
  return parameter && parameter.isTable();
}

/// The update of each table of `role`, by its symbol.
static llvm::DenseMap<Attribute, OptimizerOpInterface>
findUpdates(ModuleOp role) {
  llvm::DenseMap<Attribute, OptimizerOpInterface> updates;
  role.walk([&](OptimizerOpInterface update) {
    updates[update.getParameterAttr()] = update;
  });
  return updates;
}

LogicalResult TableList::collectLocal(ModuleOp role) {
  llvm::DenseMap<Attribute, OptimizerOpInterface> updates = findUpdates(role);
  for (auto parameter : role.getOps<ParameterOp>()) {
    if (!parameter.isTable())
      continue;
    RankedTensorType type = parameter.getType();
    SmallVector<int64_t> whole = parameter.getOriginShape();
    Table table{parameter.getOriginName().str(),
                *parameter.getRows(),
                toMemRef(type.clone(whole)),
                parameter.getInit().resolve(whole),
                {},
                {},
                parameter.getLoc()};
    bool isSparse = table.placement == RowPlacement::Sparse;
    table.shards.push_back({0, 0, isSparse ? type.getDimSize(0) : 0});
    auto name = FlatSymbolRefAttr::get(parameter.getSymNameAttr());
    if (OptimizerOpInterface update = updates.lookup(name))
      for (FlatSymbolRefAttr symbol : update.getStateSymbols()) {
        auto state =
            SymbolTable::lookupNearestSymbolFrom<StateOp>(update, symbol);
        if (state.getType().getRank() > 0)
          table.states.push_back(
              {state.getSlotAttr(), state.getType().getDimSize(1),
               state.getInit().resolve(state.getOriginShape())});
      }
    index[table.name] = tables.size();
    tables.push_back(std::move(table));
  }
  return success();
}

LogicalResult TableList::collect(ModuleOp job) {
  tables.clear();
  index.clear();
  for (auto role : job.getOps<ModuleOp>())
    if (dist::RoleAttr attr = dist::getRole(role);
        attr && attr.getKind() == dist::RoleKind::Local &&
        failed(collectLocal(role)))
      return failure();
  return success();
}

std::optional<int64_t> TableList::find(ModuleOp role,
                                       FlatSymbolRefAttr symbol) const {
  Operation *op = SymbolTable::lookupSymbolIn(role, symbol.getAttr());
  std::string name;
  if (auto parameter = dyn_cast_or_null<ParameterOp>(op))
    name = parameter.getOriginName().str();
  auto found = index.find(name);
  if (found == index.end())
    return std::nullopt;
  return found->second;
}

void TableList::create(ModuleOp role, OpBuilder &b) const {
  llvm::StringMap<ParameterOp> here;
  for (auto parameter : role.getOps<ParameterOp>())
    if (parameter.isTable())
      here[parameter.getOriginName()] = parameter;
  for (const Table &table : tables) {
    FlatSymbolRefAttr update, advance;
    if (ParameterOp parameter = here.lookup(table.name)) {
      update = parameter->getAttrOfType<FlatSymbolRefAttr>(kUpdateAttr);
      advance = parameter->getAttrOfType<FlatSymbolRefAttr>(kAdvanceAttr);
    }
    auto op = plan::TableOp::create(b, table.loc, table.name,
                                    stringifyRowPlacement(table.placement),
                                    table.type, table.init, update, advance);
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&op.getBody());
    for (const RowState &state : table.states)
      plan::RowStateOp::create(b, table.loc, state.slot,
                               b.getI64IntegerAttr(state.columns), state.init);
    for (const Shard &shard : table.shards)
      plan::ShardOp::create(b, table.loc, shard.server, shard.firstRow,
                            shard.rows);
  }
}
