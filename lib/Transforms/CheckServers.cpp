//===- CheckServers.cpp - Checks of the servers of a job ------------------===//

#include "lib/Transforms/JobChecks.h"

#include "dialects/Optim/IR/Optim.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

/// Finds the one fleet.serve of a server, in its @main.
static LogicalResult findServe(ServerRole &server) {
  LogicalResult result = success();
  server.module.walk([&](Operation *op) {
    if (!isa<FleetDialect>(op->getDialect()) || isa<OnOp, OnRowsOp>(op))
      return;
    auto serve = dyn_cast<ServeOp>(op);
    auto function = dyn_cast<func::FuncOp>(op->getParentOp());
    if (!serve || !function || function.getSymName() != "main") {
      op->emitOpError(serve ? "must be directly in @main"
                            : "has no place in the program of a pserver");
      result = failure();
      return;
    }
    if (server.serve) {
      InFlightDiagnostic diag = serve.emitOpError("serves a second time");
      diag.attachNote(server.serve.getLoc()) << "the first time is here";
      result = failure();
      return;
    }
    server.serve = serve;
  });
  if (!server.serve && succeeded(result))
    return emitError(server.module.getLoc(),
                     "this is a pserver without a fleet.serve in "
                     "@main");
  return result;
}

/// The trainers and the mode that a server expects are those of the job.
static LogicalResult checkTerms(JobRoles &roles, ServeOp serve) {
  LogicalResult result = success();
  if (static_cast<int64_t>(serve.getTrainers()) != roles.attr.getTrainers()) {
    InFlightDiagnostic diag = serve.emitOpError("waits for ")
                              << serve.getTrainers() << " trainers";
    diag.attachNote(roles.job.getLoc())
        << "the job has " << roles.attr.getTrainers();
    result = failure();
  }
  if (serve.getSync() != roles.attr.getSync()) {
    InFlightDiagnostic diag = serve.emitOpError("serves in mode ")
                              << stringifySyncMode(serve.getSync());
    diag.attachNote(roles.job.getLoc())
        << "the job has " << stringifySyncMode(roles.attr.getSync());
    result = failure();
  }
  return result;
}

/// The update function of `on` updates the parameter that `on` serves, once,
/// and no other.
template <typename Handler>
static LogicalResult checkUpdate(JobRoles &roles, Handler on) {
  auto function = roles.tables.lookupNearestSymbolFrom<func::FuncOp>(
      on, on.getUpdateAttr());
  if (!function)
    return on.emitOpError("updates by ")
           << on.getUpdateAttr() << ", which is no func.func";
  OptimizerOpInterface found;
  LogicalResult result = success();
  function.walk([&](OptimizerOpInterface update) {
    if (update.getParameterAttr() != on.getParameterAttr()) {
      InFlightDiagnostic diag = on.emitOpError("serves ")
                                << on.getParameterAttr() << ", but "
                                << on.getUpdateAttr() << " updates "
                                << update.getParameterAttr();
      diag.attachNote(update.getLoc()) << "the update is here";
      result = failure();
    } else if (found) {
      InFlightDiagnostic diag =
          on.emitOpError("has an update function that updates ")
          << on.getParameterAttr() << " twice";
      diag.attachNote(found.getLoc()) << "first here";
      diag.attachNote(update.getLoc()) << "and again here";
      result = failure();
    }
    found = update;
  });
  if (found)
    return result;
  InFlightDiagnostic diag = on.emitOpError("has an update function that does "
                                           "not update ")
                            << on.getParameterAttr();
  diag.attachNote(function.getLoc()) << "the function is here";
  return diag;
}

/// The part of `on` only computes: it may run before the update of another
/// block, or after.
static LogicalResult checkPart(JobRoles &roles, OnOp on) {
  if (!on.getPartAttr())
    return success();
  auto part =
      roles.tables.lookupNearestSymbolFrom<func::FuncOp>(on, on.getPartAttr());
  if (!part)
    return on.emitOpError("makes its part by ")
           << on.getPartAttr() << ", which is no func.func";
  LogicalResult result = success();
  part.walk([&](Operation *op) {
    if (!isa<OptimizerOpInterface, AssignOp>(op))
      return;
    InFlightDiagnostic diag = op->emitOpError("changes a variable in a part of "
                                              "a sum, which only computes");
    diag.attachNote(on.getLoc()) << "the part is made here";
    result = failure();
  });
  return result;
}

