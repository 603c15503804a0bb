//===- MergeGradients.cpp - Update once for several steps -----------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/GradientWeights.h"
#include "lib/Transforms/Program.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_MERGEGRADIENTSPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

namespace {
struct MergeGradientsPass
    : public fleet::impl::MergeGradientsPassBase<MergeGradientsPass> {
  using MergeGradientsPassBase::MergeGradientsPassBase;

  void runOnOperation() override;

private:
  LogicalResult collect(func::FuncOp main);
  LogicalResult addUse(const SymbolTable &symbols, OptimizerOpInterface update,
                       OpOperand &gradient);
  LogicalResult verifyAccesses(func::FuncOp main);
  StateOp declareSum(SymbolTable &symbols, OptimizerOpInterface update,
                     RankedTensorType type);
  void addUp(func::FuncOp main);
  void createUpdate(func::FuncOp main);

  SmallVector<OptimizerOpInterface> updates;    ///< in program order
  SmallVector<JointGradientOpInterface> joints; ///< before them
  llvm::DenseSet<Operation *> moved;            ///< all of these
  /// Operands, of updates and joints, that are gradients of a step.
  SmallVector<OpOperand *> uses;
  /// The update of which each is the gradient, or with others.
  SmallVector<OptimizerOpInterface> updateOfUse;
  llvm::SmallMapVector<Value, StateOp, 8> sums; ///< by gradient
};
} // namespace

LogicalResult MergeGradientsPass::addUse(const SymbolTable &symbols,
                                         OptimizerOpInterface update,
                                         OpOperand &gradient) {
  auto parameter =
      symbols.lookup<ParameterOp>(update.getParameterAttr().getAttr());
  if (parameter && parameter.isTable()) {
    InFlightDiagnostic diag =
        update.emitOpError("updates ")
        << update.getParameterAttr()
        << ", of whose rows each step has other gradients; they cannot be "
           "added up over steps";
    diag.attachNote(parameter.getLoc()) << "declare it without rows";
    return diag;
  }
  uses.push_back(&gradient);
  updateOfUse.push_back(update);
  return success();
}

/// The updates of @main that take gradients, and what they take.
LogicalResult MergeGradientsPass::collect(func::FuncOp main) {
  updates.clear();
  joints.clear();
  uses.clear();
  updateOfUse.clear();
  moved.clear();
  SymbolTable symbols(getOperation());
  auto result = getOperation().walk([&](OptimizerOpInterface op) -> WalkResult {
    if (!op.takesGradient())
      return WalkResult::advance();
    if (op->getParentOp() != main)
      return op.emitOpError("must be directly in @main, so that every step has "
                            "its gradient");
    updates.push_back(op);
    moved.insert(op);
    for (OpOperand &operand : op->getOpOperands())
      if (&operand != &op.getGradientMutable())
        return op.emitOpError("takes more than its gradient, so it cannot wait "
                              "for those of other steps");
    auto joint = op.getGradient().getDefiningOp<JointGradientOpInterface>();
    if (!joint)
      return WalkResult(addUse(symbols, op, op.getGradientMutable()));
    unsigned index = cast<OpResult>(op.getGradient()).getResultNumber();
    if (moved.insert(joint).second)
      joints.push_back(joint);
    return WalkResult(addUse(symbols, op, joint->getOpOperand(index)));
  });
  if (result.wasInterrupted())
    return failure();
  if (updates.empty())
    return emitError(getOperation().getLoc(),
                     "the program has no gradients to add up: no optimizer "
                     "updates a parameter");
  for (JointGradientOpInterface joint : joints)
    for (Operation *user : joint->getUsers())
      if (!moved.contains(user)) {
        InFlightDiagnostic diag = joint.emitOpError(
            "changes gradients when those of several steps have been added; "
            "nothing but updates may use them");
        diag.attachNote(user->getLoc()) << "they are used here";
        return diag;
      }
  return success();
}

/// Updates happen behind the step. What it reads or writes has to mean the same
/// as before.
LogicalResult MergeGradientsPass::verifyAccesses(func::FuncOp main) {
  llvm::DenseMap<Attribute, Operation *> writers;
  for (OptimizerOpInterface update : updates) {
    writers[update.getParameterAttr()] = update;
    for (FlatSymbolRefAttr state : update.getStateSymbols())
      writers[state] = update;
  }
  for (Operation &op : main.getBody().front()) {
    Attribute variable;
    if (auto read = dyn_cast<ReadOp>(op))
      variable = read.getVariableAttr();
    else if (auto assign = dyn_cast<AssignOp>(op))
      variable = assign.getVariableAttr();
    Operation *update = variable ? writers.lookup(variable) : nullptr;
    if (!update || !update->isBeforeInBlock(&op))
      continue;
    InFlightDiagnostic diag = op.emitOpError("uses ")
                              << variable
                              << " after its update, which happens behind the "
                                 "step when gradients are merged";
    diag.attachNote(update->getLoc()) << "it is updated here";
    return diag;
  }
  return success();
}

