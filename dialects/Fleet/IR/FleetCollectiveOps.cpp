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
void ReduceScatterStartOp::getEffects(Effects &effects) {
  getWireEffects(effects);
}
void ReduceScatterWaitOp::getEffects(Effects &effects) {
  getWireEffects(effects);
}
void AllGatherStartOp::getEffects(Effects &effects) { getWireEffects(effects); }
void AllGatherWaitOp::getEffects(Effects &effects) { getWireEffects(effects); }
void AllGatherRowsOp::getEffects(Effects &effects) { getWireEffects(effects); }

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

/// What travels in one bucket.
static LogicalResult verifyBucket(Operation *op, StringRef verb) {
  OperandRange values = op->getOperands();
  if (values.empty())
    return op->emitOpError(verb) << " nothing";
  auto element = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getElementType();
  };
  for (Value value : values)
    if (element(value) != element(values.front()))
      return op->emitOpError(verb)
             << " elements of type " << element(values.front()) << " and "
             << element(value) << " in one bucket";
  return success();
}

LogicalResult AllReduceStartOp::verify() { return verifyBucket(*this, "adds"); }

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
// Parts
//===----------------------------------------------------------------------===//

/// `part` must be the type of one of equal parts of `whole`, one a member.
static LogicalResult verifyPart(Operation *op, GroupOp group, Type whole,
                                Type part) {
  auto wholeType = cast<RankedTensorType>(whole);
  int64_t elements =
      getPartElements(wholeType, static_cast<int64_t>(group.getSize()));
  auto expected = RankedTensorType::get({elements}, wholeType.getElementType());
  if (part == expected)
    return success();
  InFlightDiagnostic diag = op->emitOpError("has a part of type ")
                            << part << " of " << whole << ", expected "
                            << expected;
  diag.attachNote(group.getLoc())
      << "the group has " << group.getSize() << " members";
  return diag;
}

/// The same for all that `op` waits for.
static LogicalResult verifyParts(Operation *op, SymbolTableCollection &tables,
                                 Operation *start, StringRef startName,
                                 bool gathers) {
  if (!start)
    return op->emitOpError("waits for something that no fleet.")
           << startName << " began";
  GroupOp group = lookupGroup(tables, start,
                              start->getAttrOfType<FlatSymbolRefAttr>("group"));
  if (!group)
    return failure();
  if (op->getNumResults() != start->getNumOperands()) {
    InFlightDiagnostic diag = op->emitOpError("waits for ")
                              << op->getNumResults() << " tensors";
    diag.attachNote(start->getLoc())
        << "it began with " << start->getNumOperands();
    return diag;
  }
  for (auto [value, result] :
       llvm::zip_equal(start->getOperandTypes(), op->getResultTypes()))
    if (failed(verifyPart(op, group, gathers ? result : value,
                          gathers ? value : result)))
      return failure();
  return success();
}

LogicalResult
ReduceScatterStartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookupGroup(tables, *this, getGroupAttr()) != nullptr);
}

LogicalResult ReduceScatterStartOp::verify() {
  return verifyBucket(*this, "adds");
}

ReduceScatterStartOp ReduceScatterWaitOp::getStart() {
  return getToken().getDefiningOp<ReduceScatterStartOp>();
}

LogicalResult
ReduceScatterWaitOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyParts(*this, tables, getStart(), "reduce_scatter_start",
                     /*gathers=*/false);
}

LogicalResult
AllGatherStartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookupGroup(tables, *this, getGroupAttr()) != nullptr);
}

LogicalResult AllGatherStartOp::verify() {
  return verifyBucket(*this, "gathers");
}

AllGatherStartOp AllGatherWaitOp::getStart() {
  return getToken().getDefiningOp<AllGatherStartOp>();
}

LogicalResult AllGatherWaitOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyParts(*this, tables, getStart(), "all_gather_start",
                     /*gathers=*/true);
}

LogicalResult OwnPartOp::verifySymbolUses(SymbolTableCollection &tables) {
  GroupOp group = lookupGroup(tables, *this, getGroupAttr());
  if (!group)
    return failure();
  return verifyPart(*this, group, getWhole().getType(), getPart().getType());
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

LogicalResult AllGatherRowsOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookupGroup(tables, *this, getGroupAttr()) != nullptr);
}

optim::RowGradientOp AllGatherRowsOp::getRows() {
  return getRowGradient().getDefiningOp<optim::RowGradientOp>();
}

LogicalResult AllGatherRowsOp::verify() {
  if (getRows())
    return success();
  InFlightDiagnostic diag =
      emitOpError("adds a gradient that is no optim.row_gradient; whole "
                  "gradients are added by fleet.all_reduce_start");
  if (Operation *source = getRowGradient().getDefiningOp())
    diag.attachNote(source->getLoc()) << "it comes from here";
  return diag;
}

LogicalResult AllGatherRowsOp::inferReturnTypes(
    MLIRContext *, std::optional<Location>, ValueRange operands, DictionaryAttr,
    OpaqueProperties, RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(operands.front().getType());
  return success();
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
