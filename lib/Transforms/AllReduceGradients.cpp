//===- AllReduceGradients.cpp - Add gradients over all trainers -----------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/CollectiveJob.h"
#include "lib/Transforms/GradientWeights.h"
#include "lib/Transforms/Program.h"

#include "llvm/ADT/SetVector.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_ALLREDUCEGRADIENTSPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

namespace {
/// Gradients that travel together, and where their sums are needed.
struct Bucket {
  llvm::SmallSetVector<Value, 8> gradients;
  SmallVector<OpOperand *> uses;
  int64_t bytes = 0;
};

struct AllReduceGradientsPass
    : public fleet::impl::AllReduceGradientsPassBase<AllReduceGradientsPass> {
  using AllReduceGradientsPassBase::AllReduceGradientsPassBase;

  void runOnOperation() override;

private:
  LogicalResult verifyPlaces(ModuleOp trainer);
  LogicalResult collect(func::FuncOp function);
  LogicalResult collectJoint(JointGradientOpInterface joint);
  LogicalResult verifyAccesses();
  void addUse(OpOperand &use) {
    (findRowGradient(use.get()) ? rowUses : uses).push_back(&use);
  }
  void fill();
  void reduce(FlatSymbolRefAttr group);

  // Of one function.
  SmallVector<OptimizerOpInterface> updates; ///< in program order
  /// What changes several gradients together, once they have been added.
  SmallVector<JointGradientOpInterface> joints;
  /// Operands, of updates and joints, that are gradients of this trainer.
  SmallVector<OpOperand *> uses;
  /// Those that are gradients of tables, of the rows that this trainer names.
  SmallVector<OpOperand *> rowUses;
  SmallVector<Bucket> buckets;
};
} // namespace

/// Whether `function` runs between steps.
static bool isBetweenSteps(func::FuncOp function) {
  return function->hasAttr(FleetDialect::getEveryAttrName());
}

LogicalResult AllReduceGradientsPass::verifyPlaces(ModuleOp trainer) {
  bool isAny = false;
  auto result = trainer.walk([&](OptimizerOpInterface op) -> WalkResult {
    isAny = true;
    auto function = dyn_cast<func::FuncOp>(op->getParentOp());
    if (function && function->getParentOp() == trainer &&
        function.getBody().hasOneBlock() &&
        (function.getSymName() == kMainName || isBetweenSteps(function)))
      return WalkResult::advance();
    return op.emitOpError("must be directly in @main, or a function with "
                          "fleet.every, so that all trainers add its gradient");
  });
  if (result.wasInterrupted())
    return failure();
  if (!isAny)
    return emitError(trainer.getLoc(), "the program has nothing to distribute: "
                                       "no optimizer updates a parameter");
  return success();
}

LogicalResult AllReduceGradientsPass::collect(func::FuncOp function) {
  updates.clear();
  joints.clear();
  uses.clear();
  rowUses.clear();
  for (auto op : function.getOps<OptimizerOpInterface>()) {
    updates.push_back(op);
    auto joint = op.getGradient().getDefiningOp<JointGradientOpInterface>();
    if (!joint)
      addUse(op.getGradientMutable());
    else if (!llvm::is_contained(joints, joint) && failed(collectJoint(joint)))
      return failure();
  }
  return success();
}

/// Gradients are changed together where all of them are, which is behind the
/// waits; so only updates can use the result.
LogicalResult
AllReduceGradientsPass::collectJoint(JointGradientOpInterface joint) {
  for (Operation *user : joint->getUsers()) {
    if (isa<OptimizerOpInterface>(user))
      continue;
    InFlightDiagnostic diag = joint.emitOpError(
        "changes gradients when they have been added, just before updates; "
        "nothing else may use them");
    diag.attachNote(user->getLoc()) << "they are used here";
    return diag;
  }
  joints.push_back(joint);
  for (OpOperand &operand : joint->getOpOperands())
    addUse(operand);
  return success();
}

/// Updates move to where the last one stands. What the program reads or writes
/// has to mean the same as before.
LogicalResult AllReduceGradientsPass::verifyAccesses() {
  Operation *last = updates.back();
  llvm::DenseMap<Attribute, Operation *> writers;
  for (OptimizerOpInterface update : updates) {
    writers[update.getParameterAttr()] = update;
    for (FlatSymbolRefAttr state : update.getStateSymbols())
      writers[state] = update;
  }
  for (Operation &op : *last->getBlock()) {
    if (&op == last)
      return success();
    Attribute variable;
    if (auto read = dyn_cast<ReadOp>(op))
      variable = read.getVariableAttr();
    else if (auto assign = dyn_cast<AssignOp>(op))
      variable = assign.getVariableAttr();
    else if (auto lookup = dyn_cast<LookupOp>(op))
      variable = lookup.getParameterAttr();
    Operation *update = variable ? writers.lookup(variable) : nullptr;
    if (!update || !update->isBeforeInBlock(&op))
      continue;
    InFlightDiagnostic diag =
        op.emitOpError("uses ")
        << variable
        << " after its update but before the last update of the step; all of "
           "them happen there, when gradients have been added";
    diag.attachNote(update->getLoc()) << "it is updated here";
    return diag;
  }
  return success();
}

