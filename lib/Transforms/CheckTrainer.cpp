//===- CheckTrainer.cpp - Checks of the trainer of a job ------------------===//

#include "lib/Transforms/JobChecks.h"

#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/Program.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

namespace {
class TrainerCheck {
public:
  explicit TrainerCheck(JobRoles &roles)
      : roles(roles), symbols(roles.trainer) {}

  LogicalResult run();

private:
  /// The transfers of one function, by name.
  struct Transfers {
    func::FuncOp function;
    Operation *sendBarrier = nullptr, *fetchBarrier = nullptr;
    Operation *firstRecv = nullptr;
    llvm::DenseMap<Attribute, SendOp> sends;   ///< by gradient
    llvm::DenseMap<Attribute, RecvOp> recvs;   ///< by block
    llvm::DenseMap<Attribute, AgreeOp> agreed; ///< by gradient
  };

  /// The function in which trainers and servers meet.
  StringRef stepName() const { return isGeo() ? kExchangeName : kMainName; }
  bool isGeo() const { return roles.attr.getSync() == SyncMode::Geo; }
  bool isStep(func::FuncOp function) const {
    return function.getSymName() == stepName();
  }

  void checkSchedule();
  void checkUpdate(optim::OptimizerOpInterface update);
  void checkPeers();
  void checkPlaces();
  void checkFunction(Transfers &transfers);
  void visitSend(Transfers &transfers, SendOp send);
  void visitRecv(Transfers &transfers, RecvOp recv);
  void visitAgree(Transfers &transfers, AgreeOp agree);
  void visitBarrier(Transfers &transfers, Operation *barrier);
  void checkUses(Transfers &transfers, RecvOp recv);
  void checkHandlers(Transfers &main, Transfers &startup);

  ServerRole *getServer(FlatSymbolRefAttr peer) {
    return roles.findServer(peer.getValue());
  }
  InFlightDiagnostic error(Operation *op, const Twine &message) {
    hasErrors = true;
    return op->emitOpError(message);
  }
  void note(InFlightDiagnostic &diag, Operation *op, const Twine &message) {
    diag.attachNote(op->getLoc()) << message;
  }

  JobRoles &roles;
  SymbolTable symbols;
  /// A geo trainer's own, by parameter.
  llvm::DenseMap<Attribute, Operation *> updates;
  llvm::DenseSet<Attribute> exchanged; ///< what its exchange assigns
  bool hasErrors = false;
};
} // namespace

//===----------------------------------------------------------------------===//
// Peers and places
//===----------------------------------------------------------------------===//

void TrainerCheck::checkPeers() {
  for (auto peer : roles.trainer.getOps<PeerOp>()) {
    ServerRole *server = roles.findServer(peer.getSymName());
    if (!server) {
      error(peer, "names no pserver of the job");
      continue;
    }
    if (!server->serve)
      continue;
    std::string why;
    auto ours = parseEndpoint(peer.getEndpoint(), why);
    auto theirs = parseEndpoint(server->serve.getEndpoint(), why);
    if (ours && theirs && *ours == *theirs)
      continue;
    InFlightDiagnostic diag = error(peer, "expects the pserver at ")
                              << peer.getEndpoint();
    note(diag, server->serve, "it listens on " + server->serve.getEndpoint());
  }
  for (ServerRole &server : roles.servers) {
    if (symbols.lookup<PeerOp>(*server.module.getSymName()))
      continue;
    InFlightDiagnostic diag =
        emitError(server.module.getLoc(),
                  "this is a pserver that the trainer does not know");
    diag.attachNote(roles.trainer.getLoc()) << "its fleet.peer is missing here";
    hasErrors = true;
  }
}

/// Parameters change on servers; between exchanges, also on a trainer.
void TrainerCheck::checkUpdate(optim::OptimizerOpInterface update) {
  if (!isGeo()) {
    error(update, "updates a parameter on one trainer only; with parameter "
                  "servers, that is the work of a pserver");
    return;
  }
  auto function = dyn_cast<func::FuncOp>(update->getParentOp());
  if (!function || function.getSymName() != kMainName) {
    error(update, "must be directly in @main, which is one training step");
    return;
  }
  auto exchange = symbols.lookup<func::FuncOp>(kExchangeName);
  if (exchange && exchanged.empty())
    exchange.walk([&](optim::AssignOp assign) {
      exchanged.insert(assign.getVariableAttr());
    });
  auto [first, isNew] = updates.try_emplace(update.getParameterAttr(), update);
  if (!isNew) {
    InFlightDiagnostic diag = error(update, "updates ")
                              << update.getParameterAttr()
                              << " a second time in one step";
    note(diag, first->second, "the first time is here");
  }
  if (exchanged.contains(update.getParameterAttr()))
    return;
  InFlightDiagnostic diag = error(update, "updates ")
                            << update.getParameterAttr()
                            << ", which no exchange brings back; the trainers "
                               "would drift apart";
  if (exchange)
    note(diag, exchange, "the exchange is here");
}