StateOp MergeGradientsPass::declareSum(SymbolTable &symbols,
                                       OptimizerOpInterface update,
                                       RankedTensorType type) {
  auto parameter =
      symbols.lookup<ParameterOp>(update.getParameterAttr().getAttr());
  OpBuilder b(parameter);
  b.setInsertionPointAfter(parameter);
  auto sum = StateOp::create(
      b, update.getLoc(),
      b.getStringAttr(parameter.getOriginName() + "/gradient_sum"),
      update.getParameterAttr(), b.getStringAttr("gradient_sum"),
      TypeAttr::get(type), ConstantAttr::get(b.getContext(), 0.0), OriginAttr(),
      b.getUnitAttr());
  sum->remove();
  symbols.insert(sum, std::next(parameter->getIterator()));
  return sum;
}

/// The step adds its gradients to what is there.
void MergeGradientsPass::addUp(func::FuncOp main) {
  SymbolTable symbols(getOperation());
  sums.clear();
  OpBuilder b(main.getBody().front().getTerminator());
  for (auto [use, update] : llvm::zip_equal(uses, updateOfUse)) {
    Value gradient = use->get();
    StateOp &sum = sums[gradient];
    if (sum)
      continue;
    Location loc = update.getLoc();
    sum =
        declareSum(symbols, update, cast<RankedTensorType>(gradient.getType()));
    Value old = ReadOp::create(b, loc, gradient.getType(), sum.getSymName());
    AssignOp::create(b, loc, FlatSymbolRefAttr::get(sum.getSymNameAttr()),
                     nn::AddOp::create(b, loc, old, gradient));
  }
}

/// Moves what is done with gradients into a function of its own.
void MergeGradientsPass::createUpdate(func::FuncOp main) {
  OpBuilder b(main);
  b.setInsertionPointAfter(main);
  auto update = func::FuncOp::create(b, main.getLoc(), kUpdateName,
                                     b.getFunctionType({}, {}));
  update->setAttr(dist::FleetDialect::getEveryAttrName(),
                  b.getI64IntegerAttr(steps));
  b.setInsertionPointToStart(update.addEntryBlock());
  auto end = func::ReturnOp::create(b, main.getLoc());
  b.setInsertionPoint(end);
  llvm::DenseMap<Value, Value> merged;
  llvm::DenseMap<Type, Value> totals;
  for (auto &[gradient, sum] : sums) {
    Location loc = sum.getLoc();
    Value value = ReadOp::create(b, loc, sum.getType(), sum.getSymName());
    if (average) {
      auto scalar = RankedTensorType::get({}, sum.getType().getElementType());
      Value &total = totals[scalar];
      if (!total)
        total = dist::ExamplesOp::create(b, loc, scalar, dist::Examples::All);
      value = nn::DivOp::create(b, loc, value, total);
    }
    merged[gradient] = value;
  }
  for (OpOperand *use : uses)
    use->set(merged.lookup(use->get()));
  // Joint ops and updates, in the order in which they stood.
  for (Operation &op :
       llvm::make_early_inc_range(main.getBody().front().without_terminator()))
    if (moved.contains(&op))
      op.moveBefore(end);
  for (auto &[gradient, sum] : sums) {
    Value zeros = nn::ConstantOp::create(
        b, sum.getLoc(),
        DenseElementsAttr::get(sum.getType(),
                               b.getZeroAttr(sum.getType().getElementType())));
    AssignOp::create(b, sum.getLoc(),
                     FlatSymbolRefAttr::get(sum.getSymNameAttr()), zeros);
  }
}

void MergeGradientsPass::runOnOperation() {
  ModuleOp program = getOperation();
  func::FuncOp main;
  if (steps < 1) {
    emitError(program.getLoc(), "steps: expected at least one, got ")
        << steps.getValue();
    return signalPassFailure();
  }
  if (failed(verifySingleMachine(program)) || !(main = getMain(program)) ||
      failed(collect(main)) || failed(verifyAccesses(main)) ||
      failed(freeSymbol(program, kUpdateName)))
    return signalPassFailure();
  // A sum over steps of sums over examples, or of means of steps.
  weighGradients(main, uses,
                 average ? dist::Examples::Own : dist::Examples::Share);
  addUp(main);
  createUpdate(main);
}
