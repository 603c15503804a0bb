//===- ConvertProgramsToPlan.cpp - Turn the programs of a job into plans --===//

#include "FunctionToPlan.h"
#include "Tables.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "fleet/Analysis/KernelCost.h"
#include "fleet/Conversion/KernelsToLinalg.h"
#include "fleet/Conversion/Passes.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_CONVERTPROGRAMSTOPLANPASS
#include "fleet/Conversion/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;

namespace {

struct ConvertProgramsToPlanPass
    : fleet::impl::ConvertProgramsToPlanPassBase<ConvertProgramsToPlanPass> {
  void runOnOperation() override;

private:
  LogicalResult convertRole(ModuleOp role);
  LogicalResult createStates(ModuleOp role, OpBuilder &b);
  void createServers(OpBuilder &b);
  void createKernels(ModuleOp role, OpBuilder &b);
  LogicalResult createService(dist::ServeOp serve, OpBuilder &b);

  ServerTable servers;
  TableList tables;
};

} // namespace

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// A kernel of elementwise ops on equal static shapes sweeps single elements:
/// long loops vectorize, and ranges can be cut anywhere.
static void flattenKernel(func::FuncOp kernel) {
  RankedTensorType whole;
  auto accept = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getRank() == 0)
      return true;
    if (!tensor.hasStaticShape())
      return false;
    if (!whole)
      whole = tensor;
    return tensor.getShape() == whole.getShape();
  };
  if (!llvm::all_of(kernel.getArgumentTypes(), accept) ||
      !llvm::all_of(kernel.getResultTypes(), accept) || !whole)
    return;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!isa<nn::ScalarOpInterface, nn::ConstantOp>(op) ||
        !accept(op.getResult(0).getType()) ||
        (isa<nn::ConstantOp>(op) &&
         cast<RankedTensorType>(op.getResult(0).getType()).getRank() > 0))
      return;
  if (whole.getRank() < 2)
    return;
  int64_t elements = whole.getNumElements();
  auto flatten = [&](Value value) {
    auto tensor = cast<RankedTensorType>(value.getType());
    if (tensor.getRank() > 0)
      value.setType(RankedTensorType::get({elements}, tensor.getElementType()));
  };
  for (Value argument : kernel.getArguments())
    flatten(argument);
  for (Operation &op : kernel.getBody().front()) {
    for (Value result : op.getResults())
      flatten(result);
    // A scalar goes along all dimensions, of which there is one now.
    if (auto broadcast = dyn_cast<nn::BroadcastOp>(op);
        broadcast && !broadcast.getAlong().empty())
      broadcast.setAlong(ArrayRef<int64_t>{0});
  }
  Builder b(kernel.getContext());
  Operation *terminator = kernel.getBody().front().getTerminator();
  kernel.setType(b.getFunctionType(kernel.getBody().front().getArgumentTypes(),
                                   terminator->getOperandTypes()));
  kernel->setAttr(kRowsAttr, b.getI64IntegerAttr(elements));
}

/// Makes one kernel of equal ones, such as the updates of parameters of the
/// same shape, or the forward pass of training and of evaluation.
static void mergeEqualKernels(ModuleOp role) {
  llvm::StringMap<func::FuncOp> known;
  SmallVector<func::FuncOp> kernels;
  for (auto kernel : role.getOps<func::FuncOp>())
    if (kernel->hasAttr(kRowsAttr))
      kernels.push_back(kernel);
  for (func::FuncOp kernel : kernels) {
    std::string name = kernel.getName().str(), text;
    kernel.setName("kernel");
    llvm::raw_string_ostream os(text);
    kernel->print(os, OpPrintingFlags().useLocalScope());
    kernel.setName(name);
    auto [it, isNew] = known.try_emplace(text, kernel);
    if (isNew)
      continue;
    (void)SymbolTable::replaceAllSymbolUses(kernel, it->second.getSymNameAttr(),
                                            role);
    kernel.erase();
  }
}

void ConvertProgramsToPlanPass::createKernels(ModuleOp role, OpBuilder &b) {
  for (auto kernel : role.getOps<func::FuncOp>()) {
    auto attr = kernel->getAttrOfType<IntegerAttr>(kRowsAttr);
    if (!attr)
      continue;
    int64_t rows = attr.getInt() == -1 ? ShapedType::kDynamic : attr.getInt();
    KernelCost cost = getKernelCost(kernel, rows);
    int64_t operands = kernel.getNumArguments();
    for (int64_t buffer : getResultBuffers(kernel))
      operands = std::max(operands, buffer + 1);
    plan::KernelOp::create(b, kernel.getLoc(), kernel.getName(), operands,
                           cost.splittable, cost.flopsPerRow, cost.bytesPerRow);
  }
}

//===----------------------------------------------------------------------===//
// States, servers, service
//===----------------------------------------------------------------------===//

static MemRefType toMemRef(RankedTensorType type) {
  return MemRefType::get(type.getShape(), type.getElementType());
}

