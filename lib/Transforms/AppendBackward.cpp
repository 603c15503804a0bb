//===- AppendBackward.cpp - Write out what optim.minimize stands for ------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/Program.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_APPENDBACKWARDPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

namespace {
/// Gradients of one loss, by a reverse walk over the block that computes it.
class ReverseWalk {
public:
  ReverseWalk(MinimizeOp minimize, const SymbolTable &symbols)
      : minimize(minimize), symbols(symbols), b(minimize) {}

  /// The sum of the gradients of all reads of each trained parameter that the
  /// loss depends on.
  FailureOr<llvm::SmallMapVector<Attribute, Value, 8>> run();

private:
  LogicalResult findVaried();
  void addRowGradients(llvm::SmallMapVector<Attribute, Value, 8> &sums);
  bool spreadVaried(Operation *op);
  LogicalResult visit(Operation *op);
  LogicalResult decompose(Operation *op);
  void accumulate(Value value, Value gradient);

  MinimizeOp minimize;
  const SymbolTable &symbols; ///< of the program
  OpBuilder b;
  /// Reads of the parameters to train, and lookups of rows of them, in program
  /// order.
  SmallVector<ReadOp> reads;
  SmallVector<LookupOp> lookups;
  /// Float values that change with a trained parameter.
  llvm::DenseSet<Value> varied;
  llvm::DenseMap<Value, Value> gradients;
  /// The next operation to visit.
  Operation *next = nullptr;
};
} // namespace

