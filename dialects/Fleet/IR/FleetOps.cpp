//===- FleetOps.cpp - Verification of the fleet dialect -------------------===//
//
// What one program shows by itself. That two programs agree is checked by
// fleet-verify-job.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::fleet::dist;
using mlir::fleet::optim::ParameterOp;

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

//===----------------------------------------------------------------------===//
// Effects
//===----------------------------------------------------------------------===//

/// Reads and writes the wire: in program order, and never dead.
static void getWireEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), WireResource::get());
  effects.emplace_back(MemoryEffects::Write::get(), WireResource::get());
}

void SendOp::getEffects(Effects &effects) { getWireEffects(effects); }
void SendBarrierOp::getEffects(Effects &effects) { getWireEffects(effects); }
void RecvOp::getEffects(Effects &effects) { getWireEffects(effects); }
void FetchBarrierOp::getEffects(Effects &effects) { getWireEffects(effects); }
void SubmitOp::getEffects(Effects &effects) { getWireEffects(effects); }
void AgreeOp::getEffects(Effects &effects) { getWireEffects(effects); }
void FetchLatestOp::getEffects(Effects &effects) { getWireEffects(effects); }
void PullRowsOp::getEffects(Effects &effects) { getWireEffects(effects); }
void PushRowsOp::getEffects(Effects &effects) { getWireEffects(effects); }

//===----------------------------------------------------------------------===//
// Trainers
//===----------------------------------------------------------------------===//

static LogicalResult verifyEndpoint(Operation *op, StringRef endpoint) {
  std::string why;
  if (parseEndpoint(endpoint, why))
    return success();
  return op->emitOpError("endpoint '")
         << endpoint << "' " << why << "; expected HOST:PORT";
}

LogicalResult PeerOp::verify() { return verifyEndpoint(*this, getEndpoint()); }

static LogicalResult verifyTransfer(SymbolTableCollection &tables,
                                    Operation *op, FlatSymbolRefAttr peer,
                                    StringRef name) {
  if (name.empty())
    return op->emitOpError("transfers a block without a name");
  Operation *symbol = tables.lookupNearestSymbolFrom(op, peer);
  if (isa_and_nonnull<PeerOp>(symbol))
    return success();
  InFlightDiagnostic diag = op->emitOpError("talks to ")
                            << peer << ", which is no fleet.peer";
  if (symbol)
    diag.attachNote(symbol->getLoc()) << "it is declared here";
  return diag;
}

LogicalResult AgreeOp::verify() {
  if (getGradients().empty())
    return emitOpError("agrees on nothing, expected at least one gradient");
  if (getGradients().size() != getPeers().size())
    return emitOpError("names ")
           << getGradients().size() << " gradients at " << getPeers().size()
           << " servers, expected a server for each";
  llvm::SmallDenseSet<Attribute> seen;
  for (Attribute gradient : getGradients())
    if (!seen.insert(gradient).second)
      return emitOpError("adds ") << gradient << " twice";
  return success();
}

LogicalResult AgreeOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (auto [gradient, peer] :
       llvm::zip(getGradients().getAsRange<StringAttr>(),
                 getPeers().getAsRange<FlatSymbolRefAttr>()))
    if (failed(verifyTransfer(tables, *this, peer, gradient)))
      return failure();
  return success();
}

RankedTensorType SendOp::getBlockType() {
  auto whole = cast<RankedTensorType>(getValue().getType());
  if (!getCount())
    return whole;
  SmallVector<int64_t> shape(whole.getShape());
  shape[0] = *getCount();
  return whole.clone(shape);
}

LogicalResult SendOp::verify() {
  if (!getRows())
    return success();
  auto whole = cast<RankedTensorType>(getValue().getType());
  int64_t row = *getRows(), count = *getCount();
  if (whole.getRank() > 0 && row >= 0 && count > 0 &&
      row <= whole.getDimSize(0) && count <= whole.getDimSize(0) - row)
    return success();
  return emitOpError("sends ")
         << count << " rows from " << row << " on of " << whole;
}

LogicalResult SendOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyTransfer(tables, *this, getPeerAttr(), getName());
}

LogicalResult RecvOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyTransfer(tables, *this, getPeerAttr(), getName());
}

//===----------------------------------------------------------------------===//
// Servers
//===----------------------------------------------------------------------===//

LogicalResult ServeOp::verify() {
  if (getTrainers() < 1)
    return emitOpError("serves ")
           << getTrainers() << " trainers, expected at least one";
  return verifyEndpoint(*this, getEndpoint());
}