/// Every parameter of a server is served and updated by exactly one handler.
static LogicalResult checkHandlers(JobRoles &roles, ServerRole &server) {
  LogicalResult result = success();
  llvm::DenseSet<Attribute> served;
  llvm::DenseMap<Attribute, Operation *> updatedBy;
  auto visit = [&](auto on) {
    served.insert(on.getParameterAttr());
    if (!on.getUpdateAttr())
      return; // rows of a table that nobody trains
    auto [first, isNew] = updatedBy.try_emplace(on.getUpdateAttr(), on);
    if (!isNew) {
      InFlightDiagnostic diag = on.emitOpError("updates by ")
                                << on.getUpdateAttr()
                                << ", as another handler does";
      diag.attachNote(first->second->getLoc()) << "the other one is here";
      result = failure();
      return;
    }
    if (failed(checkUpdate(roles, on)))
      result = failure();
  };
  for (auto on : server.serve.getHandlers().getOps<OnOp>()) {
    server.byGradient.insert({on.getGradientAttr(), on});
    server.byBlock.insert({on.getNameAttr(), on});
    visit(on);
    if (failed(checkPart(roles, on)))
      result = failure();
  }
  for (auto on : server.serve.getHandlers().getOps<OnRowsOp>()) {
    server.byTable.insert({on.getTableAttr(), on});
    visit(on);
  }
  for (auto parameter : server.module.getOps<ParameterOp>()) {
    if (served.contains(FlatSymbolRefAttr::get(parameter.getSymNameAttr())))
      continue;
    InFlightDiagnostic diag =
        parameter.emitOpError("is on a pserver but served by no handler");
    diag.attachNote(server.serve.getLoc()) << "it serves here";
    result = failure();
  }
  return result;
}

/// Servers have indices 0, 1, ..., endpoints of their own, and no block in
/// common.
static LogicalResult checkBetweenServers(JobRoles &roles) {
  LogicalResult result = success();
  llvm::DenseMap<int64_t, ServerRole *> byIndex;
  llvm::MapVector<Attribute, OnOp> owners, takers;
  llvm::StringMap<ServeOp> endpoints;
  for (ServerRole &server : roles.servers) {
    auto [first, isNew] = byIndex.try_emplace(server.index, &server);
    if (!isNew) {
      InFlightDiagnostic diag =
          emitError(server.module.getLoc(), "this is a second pserver "
                                            "with index ")
          << server.index;
      diag.attachNote(first->second->module.getLoc())
          << "the first one is here";
      result = failure();
    } else if (server.index >= static_cast<int64_t>(roles.servers.size())) {
      emitError(server.module.getLoc(), "this pserver has the index ")
          << server.index << " among " << roles.servers.size()
          << " pservers, expected 0 to " << roles.servers.size() - 1;
      result = failure();
    }
    if (!server.serve)
      continue;

    std::string why;
    if (auto endpoint = parseEndpoint(server.serve.getEndpoint(), why)) {
      auto [other, isNew] =
          endpoints.try_emplace(endpoint->spell(), server.serve);
      if (!isNew) {
        InFlightDiagnostic diag = server.serve.emitOpError("listens on ")
                                  << server.serve.getEndpoint()
                                  << ", as another pserver does";
        diag.attachNote(other->second.getLoc()) << "the other one is here";
        result = failure();
      }
    }

    auto claim = [&](llvm::MapVector<Attribute, OnOp> &claimed, StringAttr what,
                     OnOp on, StringRef verb) {
      auto [other, isFirst] = claimed.try_emplace(what, on);
      if (isFirst)
        return;
      InFlightDiagnostic diag = on.emitOpError(verb)
                                << " " << what << ", as another pserver does";
      diag.attachNote(other->second.getLoc()) << "the other one is here";
      result = failure();
    };
    for (auto [name, on] : server.byBlock)
      claim(owners, name, on, "serves the block");
    for (auto [name, on] : server.byGradient)
      claim(takers, name, on, "takes");
  }
  return result;
}

LogicalResult mlir::fleet::checkServers(JobRoles &roles) {
  LogicalResult result = success();
  for (ServerRole &server : roles.servers) {
    if (failed(findServe(server)))
      result = failure();
    if (!server.serve)
      continue;
    if (failed(checkTerms(roles, server.serve)))
      result = failure();
    if (failed(checkHandlers(roles, server)))
      result = failure();
  }
  if (failed(checkBetweenServers(roles)))
    result = failure();
  return result;
}
