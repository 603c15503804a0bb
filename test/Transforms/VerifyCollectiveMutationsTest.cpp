//===- VerifyCollectiveMutationsTest.cpp - Collective jobs, spoiled -------===//
//
// As VerifyMutationsTest, for jobs of equal trainers.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NN.h"
#include "test/Transforms/MutatedJobs.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

namespace {

using VerifyCollectiveMutations = MutatedJobs;

/// Whether `op` begins a call that another op waits for.
bool isStart(Operation *op) {
  return op->getNumResults() == 1 && isa<TokenType>(op->getResult(0).getType());
}

/// Whether `op` waits for a call.
bool isWait(Operation *op) {
  return op->getNumOperands() == 1 &&
         isa<TokenType>(op->getOperand(0).getType());
}

/// The next op after `op` that `isOne`; null if there is none.
Operation *findNext(Operation *op, bool (*isOne)(Operation *)) {
  for (op = op->getNextNode(); op; op = op->getNextNode())
    if (isOne(op))
      return op;
  return nullptr;
}

func::FuncOp findFunction(Operation *op, StringRef name) {
  return op->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(name);
}

TEST_F(VerifyCollectiveMutations, AreAllRefused) {
  struct Setting {
    const char *optimizer;
    int64_t trainers, bucketSize;
    bool sharding = false;
    int64_t neighbours = 0, mergeSteps = 1;
    DistributeOptions::Equality equality =
        DistributeOptions::Equality::AllReduce;
  };
  for (Setting setting : {Setting{"sgd<learning_rate = 0.1>", 2, 25 << 20},
                          Setting{"adam<learning_rate = 0.1>", 4, 1},
                          Setting{"lamb<learning_rate = 0.1>", 3, 1},
                          Setting{"momentum<learning_rate = 0.1> clip = "
                                  "#optim.clip_by_global_norm<max = 1.0>",
                                  2, 40}}) {
    DistributeOptions options;
    options.mode = DistributeOptions::Mode::Collective;
    options.trainers = setting.trainers;
    options.bucketSize = setting.bucketSize;
    options.sharding = setting.sharding;
    options.neighbours = setting.neighbours;
    options.mergeSteps = setting.mergeSteps;
    options.equality = setting.equality;
    OwningOpRef<ModuleOp> owned = makeJob(kProgram, setting.optimizer, options);
    ModuleOp job = *owned;
    // The job itself is fine.
    ASSERT_TRUE(succeeded(verify(job)));
    ASSERT_TRUE(isAccepted(job));

    expectRefused(job, "dropped", [](Operation *op) {
      if (!isa<GroupOp, ConnectOp, BroadcastOp>(op) && !isStart(op) &&
          !isWait(op) &&
          !(isa<func::FuncOp>(op) &&
            SymbolTable::getSymbolName(op) != "evaluate") &&
          !(isa<ModuleOp>(op) && op->getParentOp()))
        return false;
      op->dropAllUses();
      op->erase();
      return true;
    });
    expectRefused(job, "doubled", [](Operation *op) {
      if (!isa<GroupOp, ConnectOp, optim::OptimizerOpInterface>(op) &&
          !isStart(op) && !isWait(op) &&
          !(isa<ModuleOp>(op) && op->getParentOp()))
        return false;
      OpBuilder b(op->getContext());
      b.setInsertionPointAfter(op);
      b.clone(*op);
      return true;
    });
    expectRefused(job, "not added up", [](Operation *op) {
      auto wait = dyn_cast<AllReduceWaitOp>(op);
      if (!wait)
        return false;
      AllReduceStartOp start = wait.getStart();
      wait.replaceAllUsesWith(start.getValues());
      wait.erase();
      start.erase();
      return true;
    });
    expectRefused(job, "a part of one's own", [](Operation *op) {
      auto wait = dyn_cast<ReduceScatterWaitOp>(op);
      // Between neighbours, a part of the sum comes next.
      if (!wait || wait.getStart().getGroup() != "world")
        return false;
      ReduceScatterStartOp start = wait.getStart();
      OpBuilder b(op);
      for (auto [part, value] :
           llvm::zip_equal(wait.getParts(), start.getValues()))
        part.replaceAllUsesWith(OwnPartOp::create(
            b, op->getLoc(), part.getType(), value, start.getGroupAttr()));
      wait.erase();
      start.erase();
      return true;
    });
    expectRefused(job, "not gathered", [](Operation *op) {
      auto assign = dyn_cast<optim::AssignOp>(op);
      if (!assign || !assign.getValue().getDefiningOp<AllGatherWaitOp>())
        return false;
      OpBuilder b(op);
      Value own = ExamplesOp::create(
          b, op->getLoc(),
          RankedTensorType::get({},
                                assign.getValue().getType().getElementType()),
          Examples::Own);
      op->setOperand(
          0, nn::MulOp::create(b, op->getLoc(), assign.getValue(), own));
      return true;
    });
    expectRefused(job, "of other groups", [](Operation *op) {
      auto group = dyn_cast<GroupOp>(op);
      if (!group || !group.getStride())
        return false;
      group.setStride(*group.getStride() == 1 ? 2 : 1);
      return true;
    });
    expectRefused(job, "one tensor not added up", [](Operation *op) {
      auto wait = dyn_cast<AllReduceWaitOp>(op);
      if (!wait)
        return false;
      wait.getSums().back().replaceAllUsesWith(
          wait.getStart().getValues().back());
      return true;
    });
    for (int64_t difference : {-1, 1})
      expectRefused(job, "another size", [&](Operation *op) {
        auto group = dyn_cast<GroupOp>(op);
        if (!group)
          return false;
        group.setSize(static_cast<uint64_t>(
            static_cast<int64_t>(group.getSize()) + difference));
        return true;
      });
    expectRefused(job, "from nobody", [](Operation *op) {
      auto broadcast = dyn_cast<BroadcastOp>(op);
      if (!broadcast)
        return false;
      broadcast.setRoot(7);
      return true;
    });
    expectRefused(job, "in another group", [](Operation *op) {
      if (!op->hasAttr("group"))
        return false;
      op->setAttr("group", FlatSymbolRefAttr::get(op->getContext(), "others"));
      return true;
    });
    expectRefused(job, "of something else", [](Operation *op) {
      auto broadcast = dyn_cast<BroadcastOp>(op);
      if (!broadcast)
        return false;
      for (auto other : op->getBlock()->getOps<BroadcastOp>())
        if (other != broadcast) {
          broadcast.setVariableAttr(other.getVariableAttr());
          return true;
        }
      return false;
    });
    expectRefused(job, "another type", [](Operation *op) {
      auto wait = dyn_cast<AllReduceWaitOp>(op);
      if (!wait)
        return false;
      Value sum = wait.getSums().front();
      auto type = cast<RankedTensorType>(sum.getType());
      sum.setType(type.clone(Float64Type::get(op->getContext())));
      return true;
    });
    expectRefused(job, "waited for in another order", [](Operation *op) {
      Operation *next = isWait(op) ? findNext(op, isWait) : nullptr;
      if (!next)
        return false;
      next->moveBefore(op);
      return true;
    });
    expectRefused(job, "begun in another order", [](Operation *op) {
      Operation *next = isStart(op) ? findNext(op, isStart) : nullptr;
      if (!next)
        return false;
      op->moveAfter(next);
      return true;
    });
    expectRefused(job, "begun after the wait", [](Operation *op) {
      if (!isStart(op))
        return false;
      op->moveAfter(*op->getUsers().begin());
      return true;
    });
    expectRefused(job, "called before all are there", [](Operation *op) {
      if (!isa<BroadcastOp>(op))
        return false;
      op->moveBefore(&op->getBlock()->front());
      return true;
    });
    expectRefused(job, "connected too late", [](Operation *op) {
      if (!isa<ConnectOp>(op))
        return false;
      op->moveBefore(op->getBlock()->getTerminator());
      return true;
    });
    expectRefused(job, "called where only one comes by", [](Operation *op) {
      func::FuncOp evaluate = isa<ConnectOp, BroadcastOp>(op)
                                  ? findFunction(op, "evaluate")
                                  : func::FuncOp();
      if (!evaluate)
        return false;
      OpBuilder b = OpBuilder::atBlockBegin(&evaluate.getBody().front());
      b.clone(*op);
      return true;
    });
    expectRefused(job, "calls of the start in a step", [](Operation *op) {
      if (!isa<ConnectOp, BroadcastOp>(op))
        return false;
      func::FuncOp main = findFunction(op, "main");
      op->moveBefore(main.getBody().front().getTerminator());
      return true;
    });
    expectRefused(job, "something of servers", [](Operation *op) {
      if (!isWait(op))
        return false;
      OpBuilder b(op);
      SendBarrierOp::create(b, op->getLoc());
      return true;
    });
    expectRefused(job, "a value of one's own", [](Operation *op) {
      auto update = dyn_cast<optim::OptimizerOpInterface>(op);
      if (!update)
        return false;
      OpBuilder b(op);
      auto type = cast<RankedTensorType>(update.getGradient().getType());
      Value share = ExamplesOp::create(
          b, op->getLoc(), RankedTensorType::get({}, type.getElementType()),
          Examples::Own);
      update.getGradientMutable().set(
          nn::MulOp::create(b, op->getLoc(), update.getGradient(), share));
      return true;
    });
    expectRefused(job, "another number of trainers", [&](Operation *op) {
      auto module = dyn_cast<ModuleOp>(op);
      JobAttr attr = module ? getJob(module) : JobAttr();
      if (!attr)
        return false;
      module->setAttr(FleetDialect::getJobAttrName(),
                      JobAttr::get(op->getContext(), attr.getMode(),
                                   attr.getSync(), attr.getTrainers() + 1));
      return true;
    });
    expectRefused(job, "another role", [](Operation *op) {
      RoleAttr role = isa<ModuleOp>(op) ? getRole(cast<ModuleOp>(op)) : nullptr;
      if (!role)
        return false;
      op->setAttr(FleetDialect::getRoleAttrName(),
                  RoleAttr::get(op->getContext(), RoleKind::PServer, 0));
      return true;
    });
  }
  EXPECT_GE(mutants, 200);
}

} // namespace
