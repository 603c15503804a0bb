//===- CheckBlocks.cpp - Checks of which rows a block has -----------------===//

#include "lib/Transforms/JobChecks.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

namespace {

/// Rows of a variable that a received block goes to.
struct Rows {
  int64_t first, count;
  AssignOp assign;
};

class BlockCheck {
public:
  explicit BlockCheck(JobRoles &roles)
      : roles(roles), trainerSymbols(roles.trainer) {
    for (ServerRole &server : roles.servers)
      servers[server.module.getSymNameAttr()] = &server;
  }

  LogicalResult run();

private:
  void visitAssign(AssignOp assign);
  void checkCoverage(ParameterOp parameter, MutableArrayRef<Rows> rows);
  void checkSend(SendOp send);

  JobRoles &roles;
  SymbolTable trainerSymbols;
  llvm::DenseMap<Attribute, ServerRole *> servers;
  /// Of the function at hand.
  llvm::MapVector<ParameterOp, SmallVector<Rows>> received;
  /// Where the block of a handler goes in the trainer's parameter.
  llvm::DenseMap<OnOp, Rows> destinations;
  bool hasErrors = false;
};

} // namespace

/// The row of its origin at which `variable` begins.
static int64_t originRow(ParameterOp variable) {
  return variable.getOriginAttr() ? variable.getOriginAttr().getRowOffset() : 0;
}

static int64_t countRows(RankedTensorType type) {
  return type.getRank() == 0 ? 1 : type.getDimSize(0);
}

/// A received block is assigned to the rows that the server holds.
void BlockCheck::visitAssign(AssignOp assign) {
  auto recv = assign.getValue().getDefiningOp<RecvOp>();
  auto target = trainerSymbols.lookup<ParameterOp>(assign.getVariable());
  if (!recv || !target)
    return;
  ServerRole *server = servers.lookup(recv.getPeerAttr().getAttr());
  OnOp on = server ? server->byBlock.lookup(recv.getNameAttr()) : OnOp();
  ParameterOp served = on ? roles.getServedParameter(on) : ParameterOp();
  if (!served)
    return;
  auto first = static_cast<int64_t>(assign.getRow().value_or(0));
  Rows rows{first, countRows(served.getType()), assign};
  if (served.getOriginName() != target.getOriginName() ||
      originRow(served) != originRow(target) + rows.first) {
    InFlightDiagnostic diag = assign.emitOpError("assigns the block ")
                              << recv.getNameAttr() << " to rows of '"
                              << target.getOriginName() << "' from "
                              << originRow(target) + rows.first << " on";
    diag.attachNote(served.getLoc())
        << "it has rows of '" << served.getOriginName() << "' from "
        << originRow(served) << " on";
    hasErrors = true;
    return;
  }
  received[target].push_back(rows);
  destinations.try_emplace(on, rows);
}

/// The blocks of a parameter are all of its rows, and none twice.
void BlockCheck::checkCoverage(ParameterOp parameter,
                               MutableArrayRef<Rows> rows) {
  llvm::sort(rows, [](const Rows &a, const Rows &b) {
    return std::tie(a.first, a.count) < std::tie(b.first, b.count);
  });
  int64_t next = 0;
  for (Rows &part : rows) {
    if (part.first != next) {
      InFlightDiagnostic diag =
          part.assign.emitOpError("assigns rows of '")
          << parameter.getOriginName() << "' from " << part.first << " on, "
          << (part.first < next ? "which other blocks have too"
                                : "but no block has those before")
          << "; expected row " << next << " next";
      diag.attachNote(parameter.getLoc()) << "it is declared here";
      hasErrors = true;
      return;
    }
    next += part.count;
  }
  if (next == countRows(parameter.getType()))
    return;
  InFlightDiagnostic diag = rows.back().assign.emitOpError("is the last of '")
                            << parameter.getOriginName()
                            << "', and no block has its rows from " << next
                            << " on";
  diag.attachNote(parameter.getLoc()) << "it is declared here";
  hasErrors = true;
}

/// A gradient goes to the server that has the same rows of the parameter.
void BlockCheck::checkSend(SendOp send) {
  ServerRole *server = servers.lookup(send.getPeerAttr().getAttr());
  OnOp on = server ? server->byGradient.lookup(send.getNameAttr()) : OnOp();
  auto rows = destinations.find(on);
  if (!on || rows == destinations.end() ||
      rows->second.first == send.getFirstRow())
    return;
  InFlightDiagnostic diag = send.emitOpError("sends rows of a gradient from ")
                            << send.getFirstRow() << " on";
  diag.attachNote(rows->second.assign.getLoc())
      << "the block goes to rows from " << rows->second.first << " on";
  hasErrors = true;
}

LogicalResult BlockCheck::run() {
  for (auto function : roles.trainer.getOps<func::FuncOp>()) {
    received.clear();
    function.walk([&](AssignOp assign) { visitAssign(assign); });
    for (auto &[parameter, rows] : received)
      checkCoverage(parameter, rows);
  }
  roles.trainer.walk([&](SendOp send) { checkSend(send); });
  roles.trainer.walk([&](RecvOp recv) {
    if (!recv.getValue().use_empty())
      return;
    recv.emitOpError("receives ")
        << recv.getNameAttr()
        << ", but nothing uses it: the trainer would go on with the old values";
    hasErrors = true;
  });
  return failure(hasErrors);
}

LogicalResult mlir::fleet::checkBlocks(JobRoles &roles) {
  return BlockCheck(roles).run();
}