/// Only the exchange of a geo job has a rhythm of its own.
void TrainerCheck::checkSchedule() {
  for (auto function : roles.trainer.getOps<func::FuncOp>()) {
    bool has = function->hasAttr(FleetDialect::getEveryAttrName());
    if (has == (isGeo() && isStep(function)))
      continue;
    InFlightDiagnostic diag =
        has ? error(function, "runs every so many steps, but the job has mode ")
                  << stringifySyncMode(roles.attr.getSync())
            : error(function, "has no fleet.every, which says after how many "
                              "steps it runs");
    diag.attachNote(roles.job.getLoc()) << "the job is here";
  }
}

/// Transfers happen directly in the step and @startup.
void TrainerCheck::checkPlaces() {
  roles.trainer.walk([&](Operation *op) {
    if (auto update = dyn_cast<optim::OptimizerOpInterface>(op))
      return checkUpdate(update);
    if (!isa<FleetDialect>(op->getDialect()) ||
        isa<PeerOp, TableOp, PullRowsOp, PushRowsOp>(op))
      return; // rows of tables are checkTables' business
    if (isa<ServeOp, OnOp, OnRowsOp>(op)) {
      error(op, "has no place in the program of a trainer");
      return;
    }
    auto function = dyn_cast<func::FuncOp>(op->getParentOp());
    if (!function || function->getParentOp() != roles.trainer ||
        !function.getBody().hasOneBlock() ||
        (!isStep(function) && function.getSymName() != kStartupName))
      error(op, "must be directly in @" + stepName() +
                    " or @startup, in a body of one block");
  });
}

//===----------------------------------------------------------------------===//
// One function
//===----------------------------------------------------------------------===//

void TrainerCheck::visitSend(Transfers &transfers, SendOp send) {
  if (!isStep(transfers.function)) {
    error(send, "has no place in @startup, which only receives");
    return;
  }
  if (transfers.sendBarrier) {
    InFlightDiagnostic diag =
        error(send, "comes after the send_barrier of the step");
    note(diag, transfers.sendBarrier, "the send_barrier is here");
  }
  auto [first, isNew] = transfers.sends.try_emplace(send.getNameAttr(), send);
  if (!isNew) {
    InFlightDiagnostic diag = error(send, "sends ")
                              << send.getNameAttr() << " a second time";
    note(diag, first->second, "the first time is here");
    return;
  }
  ServerRole *server = getServer(send.getPeerAttr());
  if (!server || !server->serve)
    return; // reported by checkPeers or checkServers
  OnOp on = server->byGradient.lookup(send.getNameAttr());
  if (!on) {
    InFlightDiagnostic diag = error(send, "sends ")
                              << send.getNameAttr() << " to "
                              << send.getPeerAttr()
                              << ", which has no handler for it";
    for (ServerRole &other : roles.servers)
      if (OnOp elsewhere = other.byGradient.lookup(send.getNameAttr())) {
        note(diag, elsewhere, "@" + *other.module.getSymName() + " handles it");
        return;
      }
    note(diag, server->serve, "it serves here");
    return;
  }
  optim::ParameterOp served = roles.getServedParameter(on);
  if (served && served.getType() != send.getBlockType()) {
    InFlightDiagnostic diag = error(send, "sends ")
                              << send.getNameAttr() << " as "
                              << send.getBlockType();
    diag.attachNote(on.getLoc()) << "the block is " << served.getType();
  }
}

