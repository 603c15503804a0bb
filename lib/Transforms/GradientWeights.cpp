//===- GradientWeights.cpp - How much a trainer's gradients count ---------===//

#include "lib/Transforms/GradientWeights.h"

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

void mlir::fleet::weighGradients(func::FuncOp function,
                                 ArrayRef<OpOperand *> uses, Examples kind) {
  llvm::DenseSet<Value> weighed;
  for (Operation &op : llvm::make_early_inc_range(
           function.getBody().front().without_terminator())) {
    if (auto seed = dyn_cast<optim::LossGradientOp>(op)) {
      OpBuilder b(seed);
      Value weight = ExamplesOp::create(b, seed.getLoc(), seed.getType(), kind);
      weighed.insert(weight);
      seed.replaceAllUsesWith(weight);
      seed.erase();
      continue;
    }
    if (llvm::any_of(op.getOperands(),
                     [&](Value v) { return weighed.contains(v); }))
      weighed.insert_range(op.getResults());
  }
  llvm::DenseMap<Value, Value> products;
  for (OpOperand *use : uses) {
    Value gradient = use->get();
    if (weighed.contains(gradient))
      continue;
    Value &product = products[gradient];
    if (!product) {
      Location loc = use->getOwner()->getLoc();
      OpBuilder b(use->getOwner());
      if (Operation *source = gradient.getDefiningOp())
        b.setInsertionPointAfter(source);
      else
        b.setInsertionPointToStart(use->getOwner()->getBlock());
      auto type = cast<RankedTensorType>(gradient.getType());
      Value weight = ExamplesOp::create(
          b, loc, RankedTensorType::get({}, type.getElementType()), kind);
      product = nn::MulOp::create(b, loc, gradient, weight);
    }
    use->set(product);
  }
}
