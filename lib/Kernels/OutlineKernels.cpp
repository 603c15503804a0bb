//===- OutlineKernels.cpp - Fuse operations into kernels ------------------===//

#include "KernelGroups.h"

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "fleet/Conversion/KernelsToLinalg.h"
#include "fleet/Kernels/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "fleet/Kernels/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;

namespace {

/// Makes kernels beside one function and calls them from it.
class Outliner {
public:
  explicit Outliner(func::FuncOp function) : function(function) {}

  LogicalResult outlineGroup(const KernelGroup &group);
  LogicalResult outlineUpdate(optim::OptimizerOpInterface update);
  FailureOr<func::CallOp> outlineRule(OpBuilder &caller,
                                      optim::OptimizerOpInterface update,
                                      ArrayRef<Type> arguments,
                                      ArrayRef<Value> values,
                                      ArrayRef<unsigned> written, int64_t rows);
  /// For an update that needs the whole tensor: a function from the gradient
  /// that reads, computes and assigns.
  FailureOr<func::FuncOp> expandUpdate(optim::OptimizerOpInterface update);
  unsigned getNumKernels() const { return numKernels; }

private:
  func::FuncOp createKernel(Location loc, ArrayRef<Type> arguments,
                            ArrayRef<Type> results, int64_t rows);

  func::FuncOp function;
  unsigned numKernels = 0;
};

struct OutlineKernelsPass
    : fleet::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override;
  LogicalResult outline(func::FuncOp function);
  LogicalResult outlineWhole(Outliner &outliner,
                             optim::OptimizerOpInterface update);
  FailureOr<Value> outlineChange(func::FuncOp apply, optim::RowChangeOp change);
  LogicalResult outlineTable(optim::ParameterOp table,
                             optim::OptimizerOpInterface update);
};

} // namespace

func::FuncOp Outliner::createKernel(Location loc, ArrayRef<Type> arguments,
                                    ArrayRef<Type> results, int64_t rows) {
  OpBuilder b(function.getContext());
  b.setInsertionPointAfter(function);
  // The name becomes a symbol of the kernel library; linkers have ideas about
  // characters such as '@'.
  std::string name = function.getName().str();
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  name += "_k" + std::to_string(numKernels++);
  auto kernel =
      func::FuncOp::create(b, loc, name, b.getFunctionType(arguments, results));
  kernel.setPrivate();
  kernel->setAttr(kRowsAttr,
                  b.getI64IntegerAttr(ShapedType::isDynamic(rows) ? -1 : rows));
  // A name that the user took already is made unique.
  kernel->remove();
  SymbolTable(function->getParentOp()).insert(kernel);
  kernel.addEntryBlock();
  return kernel;
}

LogicalResult Outliner::outlineGroup(const KernelGroup &group) {
  llvm::SmallSetVector<Value, 8> inputs, outputs;
  llvm::SmallDenseSet<Operation *> members(group.ops.begin(), group.ops.end());
  SmallVector<Location> locations;
  for (Operation *op : group.ops) {
    locations.push_back(op->getLoc());
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (!def || (!members.contains(def) && !KernelSchedule::isFree(def)))
        inputs.insert(operand);
    }
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !members.contains(user);
          }))
        outputs.insert(result);
  }
  auto types = [](auto &values) {
    SmallVector<Type> result;
    for (Value value : values)
      result.push_back(value.getType());
    return result;
  };
  func::FuncOp kernel =
      createKernel(FusedLoc::get(function.getContext(), locations),
                   types(inputs), types(outputs), group.rows.value_or(1));

  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
  IRMapping mapping;
  mapping.map(inputs.getArrayRef(), kernel.getArguments());
  for (Operation *op : group.ops) {
    for (Value operand : op->getOperands())
      if (Operation *def = operand.getDefiningOp();
          def && KernelSchedule::isFree(def) && !mapping.contains(operand))
        b.clone(*def, mapping);
    b.clone(*op, mapping);
  }
  SmallVector<Value> results;
  for (Value output : outputs)
    results.push_back(mapping.lookup(output));
  func::ReturnOp::create(b, kernel.getLoc(), results);

  OpBuilder caller(function.getBody().front().getTerminator());
  auto call = func::CallOp::create(caller, kernel.getLoc(), kernel,
                                   inputs.getArrayRef());
  for (unsigned i = 0; i < outputs.size(); ++i)
    Value(outputs[i]).replaceAllUsesWith(call.getResult(i));
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
  return success();
}

/// What `update` updates: the parameter, then its states.
static SmallVector<FlatSymbolRefAttr>
getUpdated(optim::OptimizerOpInterface update) {
  SmallVector<FlatSymbolRefAttr> symbols{update.getParameterAttr()};
  llvm::append_range(symbols, update.getStateSymbols());
  return symbols;
}

