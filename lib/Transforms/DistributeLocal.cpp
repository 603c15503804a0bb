//===- DistributeLocal.cpp - Make a job of one process --------------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "lib/Transforms/Program.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_DISTRIBUTELOCALPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

namespace {
struct DistributeLocalPass
    : public fleet::impl::DistributeLocalPassBase<DistributeLocalPass> {
  void runOnOperation() override {
    ModuleOp program = getOperation();
    if (failed(verifySingleMachine(program)) || !getMain(program))
      return signalPassFailure();
    ModuleOp role = nestProgram(program, "local");
    role->setAttr(FleetDialect::getRoleAttrName(),
                  RoleAttr::get(&getContext(), RoleKind::Local));
    program->setAttr(FleetDialect::getJobAttrName(),
                     JobAttr::get(&getContext(), Mode::Local, SyncMode::Sync,
                                  /*trainers=*/1));
  }
};
} // namespace