/// Fills buckets in the order in which gradients are there.
void AllReduceGradientsPass::fill() {
  auto isEarlier = [](OpOperand *a, OpOperand *b) {
    Operation *first = a->get().getDefiningOp();
    Operation *second = b->get().getDefiningOp();
    if (!first || !second)
      return !first && second;
    return first != second && first->isBeforeInBlock(second);
  };
  SmallVector<OpOperand *> ready(uses);
  llvm::stable_sort(ready, isEarlier);
  buckets.clear();
  for (OpOperand *use : ready) {
    Value gradient = use->get();
    auto type = cast<RankedTensorType>(gradient.getType());
    int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
    auto fits = [&](Bucket &bucket) {
      auto first = cast<RankedTensorType>(bucket.gradients.front().getType());
      return bucket.gradients.contains(gradient) ||
             (first.getElementType() == type.getElementType() &&
              bucket.bytes + bytes <= bucketSize);
    };
    if (buckets.empty() || !fits(buckets.back()))
      buckets.emplace_back();
    if (buckets.back().gradients.insert(gradient))
      buckets.back().bytes += bytes;
    buckets.back().uses.push_back(use);
  }
}

/// Begins each bucket when its last gradient is there, waits for it where the
/// last update stood, and updates there.
void AllReduceGradientsPass::reduce(FlatSymbolRefAttr group) {
  Operation *last = updates.back();
  OpBuilder end(last->getContext());
  end.setInsertionPointAfter(last);
  auto moveToEnd = [&](Operation *op) {
    op->moveBefore(end.getInsertionBlock(), end.getInsertionPoint());
  };
  Operation *previous = nullptr;
  for (Bucket &bucket : buckets) {
    Operation *ready = previous;
    SmallVector<Location> locations;
    for (Value gradient : bucket.gradients) {
      locations.push_back(gradient.getLoc());
      Operation *source = gradient.getDefiningOp();
      if (source && (!ready || ready->isBeforeInBlock(source)))
        ready = source;
    }
    OpBuilder b(last->getContext());
    if (ready)
      b.setInsertionPointAfter(ready);
    else
      b.setInsertionPointToStart(last->getBlock());
    Location loc = FusedLoc::get(&getContext(), locations);
    auto start =
        AllReduceStartOp::create(b, loc, TokenType::get(&getContext()),
                                 bucket.gradients.getArrayRef(), group);
    previous = start;
    auto wait = AllReduceWaitOp::create(end, loc, start.getValues().getTypes(),
                                        start.getToken());
    llvm::DenseMap<Value, Value> sums;
    for (auto [gradient, sum] : llvm::zip(bucket.gradients, wait.getSums()))
      sums[gradient] = sum;
    for (OpOperand *use : bucket.uses) {
      use->set(sums.lookup(use->get()));
      if (isa<OptimizerOpInterface>(use->getOwner()))
        moveToEnd(use->getOwner());
    }
  }
  // When all sums are there: nothing else is under way while rows are added.
  for (OpOperand *use : rowUses) {
    use->set(AllGatherRowsOp::create(end, use->getOwner()->getLoc(), use->get(),
                                     group));
    if (isa<OptimizerOpInterface>(use->getOwner()))
      moveToEnd(use->getOwner());
  }
  for (JointGradientOpInterface joint : joints) {
    moveToEnd(joint);
    for (OptimizerOpInterface update : updates)
      if (update.getGradient().getDefiningOp() == joint)
        moveToEnd(update);
  }
}

void AllReduceGradientsPass::runOnOperation() {
  ModuleOp job = getOperation();
  CollectiveJob roles;
  if (bucketSize < 1) {
    emitError(job.getLoc(), "bucket-size: expected at least one byte, got ")
        << bucketSize.getValue();
    return signalPassFailure();
  }
  if (failed(roles.find(job)) || !getMain(roles.trainer) ||
      failed(verifyPlaces(roles.trainer)))
    return signalPassFailure();
  for (auto function : roles.trainer.getOps<func::FuncOp>()) {
    if (failed(collect(function)))
      return signalPassFailure();
    if (updates.empty())
      continue;
    if (failed(verifyAccesses()))
      return signalPassFailure();
    // What a function between steps has is what this trainer adds.
    if (!isBetweenSteps(function)) {
      SmallVector<OpOperand *> weighed(uses);
      for (OpOperand *use : rowUses)
        for (OpOperand &rows :
             findRowGradient(use->get()).getGradientsMutable())
          weighed.push_back(&rows);
      weighGradients(function, weighed, Examples::Share);
    }
    fill();
    reduce(FlatSymbolRefAttr::get(roles.world.getSymNameAttr()));
  }
}
