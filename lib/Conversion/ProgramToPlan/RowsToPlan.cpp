//===- RowsToPlan.cpp - Rows of tables, in a plan -------------------------===//

#include "FunctionConverter.h"

using namespace mlir;
using namespace mlir::fleet;

std::optional<int64_t> FunctionConverter::findTable(Operation *op,
                                                    FlatSymbolRefAttr symbol) {
  std::optional<int64_t> table =
      tables.find(function->getParentOfType<ModuleOp>(), symbol);
  if (!table)
    op->emitOpError("refers to ") << symbol << ", which is no table of the job";
  return table;
}

static int64_t toNumber(std::optional<uint64_t> padding) {
  return static_cast<int64_t>(padding.value_or(-1));
}

/// Lookups that stand beside each other are one instruction.
LogicalResult FunctionConverter::convertLookups(optim::LookupOp first) {
  if (isa_and_nonnull<optim::LookupOp>(first->getPrevNode()))
    return success();
  SmallVector<int64_t> numbers, padding;
  SmallVector<Value> ids, rows;
  for (auto lookup = first; lookup;
       lookup = dyn_cast_or_null<optim::LookupOp>(lookup->getNextNode())) {
    std::optional<int64_t> table = findTable(lookup, lookup.getParameterAttr());
    if (!table)
      return failure();
    numbers.push_back(*table);
    padding.push_back(toNumber(lookup.getPaddingIdx()));
    ids.push_back(buffers.lookup(lookup.getIds()));
    rows.push_back(
        createTemporary(lookup.getLoc(), lookup.getValue().getType()));
    buffers[lookup.getValue()] = rows.back();
  }
  plan::PullRowsOp::create(builder, first.getLoc(), numbers, ids, rows,
                           padding);
  return success();
}

/// True if rows are merged before they are updated, since something happens in
/// between.
static bool isMerged(optim::RowGradientOp gradient) {
  return llvm::any_of(gradient->getUsers(), [](Operation *user) {
    return !isa<optim::OptimizerOpInterface>(user);
  });
}

/// The rule itself is a function that the table names.
LogicalResult
FunctionConverter::convertRowUpdate(optim::OptimizerOpInterface op) {
  optim::RowGradientOp gradient = optim::findRowGradient(op.getGradient());
  if (!gradient)
    return op.emitOpError("has no place in a plan");
  if (isMerged(gradient)) {
    std::optional<int64_t> table = findTable(op, op.getParameterAttr());
    if (!table)
      return failure();
    auto change = op.getGradient().getDefiningOp<optim::RowChangeOp>();
    plan::UpdateRowsOp::create(builder, op->getLoc(), *table,
                               change ? buffers.lookup(change.getSum())
                                      : Value());
    return success();
  }
  return convertPush(op, op.getParameterAttr(), gradient.getIds(),
                     gradient.getGradients(), gradient.getPaddingIdx());
}

LogicalResult FunctionConverter::convertPush(Operation *op,
                                             FlatSymbolRefAttr symbol,
                                             ValueRange ids,
                                             ValueRange gradients,
                                             ArrayRef<int64_t> padding) {
  std::optional<int64_t> table = findTable(op, symbol);
  if (!table)
    return failure();
  auto lookup = [&](Value value) { return buffers.lookup(value); };
  plan::PushRowsOp::create(builder, op->getLoc(), *table,
                           llvm::map_to_vector(ids, lookup),
                           llvm::map_to_vector(gradients, lookup), padding);
  return success();
}

/// The rows of this process, or of a group.
LogicalResult FunctionConverter::convertMerge(Location loc,
                                              optim::RowGradientOp gradient,
                                              FlatSymbolRefAttr group) {
  std::optional<int64_t> table =
      findTable(gradient, gradient.getParameterAttr());
  if (!table)
    return failure();
  auto lookup = [&](Value value) { return buffers.lookup(value); };
  plan::MergeRowsOp::create(
      builder, loc, builder.getI64IntegerAttr(*table),
      llvm::map_to_vector(gradient.getIds(), lookup),
      llvm::map_to_vector(gradient.getGradients(), lookup),
      gradient.getPaddingIdxAttr(), group);
  return success();
}

LogicalResult FunctionConverter::convertRowGradient(optim::RowGradientOp op) {
  bool isGathered = llvm::any_of(op->getUsers(), [](Operation *user) {
    return isa<dist::AllGatherRowsOp>(user);
  });
  if (isGathered || !isMerged(op))
    return success();
  return convertMerge(op.getLoc(), op, FlatSymbolRefAttr());
}

LogicalResult FunctionConverter::convertPart(optim::RowPartOp op) {
  std::optional<int64_t> table = findTable(
      op, optim::findRowGradient(op.getRowGradient()).getParameterAttr());
  if (!table)
    return failure();
  Value out = createTemporary(op.getLoc(), op.getSum().getType());
  plan::RowsPartOp::create(builder, op.getLoc(), *table, out);
  buffers[op.getSum()] = out;
  return success();
}

LogicalResult FunctionConverter::convertPull(dist::PullRowsOp op) {
  SmallVector<int64_t> numbers;
  SmallVector<Value> ids, rows;
  for (auto [symbol, idsOfTable, result] :
       llvm::zip(op.getTables().getAsRange<FlatSymbolRefAttr>(), op.getIds(),
                 op.getRows())) {
    std::optional<int64_t> table = findTable(op, symbol);
    if (!table)
      return failure();
    numbers.push_back(*table);
    ids.push_back(buffers.lookup(idsOfTable));
    rows.push_back(createTemporary(op.getLoc(), result.getType()));
    buffers[result] = rows.back();
  }
  plan::PullRowsOp::create(builder, op.getLoc(), numbers, ids, rows,
                           op.getPadding());
  return success();
}
