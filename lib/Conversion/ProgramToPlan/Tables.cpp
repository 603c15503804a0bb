//===- Tables.cpp - The tables of a job -----------------------------------===//

#include "Tables.h"

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

/// The update of `parameter` in its role, or null.
static OptimizerOpInterface findUpdate(ParameterOp parameter) {
  OptimizerOpInterface found;
  parameter->getParentOfType<ModuleOp>().walk([&](OptimizerOpInterface update) {
    if (update.getParameterAttr().getAttr() != parameter.getSymNameAttr())
      return WalkResult::advance();
    found = update;
    return WalkResult::interrupt();
  });
  return found;
}

TableList::Table &TableList::add(ParameterOp parameter) {
  RankedTensorType type = parameter.getType();
  SmallVector<int64_t> whole = parameter.getOriginShape();
  Table table{parameter.getOriginName().str(),
              *parameter.getRows(),
              toMemRef(type.clone(whole)),
              parameter.getInit().resolve(whole),
              {},
              {},
              parameter.getLoc()};
  if (OptimizerOpInterface update = findUpdate(parameter))
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
  return tables.back();
}

void TableList::collectWhole(ModuleOp role) {
  for (auto parameter : role.getOps<ParameterOp>())
    if (parameter.isTable()) {
      bool isSparse = parameter.getRows() == RowPlacement::Sparse;
      add(parameter).shards.push_back(
          {0, 0, isSparse ? parameter.getType().getDimSize(0) : 0});
    }
}

/// What `server` has of the table `name`; null if it has nothing.
static ParameterOp findRows(ModuleOp server, StringAttr name) {
  ParameterOp parameter;
  server.walk([&](dist::OnRowsOp on) {
    if (on.getTableAttr() == name)
      parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(
          on, on.getParameterAttr());
  });
  return parameter;
}

LogicalResult
TableList::collectTrainer(ModuleOp job, ModuleOp role,
                          const llvm::StringMap<int64_t> &servers) {
  for (auto declared : role.getOps<dist::TableOp>()) {
    Table *table = nullptr;
    int64_t firstRow = 0;
    for (auto [i, peer] :
         llvm::enumerate(declared.getPeers().getAsRange<FlatSymbolRefAttr>())) {
      auto server = job.lookupSymbol<ModuleOp>(peer.getAttr());
      ParameterOp parameter =
          server ? findRows(server, declared.getNameAttr()) : ParameterOp();
      if (!parameter)
        return declared.emitOpError("has rows on ")
               << peer << ", which does not serve them";
      if (!table)
        table = &add(parameter);
      int64_t rows = declared.isSparse() ? (*declared.getCounts())[i] : 0;
      table->shards.push_back(
          {servers.lookup(peer.getValue()), firstRow, rows});
      firstRow += rows;
    }
  }
  return success();
}

LogicalResult TableList::collect(ModuleOp job,
                                 const llvm::StringMap<int64_t> &servers) {
  tables.clear();
  index.clear();
  dist::JobAttr kind = dist::getJob(job);
  bool isCollective = kind && kind.getMode() == dist::Mode::Collective;
  for (auto role : job.getOps<ModuleOp>()) {
    dist::RoleAttr attr = dist::getRole(role);
    if (attr && (attr.getKind() == dist::RoleKind::Local || isCollective))
      collectWhole(role);
    else if (attr && attr.getKind() == dist::RoleKind::Trainer &&
             failed(collectTrainer(job, role, servers)))
      return failure();
  }
  return success();
}

std::optional<int64_t> TableList::find(ModuleOp role,
                                       FlatSymbolRefAttr symbol) const {
  Operation *op = SymbolTable::lookupSymbolIn(role, symbol.getAttr());
  std::string name;
  if (auto parameter = dyn_cast_or_null<ParameterOp>(op))
    name = parameter.getOriginName().str();
  else if (auto declared = dyn_cast_or_null<dist::TableOp>(op))
    name = declared.getName().str();
  auto found = index.find(name);
  if (found == index.end())
    return std::nullopt;
  return found->second;
}

std::optional<int64_t>
TableList::findComponent(int64_t table, VariableOpInterface variable) const {
  auto state = dyn_cast<StateOp>(*variable);
  if (!state)
    return 0;
  for (auto [i, known] : llvm::enumerate(tables[table].states))
    if (known.slot == state.getSlotAttr())
      return static_cast<int64_t>(i) + 1;
  return std::nullopt;
}

void TableList::create(ModuleOp role, OpBuilder &b) const {
  llvm::StringMap<ParameterOp> here;
  for (auto parameter : role.getOps<ParameterOp>())
    if (parameter.isTable())
      here[parameter.getOriginName()] = parameter;
  for (const Table &table : tables) {
    FlatSymbolRefAttr part, update, advance;
    if (ParameterOp parameter = here.lookup(table.name)) {
      update = parameter->getAttrOfType<FlatSymbolRefAttr>(kUpdateAttr);
      advance = parameter->getAttrOfType<FlatSymbolRefAttr>(kAdvanceAttr);
      role.walk([&](RowPartOp op) {
        if (findRowGradient(op.getRowGradient()).getParameter() ==
            parameter.getSymName())
          part = op.getPartAttr();
      });
    }
    auto op = plan::TableOp::create(
        b, table.loc, table.name, stringifyRowPlacement(table.placement),
        table.type, table.init, part, update, advance);
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
