//===- DistributeTables.cpp - Tables on parameter servers -----------------===//

#include "lib/Transforms/DistributeTables.h"

#include "lib/Transforms/Program.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

LogicalResult TableDistribution::collectUpdate(OptimizerOpInterface update,
                                               const SymbolTable &symbols,
                                               func::FuncOp step) {
  Table &table = tables.find(update.getParameterAttr())->second;
  if (update->getParentOp() != step)
    return update.emitOpError(
        "must be directly in @main to be moved to a server");
  if (table.update) {
    InFlightDiagnostic diag = update.emitOpError("updates ")
                              << update.getParameterAttr()
                              << " a second time in one step";
    diag.attachNote(table.update.getLoc()) << "the first time is here";
    return diag;
  }
  if (Operation *joint =
          update.getGradient().getDefiningOp<JointGradientOpInterface>()) {
    InFlightDiagnostic diag =
        update.emitOpError("updates a table by a gradient that is changed "
                           "together with others, of which servers would have "
                           "to know all rows of a step; train ")
        << update.getParameterAttr()
        << " by an optim.minimize of its own, or use mode collective";
    diag.attachNote(joint->getLoc()) << "it is changed here";
    return diag;
  }
  if (!update.getGradient().getDefiningOp<RowGradientOp>())
    return update.emitOpError("updates a table by a gradient that is no "
                              "optim.row_gradient");
  // The update moves to another process, and with it what it reads.
  for (OpOperand &operand : update->getOpOperands())
    if (&operand != &update.getGradientMutable() &&
        !matchPattern(operand.get(), m_Constant()))
      return update.emitOpError("reads operand ")
             << operand.getOperandNumber()
             << ", which is neither its gradient nor a constant; a server "
                "cannot compute it";
  table.update = update;
  for (FlatSymbolRefAttr name : update.getStateSymbols())
    table.states.push_back(symbols.lookup<StateOp>(name.getAttr()));
  lastUpdate = update;
  return success();
}

/// Rows are pulled before a step begins.
LogicalResult TableDistribution::collectLookup(LookupOp lookup) {
  auto function = dyn_cast<func::FuncOp>(lookup->getParentOp());
  if (!function || !function.getBody().hasOneBlock())
    return lookup.emitOpError("must be directly in a function of one block");
  if (!getFunctionOfInput(lookup, lookup.getIds()))
    return failure();
  OptimizerOpInterface update =
      tables.find(lookup.getParameterAttr())->second.update;
  if (!update || update->getBlock() != lookup->getBlock() ||
      lookup->isBeforeInBlock(update))
    return success();
  InFlightDiagnostic diag =
      lookup.emitOpError("looks up rows of ")
      << lookup.getParameterAttr()
      << " after their update, but a trainer has pulled them before the step";
  diag.attachNote(update.getLoc()) << "they are updated here";
  return diag;
}

