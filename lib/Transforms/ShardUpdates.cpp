//===- ShardUpdates.cpp - Each trainer updates a part ---------------------===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/CollectiveJob.h"
#include "lib/Transforms/Program.h"
#include "mlir/IR/AttrTypeSubElements.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_SHARDUPDATESPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using namespace mlir::fleet::optim;

namespace {
/// Parts that are gathered together, when all of them have been updated.
struct Gather {
  SmallVector<ParameterOp> parameters, parts;
  Operation *last = nullptr; ///< the last update of one
};

struct ShardUpdatesPass
    : public fleet::impl::ShardUpdatesPassBase<ShardUpdatesPass> {
  using ShardUpdatesPassBase::ShardUpdatesPassBase;

  void runOnOperation() override;

private:
  bool isShardable(OptimizerOpInterface update);
  bool isShardable(Value sum);
  RankedTensorType getPartType(Type whole);
  void scatter(AllReduceStartOp start, AllReduceWaitOp wait);
  void expand(JointGradientOpInterface joint);
  void shard(OptimizerOpInterface update, Value part, Gather &gather);
  ParameterOp declarePart(ParameterOp parameter);
  void gatherParts(func::FuncOp function);
  void takeParts(func::FuncOp startup);

  CollectiveJob roles;
  FlatSymbolRefAttr world;
  std::shared_ptr<SymbolTable> symbols; ///< of the trainer; passes are copyable
  /// Of the function that is being changed.
  llvm::MapVector<Value, Value> parts;      ///< by sum or changed sum
  llvm::DenseMap<Value, unsigned> bucketOf; ///< of a part: index of its gather
  SmallVector<Gather> gathers;
  /// Of the job: what each trainer has a part of, and the parts.
  SmallVector<std::pair<ParameterOp, ParameterOp>> sharded;
};
} // namespace

/// Whether updating a part of the flattened parameter is a part of the update.
bool ShardUpdatesPass::isShardable(OptimizerOpInterface update) {
  auto parameter =
      symbols->lookup<ParameterOp>(update.getParameterAttr().getAttr());
  if (!parameter || parameter.isTable() || !update.isRowSplittable() ||
      !update.takesGradient() || parameter.getOriginShape().empty())
    return false;
  return llvm::all_of(update.getStateSymbols(), [&](FlatSymbolRefAttr name) {
    auto state = symbols->lookup<StateOp>(name.getAttr());
    return state && (state.getType().getRank() == 0 ||
                     (state.getType() == parameter.getType() &&
                      isa<ConstantAttr>(
                          state.getInit().resolve(state.getOriginShape()))));
  });
}

/// Whether nothing needs more of `sum` than a part.
bool ShardUpdatesPass::isShardable(Value sum) {
  return llvm::all_of(sum.getUses(), [&](OpOperand &use) {
    if (auto update = dyn_cast<OptimizerOpInterface>(use.getOwner()))
      return isShardable(update);
    auto joint = dyn_cast<JointGradientOpInterface>(use.getOwner());
    return joint && isShardable(joint->getResult(use.getOperandNumber()));
  });
}

RankedTensorType ShardUpdatesPass::getPartType(Type whole) {
  auto type = cast<RankedTensorType>(whole);
  return RankedTensorType::get({getPartElements(type, roles.trainers)},
                               type.getElementType());
}

/// A reduce-scatter for what needs only parts of its sums.
void ShardUpdatesPass::scatter(AllReduceStartOp start, AllReduceWaitOp wait) {
  SmallVector<Value> scattered, whole, scatteredSums, wholeSums;
  SmallVector<Type> partTypes;
  for (auto [value, sum] : llvm::zip_equal(start.getValues(), wait.getSums())) {
    if (!isShardable(sum)) {
      whole.push_back(value);
      wholeSums.push_back(sum);
      continue;
    }
    scattered.push_back(value);
    scatteredSums.push_back(sum);
    partTypes.push_back(getPartType(value.getType()));
  }
  if (scattered.empty())
    return;
  OpBuilder b(start);
  auto token = TokenType::get(&getContext());
  auto scatterStart =
      ReduceScatterStartOp::create(b, start.getLoc(), token, scattered, world);
  AllReduceStartOp rest;
  if (!whole.empty())
    rest = AllReduceStartOp::create(b, start.getLoc(), token, whole, world);
  b.setInsertionPoint(wait);
  auto scatterWait = ReduceScatterWaitOp::create(b, wait.getLoc(), partTypes,
                                                 scatterStart.getToken());
  for (auto [sum, part] :
       llvm::zip_equal(scatteredSums, scatterWait.getParts())) {
    parts[sum] = part;
    bucketOf[part] = gathers.size();
  }
  gathers.emplace_back();
  if (rest) {
    auto restWait = AllReduceWaitOp::create(
        b, wait.getLoc(), rest.getValues().getTypes(), rest.getToken());
    for (auto [sum, value] : llvm::zip_equal(wholeSums, restWait.getSums()))
      sum.replaceAllUsesWith(value);
  }
}

