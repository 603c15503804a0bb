//===- DistributeCollective.cpp - Make a job of equal trainers ------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/Program.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_DISTRIBUTECOLLECTIVEPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

namespace {
struct DistributeCollectivePass
    : public fleet::impl::DistributeCollectivePassBase<
          DistributeCollectivePass> {
  using DistributeCollectivePassBase::DistributeCollectivePassBase;

  void runOnOperation() override;

private:
  void createStartup(ModuleOp trainer, GroupOp group);
};
} // namespace

/// Everybody is there, and has what rank 0 has: of a checkpoint that was
/// loaded, too.
void DistributeCollectivePass::createStartup(ModuleOp trainer, GroupOp group) {
  OpBuilder b = OpBuilder::atBlockEnd(trainer.getBody());
  Location loc = trainer.getLoc();
  auto name = FlatSymbolRefAttr::get(group.getSymNameAttr());
  auto startup =
      func::FuncOp::create(b, loc, kStartupName, b.getFunctionType({}, {}));
  b.setInsertionPointToStart(startup.addEntryBlock());
  ConnectOp::create(b, loc, name);
  for (auto variable : trainer.getOps<optim::VariableOpInterface>()) {
    if (variable.getTransient())
      continue; // in no checkpoint
    BroadcastOp::create(
        b, variable.getLoc(),
        FlatSymbolRefAttr::get(SymbolTable::getSymbolName(variable)),
        b.getI64IntegerAttr(0), name);
  }
  func::ReturnOp::create(b, loc);
}

void DistributeCollectivePass::runOnOperation() {
  ModuleOp program = getOperation();
  if (trainers < 1) {
    emitError(program.getLoc(), "trainers: expected at least one, got ")
        << trainers.getValue();
    return signalPassFailure();
  }
  if (failed(verifySingleMachine(program)) || !getMain(program) ||
      failed(freeSymbol(program, kStartupName)))
    return signalPassFailure();
  for (auto parameter : program.getOps<optim::ParameterOp>())
    if (parameter.getRows() == optim::RowPlacement::Distributed) {
      parameter.emitOpError(
          "has rows = distributed, so that no process has to hold all of them; "
          "in mode collective every trainer has all of every parameter: "
          "declare rows = sparse if that fits, or use mode ps");
      return signalPassFailure();
    }
  ModuleOp trainer = nestProgram(program, "trainer");
  trainer->setAttr(FleetDialect::getRoleAttrName(),
                   RoleAttr::get(&getContext(), RoleKind::Trainer));
  program->setAttr(
      FleetDialect::getJobAttrName(),
      JobAttr::get(&getContext(), Mode::Collective, SyncMode::Sync, trainers));
  OpBuilder b = OpBuilder::atBlockBegin(trainer.getBody());
  auto group = GroupOp::create(b, trainer.getLoc(), "world", trainers,
                               /*stride=*/IntegerAttr());
  group->remove();
  SymbolTable(trainer).insert(group, trainer.getBody()->begin());
  createStartup(trainer, group);
}
