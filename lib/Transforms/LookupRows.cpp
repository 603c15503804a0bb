//===- LookupRows.cpp - Look rows of tables up instead of reading them ----===//

#include "fleet/Transforms/Passes.h"

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/Program.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_LOOKUPROWSPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

namespace {
struct LookupRowsPass : public fleet::impl::LookupRowsPassBase<LookupRowsPass> {
  void runOnOperation() override;

private:
  LogicalResult rewrite(ReadOp read, ParameterOp table);
};
} // namespace

/// The rows that `op` chooses of `table`; null if it does something else.
static Value getChoice(Operation *op, Value table) {
  auto indexing = dyn_cast<nn::IndexingOpInterface>(op);
  if (!indexing || indexing.getTable() != table || op->getNumResults() != 1)
    return {};
  SmallVector<nn::RowNumbers> numbers = indexing.getRowNumbers();
  return numbers.size() == 1 ? numbers.front().numbers : Value();
}

LogicalResult LookupRowsPass::rewrite(ReadOp read, ParameterOp table) {
  for (Operation *op : llvm::make_early_inc_range(read.getValue().getUsers())) {
    Value ids = getChoice(op, read.getValue());
    if (!ids) {
      InFlightDiagnostic diag =
          op->emitOpError("uses all of ")
          << read.getVariableAttr()
          << ", of which rows = " << stringifyRowPlacement(*table.getRows())
          << " allows only rows by ids, as nn.embedding takes them";
      diag.attachNote(table.getLoc()) << "it is declared here";
      return diag;
    }
    if (!getFunctionOfInput(op, ids))
      return failure();
    std::optional<uint64_t> padding =
        cast<nn::IndexingOpInterface>(op).getPaddingIdx();
    OpBuilder b(op);
    auto lookup = LookupOp::create(
        b, op->getLoc(), op->getResult(0).getType(), read.getVariableAttr(),
        ids, padding ? b.getI64IntegerAttr(*padding) : IntegerAttr());
    op->getResult(0).replaceAllUsesWith(lookup.getValue());
    op->erase();
  }
  read.erase();
  return success();
}

void LookupRowsPass::runOnOperation() {
  SymbolTable symbols(getOperation());
  SmallVector<std::pair<ReadOp, ParameterOp>> reads;
  auto result = getOperation().walk([&](ReadOp read) {
    Operation *variable = symbols.lookup(read.getVariable());
    auto table = dyn_cast_or_null<ParameterOp>(variable);
    if (table && table.isTable())
      reads.push_back({read, table});
    auto state = dyn_cast_or_null<StateOp>(variable);
    if (!state || state.getType().getRank() == 0)
      return WalkResult::advance();
    table = symbols.lookup<ParameterOp>(state.getParameter());
    if (!table || !table.isTable())
      return WalkResult::advance();
    InFlightDiagnostic diag = read.emitOpError("reads ")
                              << read.getVariableAttr()
                              << ", which optimizers keep row by row";
    diag.attachNote(table.getLoc()) << "it is state of this table";
    return WalkResult(diag);
  });
  if (result.wasInterrupted())
    return signalPassFailure();
  for (auto [read, table] : reads)
    if (failed(rewrite(read, table)))
      return signalPassFailure();
}