/// The number by which gradients change is a sum over their parts, too.
void ShardUpdatesPass::expand(JointGradientOpInterface joint) {
  if (llvm::none_of(joint->getOperands(),
                    [&](Value sum) { return parts.contains(sum); }))
    return;
  OpBuilder b(joint);
  Location loc = joint.getLoc();
  auto addTo = [&](Value sum, Value value) -> Value {
    return sum ? nn::AddOp::create(b, loc, sum, value) : value;
  };
  Value ofParts;
  for (Value sum : joint->getOperands())
    if (Value part = parts.lookup(sum))
      ofParts = addTo(ofParts, joint.buildPart(b, loc, part));
  auto start = AllReduceStartOp::create(b, loc, TokenType::get(&getContext()),
                                        ValueRange(ofParts), world);
  Value total = AllReduceWaitOp::create(b, loc, TypeRange(ofParts.getType()),
                                        start.getToken())
                    .getSums()
                    .front();
  for (Value sum : joint->getOperands())
    if (!parts.contains(sum))
      total = addTo(total, joint.buildPart(b, loc, sum));
  for (OpOperand &operand : joint->getOpOperands()) {
    Value part = parts.lookup(operand.get());
    Value changed =
        joint.buildChange(b, loc, part ? part : operand.get(), total);
    OpResult result = joint->getResult(operand.getOperandNumber());
    if (part) {
      parts[result] = changed;
      bucketOf[changed] = bucketOf.lookup(part);
    } else {
      result.replaceAllUsesWith(changed);
    }
  }
}

ParameterOp ShardUpdatesPass::declarePart(ParameterOp parameter) {
  OpBuilder b(parameter);
  MLIRContext *context = &getContext();
  auto origin = OriginAttr::get(
      context, StringAttr::get(context, parameter.getOriginName()),
      DenseI64ArrayAttr::get(context, parameter.getOriginShape()),
      /*row_offset=*/0, /*shards=*/roles.trainers);
  auto part = cast<ParameterOp>(parameter->clone());
  part.setSymName((parameter.getSymName() + ".part").str());
  part.setTypeAttr(TypeAttr::get(getPartType(parameter.getType())));
  part.setInitAttr(ConstantAttr::get(context, 0.0));
  part.removeLrMultiplierAttr();
  part.removeRegularizerAttr();
  part.setOriginAttr(origin);
  part.setTransient(true);
  symbols->insert(part, std::next(parameter->getIterator()));
  sharded.push_back({parameter, part});
  return part;
}

/// Makes `update` one of the trainer's part of its parameter.
void ShardUpdatesPass::shard(OptimizerOpInterface update, Value part,
                             Gather &gather) {
  FlatSymbolRefAttr name = update.getParameterAttr();
  auto parameter = symbols->lookup<ParameterOp>(name.getAttr());
  ParameterOp own = declarePart(parameter);
  auto ownName = FlatSymbolRefAttr::get(own.getSymNameAttr());
  Operation *behind = own;
  for (FlatSymbolRefAttr stateName : update.getStateSymbols()) {
    auto state = symbols->lookup<StateOp>(stateName.getAttr());
    if (state.getType().getRank() > 0) {
      state.setTypeAttr(TypeAttr::get(own.getType()));
      state.setInitAttr(cast<InitializerAttrInterface>(
          state.getInit().resolve(state.getOriginShape())));
      state.setOriginAttr(own.getOriginAttr());
    }
    state.setParameterAttr(ownName);
    state->moveAfter(behind);
    behind = state;
  }
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](FlatSymbolRefAttr symbol) -> Attribute {
    return symbol == name ? ownName : symbol;
  });
  update.getGradientMutable().set(part);
  replacer.replaceElementsIn(update, /*replaceAttrs=*/true,
                             /*replaceLocs=*/false, /*replaceTypes=*/false);
  gather.parameters.push_back(parameter);
  gather.parts.push_back(own);
  if (!gather.last || gather.last->isBeforeInBlock(update))
    gather.last = update;
}

