//===- CheckTables.cpp - Checks of rows that are pulled and pushed --------===//

#include "lib/Transforms/JobChecks.h"

#include "lib/Transforms/Program.h"

#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

namespace {

class TableCheck {
public:
  explicit TableCheck(JobRoles &roles) : roles(roles) {}

  LogicalResult run();

private:
  /// What a server has of a table.
  struct Shard {
    OnRowsOp on;
    ParameterOp parameter;
    OptimizerOpInterface update; ///< null if the table is not trained
  };

  void checkTable(TableOp table);
  std::optional<Shard> findShard(TableOp table, FlatSymbolRefAttr peer);
  void checkRows(TableOp table, Shard &shard, int64_t firstRow,
                 std::optional<int64_t> count);
  void checkAgreement(Shard &first, Shard &other);
  void checkUndeclared();
  void checkFunction(func::FuncOp function);
  void checkPush(PushRowsOp push, PullRowsOp pull, Operation *sendEnd);

  template <typename Op> InFlightDiagnostic error(Op op, const Twine &message) {
    hasErrors = true;
    return op->emitOpError(message);
  }

  JobRoles &roles;
  llvm::MapVector<StringAttr, TableOp> byName;
  llvm::DenseMap<Attribute, TableOp> bySymbol;
  /// Of each declared table: what its servers do when rows were pushed, or
  /// null.
  llvm::DenseMap<Operation *, OnRowsOp> updated;
  llvm::DenseMap<Operation *, PushRowsOp> pushed;
  bool hasErrors = false;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

std::optional<TableCheck::Shard> TableCheck::findShard(TableOp table,
                                                       FlatSymbolRefAttr peer) {
  ServerRole *server = roles.findServer(peer.getValue());
  if (!server || !server->serve)
    return std::nullopt; // reported by checkTrainer or checkServers
  Shard shard{server->byTable.lookup(table.getNameAttr()), {}, {}};
  if (!shard.on) {
    InFlightDiagnostic diag = error(table, "expects rows of ")
                              << table.getNameAttr() << " on " << peer
                              << ", which does not serve them";
    diag.attachNote(server->serve.getLoc()) << "it serves here";
    return std::nullopt;
  }
  shard.parameter = roles.tables.lookupNearestSymbolFrom<ParameterOp>(
      shard.on, shard.on.getParameterAttr());
  if (!shard.on.getUpdateAttr())
    return shard;
  auto function = roles.tables.lookupNearestSymbolFrom<func::FuncOp>(
      shard.on, shard.on.getUpdateAttr());
  function.walk([&](OptimizerOpInterface update) { shard.update = update; });
  return shard;
}

/// The server has the rows that the trainer expects there.
void TableCheck::checkRows(TableOp table, Shard &shard, int64_t firstRow,
                           std::optional<int64_t> count) {
  ParameterOp parameter = shard.parameter;
  RankedTensorType type = table.getTableType();
  auto mismatch = [&](InFlightDiagnostic diag) {
    diag.attachNote(table.getLoc()) << "the trainer expects it here";
  };
  if (parameter.getOriginName() != table.getName())
    return mismatch(error(parameter, "holds rows of '")
                    << parameter.getOriginName()
                    << "' but is served as those of "
                    << shard.on.getTableAttr());
  SmallVector<int64_t> whole = parameter.getOriginShape();
  if (ArrayRef(whole) != type.getShape() ||
      parameter.getType().getElementType() != type.getElementType())
    return mismatch(error(parameter, "is of a table of type ")
                    << parameter.getType().clone(whole) << ", the trainer's is "
                    << type);
  bool isSparse = parameter.getRows() == RowPlacement::Sparse;
  if (isSparse != table.isSparse())
    return mismatch(error(parameter, "has rows = ")
                    << stringifyRowPlacement(*parameter.getRows()) << ", the "
                    << "trainer takes it for "
                    << (table.isSparse() ? "sparse" : "distributed"));
  int64_t first =
      parameter.getOriginAttr() ? parameter.getOriginAttr().getRowOffset() : 0;
  int64_t rows = parameter.getType().getDimSize(0);
  int64_t expected = count.value_or(type.getDimSize(0));
  if (first != firstRow || rows != expected)
    mismatch(error(parameter, "has ")
             << rows << " rows from " << first << " on, the trainer expects "
             << expected << " from " << firstRow << " on");
}

/// True if the updates are the same but for the names of symbols.
static bool isSameUpdate(Operation *a, Operation *b) {
  if (a->getName() != b->getName())
    return false;
  DictionaryAttr ours = a->getAttrDictionary(), theirs = b->getAttrDictionary();
  return ours.size() == theirs.size() &&
         llvm::all_of(ours, [&](NamedAttribute attr) {
           Attribute other = theirs.get(attr.getName());
           return other == attr.getValue() ||
                  (isa<FlatSymbolRefAttr>(attr.getValue()) &&
                   isa_and_nonnull<FlatSymbolRefAttr>(other));
         });
}

/// Rows begin with the same values and are updated the same way wherever they
/// are.
void TableCheck::checkAgreement(Shard &first, Shard &other) {
  auto differ = [&](Operation *ours, Operation *theirs, StringRef what) {
    InFlightDiagnostic diag = error(ours, "of the table ")
                              << other.on.getTableAttr() << " " << what;
    diag.attachNote(theirs->getLoc()) << "the other server's is here";
  };
  if (first.parameter.getInit() != other.parameter.getInit())
    return differ(other.parameter, first.parameter,
                  "begins with other values than on another server");
  if (!first.update != !other.update)
    return differ(other.on, first.on,
                  "is updated on one server and not on another");
  if (!first.update)
    return;
  if (!isSameUpdate(first.update, other.update))
    return differ(other.update, first.update,
                  "is updated otherwise than on another server");
  for (auto [ours, theirs] : llvm::zip_equal(other.update.getStateSymbols(),
                                             first.update.getStateSymbols())) {
    auto a = roles.tables.lookupNearestSymbolFrom<StateOp>(other.update, ours);
    auto b =
        roles.tables.lookupNearestSymbolFrom<StateOp>(first.update, theirs);
    if (a.getSlot() != b.getSlot() || a.getInit() != b.getInit())
      return differ(a, b, "is other state than on another server");
  }
}

void TableCheck::checkTable(TableOp table) {
  auto [known, isNew] = byName.insert({table.getNameAttr(), table});
  if (!isNew) {
    InFlightDiagnostic diag = error(table, "declares ")
                              << table.getNameAttr() << " a second time";
    diag.attachNote(known->second.getLoc()) << "the first time is here";
    return;
  }
  bySymbol[FlatSymbolRefAttr::get(table.getSymNameAttr())] = table;
  if (roles.attr.getSync() == SyncMode::Geo) {
    InFlightDiagnostic diag =
        error(table, "is looked up in every step, but trainers of mode geo "
                     "hold parameters as a whole");
    diag.attachNote(roles.job.getLoc()) << "the job is here";
  }
  std::optional<Shard> first;
  int64_t row = 0;
  for (auto [i, peer] :
       llvm::enumerate(table.getPeers().getAsRange<FlatSymbolRefAttr>())) {
    std::optional<int64_t> count;
    if (table.isSparse())
      count = (*table.getCounts())[i];
    std::optional<Shard> shard = findShard(table, peer);
    if (shard)
      checkRows(table, *shard, row, count);
    row += count.value_or(0);
    if (shard && first)
      checkAgreement(*first, *shard);
    else if (shard)
      first = shard;
  }
  if (first && first->update)
    updated[table] = first->on;
}

/// Nobody serves rows that the trainer does not know of.
void TableCheck::checkUndeclared() {
  for (ServerRole &server : roles.servers)
    for (auto &[name, on] : server.byTable) {
      TableOp table = byName.lookup(name);
      auto peer =
          FlatSymbolRefAttr::get(on.getContext(), *server.module.getSymName());
      if (table && llvm::is_contained(table.getPeers(), peer))
        continue;
      InFlightDiagnostic diag = error(on, "serves rows of ")
                                << name << ", which the trainer does not "
                                << "expect here";
      if (table)
        diag.attachNote(table.getLoc()) << "it expects them on other servers";
      else
        diag.attachNote(roles.trainer.getLoc()) << "the trainer is here";
    }
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

void TableCheck::checkPush(PushRowsOp push, PullRowsOp pull,
                           Operation *sendEnd) {
  TableOp table = bySymbol.lookup(push.getTableAttr());
  auto function = cast<func::FuncOp>(push->getParentOp());
  if (function.getSymName() != kMainName) {
    error(push, "must be in @main, which is one training step");
    return;
  }
  if (!sendEnd || sendEnd->isBeforeInBlock(push)) {
    InFlightDiagnostic diag =
        error(push, sendEnd ? "comes after the end of the sends of the step"
                            : "is not followed by a fleet.send_barrier or "
                              "fleet.submit");
    if (sendEnd)
      diag.attachNote(sendEnd->getLoc()) << "they end here";
  }
  auto [first, isNew] = pushed.try_emplace(table, push);
  if (!isNew) {
    InFlightDiagnostic diag = error(push, "pushes rows of ")
                              << push.getTableAttr()
                              << " a second time in one step";
    diag.attachNote(first->second.getLoc()) << "the first time is here";
  }
  if (!updated.lookup(table)) {
    InFlightDiagnostic diag = error(push, "pushes rows of ")
                              << push.getTableAttr()
                              << ", which no server updates";
    diag.attachNote(table.getLoc()) << "it is declared here";
  }
  for (auto [ids, padding] : llvm::zip(push.getIds(), push.getPadding())) {
    bool isPulled = false;
    if (pull)
      for (auto [name, pulledIds, pulledPadding] :
           llvm::zip(pull.getTables(), pull.getIds(), pull.getPadding()))
        isPulled |= name == push.getTableAttr() && pulledIds == ids &&
                    pulledPadding == padding;
    if (isPulled)
      continue;
    InFlightDiagnostic diag =
        error(push, "has gradients of rows that the step has not pulled with "
                    "the same ids and padding");
    if (pull)
      diag.attachNote(pull.getLoc()) << "it pulls here";
    break;
  }
}

/// One pull before everything, and pushes before the sends end.
void TableCheck::checkFunction(func::FuncOp function) {
  PullRowsOp pull;
  Operation *sendEnd = nullptr;
  SmallVector<PushRowsOp> pushes;
  function.walk([&](Operation *op) {
    if (isa<SendBarrierOp, SubmitOp>(op) && op->getParentOp() == function)
      sendEnd = op;
    if (!isa<PullRowsOp, PushRowsOp>(op))
      return;
    if (op->getParentOp() != function || !function.getBody().hasOneBlock()) {
      error(op, "must be directly in a function of one block");
      return;
    }
    if (auto push = dyn_cast<PushRowsOp>(op)) {
      pushes.push_back(push);
      return;
    }
    if (pull) {
      InFlightDiagnostic diag =
          error(op, "pulls a second time; all lookups of a step are one "
                    "fleet.pull_rows");
      diag.attachNote(pull.getLoc()) << "the first one is here";
      return;
    }
    pull = cast<PullRowsOp>(op);
  });
  if (pull && sendEnd && sendEnd->isBeforeInBlock(pull)) {
    InFlightDiagnostic diag =
        error(pull, "comes after the end of the sends of the step");
    diag.attachNote(sendEnd->getLoc()) << "they end here";
  }
  if (pull)
    for (Value ids : pull.getIds())
      if (!getFunctionOfInput(pull, ids))
        hasErrors = true;
  for (PushRowsOp push : pushes)
    checkPush(push, pull, sendEnd);
}

LogicalResult TableCheck::run() {
  for (auto table : roles.trainer.getOps<TableOp>())
    checkTable(table);
  checkUndeclared();
  for (auto function : roles.trainer.getOps<func::FuncOp>())
    checkFunction(function);
  for (auto &[name, table] : byName)
    if (OnRowsOp on = updated.lookup(table); on && !pushed.contains(table)) {
      InFlightDiagnostic diag = error(on, "waits for gradients of rows of ")
                                << name << ", which no trainer pushes";
      diag.attachNote(table.getLoc()) << "the trainer declares it here";
    }
  return failure(hasErrors);
}

LogicalResult mlir::fleet::checkTables(JobRoles &roles) {
  return TableCheck(roles).run();
}