/// Reads `symbols`, which `update` updates.
static FailureOr<SmallVector<Value>>
readVariables(OpBuilder &b, optim::OptimizerOpInterface update,
              ArrayRef<FlatSymbolRefAttr> symbols) {
  SmallVector<Value> values;
  for (FlatSymbolRefAttr symbol : symbols) {
    auto variable = dyn_cast_or_null<optim::VariableOpInterface>(
        SymbolTable::lookupNearestSymbolFrom(update, symbol));
    if (!variable)
      return update.emitOpError("refers to ") << symbol << ", which is unknown";
    values.push_back(
        optim::ReadOp::create(b, update.getLoc(), variable.getType(), symbol));
  }
  return values;
}

FailureOr<func::FuncOp>
Outliner::expandUpdate(optim::OptimizerOpInterface update) {
  Location loc = update.getLoc();
  OpBuilder b(function);
  auto whole = func::FuncOp::create(
      loc, (function.getName() + "_update").str(),
      b.getFunctionType(update.getGradient().getType(), {}));
  SymbolTable(function->getParentOp()).insert(whole, function->getIterator());
  b.setInsertionPointToStart(whole.addEntryBlock());
  SmallVector<FlatSymbolRefAttr> symbols = getUpdated(update);
  FailureOr<SmallVector<Value>> old = readVariables(b, update, symbols);
  if (failed(old))
    return failure();
  Value parameter;
  SmallVector<Value> updated;
  if (failed(update.buildUpdate(b, loc, old->front(), whole.getArgument(0),
                                ArrayRef(*old).drop_front(), parameter,
                                updated)))
    return failure();
  updated.insert(updated.begin(), parameter);
  for (auto [symbol, value] : llvm::zip(symbols, updated))
    optim::AssignOp::create(b, loc, symbol, value);
  func::ReturnOp::create(b, loc);
  return whole;
}

/// A kernel for the new values of `written` among `values`, which are those of
/// `symbols` (what is updated) and the gradient, and a call of it at `caller`.
/// Values that the new ones do not depend on may be null.
FailureOr<func::CallOp>
Outliner::outlineRule(OpBuilder &caller, optim::OptimizerOpInterface update,
                      ArrayRef<Type> arguments, ArrayRef<Value> values,
                      ArrayRef<unsigned> written, int64_t rows) {
  Location loc = update.getLoc();
  SmallVector<Type> results;
  for (unsigned i : written)
    results.push_back(arguments[i]);
  func::FuncOp kernel = createKernel(loc, arguments, results, rows);
  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
  ValueRange args = kernel.getArguments();
  SmallVector<Value> updated(1);
  SmallVector<Value> states;
  if (failed(update.buildUpdate(b, loc, args.front(), args.back(),
                                args.drop_front().drop_back(), updated[0],
                                states)))
    return failure();
  llvm::append_range(updated, states);
  SmallVector<Value> returned;
  for (unsigned i : written)
    returned.push_back(updated[i]);
  func::ReturnOp::create(b, loc, returned);
  // Only what the kernel reads or writes becomes one of its buffers.
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(kernel.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  SmallVector<Value> passed;
  llvm::BitVector unused(arguments.size());
  DenseMap<unsigned, unsigned> index;
  for (unsigned i = 0; i < arguments.size(); ++i) {
    bool isWritten = llvm::is_contained(written, i);
    if (kernel.getArgument(i).use_empty() && !isWritten) {
      unused.set(i);
      continue;
    }
    if (!values[i])
      return update.emitOpError("has scalar state that depends on rows, which "
                                "a table cannot have");
    index[i] = passed.size();
    passed.push_back(values[i]);
  }
  if (failed(kernel.eraseArguments(unused)))
    return failure();
  for (auto [result, i] : llvm::enumerate(written))
    kernel.setResultAttr(result, kInplaceAttr, b.getI64IntegerAttr(index[i]));
  return func::CallOp::create(caller, loc, kernel, passed);
}

/// One kernel for what has the shape of the parameter and, after it, one for
/// the scalars (such as powers of Adam's betas): ranges of the first may run
/// at the same time and must all see the old scalars.
LogicalResult Outliner::outlineUpdate(optim::OptimizerOpInterface update) {
  OpBuilder caller(function.getBody().front().getTerminator());
  SmallVector<FlatSymbolRefAttr> symbols = getUpdated(update);
  FailureOr<SmallVector<Value>> read = readVariables(caller, update, symbols);
  if (failed(read))
    return failure();
  SmallVector<Value> values = *read;
  values.push_back(update.getGradient());
  SmallVector<Type> arguments = llvm::to_vector(ValueRange(values).getTypes());
  auto parameterType = cast<RankedTensorType>(arguments.front());

  for (bool scalars : {false, true}) {
    SmallVector<unsigned> written;
    for (unsigned i = 0; i < symbols.size(); ++i)
      if ((cast<RankedTensorType>(arguments[i]).getShape() !=
           parameterType.getShape()) == scalars)
        written.push_back(i);
    if (written.empty())
      continue;
    int64_t rows = scalars || parameterType.getRank() == 0
                       ? 1
                       : parameterType.getDimSize(0);
    FailureOr<func::CallOp> call =
        outlineRule(caller, update, arguments, values, written, rows);
    if (failed(call))
      return failure();
    SmallVector<Value> results(call->getResults());
    // A kernel that computes nothing would write nothing.
    auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        function, call->getCalleeAttr());
    bool isMove = llvm::hasSingleElement(kernel.getBody().front());
    if (isMove)
      for (auto [result, value] :
           llvm::zip(results,
                     kernel.getBody().front().getTerminator()->getOperands()))
        result = call->getOperand(cast<BlockArgument>(value).getArgNumber());
    for (auto [result, i] : llvm::zip(results, written))
      optim::AssignOp::create(caller, update.getLoc(), symbols[i], result);
    if (isMove) {
      call->erase();
      kernel.erase();
    }
  }
  update->erase();
  return success();
}