/// A bucket is gathered as soon as it has been updated, and waited for at the
/// end.
void ShardUpdatesPass::gatherParts(func::FuncOp function) {
  OpBuilder end(function.getBody().front().getTerminator());
  llvm::stable_sort(gathers, [](const Gather &a, const Gather &b) {
    return a.last && b.last && a.last->isBeforeInBlock(b.last);
  });
  for (Gather &gather : gathers) {
    if (gather.parts.empty())
      continue;
    Location loc = gather.last->getLoc();
    OpBuilder b(&getContext());
    b.setInsertionPointAfter(gather.last);
    SmallVector<Value> values;
    SmallVector<Type> types;
    for (auto [parameter, part] :
         llvm::zip_equal(gather.parameters, gather.parts)) {
      values.push_back(
          ReadOp::create(b, loc, part.getType(), part.getSymName()));
      types.push_back(parameter.getType());
    }
    auto start = AllGatherStartOp::create(b, loc, TokenType::get(&getContext()),
                                          values, world);
    auto wait = AllGatherWaitOp::create(end, loc, types, start.getToken());
    for (auto [parameter, value] :
         llvm::zip_equal(gather.parameters, wait.getWholes()))
      AssignOp::create(
          end, loc, FlatSymbolRefAttr::get(parameter.getSymNameAttr()), value);
  }
}

/// Parts begin as those of what all trainers have; other state of parts is no
/// one trainer's to give.
void ShardUpdatesPass::takeParts(func::FuncOp startup) {
  SmallVector<BroadcastOp> broadcasts(startup.getOps<BroadcastOp>());
  for (BroadcastOp broadcast : broadcasts) {
    auto variable = symbols->lookup<VariableOpInterface>(
        broadcast.getVariableAttr().getAttr());
    if (OriginAttr origin = variable.getOriginAttr();
        origin && origin.getShards() > 0)
      broadcast.erase();
  }
  OpBuilder b(startup.getBody().front().getTerminator());
  for (auto [parameter, part] : sharded) {
    Location loc = parameter.getLoc();
    Value whole =
        ReadOp::create(b, loc, parameter.getType(), parameter.getSymName());
    AssignOp::create(b, loc, FlatSymbolRefAttr::get(part.getSymNameAttr()),
                     OwnPartOp::create(b, loc, part.getType(), whole, world));
  }
}

void ShardUpdatesPass::runOnOperation() {
  ModuleOp job = getOperation();
  roles = CollectiveJob();
  if (failed(roles.find(job)))
    return signalPassFailure();
  auto startup = roles.trainer.lookupSymbol<func::FuncOp>(kStartupName);
  if (!startup || startup.isExternal()) {
    emitError(roles.trainer.getLoc(), "the trainer has no function @")
        << kStartupName << ", in which trainers would take their parts";
    return signalPassFailure();
  }
  for (auto parameter : roles.trainer.getOps<ParameterOp>())
    if (parameter.isTable()) {
      parameter.emitOpError(
          "is a table, of which every trainer updates the rows "
          "that any of them names, so that none can have a "
          "part; switch sharding off, or declare it without "
          "rows");
      return signalPassFailure();
    }
  world = FlatSymbolRefAttr::get(roles.world.getSymNameAttr());
  symbols = std::make_shared<SymbolTable>(roles.trainer);
  sharded.clear();
  for (auto function : roles.trainer.getOps<func::FuncOp>()) {
    parts.clear();
    bucketOf.clear();
    gathers.clear();
    SmallVector<AllReduceStartOp> starts(function.getOps<AllReduceStartOp>());
    SmallVector<OptimizerOpInterface> updates(
        function.getOps<OptimizerOpInterface>());
    SmallVector<JointGradientOpInterface> joints(
        function.getOps<JointGradientOpInterface>());
    for (AllReduceStartOp start : starts)
      if (AllReduceWaitOp wait = start.getWait())
        scatter(start, wait);
    for (JointGradientOpInterface joint : joints)
      expand(joint);
    for (OptimizerOpInterface update : updates)
      if (Value part = parts.lookup(update.getGradient()))
        shard(update, part, gathers[bucketOf.lookup(part)]);
    // What is left of joints and all-reduces has no use.
    for (JointGradientOpInterface joint : joints)
      if (joint->use_empty())
        joint->erase();
    for (AllReduceStartOp start : starts)
      if (AllReduceWaitOp wait = start.getWait(); wait && wait->use_empty()) {
        wait.erase();
        start.erase();
      }
    gatherParts(function);
  }
  if (sharded.empty()) {
    emitError(roles.trainer.getLoc(),
              "there is nothing to shard: no parameter has an update that "
              "treats its elements separately, with gradients that are added "
              "over all trainers");
    return signalPassFailure();
  }
  takeParts(startup);
}
