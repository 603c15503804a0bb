//===- LocalSGD.cpp - Train alone, become equal every so many steps -------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/CollectiveJob.h"
#include "lib/Transforms/Program.h"
#include "lib/Transforms/RankDependence.h"

#include "llvm/ADT/DenseSet.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_LOCALSGDPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

/// Adaptive: the most steps between two averages, as in Paddle's
/// AdaptiveLocalSGDOptimizer.
static constexpr double kMostSteps = 16;

namespace {
/// Variables that travel together.
struct Bucket {
  SmallVector<VariableOpInterface> variables;
  int64_t bytes = 0;
};

struct LocalSGDPass : public fleet::impl::LocalSGDPassBase<LocalSGDPass> {
  using LocalSGDPassBase::LocalSGDPassBase;

  void runOnOperation() override;

private:
  LogicalResult collect(ModuleOp trainer);
  func::FuncOp createAverage(func::FuncOp main, GroupOp world);
  LogicalResult adapt(func::FuncOp main, func::FuncOp average, GroupOp world);
  Value factorOfRate(ImplicitLocOpBuilder &b, func::FuncOp main,
                     RankedTensorType scalar);

  SmallVector<Bucket> buckets;
  llvm::DenseMap<Attribute, Value> averages; ///< by variable
};
} // namespace

/// What may differ between trainers, in the order of declaration.
LogicalResult LocalSGDPass::collect(ModuleOp trainer) {
  buckets.clear();
  RankDependence dependence(trainer);
  for (auto variable : trainer.getOps<VariableOpInterface>()) {
    auto name = FlatSymbolRefAttr::get(SymbolTable::getSymbolName(variable));
    if (!dependence.differs(name) || variable.getTransient())
      continue;
    if (auto parameter = dyn_cast<ParameterOp>(*variable);
        parameter && parameter.isTable())
      return parameter.emitOpError(
          "has rows, of which each trainer would change others between "
          "averages; switch local_sgd off, or declare it without rows");
    RankedTensorType type = variable.getType();
    int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
    bool fits = !buckets.empty() &&
                buckets.back().bytes + bytes <= bucketSize &&
                buckets.back().variables.front().getType().getElementType() ==
                    type.getElementType();
    if (!fits)
      buckets.emplace_back();
    buckets.back().variables.push_back(variable);
    buckets.back().bytes += bytes;
  }
  if (buckets.empty())
    return emitError(trainer.getLoc(), "the program has nothing to average: no "
                                       "optimizer updates a parameter");
  return success();
}

/// Begins every bucket before the first wait, so that they travel one after the
/// other.
func::FuncOp LocalSGDPass::createAverage(func::FuncOp main, GroupOp world) {
  auto group = FlatSymbolRefAttr::get(world.getSymNameAttr());
  OpBuilder b(main);
  b.setInsertionPointAfter(main);
  auto average = func::FuncOp::create(b, main.getLoc(), kAverageName,
                                      b.getFunctionType({}, {}));
  average->setAttr(FleetDialect::getEveryAttrName(),
                   b.getI64IntegerAttr(steps));
  if (begin > 1)
    average->setAttr(FleetDialect::getBeginAttrName(),
                     b.getI64IntegerAttr(begin));
  b.setInsertionPointToStart(average.addEntryBlock());
  averages.clear();
  llvm::DenseSet<Attribute> counts;
  main->getParentOp()->walk([&](OptimizerOpInterface update) {
    if (FlatSymbolRefAttr count = update.getCountAttr())
      counts.insert(count);
  });
  SmallVector<AllReduceStartOp> starts;
  llvm::DenseMap<Type, Value> shares;
  for (Bucket &bucket : buckets) {
    SmallVector<Value> contributions;
    SmallVector<Location> locations;
    for (VariableOpInterface variable : bucket.variables) {
      Location loc = variable.getLoc();
      RankedTensorType type = variable.getType();
      auto scalar = RankedTensorType::get({}, type.getElementType());
      Value &share = shares[scalar];
      if (!share)
        share = ExamplesOp::create(b, loc, scalar, Examples::Share);
      Value value = ReadOp::create(
          b, loc, type, SymbolTable::getSymbolName(variable).getValue());
      contributions.push_back(nn::MulOp::create(b, loc, value, share));
      locations.push_back(loc);
    }
    starts.push_back(AllReduceStartOp::create(
        b, FusedLoc::get(&getContext(), locations),
        TokenType::get(&getContext()), contributions, group));
  }
  for (auto [bucket, start] : llvm::zip_equal(buckets, starts)) {
    auto wait = AllReduceWaitOp::create(
        b, start.getLoc(), start.getValues().getTypes(), start.getToken());
    for (auto [variable, sum] :
         llvm::zip_equal(bucket.variables, wait.getSums())) {
      auto name = FlatSymbolRefAttr::get(SymbolTable::getSymbolName(variable));
      Value average = sum;
      if (counts.contains(name)) {
        // A number of updates, of which schedules take whole epochs.
        Value half = nn::ConstantOp::create(
            b, variable.getLoc(),
            DenseElementsAttr::get(
                variable.getType(),
                b.getFloatAttr(variable.getType().getElementType(), 0.5)));
        Location loc = variable.getLoc();
        Value whole =
            nn::CastOp::create(b, loc, variable.getType().clone(b.getI64Type()),
                               nn::AddOp::create(b, loc, sum, half));
        average = nn::CastOp::create(b, loc, variable.getType(), whole);
      }
      averages[name] = average;
      AssignOp::create(b, variable.getLoc(), name, average);
    }
  }
  func::ReturnOp::create(b, main.getLoc());
  return average;
}