/// Outlines the update in a function of its own, so that its kernels are the
/// same in every program, and puts the calls where it stood.
LogicalResult
OutlineKernelsPass::outlineWhole(Outliner &outliner,
                                 optim::OptimizerOpInterface update) {
  FailureOr<func::FuncOp> whole = outliner.expandUpdate(update);
  if (failed(whole) || failed(outline(*whole)))
    return failure();
  Block &body = whole->getBody().front();
  body.getArgument(0).replaceAllUsesWith(update.getGradient());
  body.getTerminator()->erase();
  update->getBlock()->getOperations().splice(update->getIterator(),
                                             body.getOperations());
  update->erase();
  whole->erase();
  return success();
}

/// An empty function beside the one that `update` is in.
static func::FuncOp createBeside(optim::OptimizerOpInterface update,
                                 const Twine &name, ArrayRef<Type> arguments) {
  auto function = update->getParentOfType<func::FuncOp>();
  OpBuilder b(update->getContext());
  auto result = func::FuncOp::create(update.getLoc(), name.str(),
                                     b.getFunctionType(arguments, {}));
  SymbolTable(function->getParentOp()).insert(result, function->getIterator());
  b.setInsertionPointToStart(result.addEntryBlock());
  func::ReturnOp::create(b, update.getLoc());
  return result;
}

/// Puts kernels for what becomes of gradients (argument 0) by a number (the
/// last argument) into `apply`.
FailureOr<Value> OutlineKernelsPass::outlineChange(func::FuncOp apply,
                                                   optim::RowChangeOp change) {
  auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      change, change.getChangeAttr());
  Operation *terminator = apply.getBody().front().getTerminator();
  OpBuilder b(terminator);
  IRMapping mapping;
  mapping.map(function.getArgument(0), apply.getArgument(0));
  mapping.map(function.getArgument(1), apply.getArguments().back());
  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator())
    b.clone(op, mapping);
  // Returned for now, so that it is known what the kernels make of it.
  terminator->setOperands(
      mapping.lookupOrDefault(body.getTerminator()->getOperand(0)));
  if (failed(outline(apply)))
    return failure();
  Value changed = terminator->getOperand(0);
  terminator->setOperands({});
  return changed;
}