void TrainerCheck::visitRecv(Transfers &transfers, RecvOp recv) {
  bool isMain = isStep(transfers.function);
  if (!transfers.firstRecv)
    transfers.firstRecv = recv;
  if (transfers.fetchBarrier) {
    InFlightDiagnostic diag =
        error(recv, "comes after the fetch_barrier of the step");
    note(diag, transfers.fetchBarrier, "the fetch_barrier is here");
  } else if (isMain && !transfers.sendBarrier) {
    error(recv, "comes before the send_barrier of the step, so it would get "
                "the values of the step before");
  }
  auto [first, isNew] = transfers.recvs.try_emplace(recv.getNameAttr(), recv);
  if (!isNew) {
    InFlightDiagnostic diag = error(recv, "receives ")
                              << recv.getNameAttr() << " a second time";
    note(diag, first->second, "the first time is here");
    return;
  }
  ServerRole *server = getServer(recv.getPeerAttr());
  if (!server || !server->serve)
    return;
  OnOp on = server->byBlock.lookup(recv.getNameAttr());
  if (!on) {
    InFlightDiagnostic diag = error(recv, "receives ")
                              << recv.getNameAttr() << " from "
                              << recv.getPeerAttr()
                              << ", which does not serve it";
    for (ServerRole &other : roles.servers)
      if (OnOp elsewhere = other.byBlock.lookup(recv.getNameAttr())) {
        note(diag, elsewhere, "@" + *other.module.getSymName() + " serves it");
        return;
      }
    note(diag, server->serve, "it serves here");
    return;
  }
  optim::ParameterOp served = roles.getServedParameter(on);
  if (served && served.getType() != recv.getValue().getType()) {
    InFlightDiagnostic diag = error(recv, "receives ")
                              << recv.getNameAttr() << " as "
                              << recv.getValue().getType();
    diag.attachNote(on.getLoc()) << "the block is " << served.getType();
  }
}

/// Trainers add what servers have made of gradients that they have by then, and
/// that they do not update by before.
void TrainerCheck::visitAgree(Transfers &transfers, AgreeOp agree) {
  if (!isStep(transfers.function)) {
    error(agree, "has no place in @startup, which only receives");
    return;
  }
  if (!transfers.sendBarrier)
    error(agree, "comes before the send_barrier of the step; servers would "
                 "not have the gradients");
  if (transfers.firstRecv) {
    InFlightDiagnostic diag =
        error(agree, "comes after a receive of the step, which waits for it");
    note(diag, transfers.firstRecv, "it is received here");
  }
  std::optional<std::pair<OnOp, Type>> first;
  for (auto [gradient, peer] :
       llvm::zip(agree.getGradients().getAsRange<StringAttr>(),
                 agree.getPeers().getAsRange<FlatSymbolRefAttr>())) {
    auto [other, isNew] = transfers.agreed.try_emplace(gradient, agree);
    if (!isNew) {
      InFlightDiagnostic diag = error(agree, "agrees on ")
                                << gradient << " a second time";
      note(diag, other->second, "the first time is here");
    }
    ServerRole *server = getServer(peer);
    if (!server || !server->serve)
      continue;
    OnOp on = server->byGradient.lookup(gradient);
    if (!on || !on.getPartAttr()) {
      InFlightDiagnostic diag = error(agree, "waits for the part of ")
                                << gradient << " at " << peer
                                << (on ? ", whose handler makes none"
                                       : ", which has no handler for it");
      note(diag, on ? on.getOperation() : server->serve.getOperation(),
           on ? "the handler is here" : "it serves here");
      continue;
    }
    optim::ParameterOp served = roles.getServedParameter(on);
    if (!served)
      continue;
    Type element = served.getType().getElementType();
    if (!first)
      first = {on, element};
    if (first->second == element)
      continue;
    InFlightDiagnostic diag = error(agree, "adds a part of ")
                              << element << " to one of " << first->second;
    note(diag, on, "the one is here");
    note(diag, first->first, "the other one is here");
  }
}

void TrainerCheck::visitBarrier(Transfers &transfers, Operation *barrier) {
  bool isSend = isa<SendBarrierOp, SubmitOp>(barrier);
  if (isSend && !isStep(transfers.function)) {
    error(barrier, "has no place in @startup, which only receives");
    return;
  }
  bool waits = isa<SendBarrierOp, FetchBarrierOp>(barrier);
  bool shouldWait =
      roles.attr.getSync() != SyncMode::Async || !isStep(transfers.function);
  if (waits != shouldWait) {
    InFlightDiagnostic diag =
        error(barrier, waits ? "waits, but steps of the job do not; expected "
                             : "does not wait, but the program has to here; "
                               "expected ")
        << (isSend ? (waits ? "fleet.submit" : "fleet.send_barrier")
                   : (waits ? "fleet.fetch_latest" : "fleet.fetch_barrier"));
    diag.attachNote(roles.job.getLoc())
        << "the job has mode " << stringifySyncMode(roles.attr.getSync());
  }
  Operation *same = isSend ? transfers.sendBarrier : transfers.fetchBarrier;
  if (same) {
    InFlightDiagnostic diag =
        error(barrier, "is the second one of its kind in the step");
    note(diag, same, "the first one is here");
    return;
  }
  if (isSend && transfers.fetchBarrier) {
    InFlightDiagnostic diag =
        error(barrier, "comes after the fetch_barrier of the step");
    note(diag, transfers.fetchBarrier, "the fetch_barrier is here");
  }
  (isSend ? transfers.sendBarrier : transfers.fetchBarrier) = barrier;
}

