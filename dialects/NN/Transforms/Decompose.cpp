//===- Decompose.cpp - Rewrite composites in terms of primitives ----------===//

#include "dialects/NN/Transforms/Passes.h"

#include "llvm/ADT/StringSet.h"

namespace mlir::fleet::nn {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "dialects/NN/Transforms/Passes.h.inc"
} // namespace mlir::fleet::nn

using namespace mlir;
using namespace mlir::fleet;

namespace {

/// The composites that are still to be rewritten; also those that rewriting
/// others creates.
class Worklist : public OpBuilder::Listener {
public:
  explicit Worklist(ArrayRef<std::string> keep) {
    kept.insert(keep.begin(), keep.end());
  }

  void add(Operation *op) {
    if (auto composite = dyn_cast<nn::DecomposableOpInterface>(op))
      if (!kept.contains(op->getName().getStringRef()))
        composites.push_back(composite);
  }

  nn::DecomposableOpInterface next() {
    return composites.empty() ? nn::DecomposableOpInterface()
                              : composites.pop_back_val();
  }

  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    add(op);
  }

private:
  llvm::StringSet<> kept;
  SmallVector<nn::DecomposableOpInterface> composites;
};

struct Decompose : nn::impl::DecomposePassBase<Decompose> {
  using DecomposePassBase::DecomposePassBase;

  void runOnOperation() override {
    SmallVector<std::string> names(keep.begin(), keep.end());
    Worklist worklist(names);
    getOperation()->walk([&](Operation *op) {
      if (op != getOperation())
        worklist.add(op);
    });
    OpBuilder b(&getContext(), &worklist);
    while (nn::DecomposableOpInterface composite = worklist.next()) {
      b.setInsertionPoint(composite);
      FailureOr<SmallVector<Value>> values = composite.decompose(b);
      if (failed(values))
        return signalPassFailure();
      composite->replaceAllUsesWith(*values);
      composite->erase();
      ++numDecomposed;
    }
  }
};

} // namespace