static bool isFloat(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// Adds the results of `op` to the varied values if an operand is, or a value
/// that its regions use. Returns whether that is so.
bool ReverseWalk::spreadVaried(Operation *op) {
  bool isVaried = op->walk([&](Operation *inner) {
                      for (Value operand : inner->getOperands())
                        if (varied.contains(operand))
                          return WalkResult::interrupt();
                      return WalkResult::advance();
                    }).wasInterrupted();
  if (isVaried)
    for (Value result : op->getResults())
      if (isFloat(result))
        varied.insert(result);
  return isVaried;
}

/// The parameter that `op` takes all or rows of, in `value`; null for other
/// ops.
static FlatSymbolRefAttr getSource(Operation *op, Value &value) {
  if (auto read = dyn_cast<ReadOp>(op)) {
    value = read.getValue();
    return read.getVariableAttr();
  }
  if (auto lookup = dyn_cast<LookupOp>(op)) {
    value = lookup.getValue();
    return lookup.getParameterAttr();
  }
  return {};
}

LogicalResult ReverseWalk::findVaried() {
  llvm::DenseSet<Attribute> listed;
  if (ArrayAttr parameters = minimize.getParametersAttr())
    listed.insert(parameters.begin(), parameters.end());
  for (Operation &op : *minimize->getBlock()) {
    if (&op == minimize)
      return success();
    Value value;
    FlatSymbolRefAttr name = getSource(&op, value);
    if (!name) {
      spreadVaried(&op);
      continue;
    }
    auto parameter = symbols.lookup<ParameterOp>(name.getAttr());
    if (!parameter || parameter.getFrozen() ||
        (!listed.empty() && !listed.contains(name)))
      continue;
    varied.insert(value);
    if (auto lookup = dyn_cast<LookupOp>(op)) {
      lookups.push_back(lookup);
      continue;
    }
    if (parameter.isTable()) {
      InFlightDiagnostic diag = op.emitOpError("reads ")
                                << name
                                << ", a table; run optim-lookup-rows "
                                   "first";
      diag.attachNote(parameter.getLoc()) << "it is declared here";
      return diag;
    }
    reads.push_back(cast<ReadOp>(op));
  }
  return success();
}

void ReverseWalk::accumulate(Value value, Value gradient) {
  auto [known, isFirst] = gradients.try_emplace(value, gradient);
  if (isFirst)
    return;
  Operation *source = value.getDefiningOp();
  known->second =
      nn::AddOp::create(b, source ? source->getLoc() : minimize.getLoc(),
                        known->second, gradient);
}

/// Replaces a composite by what it is made of, which is then visited instead.
LogicalResult ReverseWalk::decompose(Operation *op) {
  Operation *before = op->getPrevNode();
  OpBuilder local(op);
  auto values = cast<nn::DecomposableOpInterface>(op).decompose(local);
  if (failed(values))
    return failure();
  for (auto [result, value] : llvm::zip_equal(op->getResults(), *values)) {
    varied.erase(result);
    if (Value gradient = gradients.lookup(result)) {
      gradients.erase(result);
      accumulate(value, gradient);
    }
  }
  op->replaceAllUsesWith(*values);
  Operation *last = op->getPrevNode();
  op->erase();
  for (Operation *part = before ? before->getNextNode()
                                : &minimize->getBlock()->front();
       last != before; part = part->getNextNode()) {
    spreadVaried(part);
    if (part == last)
      break;
  }
  next = last;
  return success();
}

LogicalResult ReverseWalk::visit(Operation *op) {
  SmallVector<Value> resultGradients;
  for (Value result : op->getResults())
    resultGradients.push_back(gradients.lookup(result));
  if (llvm::none_of(resultGradients, [](Value v) { return v != nullptr; }) ||
      isa<ReadOp, LookupOp>(op) || !spreadVaried(op))
    return success();

  auto differentiable = dyn_cast<nn::DifferentiableOpInterface>(op);
  if (!differentiable && isa<nn::DecomposableOpInterface>(op))
    return decompose(op);
  if (!differentiable) {
    InFlightDiagnostic diag = op->emitOpError(
        "has no gradient, but a parameter reaches the loss through it");
    diag.attachNote(minimize.getLoc()) << "the loss is minimized here";
    return diag;
  }

  SmallVector<Value> operandGradients;
  if (failed(
          differentiable.buildGradient(b, resultGradients, operandGradients)))
    return failure();
  if (operandGradients.size() != op->getNumOperands())
    return op->emitOpError("has ")
           << op->getNumOperands() << " operands but gave "
           << operandGradients.size() << " gradients";
  for (auto [operand, gradient] :
       llvm::zip_equal(op->getOperands(), operandGradients)) {
    if (!gradient || !varied.contains(operand))
      continue;
    if (gradient.getType() != operand.getType())
      return op->emitOpError("gave a gradient of type ")
             << gradient.getType() << " for an operand of type "
             << operand.getType();
    accumulate(operand, gradient);
  }
  return success();
}

/// One gradient a table, of all its lookups that the loss depends on.
void ReverseWalk::addRowGradients(
    llvm::SmallMapVector<Attribute, Value, 8> &sums) {
  struct Rows {
    SmallVector<Value> ids, gradients;
    SmallVector<int64_t> padding;
    SmallVector<Location> locations;
  };
  llvm::SmallMapVector<Attribute, Rows, 8> tables;
  for (LookupOp lookup : lookups)
    if (Value gradient = gradients.lookup(lookup.getValue())) {
      Rows &rows = tables[lookup.getParameterAttr()];
      rows.ids.push_back(lookup.getIds());
      rows.gradients.push_back(gradient);
      rows.padding.push_back(
          static_cast<int64_t>(lookup.getPaddingIdx().value_or(-1)));
      rows.locations.push_back(lookup.getLoc());
    }
  for (auto &[symbol, rows] : tables) {
    auto name = cast<FlatSymbolRefAttr>(symbol);
    sums[name] = RowGradientOp::create(
        b, FusedLoc::get(b.getContext(), rows.locations),
        symbols.lookup<ParameterOp>(name.getAttr()).getType(), name, rows.ids,
        rows.gradients, b.getDenseI64ArrayAttr(rows.padding));
  }
}

FailureOr<llvm::SmallMapVector<Attribute, Value, 8>> ReverseWalk::run() {
  if (failed(findVaried()))
    return failure();
  Value loss = minimize.getLoss();
  if (varied.contains(loss)) {
    accumulate(loss,
               LossGradientOp::create(b, minimize.getLoc(), loss.getType()));
    // What is built on the way lies behind the last visited operation.
    for (Operation *op = loss.getDefiningOp(); op; op = next) {
      next = op->getPrevNode();
      if (failed(visit(op)))
        return failure();
    }
  }

  llvm::SmallMapVector<Attribute, Value, 8> sums;
  for (ReadOp read : reads)
    if (Value gradient = gradients.lookup(read.getValue())) {
      auto [sum, isFirst] = sums.try_emplace(read.getVariableAttr(), gradient);
      if (!isFirst)
        sum->second =
            nn::AddOp::create(b, read.getLoc(), sum->second, gradient);
    }
  addRowGradients(sums);
  if (sums.empty())
    return minimize.emitOpError(
        "has a loss that depends on no parameter that is trained");
  if (ArrayAttr parameters = minimize.getParametersAttr())
    for (Attribute parameter : parameters)
      if (!sums.contains(parameter))
        return minimize.emitOpError("lists ")
               << parameter << ", which the loss does not depend on";
  return sums;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct AppendBackwardPass
    : public fleet::impl::AppendBackwardPassBase<AppendBackwardPass> {
  void runOnOperation() override;

private:
  LogicalResult addEvaluate(func::FuncOp main);
  LogicalResult expand(MinimizeOp minimize);

  std::shared_ptr<SymbolTable> symbols; ///< a pass is copyable
  /// The op that updates each parameter, by symbol.
  llvm::DenseMap<Attribute, Operation *> updates;
};
} // namespace

/// `minimize` stands where the walk can see all of the loss.
static LogicalResult verifyPlace(MinimizeOp minimize, ModuleOp program) {
  Operation *parent = minimize->getParentOp();
  if (isa<func::FuncOp>(parent) && parent->getParentOp() == program &&
      parent->getRegion(0).hasOneBlock())
    return success();
  return minimize.emitOpError(
      "must be directly in a function of the program whose body is one block");
}

LogicalResult AppendBackwardPass::addEvaluate(func::FuncOp main) {
  ModuleOp program = getOperation();
  if (program.lookupSymbol<func::FuncOp>(kEvaluateName))
    return success();
  if (failed(freeSymbol(program, kEvaluateName)))
    return failure();
  OpBuilder b(main->getContext());
  b.setInsertionPointAfter(main);
  auto evaluate = cast<func::FuncOp>(b.clone(*main));
  evaluate.setSymName(kEvaluateName);
  SmallVector<Operation *> training;
  evaluate.walk([&](Operation *op) {
    if (isa<MinimizeOp, AssignOp, OptimizerOpInterface>(op))
      training.push_back(op);
  });
  for (Operation *op : training)
    op->erase();
  for (Block &block : evaluate.getBody())
    eraseDeadOps(nullptr, block.getTerminator());
  return success();
}

/// Makes `update` clip and regularize the gradient of `parameter` as `minimize`
/// or the parameter itself says.
static LogicalResult setGradientRules(MinimizeOp minimize,
                                      ParameterOp parameter,
                                      Operation *update) {
  SmallVector<Attribute> rules;
  if (isa_and_nonnull<GradientRuleAttrInterface>(minimize.getClipAttr()))
    rules.push_back(minimize.getClipAttr());
  GradientRuleAttrInterface regularizer = parameter.getRegularizerAttr();
  if (!regularizer)
    regularizer = minimize.getRegularizerAttr();
  if (regularizer)
    rules.push_back(regularizer);
  if (rules.empty())
    return success();
  auto optimizer = dyn_cast<OptimizerOpInterface>(update);
  if (optimizer && succeeded(optimizer.setGradientRules(
                       ArrayAttr::get(update->getContext(), rules))))
    return success();
  InFlightDiagnostic diag = minimize.emitOpError("uses ")
                            << update->getName()
                            << ", which can neither clip nor regularize";
  diag.attachNote(parameter.getLoc()) << "needed for this parameter";
  return diag;
}

LogicalResult AppendBackwardPass::expand(MinimizeOp minimize) {
  ModuleOp program = getOperation();
  if (failed(verifyPlace(minimize, program)))
    return failure();
  auto gradients = ReverseWalk(minimize, *symbols).run();
  if (failed(gradients))
    return failure();

  OpBuilder b(minimize);
  OptimizerAttrInterface optimizer = minimize.getOptimizer();
  SmallVector<ParameterOp> parameters;
  SmallVector<Value> values;
  for (auto parameter : program.getOps<ParameterOp>())
    if (Value gradient = gradients->lookup(
            FlatSymbolRefAttr::get(parameter.getSymNameAttr()))) {
      parameters.push_back(parameter);
      values.push_back(gradient);
    }
  if (auto joint =
          dyn_cast_or_null<JointClipAttrInterface>(minimize.getClipAttr())) {
    auto clip = joint.createClip(b, minimize.getLoc(), values);
    if (failed(clip))
      return failure();
    values.assign((*clip)->result_begin(), (*clip)->result_end());
  }
  for (auto [parameter, gradient] : llvm::zip_equal(parameters, values)) {
    auto name = FlatSymbolRefAttr::get(parameter.getSymNameAttr());
    auto [known, isFirst] = updates.try_emplace(name, minimize);
    if (!isFirst) {
      InFlightDiagnostic diag = minimize.emitOpError("updates ")
                                << name << ", which is updated already";
      diag.attachNote(known->second->getLoc()) << "it is updated here";
      return diag;
    }
    StateBuilder stateBuilder(*symbols);
    stateBuilder.setInsertionPointAfter(parameter);
    auto update = optimizer.createUpdate(stateBuilder, b, minimize.getLoc(),
                                         name, gradient);
    if (failed(update))
      return failure();
    if (failed(setGradientRules(minimize, parameter, *update)))
      return failure();
    if (ScheduleAttrInterface schedule = minimize.getScheduleAttr())
      if (auto op = dyn_cast<OptimizerOpInterface>(*update);
          !op || failed(op.setSchedule(stateBuilder, schedule)))
        return failure();
    known->second = *update;
  }
  return success();
}

void AppendBackwardPass::runOnOperation() {
  ModuleOp program = getOperation();
  SmallVector<MinimizeOp> minimizes;
  updates.clear();
  program.walk([&](Operation *op) {
    if (auto minimize = dyn_cast<MinimizeOp>(op))
      minimizes.push_back(minimize);
    if (auto update = dyn_cast<OptimizerOpInterface>(op))
      updates[update.getParameterAttr()] = op;
  });
  if (auto main = program.lookupSymbol<func::FuncOp>(kMainName);
      main && !main.isExternal() && failed(addEvaluate(main)))
    return signalPassFailure();
  symbols = std::make_shared<SymbolTable>(program);
  for (MinimizeOp minimize : minimizes)
    if (failed(expand(minimize)))
      return signalPassFailure();
  for (MinimizeOp minimize : minimizes) {
    Operation *end = minimize->getBlock()->getTerminator();
    minimize->erase();
    // Gradients of values that are not trained, mostly.
    eraseDeadOps(nullptr, end);
  }
}
