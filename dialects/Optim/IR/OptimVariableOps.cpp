//===- OptimVariableOps.cpp - Parameters, state, their use ----------------===//

#include "dialects/Optim/IR/Optim.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace mlir::fleet::optim;

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

//===----------------------------------------------------------------------===//
// Variables
//===----------------------------------------------------------------------===//

/// A variable of `type` must be rows of its origin.
static LogicalResult verifyOrigin(Operation *op, RankedTensorType type,
                                  OriginAttr origin) {
  if (!origin)
    return success();
  ArrayRef<int64_t> whole = origin.getShape().asArrayRef();
  ArrayRef<int64_t> shape = type.getShape();
  if (int64_t shards = origin.getShards()) {
    int64_t elements = 1;
    for (int64_t extent : whole)
      elements *= extent;
    if (shape.size() == 1 && shape[0] == (elements + shards - 1) / shards)
      return success();
    return op->emitOpError("of type ")
           << type << " is none of " << shards << " equal parts of its origin "
           << origin;
  }
  bool fits = whole.size() == shape.size();
  if (fits && !shape.empty())
    fits = whole.drop_front() == shape.drop_front() &&
           origin.getRowOffset() <= whole[0] &&
           shape[0] <= whole[0] - origin.getRowOffset();
  if (fits && shape.empty())
    fits = origin.getRowOffset() == 0;
  if (!fits)
    return op->emitOpError("of type ")
           << type << " does not lie in rows of its origin " << origin;
  return success();
}

/// Rows of a distributed table, or of its state, are not there before they are
/// used; only their numbers must fit.
static LogicalResult verifyDistributed(Operation *op, RankedTensorType type) {
  constexpr int64_t kMaxRows = int64_t(1) << 40, kMaxColumns = 1 << 16;
  if (type.getRank() != 2 ||
      (type.getDimSize(0) <= kMaxRows && type.getDimSize(1) <= kMaxColumns))
    return success();
  return op->emitOpError("of type ")
         << type << " has more than 2^40 rows or 2^16 columns, the most that a "
         << "distributed table may have";
}

static LogicalResult verifySize(Operation *op, RankedTensorType type) {
  // As much as plans can address; no product of extents below may overflow.
  constexpr int64_t kMaxBytes = int64_t(1) << 46;
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t extent : type.getShape()) {
    if (extent == 0)
      return op->emitOpError("has no elements: ") << type;
    if (extent > kMaxBytes / bytes)
      return op->emitOpError("of type ")
             << type << " is larger than 64 TiB, the most that a tensor may be";
    bytes *= extent;
  }
  return success();
}

template <typename Op> static SmallVector<int64_t> wholeShape(Op op) {
  ArrayRef<int64_t> shape = op.getOriginAttr()
                                ? op.getOriginAttr().getShape().asArrayRef()
                                : op.getType().getShape();
  return SmallVector<int64_t>(shape);
}

LogicalResult ParameterOp::verify() {
  if (auto multiplier = getLrMultiplierAttr()) {
    double value = multiplier.getValueAsDouble();
    if (!multiplier.getValue().isFinite() || value <= 0)
      return emitOpError("has an lr_multiplier of ")
             << value
             << ", expected a number greater than 0; to keep a "
                "parameter as it is, declare it frozen";
  }
  RankedTensorType type = getType();
  if (isTable() &&
      (type.getRank() != 2 || llvm::is_contained(type.getShape(), 0)))
    return emitOpError("of type ")
           << type << " has rows = " << stringifyRowPlacement(*getRows())
           << ", but a table is a matrix, with one row an id";
  if (failed(getRows() == RowPlacement::Distributed
                 ? verifyDistributed(*this, type)
                 : verifySize(*this, type)))
    return failure();
  return verifyOrigin(*this, type, getOriginAttr());
}

StringRef ParameterOp::getOriginName() {
  return getOriginAttr() ? getOriginAttr().getName().getValue() : getSymName();
}

SmallVector<int64_t> ParameterOp::getOriginShape() { return wholeShape(*this); }

LogicalResult StateOp::verify() {
  if (getSlot().empty())
    return emitOpError("needs a slot, such as \"velocity\"");
  return verifyOrigin(*this, getType(), getOriginAttr());
}

StringRef StateOp::getOriginName() {
  if (getOriginAttr())
    return getOriginAttr().getName().getValue();
  auto parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(
      *this, getParameterAttr());
  return parameter ? parameter.getOriginName() : getParameter();
}

SmallVector<int64_t> StateOp::getOriginShape() { return wholeShape(*this); }

/// The parameter that `op` refers to by `name`, or null with an error.
static ParameterOp lookupParameter(SymbolTableCollection &tables, Operation *op,
                                   FlatSymbolRefAttr name, StringRef verb) {
  Operation *symbol = tables.lookupNearestSymbolFrom(op, name);
  if (auto parameter = dyn_cast_or_null<ParameterOp>(symbol))
    return parameter;
  InFlightDiagnostic diag = op->emitOpError(verb)
                            << " " << name << ", which is no optim.parameter";
  if (symbol)
    diag.attachNote(symbol->getLoc()) << "it is declared here";
  return nullptr;
}

