//===- BoundIndices.cpp - Say which numbers an input may hold -------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/NN/IR/NN.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

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
    auto input = dyn_cast<BlockArgument>(op.getIndices());
    auto function =
        input ? dyn_cast<func::FuncOp>(input.getOwner()->getParentOp())
              : func::FuncOp();
    if (!function) {
      InFlightDiagnostic diagnostic =
          op->emitOpError("takes ids that the program computes; they must be "
                          "an input of the program, whose values are checked "
                          "when data is loaded");
      if (Operation *def = op.getIndices().getDefiningOp())
        diagnostic.attachNote(def->getLoc()) << "they are computed here";
      return diagnostic;
    }
    int64_t bound = op.getIndexBound();
    unsigned number = input.getArgNumber();
    if (auto known =
            function.getArgAttrOfType<IntegerAttr>(number, kUpperBoundAttr))
      bound = std::min(bound, known.getInt());
    function.setArgAttr(number, kUpperBoundAttr,
                        Builder(function).getI64IntegerAttr(bound));
    return success();
  }
};
} // namespace
