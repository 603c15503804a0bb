//===- VerifyMutationsTest.cpp - Jobs with one mistake each ---------------===//
//
// Takes jobs that the compiler made, spoils one thing at a time (drops,
// doubles, renames, retypes, reorders, gives to another owner), and expects
// that the result is refused, by the verifiers of the ops or by
// fleet-verify-job.
//
//===----------------------------------------------------------------------===//

#include "test/Transforms/MutatedJobs.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

namespace {

constexpr char kTables[] = R"mlir(
module @tables {
  optim.parameter @words : tensor<60x4xf32> init = #optim.xavier_uniform rows = sparse
  optim.parameter @users : tensor<1000x4xf32> init = #optim.zeros rows = distributed
  optim.parameter @v : tensor<4x1xf32> init = #optim.xavier_uniform
  func.func @main(%user: tensor<?x1xi64>, %ids: tensor<?x2xi64>, %y: tensor<?x1xf32>) -> tensor<f32> {
    %words = optim.read @words : tensor<60x4xf32>
    %users = optim.read @users : tensor<1000x4xf32>
    %v = optim.read @v : tensor<4x1xf32>
    %w = nn.embedding %words, %ids padding_idx = 0 : (tensor<60x4xf32>, tensor<?x2xi64>) -> tensor<?x2x4xf32>
    %u = nn.embedding %users, %user : (tensor<1000x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    %s = nn.reduce sum %w dims = [1] : tensor<?x2x4xf32> -> tensor<?x4xf32>
    %0 = nn.mul %s, %u : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %2 = nn.matmul %0, %v : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    %3 = nn.square_error %2, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %3 : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.OPTIMIZER
    return %loss : tensor<f32>
  }
}
)mlir";

bool isTransfer(Operation *op) {
  return isa<SendOp, RecvOp, SendBarrierOp, FetchBarrierOp, SubmitOp,
             FetchLatestOp, AgreeOp, PullRowsOp, PushRowsOp>(op);
}

/// The same name for something else.
bool rename(Operation *op, StringRef attribute) {
  auto name = op->getAttrOfType<StringAttr>(attribute);
  if (!name)
    return false;
  op->setAttr(attribute, StringAttr::get(op->getContext(), name.str() + "x"));
  return true;
}

/// Another server for a transfer.
bool giveToOther(Operation *op) {
  auto peer = op->getAttrOfType<FlatSymbolRefAttr>("peer");
  if (!peer)
    return false;
  for (auto other : op->getParentOfType<ModuleOp>().getOps<PeerOp>())
    if (other.getSymName() != peer.getValue()) {
      op->setAttr("peer", FlatSymbolRefAttr::get(other.getSymNameAttr()));
      return true;
    }
  return false;
}

/// What ends the sends of a block; null if nothing does.
Operation *findSendEnd(Block *block) {
  for (Operation &op : *block)
    if (isa<SendBarrierOp, SubmitOp>(op))
      return &op;
  return nullptr;
}

bool add(Operation *op, StringRef attribute, int64_t difference) {
  auto value = op->getAttrOfType<IntegerAttr>(attribute);
  if (!value)
    return false;
  op->setAttr(attribute,
              IntegerAttr::get(value.getType(), value.getInt() + difference));
  return true;
}

class VerifyMutations : public MutatedJobs {
protected:
  OwningOpRef<ModuleOp> makeServerJob(const char *text,
                                      const std::string &optimizer, int servers,
                                      int64_t minBlockSize, SyncMode sync) {
    DistributeOptions options;
    options.mode = DistributeOptions::Mode::ParameterServer;
    options.trainers = 2;
    for (int i = 0; i < servers; ++i)
      options.pservers.push_back("h:" + std::to_string(i + 1));
    options.minBlockSize = minBlockSize;
    options.sync = sync;
    if (sync == SyncMode::HalfAsync)
      options.compensation = 0.5;
    return makeJob(text, optimizer, options);
  }
};

TEST_F(VerifyMutations, AreAllRefused) {
  struct Setting {
    const char *optimizer;
    int servers;
    int64_t minBlockSize;
    SyncMode sync = SyncMode::Sync;
    const char *program = kProgram;
  };
  for (Setting setting :
       {Setting{"sgd<learning_rate = 0.1>", 2, 100},
        Setting{"adam<learning_rate = 0.1>", 2, 4},
        Setting{"lamb<learning_rate = 0.1>", 3, 1},
        Setting{"momentum<learning_rate = 0.1>", 3, 1},
        Setting{"adam<learning_rate = 0.1>", 3, 1, SyncMode::HalfAsync},
        Setting{"momentum<learning_rate = 0.1>", 2, 4, SyncMode::Async},
        Setting{"adam<learning_rate = 0.1>", 2, 4, SyncMode::Geo},
        Setting{"sgd<learning_rate = 0.1> clip = "
                "#optim.clip_by_global_norm<max = 1.0>",
                2, 4},
        Setting{"sgd<learning_rate = 0.1>", 1, 100, SyncMode::Sync, kTables},
        Setting{"adam<learning_rate = 0.1>", 3, 1, SyncMode::Sync, kTables},
        Setting{"momentum<learning_rate = 0.1>", 2, 4, SyncMode::Async,
                kTables}}) {
    OwningOpRef<ModuleOp> owned =
        makeServerJob(setting.program, setting.optimizer, setting.servers,
                      setting.minBlockSize, setting.sync);
    ModuleOp job = *owned;
    // The job itself is fine.
    ASSERT_TRUE(succeeded(verify(job)));
    ASSERT_TRUE(isAccepted(job));

    expectRefused(job, "dropped", [](Operation *op) {
      bool isReceived =
          isa<optim::AssignOp>(op) && op->getOperand(0).getDefiningOp<RecvOp>();
      // A trainer that trains by itself need not train everything.
      bool isUpdate = isa<optim::OptimizerOpInterface>(op) &&
                      getRole(op->getParentOfType<ModuleOp>()).getKind() ==
                          RoleKind::PServer;
      if (!isTransfer(op) && !isReceived && !isUpdate &&
          !isa<PeerOp, ServeOp, OnOp, TableOp, OnRowsOp,
               optim::VariableOpInterface>(op) &&
          !(isa<ModuleOp>(op) && op->getParentOp()))
        return false;
      op->dropAllUses();
      op->erase();
      return true;
    });
    expectRefused(job, "doubled", [](Operation *op) {
      bool isUpdate = isa<optim::OptimizerOpInterface>(op);
      bool isReceived =
          isa<optim::AssignOp>(op) && op->getOperand(0).getDefiningOp<RecvOp>();
      if (!isTransfer(op) && !isUpdate && !isReceived &&
          !isa<PeerOp, ServeOp, OnOp, TableOp, OnRowsOp,
               optim::VariableOpInterface>(op) &&
          !(isa<ModuleOp>(op) && op->getParentOp()))
        return false;
      OpBuilder b(op->getContext());
      b.setInsertionPointAfter(op);
      b.clone(*op);
      return true;
    });
    for (StringRef attribute : {"name", "gradient", "table"})
      expectRefused(job, "renamed", [&](Operation *op) {
        return isa<SendOp, RecvOp, OnOp, TableOp, OnRowsOp>(op) &&
               rename(op, attribute);
      });
    expectRefused(job, "moved elsewhere", [](Operation *op) {
      return isa<PeerOp, ServeOp>(op) && rename(op, "endpoint");
    });
    expectRefused(job, "given to another server", giveToOther);
    for (StringRef attribute : {"rows", "count", "row"})
      for (int64_t difference : {-1, 1})
        expectRefused(job, "other rows", [&](Operation *op) {
          return isa<SendOp, optim::AssignOp>(op) &&
                 add(op, attribute, difference);
        });
    expectRefused(job, "other rows of a table", [](Operation *op) {
      auto table = dyn_cast<TableOp>(op);
      if (!table || !table.isSparse() || table.getCounts()->size() < 2)
        return false;
      SmallVector<int64_t> counts(*table.getCounts());
      --counts.front();
      ++counts.back();
      table.setCounts(counts);
      return true;
    });
    expectRefused(job, "rows on other servers", [](Operation *op) {
      auto table = dyn_cast<TableOp>(op);
      if (!table || table.getPeers().size() < 2)
        return false;
      SmallVector<Attribute> peers(table.getPeers().getValue());
      // The order of the servers of a distributed table is that of remainders.
      if (table.isSparse())
        std::rotate(peers.begin(), peers.begin() + 1, peers.end());
      else
        peers.pop_back();
      table.setPeersAttr(ArrayAttr::get(op->getContext(), peers));
      return true;
    });
    expectRefused(job, "another kind of table", [](Operation *op) {
      auto table = dyn_cast<TableOp>(op);
      if (!table || !table.isSparse())
        return false;
      table.removeCountsAttr();
      return true;
    });
    expectRefused(job, "another padding", [](Operation *op) {
      auto push = dyn_cast<PushRowsOp>(op);
      if (!push)
        return false;
      SmallVector<int64_t> padding(push.getPadding());
      padding.front() = 1;
      push.setPadding(padding);
      return true;
    });
    expectRefused(job, "another rule on one server", [](Operation *op) {
      auto update = dyn_cast<optim::OptimizerOpInterface>(op);
      auto parameter =
          update ? SymbolTable::lookupNearestSymbolFrom<optim::ParameterOp>(
                       op, update.getParameterAttr())
                 : optim::ParameterOp();
      auto role = op->getParentOfType<ModuleOp>();
      if (!parameter || !parameter.isTable() ||
          llvm::range_size(
              cast<ModuleOp>(role->getParentOp()).getOps<ModuleOp>()) < 3)
        return false; // nobody to agree with
      op->setAttr("learning_rate", OpBuilder(op).getF64FloatAttr(0.5));
      return true;
    });
    expectRefused(job, "rows of another origin", [](Operation *op) {
      auto parameter = dyn_cast<optim::ParameterOp>(op);
      optim::OriginAttr origin =
          parameter ? parameter.getOriginAttr() : optim::OriginAttr();
      if (!origin)
        return false;
      parameter.setOriginAttr(optim::OriginAttr::get(
          op->getContext(), StringAttr::get(op->getContext(), "other"),
          origin.getShape(), origin.getRowOffset()));
      return true;
    });
    expectRefused(job, "another number of trainers", [](Operation *op) {
      return isa<ServeOp>(op) && add(op, "trainers", 1);
    });
    expectRefused(job, "another type", [](Operation *op) {
      auto parameter = dyn_cast<optim::ParameterOp>(op);
      if (!parameter || getRole(op->getParentOfType<ModuleOp>()).getKind() ==
                            RoleKind::Trainer)
        return false;
      SmallVector<int64_t> shape(parameter.getType().getShape());
      shape.back() += 1;
      parameter.setType(parameter.getType().clone(shape));
      return true;
    });
    expectRefused(job, "another type on the wire", [](Operation *op) {
      auto recv = dyn_cast<RecvOp>(op);
      if (!recv)
        return false;
      auto type = cast<RankedTensorType>(recv.getValue().getType());
      recv.getValue().setType(type.clone(Float64Type::get(op->getContext())));
      return true;
    });
    expectRefused(job, "another handler's function", [](Operation *op) {
      auto on = dyn_cast<OnOp>(op);
      if (!on)
        return false;
      for (auto other : on->getBlock()->getOps<OnOp>())
        if (other != on) {
          on.setUpdateAttr(other.getUpdateAttr());
          return true;
        }
      return false;
    });
    expectRefused(job, "agrees on less", [](Operation *op) {
      auto agree = dyn_cast<AgreeOp>(op);
      if (!agree || agree.getGradients().size() < 2)
        return false;
      Builder b(op->getContext());
      agree.setGradientsAttr(
          b.getArrayAttr(agree.getGradients().getValue().drop_back()));
      agree.setPeersAttr(
          b.getArrayAttr(agree.getPeers().getValue().drop_back()));
      return true;
    });
    expectRefused(job, "agrees elsewhere", [](Operation *op) {
      auto agree = dyn_cast<AgreeOp>(op);
      if (!agree)
        return false;
      SmallVector<Attribute> peers(agree.getPeers().getValue());
      std::reverse(peers.begin(), peers.end());
      peers.front() = peers.back();
      if (agree.getPeers().getValue() == ArrayRef(peers))
        return false;
      agree.setPeersAttr(Builder(op->getContext()).getArrayAttr(peers));
      return true;
    });
    expectRefused(job, "agrees too early or too late", [](Operation *op) {
      if (!isa<AgreeOp>(op))
        return false;
      op->moveBefore(op->getBlock()->getTerminator());
      return true;
    });
    expectRefused(job, "makes no part", [](Operation *op) {
      auto on = dyn_cast<OnOp>(op);
      if (!on || !on.getPartAttr())
        return false;
      on.removePartAttr();
      return true;
    });
    expectRefused(job, "another role", [](Operation *op) {
      RoleAttr role = isa<ModuleOp>(op) ? getRole(cast<ModuleOp>(op)) : nullptr;
      if (!role || role.getKind() != RoleKind::PServer)
        return false;
      op->setAttr(FleetDialect::getRoleAttrName(),
                  RoleAttr::get(op->getContext(), RoleKind::PServer,
                                *role.getIndex() + 1));
      return true;
    });
    // A send behind the barrier, a receive or a use before one.
    expectRefused(job, "sent too late", [](Operation *op) {
      if (!isa<SendOp, PushRowsOp>(op))
        return false;
      if (Operation *barrier = findSendEnd(op->getBlock()))
        op->moveAfter(barrier);
      return true;
    });
    expectRefused(job, "received too early", [](Operation *op) {
      auto function = op->getParentOfType<func::FuncOp>();
      if (!isa<RecvOp>(op) || function.getName() == "startup")
        return false;
      op->moveBefore(findSendEnd(op->getBlock()));
      return true;
    });
    expectRefused(job, "used too early", [](Operation *op) {
      if (!isa<optim::AssignOp>(op) ||
          !op->getOperand(0).getDefiningOp<RecvOp>())
        return false;
      op->moveAfter(op->getOperand(0).getDefiningOp());
      return true;
    });
    expectRefused(job, "barrier too early", [](Operation *op) {
      if (!isa<SendBarrierOp, FetchBarrierOp, SubmitOp, FetchLatestOp>(op))
        return false;
      op->moveBefore(&op->getBlock()->front());
      return true;
    });
    expectRefused(job, "waits where others do not", [](Operation *op) {
      OpBuilder b(op);
      if (isa<SendBarrierOp>(op))
        SubmitOp::create(b, op->getLoc(), /*queue=*/4, /*merge=*/4);
      else if (isa<FetchBarrierOp>(op))
        FetchLatestOp::create(b, op->getLoc());
      else if (isa<SubmitOp>(op))
        SendBarrierOp::create(b, op->getLoc());
      else if (isa<FetchLatestOp>(op))
        FetchBarrierOp::create(b, op->getLoc());
      else
        return false;
      op->erase();
      return true;
    });
    expectRefused(job, "another mode", [](Operation *op) {
      auto serve = dyn_cast<ServeOp>(op);
      if (!serve)
        return false;
      serve.setSync(serve.getSync() == SyncMode::Sync ? SyncMode::HalfAsync
                                                      : SyncMode::Sync);
      return true;
    });
    expectRefused(job, "another rhythm", [](Operation *op) {
      if (!isa<func::FuncOp>(op) ||
          getRole(op->getParentOfType<ModuleOp>()).getKind() !=
              RoleKind::Trainer)
        return false;
      if (op->hasAttr(FleetDialect::getEveryAttrName()))
        op->removeAttr(FleetDialect::getEveryAttrName());
      else
        op->setAttr(FleetDialect::getEveryAttrName(),
                    OpBuilder(op).getI64IntegerAttr(5));
      return true;
    });
  }
  EXPECT_GE(mutants, 200);
}

} // namespace