/// What is received is there behind the fetch_barrier, not before.
void TrainerCheck::checkUses(Transfers &transfers, RecvOp recv) {
  Block *body = recv->getBlock();
  for (Operation *user : recv.getValue().getUsers()) {
    Operation *inBody = body->findAncestorOpInBlock(*user);
    if (!transfers.fetchBarrier || !inBody ||
        transfers.fetchBarrier->isBeforeInBlock(inBody))
      continue;
    InFlightDiagnostic diag = error(user, "uses the block ")
                              << recv.getNameAttr()
                              << " before its fetch_barrier";
    note(diag, recv, "it is received here");
  }
}

void TrainerCheck::checkFunction(Transfers &transfers) {
  if (!transfers.function || transfers.function.isExternal() ||
      !transfers.function.getBody().hasOneBlock())
    return;
  for (Operation &op : transfers.function.getBody().front()) {
    if (auto send = dyn_cast<SendOp>(op))
      visitSend(transfers, send);
    else if (auto recv = dyn_cast<RecvOp>(op))
      visitRecv(transfers, recv);
    else if (auto agree = dyn_cast<AgreeOp>(op))
      visitAgree(transfers, agree);
    else if (isa<SendBarrierOp, SubmitOp, FetchBarrierOp, FetchLatestOp>(op))
      visitBarrier(transfers, &op);
  }
  bool isMain = isStep(transfers.function);
  for (Operation &op : transfers.function.getBody().front()) {
    if (auto send = dyn_cast<SendOp>(op);
        send && isMain && !transfers.sendBarrier) {
      error(send, "is not followed by a fleet.send_barrier");
      break;
    }
    auto recv = dyn_cast<RecvOp>(op);
    if (!recv)
      continue;
    if (!transfers.fetchBarrier) {
      error(recv, "is not followed by a fleet.fetch_barrier");
      break;
    }
    checkUses(transfers, recv);
  }
}

//===----------------------------------------------------------------------===//
// The other side
//===----------------------------------------------------------------------===//

/// Every handler gets its gradient, and every block reaches the trainer.
void TrainerCheck::checkHandlers(Transfers &main, Transfers &startup) {
  for (ServerRole &server : roles.servers) {
    for (auto [gradient, on] : server.byGradient)
      if (!main.sends.contains(gradient)) {
        InFlightDiagnostic diag = error(on, "waits for ")
                                  << gradient << ", which no trainer sends";
        note(diag, main.function, "a training step is here");
      } else if (on.getPartAttr() && !main.agreed.contains(gradient)) {
        InFlightDiagnostic diag = error(on, "makes a part of a sum of ")
                                  << gradient
                                  << ", on which no trainer agrees; it would "
                                     "wait for it";
        note(diag, main.function, "a training step is here");
      }
    for (auto [block, on] : server.byBlock)
      for (Transfers *transfers : {&main, &startup})
        if (!transfers->recvs.contains(block)) {
          InFlightDiagnostic diag = error(on, "serves the block ")
                                    << block << ", which @"
                                    << transfers->function.getSymName()
                                    << " of the trainer does not receive";
          note(diag, transfers->function, "the function is here");
        }
  }
}

LogicalResult TrainerCheck::run() {
  checkPeers();
  checkPlaces();
  Transfers main, startup;
  checkSchedule();
  main.function = symbols.lookup<func::FuncOp>(stepName());
  startup.function = symbols.lookup<func::FuncOp>(kStartupName);
  for (auto [transfers, name] :
       {std::pair(&main, stepName()),
        std::pair(&startup, StringRef(kStartupName))}) {
    if (!transfers->function) {
      emitError(roles.trainer.getLoc(), "the trainer has no function @")
          << name;
      return failure();
    }
    checkFunction(*transfers);
  }
  checkHandlers(main, startup);
  return failure(hasErrors);
}

LogicalResult mlir::fleet::checkTrainer(JobRoles &roles) {
  return TrainerCheck(roles).run();
}