LogicalResult ConvertProgramsToPlanPass::createStates(ModuleOp role,
                                                      OpBuilder &b) {
  for (Operation &op : *role.getBody()) {
    auto variable = dyn_cast<optim::VariableOpInterface>(op);
    if (!variable || TableList::hasRows(variable))
      continue;
    SmallVector<int64_t> shape = variable.getOriginShape();
    optim::OriginAttr origin = variable.getOriginAttr();
    StringAttr parameter, slot;
    if (auto state = dyn_cast<optim::StateOp>(op)) {
      parameter = b.getStringAttr(variable.getOriginName());
      slot = state.getSlotAttr();
    }
    plan::StateOp::create(b, op.getLoc(), SymbolTable::getSymbolName(&op),
                          toMemRef(variable.getType()),
                          variable.getInit().resolve(shape), parameter, slot,
                          origin, variable.getTransient());
  }
  return success();
}

void ConvertProgramsToPlanPass::createServers(OpBuilder &b) {
  for (const ServerTable::Server &server : servers.servers) {
    auto op = plan::ServerOp::create(b, server.loc, server.endpoint);
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&op.getBody());
    for (const ServerTable::Block &block : server.blocks)
      plan::BlockOp::create(b, block.loc, block.name, block.type);
  }
}

LogicalResult ConvertProgramsToPlanPass::createService(dist::ServeOp serve,
                                                       OpBuilder &b) {
  auto role = serve->getParentOfType<ModuleOp>();
  int64_t index = servers.index.lookup(role.getName().value_or(""));
  auto service = plan::ServiceOp::create(b, serve.getLoc(), index);
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&service.getBody());
  for (auto [i, on] : llvm::enumerate(serve.getHandlers().getOps<dist::OnOp>()))
    plan::HandlerOp::create(b, on.getLoc(), b.getI64IntegerAttr(i),
                            on.getParameterAttr(), on.getPartAttr(),
                            on.getUpdateAttr());
  return success();
}

/// Numbers servers and blocks as they stand in the job.
static LogicalResult collectServers(ModuleOp job, ServerTable &table) {
  for (auto role : job.getOps<ModuleOp>()) {
    dist::RoleAttr attr = dist::getRole(role);
    if (!attr || attr.getKind() != dist::RoleKind::PServer)
      continue;
    auto result = role.walk([&](dist::ServeOp serve) {
      table.index[role.getName().value_or("")] = table.servers.size();
      table.servers.push_back({serve.getEndpoint().str(), {}, serve.getLoc()});
      for (auto on : serve.getHandlers().getOps<dist::OnOp>()) {
        auto parameter =
            SymbolTable::lookupNearestSymbolFrom<optim::VariableOpInterface>(
                on, on.getParameterAttr());
        if (!parameter) {
          on.emitOpError("serves ") << on.getParameterAttr()
                                    << ", which is no parameter of the server";
          return WalkResult::interrupt();
        }
        table.servers.back().blocks.push_back(
            {on.getName().str(), on.getGradient().str(),
             toMemRef(parameter.getType()), on.getLoc()});
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

LogicalResult ConvertProgramsToPlanPass::convertRole(ModuleOp role) {
  StringRef name = role.getName().value_or("program");
  StringRef kind = dist::stringifyRoleKind(dist::getRole(role).getKind());
  for (auto kernel : role.getOps<func::FuncOp>())
    if (kernel->hasAttr(kRowsAttr))
      flattenKernel(kernel);
  mergeEqualKernels(role);

  OpBuilder b = OpBuilder::atBlockBegin(role.getBody());
  auto program = plan::ProgramOp::create(b, role.getLoc(), name, kind);
  b.createBlock(&program.getBody());
  if (failed(createStates(role, b)))
    return failure();
  createServers(b);
  tables.create(role, b);
  for (auto group : role.getOps<dist::GroupOp>())
    plan::GroupOp::create(b, group.getLoc(), group.getSymName(),
                          group.getSize(), group.getStride().value_or(0));
  createKernels(role, b);
  // What updates a table as a whole has become functions of some rows.
  llvm::DenseSet<Attribute> expanded;
  role.walk([&](dist::OnRowsOp on) {
    if (on.getUpdateAttr())
      expanded.insert(on.getUpdateAttr().getAttr());
  });
  role.walk([&](optim::RowChangeOp change) {
    expanded.insert(change.getChangeAttr().getAttr());
  });
  for (auto function : role.getOps<func::FuncOp>()) {
    if (function->hasAttr(kRowsAttr) ||
        expanded.contains(function.getSymNameAttr()))
      continue;
    auto serves = function.getOps<dist::ServeOp>();
    LogicalResult converted =
        serves.empty() ? convertFunction(function, b, servers, tables)
                       : createService(*serves.begin(), b);
    if (failed(converted))
      return failure();
  }
  for (Operation &op : llvm::make_early_inc_range(*role.getBody()))
    if (!isa<plan::ProgramOp>(op) && !op.hasAttr(kRowsAttr))
      op.erase();
  return success();
}

void ConvertProgramsToPlanPass::runOnOperation() {
  servers = ServerTable();
  if (failed(collectServers(getOperation(), servers)) ||
      failed(tables.collect(getOperation(), servers.index)))
    return signalPassFailure();
  for (auto role : getOperation().getOps<ModuleOp>())
    if (dist::getRole(role) && failed(convertRole(role)))
      return signalPassFailure();
}
