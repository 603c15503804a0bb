//===- FleetCollectiveOps.cpp - Verification of collectives ---------------===//

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

static void getWireEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), WireResource::get());
  effects.emplace_back(MemoryEffects::Write::get(), WireResource::get());
}

void ConnectOp::getEffects(Effects &effects) { getWireEffects(effects); }
void AllReduceStartOp::getEffects(Effects &effects) { getWireEffects(effects); }
void AllReduceWaitOp::getEffects(Effects &effects) { getWireEffects(effects); }

void BroadcastOp::getEffects(Effects &effects) {
  getWireEffects(effects);
  effects.emplace_back(MemoryEffects::Read::get(), getVariableAttr(),
                       optim::VariableResource::get());
  effects.emplace_back(MemoryEffects::Write::get(), getVariableAttr(),
                       optim::VariableResource::get());
}

/// The group that `op` calls in, or null with an error.
static GroupOp lookupGroup(SymbolTableCollection &tables, Operation *op,
                           FlatSymbolRefAttr name) {
  Operation *symbol = tables.lookupNearestSymbolFrom(op, name);
  if (auto group = dyn_cast_or_null<GroupOp>(symbol))
    return group;
  InFlightDiagnostic diag = op->emitOpError("calls in ")
                            << name << ", which is no fleet.group";
  if (symbol)
    diag.attachNote(symbol->getLoc()) << "it is declared here";
  return nullptr;
}

LogicalResult ConnectOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookupGroup(tables, *this, getGroupAttr()) != nullptr);
}

LogicalResult BroadcastOp::verifySymbolUses(SymbolTableCollection &tables) {
  GroupOp group = lookupGroup(tables, *this, getGroupAttr());
  if (!group)
    return failure();
  if (getRoot() >= group.getSize()) {
    InFlightDiagnostic diag = emitOpError("comes from member ")
                              << getRoot() << " of a group of "
                              << group.getSize();
    diag.attachNote(group.getLoc()) << "the group is declared here";
    return diag;
  }
  Operation *symbol = tables.lookupNearestSymbolFrom(*this, getVariableAttr());
  if (isa_and_nonnull<optim::VariableOpInterface>(symbol))
    return success();
  InFlightDiagnostic diag = emitOpError("gives ")
                            << getVariableAttr()
                            << ", which is no optim.parameter or optim.state";
  if (symbol)
    diag.attachNote(symbol->getLoc()) << "it is declared here";
  return diag;
}

//===----------------------------------------------------------------------===//
// All-reduce
//===----------------------------------------------------------------------===//

LogicalResult
AllReduceStartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookupGroup(tables, *this, getGroupAttr()) != nullptr);
}

AllReduceWaitOp AllReduceStartOp::getWait() {
  if (!getToken().hasOneUse())
    return {};
  return dyn_cast<AllReduceWaitOp>(*getToken().getUsers().begin());
}

LogicalResult AllReduceStartOp::verify() {
  if (getValues().empty())
    return emitOpError("adds nothing");
  auto element = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getElementType();
  };
  for (Value value : getValues())
    if (element(value) != element(getValues().front()))
      return emitOpError("adds elements of type ")
             << element(getValues().front()) << " and " << element(value)
             << " in one bucket";
  return success();
}

AllReduceStartOp AllReduceWaitOp::getStart() {
  return getToken().getDefiningOp<AllReduceStartOp>();
}

LogicalResult AllReduceWaitOp::verify() {
  AllReduceStartOp start = getStart();
  if (!start)
    return emitOpError("waits for something that no fleet.all_reduce_start "
                       "began");
  if (llvm::equal(start.getValues().getTypes(), getSums().getTypes()))
    return success();
  InFlightDiagnostic diag = emitOpError("waits for sums of other types than "
                                        "were begun: ")
                            << getSums().getTypes();
  diag.attachNote(start.getLoc())
      << "it began with " << start.getValues().getTypes();
  return diag;
}

//===----------------------------------------------------------------------===//
// Examples
//===----------------------------------------------------------------------===//

LogicalResult ExamplesOp::verify() {
  auto type = cast<RankedTensorType>(getResult().getType());
  if (type.getNumElements() == 1)
    return success();
  return emitOpError("is of type ") << type << ", expected a scalar";
}