LogicalResult StateOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParameterOp parameter =
      lookupParameter(tables, *this, getParameterAttr(), "is state of");
  if (!parameter)
    return failure();
  return parameter.getRows() == RowPlacement::Distributed
             ? verifyDistributed(*this, getType())
             : verifySize(*this, getType());
}

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

/// True if a value of type `part` fits into rows [row, ...) of `whole`.
static bool fitsRows(RankedTensorType whole, Type part, int64_t row) {
  auto rows = cast<RankedTensorType>(part);
  return whole.getRank() > 0 && rows.getRank() == whole.getRank() &&
         rows.getElementType() == whole.getElementType() &&
         rows.getShape().drop_front() == whole.getShape().drop_front() &&
         row >= 0 && row <= whole.getDimSize(0) &&
         rows.getDimSize(0) <= whole.getDimSize(0) - row;
}

/// `op` moves a value of `type` in or out of the variable `name`, or of its
/// rows from `row` on.
static LogicalResult verifyAccess(SymbolTableCollection &tables, Operation *op,
                                  FlatSymbolRefAttr name, Type type,
                                  StringRef verb,
                                  std::optional<int64_t> row = std::nullopt) {
  Operation *symbol = tables.lookupNearestSymbolFrom(op, name);
  auto variable = dyn_cast_or_null<VariableOpInterface>(symbol);
  if (!variable) {
    InFlightDiagnostic diag = op->emitOpError(verb)
                              << " " << name
                              << ", which is no optim.parameter or optim.state";
    if (symbol)
      diag.attachNote(symbol->getLoc()) << "it is declared here";
    return diag;
  }
  if (row ? fitsRows(variable.getType(), type, *row)
          : variable.getType() == type)
    return success();
  InFlightDiagnostic diag = op->emitOpError(verb);
  if (row)
    diag << " rows of " << name << " from " << *row << " on by " << type;
  else
    diag << " " << name << " as " << type;
  diag.attachNote(symbol->getLoc()) << "it is " << variable.getType();
  return diag;
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyAccess(tables, *this, getVariableAttr(), getValue().getType(),
                      "reads");
}

LogicalResult AssignOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto parameter =
      tables.lookupNearestSymbolFrom<ParameterOp>(*this, getVariableAttr());
  if (parameter && parameter.isTable()) {
    InFlightDiagnostic diag = emitOpError("assigns ")
                              << getVariableAttr()
                              << ", a table; only optimizers change its rows";
    diag.attachNote(parameter.getLoc()) << "it is declared here";
    return diag;
  }
  return verifyAccess(tables, *this, getVariableAttr(), getValue().getType(),
                      "assigns", getRow());
}

void ReadOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), getVariableAttr(),
                       VariableResource::get());
}

void AssignOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), getVariableAttr(),
                       VariableResource::get());
}

//===----------------------------------------------------------------------===//
// Minimize
//===----------------------------------------------------------------------===//

LogicalResult MinimizeOp::verify() {
  auto type = getLoss().getType();
  if (!type.hasStaticShape() || type.getNumElements() != 1)
    return emitOpError("minimizes ")
           << type
           << ", expected a scalar; reduce the loss first, e.g. with nn.mean";
  ArrayAttr parameters = getParametersAttr();
  if (!parameters)
    return success();
  if (parameters.empty())
    return emitOpError("lists no parameters; leave the list out to train all "
                       "that the loss depends on");
  llvm::SmallPtrSet<Attribute, 8> seen;
  for (Attribute parameter : parameters)
    if (!seen.insert(parameter).second)
      return emitOpError("lists ") << parameter << " twice";
  return success();
}

LogicalResult MinimizeOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (!getParametersAttr())
    return success();
  for (auto name : getParametersAttr().getAsRange<FlatSymbolRefAttr>()) {
    ParameterOp parameter = lookupParameter(tables, *this, name, "lists");
    if (!parameter)
      return failure();
    if (parameter.getFrozen()) {
      InFlightDiagnostic diag = emitOpError("lists ")
                                << name << ", which is frozen";
      diag.attachNote(parameter.getLoc()) << "it is declared here";
      return diag;
    }
  }
  return success();
}

void MinimizeOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), VariableResource::get());
  effects.emplace_back(MemoryEffects::Write::get(), VariableResource::get());
}

//===----------------------------------------------------------------------===//
// Loss gradient
//===----------------------------------------------------------------------===//

LogicalResult LossGradientOp::verify() {
  RankedTensorType type = getType();
  if (type.hasStaticShape() && type.getNumElements() == 1)
    return success();
  return emitOpError("is of type ")
         << type << ", expected a scalar, as losses are";
}

OpFoldResult LossGradientOp::fold(FoldAdaptor) {
  RankedTensorType type = getType();
  return DenseElementsAttr::get(
      type, cast<Attribute>(FloatAttr::get(type.getElementType(), 1.0)));
}
