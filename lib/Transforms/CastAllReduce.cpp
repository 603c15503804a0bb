//===- CastAllReduce.cpp - Add gradients in half precision ----------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/CollectiveJob.h"

#include "llvm/ADT/DenseMap.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_CASTALLREDUCEPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

namespace {
struct CastAllReducePass
    : public fleet::impl::CastAllReducePassBase<CastAllReducePass> {
  using CastAllReducePassBase::CastAllReducePassBase;

  void runOnOperation() override;

private:
  bool isGradient(Value value);
  void cast(AllReduceStartOp start, FloatType half);

  llvm::DenseMap<Value, bool> gradients; ///< what isGradient found
  bool castsAny = false;
};
} // namespace

/// Whether updates take `value` or what is computed from it as their gradient,
/// and nothing else uses it. What is averaged, such as a moving mean, is a
/// value that stays, and would be rounded in every step anew.
bool CastAllReducePass::isGradient(Value value) {
  auto known = gradients.find(value);
  if (known != gradients.end())
    return known->second;
  bool result =
      !value.use_empty() && llvm::all_of(value.getUses(), [&](OpOperand &use) {
        Operation *user = use.getOwner();
        if (auto update = dyn_cast<OptimizerOpInterface>(user))
          return update.takesGradient() && &use == &update.getGradientMutable();
        return user->getNumResults() > 0 &&
               (isa<JointGradientOpInterface>(user) || isPure(user)) &&
               llvm::all_of(user->getResults(),
                            [&](Value v) { return isGradient(v); });
      });
  gradients[value] = result;
  return result;
}

/// Replaces a call by one of what is cast, and one of the rest of its values.
/// Both begin where it began and end where it ended, so calls end in their
/// order.
void CastAllReducePass::cast(AllReduceStartOp start, FloatType half) {
  AllReduceWaitOp wait = start.getWait();
  SmallVector<unsigned> halves, others;
  gradients.clear(); // values have come and gone
  for (auto [i, sum] : llvm::enumerate(wait.getSums())) {
    Type element = mlir::cast<RankedTensorType>(sum.getType()).getElementType();
    bool isHalf = (element.isF32() || element.isF64()) && isGradient(sum);
    (isHalf ? halves : others).push_back(i);
  }
  if (halves.empty())
    return;
  castsAny = true;
  OpBuilder before(start), after(wait);
  auto replace = [&](ArrayRef<unsigned> which, bool isHalf) {
    if (which.empty())
      return;
    SmallVector<Value> values;
    for (unsigned i : which) {
      Value value = start.getValues()[i];
      if (isHalf) {
        auto type = mlir::cast<RankedTensorType>(value.getType());
        value =
            nn::CastOp::create(before, value.getLoc(), type.clone(half), value);
      }
      values.push_back(value);
    }
    auto begin = AllReduceStartOp::create(before, start.getLoc(),
                                          start.getToken().getType(), values,
                                          start.getGroupAttr());
    auto end = AllReduceWaitOp::create(
        after, wait.getLoc(), begin.getValues().getTypes(), begin.getToken());
    for (auto [i, sum] : llvm::zip_equal(which, end.getSums())) {
      Value old = wait.getSums()[i], result = sum;
      if (isHalf)
        result = nn::CastOp::create(after, old.getLoc(), old.getType(), sum);
      old.replaceAllUsesWith(result);
    }
  };
  replace(halves, /*isHalf=*/true);
  replace(others, /*isHalf=*/false);
  wait.erase();
  start.erase();
}

void CastAllReducePass::runOnOperation() {
  ModuleOp job = getOperation();
  CollectiveJob roles;
  FloatType half;
  if (type == "f16")
    half = Float16Type::get(&getContext());
  else if (type == "bf16")
    half = BFloat16Type::get(&getContext());
  if (!half) {
    emitError(job.getLoc(), "type: expected f16 or bf16, got ")
        << type.getValue();
    return signalPassFailure();
  }
  if (failed(roles.find(job)))
    return signalPassFailure();
  castsAny = false;
  SmallVector<AllReduceStartOp> starts;
  roles.trainer.walk([&](AllReduceStartOp op) { starts.push_back(op); });
  for (AllReduceStartOp start : starts) {
    if (start.getWait()) {
      cast(start, half);
      continue;
    }
    start.emitOpError("has no fleet.all_reduce_wait, so nobody knows where its "
                      "sums are used");
    return signalPassFailure();
  }
  if (castsAny)
    return;
  emitError(roles.trainer.getLoc(), "nothing to cast to ")
      << half << ": no all_reduce adds gradients in f32 or f64";
  signalPassFailure();
}
