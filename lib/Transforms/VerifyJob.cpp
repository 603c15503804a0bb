//===- VerifyJob.cpp - Check that the programs of a job agree -------------===//

#include "fleet/Transforms/Passes.h"

#include "lib/Transforms/JobChecks.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_VERIFYJOBPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

ServerRole *JobRoles::findServer(StringRef name) {
  auto found = serverIndex.find(name);
  return found == serverIndex.end() ? nullptr : &servers[found->second];
}

/// Collects the roles and checks that they are those of the job's mode.
static LogicalResult collectRoles(JobRoles &roles, ModuleOp &local) {
  bool isLocal = roles.attr.getMode() == Mode::Local;
  LogicalResult result = success();
  auto takeOnly = [&](ModuleOp &slot, ModuleOp module) {
    if (slot) {
      InFlightDiagnostic diag = emitError(module.getLoc(), "this is a second ")
                                << stringifyRoleKind(getRole(module).getKind())
                                << " program in the job";
      diag.attachNote(slot.getLoc()) << "the first one is here";
      result = failure();
    }
    slot = module;
  };
  for (Operation &op : *roles.job.getBody()) {
    auto module = dyn_cast<ModuleOp>(op);
    RoleAttr role = module ? getRole(module) : RoleAttr();
    if (!role || !module.getSymName()) {
      emitError(op.getLoc(),
                "this does not belong in a job, which holds named modules with "
                "a fleet.role");
      result = failure();
      continue;
    }
    if (isLocal != (role.getKind() == RoleKind::Local)) {
      emitError(module.getLoc(), "this program has the role ")
          << stringifyRoleKind(role.getKind()) << " in a job of mode "
          << stringifyMode(roles.attr.getMode());
      result = failure();
      continue;
    }
    if (role.getKind() == RoleKind::Local)
      takeOnly(local, module);
    else if (role.getKind() == RoleKind::Trainer)
      takeOnly(roles.trainer, module);
    else {
      roles.serverIndex.try_emplace(*module.getSymName(), roles.servers.size());
      roles.servers.push_back({module, *role.getIndex(), {}, {}, {}, {}});
    }
  }
  if (isLocal ? !local : !roles.trainer)
    return emitError(roles.job.getLoc(), "the job has no ")
           << (isLocal ? "local" : "trainer") << " program";
  bool isCollective = roles.attr.getMode() == Mode::Collective;
  if (!isLocal && !isCollective && roles.servers.empty())
    return emitError(roles.job.getLoc(), "the job has no pserver program");
  for (ServerRole &server : roles.servers)
    if (isCollective)
      result = emitError(server.module.getLoc(),
                         "this is a pserver in a job of mode collective, where "
                         "every process is a trainer");
  return result;
}

/// A program of one process talks to nobody.
static LogicalResult checkLocal(ModuleOp local) {
  LogicalResult result = success();
  local.walk([&](Operation *op) {
    if (!isa<FleetDialect>(op->getDialect()) || isa<ExamplesOp>(op))
      return;
    op->emitOpError("has no place in a local program");
    result = failure();
  });
  if (!local.lookupSymbol<func::FuncOp>("main"))
    return emitError(local.getLoc(), "the program has no function @main");
  return result;
}

namespace {
struct VerifyJobPass : public fleet::impl::VerifyJobPassBase<VerifyJobPass> {
  void runOnOperation() override {
    ModuleOp job = getOperation();
    markAllAnalysesPreserved();
    JobAttr attr = getJob(job);
    if (!attr) {
      emitError(job.getLoc(),
                "this is no job: it has no fleet.job; distribute it first");
      return signalPassFailure();
    }
    JobRoles roles;
    roles.job = job;
    roles.attr = attr;
    ModuleOp local;
    if (failed(collectRoles(roles, local)))
      return signalPassFailure();
    if (local) {
      if (failed(checkLocal(local)))
        signalPassFailure();
      return;
    }
    if (attr.getMode() == Mode::Collective) {
      if (failed(checkCollective(roles)))
        signalPassFailure();
      return;
    }
    bool serversAgree = succeeded(checkServers(roles));
    bool trainerAgrees = succeeded(checkTrainer(roles));
    // Rows are compared between ops that fit together otherwise.
    if (!serversAgree || !trainerAgrees || failed(checkBlocks(roles)) ||
        failed(checkTables(roles)))
      signalPassFailure();
  }
};
} // namespace