LogicalResult TableDistribution::collect(ModuleOp program,
                                         const SymbolTable &symbols,
                                         func::FuncOp step) {
  tables.clear();
  lastUpdate = nullptr;
  for (auto parameter : program.getOps<ParameterOp>())
    if (parameter.isTable())
      tables[FlatSymbolRefAttr::get(parameter.getSymNameAttr())] = {
          parameter, nullptr, {}, {}};
  if (tables.empty())
    return success();
  auto result = program.walk([&](Operation *op) -> WalkResult {
    if (auto read = dyn_cast<ReadOp>(op);
        read && tables.count(read.getVariableAttr()))
      return read.emitOpError("reads ") << read.getVariableAttr()
                                        << ", a table; run optim-lookup-rows "
                                           "first";
    if (auto update = dyn_cast<OptimizerOpInterface>(op);
        update && tables.count(update.getParameterAttr()))
      return collectUpdate(update, symbols, step);
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  result = program.walk(
      [&](LookupOp lookup) { return WalkResult(collectLookup(lookup)); });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Placement
//===----------------------------------------------------------------------===//

SmallVector<DispatchedBlock> TableDistribution::cut(const SliceOptions &options,
                                                    llvm::StringSet<> &taken) {
  // Blocks of other parameters must not get the name of a table's symbol.
  for (auto &[name, table] : tables) {
    taken.insert(table.parameter.getSymName());
    taken.insert(table.parameter.getOriginName());
  }
  SmallVector<DispatchedBlock> blocks;
  for (auto [number, entry] : llvm::enumerate(tables)) {
    Table &table = entry.second;
    if (!table.isSparse())
      continue;
    llvm::StringSet<> names; // only the dispatcher sees them
    for (ParameterBlock &block :
         sliceParameter(table.parameter.getOriginName(),
                        table.parameter.getType(), options, names)) {
      blocks.push_back({block.name, block.getBytes(), number});
      RankedTensorType type = block.type;
      table.shards.push_back({0, std::move(block), type});
    }
  }
  return blocks;
}

void TableDistribution::assign(ArrayRef<int64_t> owners) {
  const int64_t *owner = owners.begin();
  for (auto &[name, table] : tables)
    for (Shard &shard : table.shards)
      shard.server = *owner++;
}

bool TableDistribution::areEverywhere() const {
  return llvm::any_of(tables, [](const auto &entry) {
    ParameterOp parameter = entry.second.parameter;
    return parameter.getRows() == RowPlacement::Distributed;
  });
}

void TableDistribution::spreadDistributed(size_t servers) {
  for (auto &[name, table] : tables)
    if (!table.isSparse())
      for (size_t server = 0; server < servers; ++server)
        table.shards.push_back({server, {}, table.parameter.getType()});
}

//===----------------------------------------------------------------------===//
// Servers
//===----------------------------------------------------------------------===//

void TableDistribution::addVariables(ArrayRef<ServerProgram> servers) {
  spreadDistributed(servers.size());
  for (auto &entry : tables) {
    Table &table = entry.second;
    for (Shard &shard : table.shards) {
      const ServerProgram &server = servers[shard.server];
      auto add = [&](auto variable) {
        auto clone = cast<decltype(variable)>(variable->clone());
        if (shard.type != table.parameter.getType())
          cutVariable(clone, shard.block);
        server.symbols->insert(clone, server.main->getIterator());
      };
      add(table.parameter);
      for (StateOp state : table.states)
        add(state);
    }
  }
}

void TableDistribution::addHandler(Table &table, const Shard &shard,
                                   const ServerProgram &server) {
  Location loc = table.parameter.getLoc();
  OpBuilder b(loc.getContext());
  FlatSymbolRefAttr name;
  if (table.update) {
    auto function = func::FuncOp::create(
        table.update.getLoc(), ("update_" + table.parameter.getSymName()).str(),
        b.getFunctionType(shard.type, {}));
    server.symbols->insert(function, server.main->getIterator());
    name = FlatSymbolRefAttr::get(function.getSymNameAttr());
    b.setInsertionPointToStart(function.addEntryBlock());
    IRMapping mapping;
    mapping.map(table.update.getGradient(), function.getArgument(0));
    for (Value operand : table.update->getOperands())
      if (!mapping.contains(operand))
        b.clone(*operand.getDefiningOp(), mapping);
    b.clone(*table.update, mapping);
    func::ReturnOp::create(b, table.update.getLoc());
  }
  ServeOp serve = server.serve;
  b.setInsertionPointToEnd(&serve.getHandlers().front());
  OnRowsOp::create(b, loc, b.getStringAttr(table.parameter.getOriginName()),
                   name,
                   FlatSymbolRefAttr::get(table.parameter.getSymNameAttr()));
}

void TableDistribution::addHandlers(ArrayRef<ServerProgram> servers) {
  for (auto &[name, table] : tables)
    for (const Shard &shard : table.shards)
      addHandler(table, shard, servers[shard.server]);
}

//===----------------------------------------------------------------------===//
// Trainer
//===----------------------------------------------------------------------===//

/// Says in place of each table which servers have it.
void TableDistribution::declare(ModuleOp trainer,
                                ArrayRef<ServerProgram> servers) {
  for (auto &[name, table] : tables) {
    OpBuilder b(table.parameter);
    SmallVector<Attribute> peers;
    SmallVector<int64_t> counts;
    for (const Shard &shard : table.shards) {
      peers.push_back(servers[shard.server].peer);
      counts.push_back(shard.type.getDimSize(0));
    }
    TableOp::create(
        b, table.parameter.getLoc(), table.parameter.getSymNameAttr(),
        b.getStringAttr(table.parameter.getOriginName()),
        TypeAttr::get(table.parameter.getType()), b.getArrayAttr(peers),
        table.isSparse() ? b.getDenseI64ArrayAttr(counts)
                         : DenseI64ArrayAttr());
    table.parameter->erase();
    for (StateOp state : table.states)
      state->erase();
  }
}

/// Puts one pull of all that `function` looks up at its start.
void TableDistribution::pull(func::FuncOp function) {
  SmallVector<LookupOp> lookups(function.getOps<LookupOp>());
  if (lookups.empty())
    return;
  SmallVector<Attribute> names;
  SmallVector<Value> ids;
  SmallVector<int64_t> padding;
  SmallVector<Type> types;
  SmallVector<Location> locations;
  SmallVector<size_t> results; // of each lookup
  for (LookupOp lookup : lookups) {
    auto number = static_cast<int64_t>(lookup.getPaddingIdx().value_or(-1));
    size_t i = 0;
    while (i < names.size() &&
           (names[i] != lookup.getParameterAttr() ||
            ids[i] != lookup.getIds() || padding[i] != number))
      ++i;
    results.push_back(i);
    if (i < names.size())
      continue;
    names.push_back(lookup.getParameterAttr());
    ids.push_back(lookup.getIds());
    padding.push_back(number);
    types.push_back(lookup.getValue().getType());
    locations.push_back(lookup.getLoc());
  }
  OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
  auto pull = PullRowsOp::create(b, FusedLoc::get(b.getContext(), locations),
                                 types, b.getArrayAttr(names), ids,
                                 b.getDenseI64ArrayAttr(padding));
  for (auto [lookup, result] : llvm::zip(lookups, results)) {
    lookup.getValue().replaceAllUsesWith(pull.getRows()[result]);
    lookup->erase();
  }
}

void TableDistribution::rewriteTrainer(ModuleOp trainer,
                                       ArrayRef<ServerProgram> servers) {
  for (auto &[name, table] : tables)
    if (table.update) {
      auto gradient = table.update.getGradient().getDefiningOp<RowGradientOp>();
      OpBuilder b(table.update);
      PushRowsOp::create(b, table.update.getLoc(),
                         table.update.getParameterAttr(), gradient.getIds(),
                         gradient.getGradients(), gradient.getPaddingIdxAttr());
      table.update->erase();
      gradient->erase();
    }
  for (auto function : trainer.getOps<func::FuncOp>())
    if (!function.isExternal())
      pull(function);
  declare(trainer, servers);
}
