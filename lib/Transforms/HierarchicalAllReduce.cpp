//===- HierarchicalAllReduce.cpp - Within machines, then between them -----===//

#include "fleet/Transforms/Passes.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "lib/Transforms/CollectiveJob.h"
#include "lib/Transforms/Program.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_HIERARCHICALALLREDUCEPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

namespace {
struct HierarchicalAllReducePass
    : public fleet::impl::HierarchicalAllReducePassBase<
          HierarchicalAllReducePass> {
  using HierarchicalAllReducePassBase::HierarchicalAllReducePassBase;

  void runOnOperation() override;

private:
  FlatSymbolRefAttr declareGroup(CollectiveJob &roles, func::FuncOp startup,
                                 StringRef name, int64_t size, int64_t stride);
  void rewrite(MutableArrayRef<AllReduceStartOp> starts);

  FlatSymbolRefAttr near, across;
};
} // namespace

/// A group of a free name, connected behind those that there are.
FlatSymbolRefAttr HierarchicalAllReducePass::declareGroup(CollectiveJob &roles,
                                                          func::FuncOp startup,
                                                          StringRef name,
                                                          int64_t size,
                                                          int64_t stride) {
  OpBuilder b(roles.world);
  auto group = GroupOp::create(b, roles.world.getLoc(), name, size,
                               b.getI64IntegerAttr(stride));
  group->remove();
  Operation *last = roles.world;
  Operation *lastConnect = nullptr;
  for (auto other : roles.trainer.getOps<GroupOp>())
    last = other;
  for (auto connect : startup.getOps<ConnectOp>())
    lastConnect = connect;
  SymbolTable(roles.trainer).insert(group, std::next(last->getIterator()));
  auto symbol = FlatSymbolRefAttr::get(group.getSymNameAttr());
  b.setInsertionPointAfter(lastConnect);
  ConnectOp::create(b, group.getLoc(), symbol);
  return symbol;
}

/// All-reduces that are under way at the same time, up to the first wait. The
/// three calls of each begin and end in the order of all of them.
void HierarchicalAllReducePass::rewrite(
    MutableArrayRef<AllReduceStartOp> starts) {
  auto token = TokenType::get(&getContext());
  auto size = static_cast<int64_t>(neighbours);
  SmallVector<ReduceScatterStartOp> scatters;
  for (AllReduceStartOp start : starts) {
    OpBuilder b(start);
    scatters.push_back(ReduceScatterStartOp::create(b, start.getLoc(), token,
                                                    start.getValues(), near));
  }
  Operation *first = starts.front().getWait();
  OpBuilder b(first);
  SmallVector<AllReduceStartOp> sums;
  for (ReduceScatterStartOp scatter : scatters) {
    SmallVector<Type> types;
    for (Type type : scatter.getValues().getTypes()) {
      auto whole = cast<RankedTensorType>(type);
      types.push_back(RankedTensorType::get({getPartElements(whole, size)},
                                            whole.getElementType()));
    }
    auto wait = ReduceScatterWaitOp::create(b, scatter.getLoc(), types,
                                            scatter.getToken());
    sums.push_back(AllReduceStartOp::create(b, scatter.getLoc(), token,
                                            wait.getParts(), across));
  }
  SmallVector<AllGatherStartOp> gathers;
  for (AllReduceStartOp sum : sums) {
    auto wait = AllReduceWaitOp::create(
        b, sum.getLoc(), sum.getValues().getTypes(), sum.getToken());
    gathers.push_back(
        AllGatherStartOp::create(b, sum.getLoc(), token, wait.getSums(), near));
  }
  for (auto [start, gather] : llvm::zip_equal(starts, gathers)) {
    AllReduceWaitOp wait = start.getWait();
    OpBuilder b(wait);
    auto whole = AllGatherWaitOp::create(
        b, wait.getLoc(), wait.getSums().getTypes(), gather.getToken());
    wait.replaceAllUsesWith(whole.getWholes());
    wait.erase();
  }
  for (AllReduceStartOp start : starts)
    start.erase();
}

void HierarchicalAllReducePass::runOnOperation() {
  ModuleOp job = getOperation();
  CollectiveJob roles;
  if (failed(roles.find(job)))
    return signalPassFailure();
  if (neighbours < 1 || roles.trainers % neighbours != 0) {
    emitError(job.getLoc(), "neighbours: ")
        << neighbours.getValue() << " trainers of a machine do not divide the "
        << roles.trainers << " of the job";
    return signalPassFailure();
  }
  if (neighbours == 1)
    return; // each machine has one
  auto startup = roles.trainer.lookupSymbol<func::FuncOp>(kStartupName);
  if (!startup || startup.isExternal() || startup.getOps<ConnectOp>().empty()) {
    emitError(roles.trainer.getLoc(), "the trainer connects no group in @")
        << kStartupName;
    return signalPassFailure();
  }
  auto world = FlatSymbolRefAttr::get(roles.world.getSymNameAttr());
  // Each group of calls that are under way at the same time, whose starts all
  // stand before the first wait.
  SmallVector<SmallVector<AllReduceStartOp>> together;
  for (auto function : roles.trainer.getOps<func::FuncOp>()) {
    SmallVector<AllReduceStartOp> open;
    auto close = [&] {
      if (!open.empty())
        together.push_back(std::move(open));
      open.clear();
    };
    for (Operation &op : function.getOps()) {
      if (auto start = dyn_cast<AllReduceStartOp>(op)) {
        if (start.getGroupAttr() == world && start.getWait())
          open.push_back(start);
      } else if (endsCall(&op)) {
        close();
      } else if (beginsCall(&op)) {
        op.emitOpError("is no all-reduce; a job that has other calls, such as "
                       "those of sharded updates, cannot be hierarchical");
        return signalPassFailure();
      }
    }
    close();
  }
  if (together.empty()) {
    emitError(roles.trainer.getLoc(),
              "there is no all-reduce between all trainers; run "
              "fleet-all-reduce-gradients first");
    return signalPassFailure();
  }
  near = declareGroup(roles, startup, "neighbours", neighbours, 1);
  across = declareGroup(roles, startup, "across", roles.trainers / neighbours,
                        neighbours);
  for (SmallVector<AllReduceStartOp> &starts : together)
    rewrite(starts);
}
