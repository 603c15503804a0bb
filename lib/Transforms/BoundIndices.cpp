//===- BoundIndices.cpp - Say which numbers an input may hold -------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/NN/IR/NN.h"
#include "lib/Transforms/Program.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_BOUNDINDICESPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;

namespace {
struct BoundIndicesPass
    : public fleet::impl::BoundIndicesPassBase<BoundIndicesPass> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([](nn::IndexingOpInterface op) {
      return failed(bound(op)) ? WalkResult::interrupt()
                               : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  static LogicalResult bound(nn::IndexingOpInterface op) {
    for (nn::RowNumbers rows : op.getRowNumbers())
      if (failed(bound(op, rows)))
        return failure();
    return success();
  }

  static LogicalResult bound(Operation *op, nn::RowNumbers rows) {
    func::FuncOp function = getFunctionOfInput(op, rows.numbers);
    if (!function)
      return failure();
    int64_t bound = rows.bound;
    unsigned number = cast<BlockArgument>(rows.numbers).getArgNumber();
    if (auto known =
            function.getArgAttrOfType<IntegerAttr>(number, kUpperBoundAttr))
      bound = std::min(bound, known.getInt());
    function.setArgAttr(number, kUpperBoundAttr,
                        Builder(function).getI64IntegerAttr(bound));
    return success();
  }
};
} // namespace