/// What the learning rate is multiplied by now, over what it was at first; null
/// without a schedule.
Value LocalSGDPass::factorOfRate(ImplicitLocOpBuilder &b, func::FuncOp main,
                                 RankedTensorType scalar) {
  for (auto update : main.getOps<OptimizerOpInterface>()) {
    ScheduleAttrInterface schedule = update.getScheduleAttr();
    FlatSymbolRefAttr count = update.getCountAttr();
    if (!schedule || !count)
      continue;
    // Its average is the same on all trainers, for certain.
    Value now = averages.lookup(count);
    if (!now || now.getType() != scalar)
      continue;
    Value zero = nn::ConstantOp::create(
        b,
        DenseElementsAttr::get(scalar, b.getZeroAttr(scalar.getElementType())));
    return nn::DivOp::create(b, schedule.buildFactor(b, b.getLoc(), now),
                             schedule.buildFactor(b, b.getLoc(), zero));
  }
  return {};
}

/// Makes `average` return the number of steps until it runs next.
LogicalResult LocalSGDPass::adapt(func::FuncOp main, func::FuncOp average,
                                  GroupOp world) {
  auto ret = cast<func::ReturnOp>(main.getBody().front().getTerminator());
  auto scalar = ret.getNumOperands() > 0
                    ? dyn_cast<RankedTensorType>(ret.getOperand(0).getType())
                    : RankedTensorType();
  if (!scalar || scalar.getRank() != 0 || !scalar.getElementType().isF32())
    return main.emitOpError(
        "returns no loss of tensor<f32> that could tell how "
        "many steps to train alone");
  auto trainer = cast<ModuleOp>(main->getParentOp());
  SymbolTable symbols(trainer);
  auto parameter = *trainer.getOps<ParameterOp>().begin();
  OpBuilder declare(parameter);
  declare.setInsertionPointAfter(parameter);
  auto declareScalar = [&](StringRef slot) {
    auto state =
        StateOp::create(declare, main.getLoc(), declare.getStringAttr(slot),
                        FlatSymbolRefAttr::get(parameter.getSymNameAttr()),
                        declare.getStringAttr(slot), TypeAttr::get(scalar),
                        ConstantAttr::get(&getContext(), 0.0), OriginAttr(),
                        declare.getUnitAttr());
    state->remove();
    symbols.insert(state, std::next(parameter->getIterator()));
    return FlatSymbolRefAttr::get(state.getSymNameAttr());
  };
  FlatSymbolRefAttr last = declareScalar("local_sgd_loss");
  FlatSymbolRefAttr first = declareScalar("local_sgd_first_loss");
  OpBuilder step(ret);
  AssignOp::create(step, ret.getLoc(), last, ret.getOperand(0));

  Operation *end = average.getBody().front().getTerminator();
  ImplicitLocOpBuilder b(main.getLoc(), end);
  auto number = [&](double value) -> Value {
    return nn::ConstantOp::create(
        b, DenseElementsAttr::get(
               scalar, b.getFloatAttr(scalar.getElementType(), value)));
  };
  Value share = ExamplesOp::create(b, scalar, Examples::Share);
  Value own = ReadOp::create(b, scalar, last.getValue());
  auto start = AllReduceStartOp::create(
      b, TokenType::get(&getContext()),
      ValueRange(Value(nn::MulOp::create(b, own, share))),
      FlatSymbolRefAttr::get(world.getSymNameAttr()));
  Value loss = AllReduceWaitOp::create(b, TypeRange(scalar), start.getToken())
                   .getSums()
                   .front();
  Value known = ReadOp::create(b, scalar, first.getValue());
  Value isKnown =
      nn::CompareOp::create(b, nn::ComparePredicate::Gt, known, number(0));
  Value reference = nn::SelectOp::create(b, isKnown, known, loss);
  AssignOp::create(b, first, reference);
  Value ratio = nn::DivOp::create(b, loss, reference);
  if (Value factor = factorOfRate(b, main, scalar))
    ratio = nn::DivOp::create(b, ratio, factor);
  Value next = nn::SqrtOp::create(
      b, nn::MulOp::create(b, ratio, number(static_cast<double>(steps))));
  next = nn::MinimumOp::create(b, next, number(kMostSteps));
  next = nn::MaximumOp::create(b, next, number(1));
  func::ReturnOp::create(b, next);
  end->erase();
  average.setFunctionType(b.getFunctionType({}, scalar));
  return success();
}

void LocalSGDPass::runOnOperation() {
  ModuleOp job = getOperation();
  CollectiveJob roles;
  func::FuncOp main;
  if (steps < 1 || begin < 1 || bucketSize < 1) {
    emitError(job.getLoc(), "steps, begin and bucket-size: expected at least "
                            "one, got ")
        << steps.getValue() << ", " << begin.getValue() << " and "
        << bucketSize.getValue();
    return signalPassFailure();
  }
  if (failed(roles.find(job)) || !(main = getMain(roles.trainer)) ||
      failed(collect(roles.trainer)) ||
      failed(freeSymbol(roles.trainer, kAverageName)))
    return signalPassFailure();
  func::FuncOp average = createAverage(main, roles.world);
  if (adaptive && failed(adapt(main, average, roles.world)))
    signalPassFailure();
}