LogicalResult ServeOp::verifyRegions() {
  using Handlers = llvm::DenseMap<Attribute, Operation *>;
  Handlers gradients, blocks, tables, parameters;
  for (Operation &op : getHandlers().front()) {
    auto claim = [&](Handlers &claimed, Attribute what,
                     StringRef verb) -> LogicalResult {
      auto [first, isNew] = claimed.try_emplace(what, &op);
      if (isNew)
        return success();
      InFlightDiagnostic diag = op.emitOpError(verb)
                                << " " << what << ", as another handler does";
      diag.attachNote(first->second->getLoc()) << "the other one is here";
      return diag;
    };
    if (auto on = dyn_cast<OnOp>(op)) {
      if (failed(claim(gradients, on.getGradientAttr(), "takes")) ||
          failed(claim(blocks, on.getNameAttr(), "serves the block")) ||
          failed(claim(parameters, on.getParameterAttr(), "serves")))
        return failure();
    } else if (auto on = dyn_cast<OnRowsOp>(op)) {
      if (failed(claim(tables, on.getTableAttr(), "serves rows of")) ||
          failed(claim(parameters, on.getParameterAttr(), "serves")))
        return failure();
    } else {
      return op.emitOpError("has no place in fleet.serve, which holds "
                            "fleet.on and fleet.on_rows only");
    }
  }
  return success();
}

/// A handler with a `part`, whose update gets the sum of all parts.
static LogicalResult verifyPart(SymbolTableCollection &tables, OnOp on,
                                ParameterOp parameter,
                                FunctionOpInterface update) {
  auto serve = cast<ServeOp>(on->getParentOp());
  if (serve.getSync() != SyncMode::Sync)
    return on.emitOpError("has a part of a sum, but its server works in mode ")
           << stringifySyncMode(serve.getSync())
           << ", where trainers agree on nothing; expected sync";
  auto part =
      tables.lookupNearestSymbolFrom<FunctionOpInterface>(on, on.getPartAttr());
  if (!part)
    return on.emitOpError("makes its part by ")
           << on.getPartAttr() << ", which is no function";
  RankedTensorType type = parameter.getType();
  auto scalar = RankedTensorType::get({}, type.getElementType());
  if (part.isExternal() || part.getArgumentTypes() != ArrayRef<Type>{type} ||
      part.getResultTypes() != ArrayRef<Type>{scalar}) {
    InFlightDiagnostic diag = on.emitOpError("needs as part a function of one ")
                              << type << " to " << scalar;
    diag.attachNote(part.getLoc()) << "the function is here";
    return diag;
  }
  if (update.isExternal() || update.getNumResults() != 0 ||
      update.getArgumentTypes() != ArrayRef<Type>{type, scalar}) {
    InFlightDiagnostic diag = on.emitOpError("needs as update a function of ")
                              << type << " and the sum, " << scalar
                              << ", without results";
    diag.attachNote(update.getLoc()) << "the function is here";
    return diag;
  }
  return success();
}

LogicalResult OnOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (getGradient().empty() || getName().empty())
    return emitOpError("names a block or a gradient by an empty string");
  auto parameter =
      tables.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return emitOpError("serves ")
           << getParameterAttr() << ", which is no optim.parameter";
  if (parameter.isTable()) {
    InFlightDiagnostic diag = emitOpError("serves all of ")
                              << getParameterAttr()
                              << ", a table; fleet.on_rows serves its rows";
    diag.attachNote(parameter.getLoc()) << "it is declared here";
    return diag;
  }
  auto update = tables.lookupNearestSymbolFrom<FunctionOpInterface>(
      *this, getUpdateAttr());
  if (!update)
    return emitOpError("updates by ")
           << getUpdateAttr() << ", which is no function";
  if (getPartAttr())
    return verifyPart(tables, *this, parameter, update);
  bool isCompensating = update.getNumArguments() == 2;
  if (update.isExternal() ||
      (update.getNumArguments() != 1 && !isCompensating) ||
      llvm::any_of(update.getArgumentTypes(),
                   [&](Type type) { return type != parameter.getType(); }) ||
      update.getNumResults() != 0) {
    InFlightDiagnostic diag = emitOpError("needs as update a function of one ")
                              << parameter.getType()
                              << ", or two, without results";
    diag.attachNote(update.getLoc()) << "the function is here";
    return diag;
  }
  auto serve = cast<ServeOp>((*this)->getParentOp());
  if (isCompensating &&
      (serve.getSync() == SyncMode::Sync || serve.getSync() == SyncMode::Geo)) {
    InFlightDiagnostic diag =
        emitOpError("compensates for delay, but its server works in mode ")
        << stringifySyncMode(serve.getSync()) << ", where no gradient is late";
    diag.attachNote(update.getLoc())
        << "the second argument is the parameter as it was";
    return diag;
  }
  return success();
}