/// Makes the functions that apply `update` to some rows of `table`, and then to
/// the scalar states, and names them at the table. The update itself stays: it
/// says what the gradients of the rows are.
LogicalResult
OutlineKernelsPass::outlineTable(optim::ParameterOp table,
                                 optim::OptimizerOpInterface update) {
  Location loc = update.getLoc();
  Builder builder(&getContext());
  SmallVector<FlatSymbolRefAttr> symbols = getUpdated(update);
  // Rows of what is updated, or scalars, and rows of gradients.
  SmallVector<Type> types;
  SmallVector<Attribute> names{builder.getStringAttr("gradients")};
  SmallVector<unsigned> rows, scalars;
  auto someRows = [](RankedTensorType type) {
    return type.clone({ShapedType::kDynamic, type.getDimSize(1)});
  };
  for (auto [i, symbol] : llvm::enumerate(symbols)) {
    auto variable = dyn_cast_or_null<optim::VariableOpInterface>(
        SymbolTable::lookupNearestSymbolFrom(update, symbol));
    if (!variable)
      return update.emitOpError("refers to ") << symbol << ", which is unknown";
    bool isScalar = variable.getType().getRank() == 0;
    types.push_back(isScalar ? variable.getType()
                             : someRows(variable.getType()));
    (isScalar ? scalars : rows).push_back(i);
    auto state = dyn_cast<optim::StateOp>(*variable);
    if (!isScalar)
      names.push_back(state ? state.getSlotAttr()
                            : builder.getStringAttr("values"));
  }
  types.push_back(someRows(table.getType()));
  auto change = update.getGradient().getDefiningOp<optim::RowChangeOp>();

  SmallVector<Type> arguments{types.back()};
  for (unsigned i : rows)
    arguments.push_back(types[i]);
  if (change) {
    arguments.push_back(change.getSum().getType());
    names.push_back(builder.getStringAttr("sum"));
  }
  func::FuncOp apply =
      createBeside(update, table.getSymName() + "_update", arguments);
  OpBuilder b(apply.getBody().front().getTerminator());
  SmallVector<Value> values(types.size());
  values.back() = apply.getArgument(0);
  if (change) {
    FailureOr<Value> changed = outlineChange(apply, change);
    if (failed(changed))
      return failure();
    values.back() = *changed;
  }
  for (auto [argument, i] : llvm::enumerate(rows)) {
    values[i] = apply.getArgument(argument + 1);
    apply.setArgAttr(argument + 1, kOverwrittenAttr, builder.getUnitAttr());
  }
  for (auto [i, name] : llvm::enumerate(names))
    apply.setArgAttr(i, "fleet.name", name);
  for (unsigned i : scalars)
    values[i] = optim::ReadOp::create(b, loc, types[i], symbols[i]);
  Outliner outliner(apply);
  if (failed(outliner.outlineRule(b, update, types, values, rows,
                                  ShapedType::kDynamic)))
    return failure();
  table->setAttr(kUpdateAttr, FlatSymbolRefAttr::get(apply));
  ++numKernels;
  if (scalars.empty())
    return success();

  func::FuncOp advance =
      createBeside(update, table.getSymName() + "_advance", {});
  b.setInsertionPoint(advance.getBody().front().getTerminator());
  values.assign(types.size(), Value());
  for (unsigned i : scalars)
    values[i] = optim::ReadOp::create(b, loc, types[i], symbols[i]);
  FailureOr<func::CallOp> call = Outliner(advance).outlineRule(
      b, update, types, values, scalars, /*rows=*/1);
  if (failed(call))
    return failure();
  for (auto [result, i] : llvm::zip(call->getResults(), scalars))
    optim::AssignOp::create(b, loc, symbols[i], result);
  table->setAttr(kAdvanceAttr, FlatSymbolRefAttr::get(advance));
  ++numKernels;
  return success();
}

LogicalResult OutlineKernelsPass::outline(func::FuncOp function) {
  Block &block = function.getBody().front();
  KernelSchedule schedule(block);
  Outliner outliner(function);
  Operation *terminator = block.getTerminator();
  for (const KernelGroup &group : schedule.getGroups()) {
    if (group.isKernel) {
      numFused += group.ops.size();
      if (failed(outliner.outlineGroup(group)))
        return failure();
      continue;
    }
    Operation *op = group.ops.front();
    op->moveBefore(terminator);
    auto update = dyn_cast<optim::OptimizerOpInterface>(op);
    if (!update)
      continue;
    auto parameter = SymbolTable::lookupNearestSymbolFrom<optim::ParameterOp>(
        update, update.getParameterAttr());
    if (failed(parameter && parameter.isTable()
                   ? outlineTable(parameter, update)
               : update.isRowSplittable() ? outliner.outlineUpdate(update)
                                          : outlineWhole(outliner, update)))
      return failure();
  }
  numKernels += outliner.getNumKernels();
  return success();
}

void OutlineKernelsPass::runOnOperation() {
  // What changes rows becomes part of their updates.
  llvm::SetVector<Operation *> changes;
  getOperation().walk([&](optim::RowChangeOp change) {
    changes.insert(
        SymbolTable::lookupNearestSymbolFrom(change, change.getChangeAttr()));
  });
  SmallVector<func::FuncOp> functions;
  getOperation().walk([&](func::FuncOp function) {
    if (!function.isExternal() && !function->hasAttr(kRowsAttr) &&
        !changes.contains(function))
      functions.push_back(function);
  });
  for (func::FuncOp function : functions) {
    if (!function.getBody().hasOneBlock()) {
      function.emitOpError("has control flow, which kernels cannot have");
      return signalPassFailure();
    }
    if (failed(outline(function)))
      return signalPassFailure();
  }
}
