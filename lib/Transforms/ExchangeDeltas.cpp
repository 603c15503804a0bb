//===- ExchangeDeltas.cpp - Train locally, exchange what changed ----------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/Program.h"

#include "llvm/ADT/SetVector.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_EXCHANGEDELTASPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

namespace {

/// A parameter that trainers change, and what it was at the last exchange.
struct Exchanged {
  ParameterOp parameter, base;
  Value rest; ///< what has changed and is not told now
};

struct ExchangeDeltasPass
    : public fleet::impl::ExchangeDeltasPassBase<ExchangeDeltasPass> {
  using ExchangeDeltasPassBase::ExchangeDeltasPassBase;

  void runOnOperation() override;

private:
  LogicalResult collect(func::FuncOp main);
  void declareBases();
  void createStartup(Location loc);
  void createExchange(Location loc);

  SmallVector<Exchanged> exchanged;
};

} // namespace

/// The parameters that optimizers change, in the order of their updates.
LogicalResult ExchangeDeltasPass::collect(func::FuncOp main) {
  ModuleOp program = getOperation();
  exchanged.clear();
  llvm::SmallSetVector<Attribute, 8> names;
  SymbolTable symbols(program);
  auto result = program.walk([&](OptimizerOpInterface op) -> WalkResult {
    if (op->getParentOp() != main)
      return op.emitOpError("must be directly in @main, so that every step "
                            "updates once");
    auto parameter =
        symbols.lookup<ParameterOp>(op.getParameterAttr().getAttr());
    if (!parameter)
      return op.emitOpError("updates ")
             << op.getParameterAttr() << ", which is no optim.parameter";
    if (parameter.isTable()) {
      InFlightDiagnostic diag =
          op.emitOpError("updates ")
          << op.getParameterAttr()
          << ", whose rows every step pulls and pushes; in mode geo a trainer "
             "trains by itself between exchanges, so it has to hold all of it";
      diag.attachNote(parameter.getLoc())
          << "declare it without rows, or use another mode";
      return diag;
    }
    if (names.insert(op.getParameterAttr()))
      exchanged.push_back({parameter, {}, {}});
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  if (exchanged.empty())
    return emitError(program.getLoc(), "the program has nothing to distribute: "
                                       "no optimizer updates a parameter");
  return success();
}

/// The base of a parameter holds the same rows, and starts with the same
/// values, as initial values go by the origin.
void ExchangeDeltasPass::declareBases() {
  SymbolTable symbols(getOperation());
  for (Exchanged &e : exchanged) {
    auto base = cast<ParameterOp>(e.parameter->clone());
    if (!e.parameter.getOriginAttr())
      base.setOriginAttr(
          OriginAttr::get(&getContext(), e.parameter.getSymNameAttr(),
                          DenseI64ArrayAttr::get(
                              &getContext(), e.parameter.getType().getShape()),
                          /*row_offset=*/0));
    base.removeLrMultiplierAttr();
    base.removeRegularizerAttr();
    base.setSymName((e.parameter.getSymName() + ".base").str());
    symbols.insert(base, std::next(e.parameter->getIterator()));
    e.base = base;
  }
}

static Value read(OpBuilder &b, Location loc, ParameterOp parameter) {
  return ReadOp::create(b, loc, parameter.getType(), parameter.getSymName());
}

static void assign(OpBuilder &b, Location loc, ParameterOp parameter,
                   Value value) {
  AssignOp::create(b, loc, FlatSymbolRefAttr::get(parameter.getSymNameAttr()),
                   value);
}

/// What servers begin with, after a checkpoint was loaded too.
void ExchangeDeltasPass::createStartup(Location loc) {
  OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
  auto startup =
      func::FuncOp::create(b, loc, kStartupName, b.getFunctionType({}, {}));
  b.setInsertionPointToStart(startup.addEntryBlock());
  for (Exchanged &e : exchanged)
    assign(b, e.parameter.getLoc(), e.parameter,
           read(b, e.parameter.getLoc(), e.base));
  func::ReturnOp::create(b, loc);
}

void ExchangeDeltasPass::createExchange(Location loc) {
  OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
  auto exchange =
      func::FuncOp::create(b, loc, kExchangeName, b.getFunctionType({}, {}));
  exchange->setAttr(dist::FleetDialect::getEveryAttrName(),
                    b.getI64IntegerAttr(every));
  b.setInsertionPointToStart(exchange.addEntryBlock());
  SmallVector<Value> deltas;
  for (Exchanged &e : exchanged) {
    Location at = e.parameter.getLoc();
    Value changed =
        nn::SubOp::create(b, at, read(b, at, e.parameter), read(b, at, e.base));
    auto type =
        RankedTensorType::get({}, e.parameter.getType().getElementType());
    Value share = nn::ConstantOp::create(
        b, at,
        DenseElementsAttr::get(
            type, cast<Attribute>(b.getFloatAttr(
                      type.getElementType(),
                      1.0 / static_cast<double>(trainers.getValue())))));
    deltas.push_back(nn::MulOp::create(b, at, changed, share));
    e.rest = nn::SubOp::create(b, at, changed, deltas.back());
  }
  for (auto [e, delta] : llvm::zip(exchanged, deltas))
    ApplyDeltaOp::create(b, e.parameter.getLoc(), e.base.getSymName(), delta,
                         /*gradient_rules=*/ArrayAttr(),
                         /*count=*/FlatSymbolRefAttr(),
                         /*schedule=*/ScheduleAttrInterface());
  for (Exchanged &e : exchanged) {
    Location at = e.parameter.getLoc();
    assign(b, at, e.parameter,
           nn::AddOp::create(b, at, read(b, at, e.base), e.rest));
  }
  func::ReturnOp::create(b, loc);
}

void ExchangeDeltasPass::runOnOperation() {
  ModuleOp program = getOperation();
  func::FuncOp main;
  if (every < 1 || trainers < 1) {
    emitError(program.getLoc(), every < 1 ? "every" : "trainers")
        << ": expected at least 1, got "
        << (every < 1 ? every : trainers).getValue();
    return signalPassFailure();
  }
  if (failed(verifySingleMachine(program)) || !(main = getMain(program)) ||
      failed(freeSymbol(program, kStartupName)) ||
      failed(freeSymbol(program, kExchangeName)) || failed(collect(main)))
    return signalPassFailure();
  declareBases();
  createStartup(main.getLoc());
  createExchange(main.getLoc());
}
