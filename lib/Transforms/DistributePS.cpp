//===- DistributePS.cpp - Make a job of trainers and servers --------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "fleet/Transforms/Dispatcher.h"
#include "lib/Transforms/DistributeTables.h"
#include "lib/Transforms/Program.h"
#include "lib/Transforms/ServerBlocks.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

namespace mlir::fleet {
#define GEN_PASS_DEF_DISTRIBUTEPSPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

namespace {
struct DistributePSPass
    : public fleet::impl::DistributePSPassBase<DistributePSPass> {
  using DistributePSPassBase::DistributePSPassBase;

  void runOnOperation() override;

private:
  LogicalResult readOptions();
  LogicalResult findStep(func::FuncOp main);
  LogicalResult collectUpdates(func::FuncOp main);
  LogicalResult collectUpdate(OptimizerOpInterface op);
  LogicalResult collectJoint(JointGradientOpInterface joint);
  LogicalResult verifyAccesses();
  void place();
  void createServers();
  void rewriteTrainer(ModuleOp trainer);
  void receiveAll(OpBuilder &b, Location loc, bool inStep);
  void agree(OpBuilder &b, JointGradientOpInterface joint);

  /// What goes to the owner of a block.
  std::string wireName(const ParameterBlock &block) const {
    return block.name + (isGeo() ? "@DELTA" : "@GRAD");
  }
  bool isGeo() const { return sync == SyncMode::Geo; }
  /// The last update of the step, where its sends end.
  Operation *getLastUpdate();
  SmallVector<ServerProgram> getServerPrograms();

  std::shared_ptr<SymbolTable> symbols; ///< of the program
  /// The function whose updates move to servers.
  func::FuncOp step;
  SmallVector<Server> servers;
  /// In program order; at most one a parameter.
  llvm::MapVector<Attribute, Update> updates;
  /// What changes gradients together, on servers.
  llvm::SetVector<Operation *> joints;
  TableDistribution tables;
};
} // namespace

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

LogicalResult DistributePSPass::readOptions() {
  ModuleOp program = getOperation();
  if (trainers < 1)
    return emitError(program.getLoc(), "trainers: expected at least one, got ")
           << trainers.getValue();
  if (pservers.empty())
    return emitError(
        program.getLoc(),
        "pservers: names no server, expected HOST:PORT[,HOST:PORT...]");
  llvm::StringSet<> endpoints;
  for (const std::string &text : pservers) {
    std::string why;
    auto endpoint = parseEndpoint(text, why);
    if (!endpoint)
      return emitError(program.getLoc(), "pservers: '")
             << text << "' " << why << "; expected HOST:PORT";
    if (!endpoints.insert(endpoint->spell()).second)
      return emitError(program.getLoc(), "pservers: '")
             << text << "' is listed twice";
  }

  for (auto [name, value] : {std::pair("queue", queue.getValue()),
                             std::pair("merge", merge.getValue())})
    if (value < 1 || value > 4096)
      return emitError(program.getLoc(), name)
             << ": expected 1 to 4096 steps, got " << value;
  if (minBlockSize < 1)
    return emitError(program.getLoc(), "min-block-size: expected at least one "
                                       "element, got ")
           << minBlockSize.getValue();

  if (!std::isfinite(compensation) || compensation < 0)
    return emitError(program.getLoc(), "compensation: expected a factor of at "
                                       "least 0, got ")
           << compensation.getValue();
  if (compensation > 0 && (sync == SyncMode::Sync || isGeo()))
    return emitError(program.getLoc(),
                     "compensation: goes with half_async and async; in mode ")
           << stringifySyncMode(sync) << " no gradient is late";

  // A peer has the name of its server's module, and shares a symbol table with
  // the user's parameters.
  std::string stem = "pserver_";
  auto isTaken = [&](size_t i) {
    return symbols->lookup(stem + std::to_string(i)) != nullptr;
  };
  while (llvm::any_of(llvm::seq<size_t>(0, pservers.size()), isTaken))
    stem += "_";
  servers.clear();
  for (auto [i, text] : llvm::enumerate(pservers))
    servers.push_back({stem + std::to_string(i), text, {}, {}, {}, {}});
  return success();
}

LogicalResult DistributePSPass::collectUpdate(OptimizerOpInterface op) {
  Update update{op, nullptr, {}, {}, op.getGradient(), nullptr};
  // Elsewhere no gradients are averaged before servers apply them, so that a
  // trainer has all that there is.
  if (sync == SyncMode::Sync)
    update.joint = op.getGradient().getDefiningOp<JointGradientOpInterface>();
  if (update.joint) {
    auto result = cast<OpResult>(op.getGradient());
    update.gradient = update.joint->getOperand(result.getResultNumber());
    joints.insert(update.joint);
  }
  update.parameter =
      symbols->lookup<ParameterOp>(op.getParameterAttr().getAttr());
  if (!update.parameter)
    return op.emitOpError("updates ")
           << op.getParameterAttr() << ", which is no optim.parameter";
  for (FlatSymbolRefAttr name : op.getStateSymbols()) {
    auto state = symbols->lookup<StateOp>(name.getAttr());
    if (!state)
      return op.emitOpError("keeps state in ")
             << name << ", which is no optim.state";
    update.states.push_back(state);
  }
  // The update moves to another process, and with it what it reads.
  for (OpOperand &operand : op->getOpOperands())
    if (&operand != &op.getGradientMutable() &&
        !matchPattern(operand.get(), m_Constant()))
      return op.emitOpError("reads operand ")
             << operand.getOperandNumber()
             << ", which is neither its gradient nor a constant; a server "
                "cannot compute it";
  auto [first, isNew] =
      updates.try_emplace(op.getParameterAttr(), std::move(update));
  if (isNew)
    return success();
  InFlightDiagnostic diag = op.emitOpError("updates ")
                            << op.getParameterAttr()
                            << " a second time in one step";
  diag.attachNote(first->second.op.getLoc()) << "the first time is here";
  return diag;
}

/// Servers change gradients together where all of them are, and nobody else
/// can use the result.
LogicalResult DistributePSPass::collectJoint(JointGradientOpInterface joint) {
  for (OpResult result : joint->getResults()) {
    if (result.use_empty())
      return joint.emitOpError("changes gradient ")
             << result.getResultNumber()
             << ", which no optimizer uses; servers would not have it";
    Operation *first = nullptr;
    for (Operation *user : result.getUsers()) {
      auto update = dyn_cast<OptimizerOpInterface>(user);
      if (update && update.getGradient() == result && !first) {
        first = user;
        continue;
      }
      InFlightDiagnostic diag =
          joint.emitOpError("changes gradient ")
          << result.getResultNumber()
          << " on servers, where one optimizer may use it and nothing else";
      diag.attachNote(user->getLoc()) << "it is used here";
      return diag;
    }
  }
  return success();
}

/// Trainers and servers meet in every step, or between steps.
LogicalResult DistributePSPass::findStep(func::FuncOp main) {
  ModuleOp program = getOperation();
  step = main;
  if (!isGeo())
    return freeSymbol(program, kStartupName);
  step = program.lookupSymbol<func::FuncOp>(kExchangeName);
  if (step && step->hasAttr(FleetDialect::getEveryAttrName()) &&
      program.lookupSymbol<func::FuncOp>(kStartupName))
    return success();
  return emitError(program.getLoc(), "sync: geo distributes what "
                                     "fleet-exchange-deltas makes; run that "
                                     "first");
}

LogicalResult DistributePSPass::collectUpdates(func::FuncOp main) {
  ModuleOp program = getOperation();
  updates.clear();
  joints.clear();
  if (failed(tables.collect(program, *symbols, step)))
    return failure();
  auto result = program.walk([&](OptimizerOpInterface op) {
    if (tables.contains(op.getParameterAttr()))
      return WalkResult::advance();
    if (isGeo() && op->getParentOp() == main)
      return WalkResult::advance(); // stays
    if (op->getParentOp() != step) {
      op.emitOpError("must be directly in @main to be moved to a server");
      return WalkResult::interrupt();
    }
    return WalkResult(collectUpdate(op));
  });
  if (result.wasInterrupted())
    return failure();
  if (!tables.isEmpty() && (isGeo() || compensation > 0)) {
    tables.getFirst().emitOpError("is a table, which ")
        << (isGeo() ? "mode geo does not have: its trainers hold parameters "
                      "as a whole"
                    : "no compensation corrects: servers do not know which "
                      "rows a trainer had when");
    return failure();
  }
  if (updates.empty() && !tables.getLastUpdate())
    return emitError(program.getLoc(), "the program has nothing to distribute: "
                                       "no optimizer updates a parameter");
  for (Operation *joint : joints)
    if (failed(collectJoint(cast<JointGradientOpInterface>(joint))))
      return failure();
  return success();
}

Operation *DistributePSPass::getLastUpdate() {
  Operation *last = tables.getLastUpdate();
  if (updates.empty())
    return last;
  Operation *dense = updates.back().second.op;
  return last && dense->isBeforeInBlock(last) ? last : dense;
}

/// New values reach the trainer where the last update stood. What the program
/// reads or writes must mean the same as it did on one machine.
LogicalResult DistributePSPass::verifyAccesses() {
  ModuleOp program = getOperation();
  Operation *last = getLastUpdate();
  auto result = program.walk([&](Operation *op) -> WalkResult {
    if (auto assign = dyn_cast<AssignOp>(op);
        assign && !isGeo() &&
        (!keepAssigned || updates.contains(assign.getVariableAttr())))
      return assign.emitOpError("changes ")
             << assign.getVariableAttr()
             << " on one trainer only; with parameter servers, variables "
                "change by updates, which fleet-share-assigned makes of what "
                "the program assigns";
    auto read = dyn_cast<ReadOp>(op);
    if (!read)
      return WalkResult::advance();
    Operation *variable = symbols->lookup(read.getVariable());
    if (isa_and_nonnull<StateOp>(variable) && !isGeo()) {
      InFlightDiagnostic diag = read.emitOpError("reads ")
                                << read.getVariableAttr()
                                << ", optimizer state that only servers have";
      diag.attachNote(variable->getLoc()) << "it is declared here";
      return diag;
    }
    auto update = updates.find(read.getVariableAttr());
    Operation *inStep = step.getBody().front().findAncestorOpInBlock(*op);
    if (update == updates.end() || !inStep ||
        !update->second.op->isBeforeInBlock(inStep) ||
        last->isBeforeInBlock(inStep))
      return WalkResult::advance();
    InFlightDiagnostic diag =
        read.emitOpError("reads ")
        << read.getVariableAttr()
        << " after its update but before the last update of the step; its new "
           "value has not come back from the server";
    diag.attachNote(update->second.op.getLoc()) << "it is updated here";
    return diag;
  });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Servers
//===----------------------------------------------------------------------===//

/// True if `state` can be cut where `parameter` is: it has the same rows, or
/// none (a scalar, of which every block has a copy).
static bool followsRows(StateOp state, ParameterOp parameter) {
  return state.getType().getRank() == 0 ||
         (parameter.getType().getRank() > 0 &&
          state.getType().getDimSize(0) == parameter.getType().getDimSize(0));
}

/// Cuts the parameters and deals the blocks, in the order of updates.
void DistributePSPass::place() {
  llvm::StringSet<> names;
  SmallVector<DispatchedBlock> blocks = tables.cut(
      {slice ? static_cast<int64_t>(servers.size()) : 1, minBlockSize}, names);
  size_t tableBlocks = blocks.size();
  for (auto &entry : updates) {
    Update &update = entry.second;
    SliceOptions options{static_cast<int64_t>(servers.size()), minBlockSize};
    bool canBeCut = update.op.isRowSplittable() &&
                    llvm::all_of(update.states, [&](StateOp state) {
                      return followsRows(state, update.parameter);
                    });
    if (!slice || !canBeCut)
      options.maxBlocks = 1;
    for (ParameterBlock &block :
         sliceParameter(update.parameter.getOriginName(),
                        update.parameter.getType(), options, names)) {
      blocks.push_back({block.name, block.getBytes()});
      update.placements.push_back({std::move(block), nullptr, {}, {}});
    }
  }
  SmallVector<int64_t> owners =
      dispatchBlocks(blocks, servers.size(), dispatcher);
  tables.assign(ArrayRef(owners).take_front(tableBlocks));
  const int64_t *owner = owners.begin() + tableBlocks;
  for (auto &[name, update] : updates)
    for (Placement &placement : update.placements)
      placement.owner = &servers[*owner++];
  llvm::BitVector isOwner(servers.size());
  for (int64_t server : owners)
    isOwner.set(server);
  for (auto [i, server] : llvm::enumerate(servers))
    if (!isOwner[i] && !tables.areEverywhere())
      emitWarning(getOperation().getLoc(), "pservers: ")
          << servers.size() << " servers for " << blocks.size() << " block"
          << (blocks.size() == 1 ? "" : "s") << ", so '" << server.endpoint
          << "' will hold nothing";
}

void DistributePSPass::createServers() {
  ModuleOp job = getOperation();
  OpBuilder b = OpBuilder::atBlockEnd(job.getBody());
  for (auto [i, server] : llvm::enumerate(servers)) {
    server.module = ModuleOp::create(b, job.getLoc(), server.name);
    server.module->setAttr(FleetDialect::getRoleAttrName(),
                           RoleAttr::get(&getContext(), RoleKind::PServer, i));
    OpBuilder inner = OpBuilder::atBlockEnd(server.module.getBody());
    server.main = func::FuncOp::create(inner, job.getLoc(), kMainName,
                                       inner.getFunctionType({}, {}));
    inner.setInsertionPointToStart(server.main.addEntryBlock());
    server.serve =
        ServeOp::create(inner, job.getLoc(), server.endpoint, trainers, sync);
    server.serve.getHandlers().emplaceBlock();
    func::ReturnOp::create(inner, job.getLoc());
    server.symbols = std::make_shared<SymbolTable>(server.module);
  }
}

SmallVector<ServerProgram> DistributePSPass::getServerPrograms() {
  SmallVector<ServerProgram> programs;
  for (Server &server : servers)
    programs.push_back({FlatSymbolRefAttr::get(&getContext(), server.name),
                        server.main, server.serve, server.symbols.get()});
  return programs;
}

//===----------------------------------------------------------------------===//
// Trainer
//===----------------------------------------------------------------------===//

/// Servers exchange, by way of the trainers, what they change gradients by. The
/// sum has the order that it has on one machine.
void DistributePSPass::agree(OpBuilder &b, JointGradientOpInterface joint) {
  SmallVector<Attribute> gradients, peers;
  for (OpResult result : joint->getResults()) {
    auto op = cast<OptimizerOpInterface>(*result.getUsers().begin());
    for (const Placement &placement :
         updates.find(op.getParameterAttr())->second.placements) {
      gradients.push_back(b.getStringAttr(wireName(placement.block)));
      peers.push_back(
          FlatSymbolRefAttr::get(b.getContext(), placement.owner->name));
    }
  }
  AgreeOp::create(b, joint.getLoc(), b.getArrayAttr(gradients),
                  b.getArrayAttr(peers));
}

/// Receives every block, waits unless a step does not, and assigns.
void DistributePSPass::receiveAll(OpBuilder &b, Location loc, bool inStep) {
  SmallVector<Value> received;
  for (auto &[name, update] : updates)
    for (const Placement &placement : update.placements)
      received.push_back(RecvOp::create(
          b, loc, placement.block.type, b.getStringAttr(placement.block.name),
          FlatSymbolRefAttr::get(b.getContext(), placement.owner->name)));
  if (inStep && sync == SyncMode::Async)
    FetchLatestOp::create(b, loc);
  else
    FetchBarrierOp::create(b, loc);
  Value *value = received.begin();
  for (auto &[name, update] : updates)
    for (const Placement &placement : update.placements)
      AssignOp::create(b, loc, cast<FlatSymbolRefAttr>(name), *value++,
                       update.placements.size() == 1
                           ? IntegerAttr()
                           : b.getI64IntegerAttr(placement.block.firstRow));
}

void DistributePSPass::rewriteTrainer(ModuleOp trainer) {
  trainer->setAttr(FleetDialect::getRoleAttrName(),
                   RoleAttr::get(&getContext(), RoleKind::Trainer));
  OpBuilder b = OpBuilder::atBlockBegin(trainer.getBody());
  for (const Server &server : servers)
    PeerOp::create(b, trainer.getLoc(), server.name, server.endpoint);

  Operation *last = getLastUpdate();
  b.setInsertionPointAfter(last);
  if (sync == SyncMode::Async)
    SubmitOp::create(b, last->getLoc(), queue, merge);
  else
    SendBarrierOp::create(b, last->getLoc());
  for (Operation *joint : joints)
    agree(b, cast<JointGradientOpInterface>(joint));
  receiveAll(b, last->getLoc(), /*inStep=*/true);
  for (auto &[name, update] : updates) {
    b.setInsertionPoint(update.op);
    for (const Placement &placement : update.placements) {
      IntegerAttr firstRow, rows;
      if (update.placements.size() > 1) {
        firstRow = b.getI64IntegerAttr(placement.block.firstRow);
        rows = b.getI64IntegerAttr(placement.block.type.getDimSize(0));
      }
      SendOp::create(
          b, update.op.getLoc(), update.gradient,
          FlatSymbolRefAttr::get(&getContext(), placement.owner->name),
          b.getStringAttr(wireName(placement.block)), firstRow, rows);
    }
    update.op->erase();
    for (StateOp state : update.states)
      state->erase();
  }
  for (Operation *joint : joints)
    joint->erase();

  tables.rewriteTrainer(trainer, getServerPrograms());

  if (isGeo()) {
    auto startup = trainer.lookupSymbol<func::FuncOp>(kStartupName);
    b.setInsertionPointToStart(&startup.getBody().front());
    return receiveAll(b, step.getLoc(), /*inStep=*/false);
  }
  b.setInsertionPointToEnd(trainer.getBody());
  auto startup = func::FuncOp::create(b, step.getLoc(), kStartupName,
                                      b.getFunctionType({}, {}));
  b.setInsertionPointToStart(startup.addEntryBlock());
  receiveAll(b, step.getLoc(), /*inStep=*/false);
  func::ReturnOp::create(b, step.getLoc());
}

void DistributePSPass::runOnOperation() {
  ModuleOp program = getOperation();
  func::FuncOp main;
  if (failed(verifySingleMachine(program)) || !(main = getMain(program)) ||
      failed(findStep(main)))
    return signalPassFailure();
  symbols = std::make_shared<SymbolTable>(program);
  if (failed(readOptions()) || failed(collectUpdates(main)) ||
      failed(verifyAccesses()))
    return signalPassFailure();

  place();
  ModuleOp trainer = nestProgram(program, "trainer");
  program->setAttr(
      FleetDialect::getJobAttrName(),
      JobAttr::get(&getContext(), Mode::ParameterServer, sync, trainers));
  createServers();
  tables.addVariables(getServerPrograms());
  for (auto &[name, update] : updates)
    for (Placement &placement : update.placements)
      addVariables(update, placement, /*hasOwnName=*/isGeo());
  for (auto &[name, update] : updates)
    for (Placement &placement : update.placements)
      addHandler(update, placement, wireName(placement.block), compensation);
  tables.addHandlers(getServerPrograms());
  rewriteTrainer(trainer);
}
