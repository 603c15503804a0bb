//===- FunctionToPlan.cpp - A function to a plan function -----------------===//
//
// Gives every tensor of a function a buffer. Tensors are values, states are
// memory: what reads a state uses its memory directly, unless the state is
// overwritten before the last use of the value that was read.
//
//===----------------------------------------------------------------------===//

#include "FunctionConverter.h"

#include "fleet/Conversion/KernelsToLinalg.h"
#include "fleet/Kernels/Passes.h"
#include "fleet/Transforms/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fleet;

static constexpr llvm::StringLiteral kNameAttr = "fleet.name";

std::optional<BlockAddress> ServerTable::find(StringRef peer, StringRef name,
                                              bool isGradient) const {
  auto it = index.find(peer);
  if (it == index.end())
    return std::nullopt;
  for (auto [i, block] : llvm::enumerate(servers[it->second].blocks))
    if ((isGradient ? block.gradient : block.name) == name)
      return BlockAddress{it->second, static_cast<int64_t>(i)};
  return std::nullopt;
}

bool FunctionConverter::isUsedAfter(Value value, Operation *op) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return op->isBeforeInBlock(user);
  });
}

bool FunctionConverter::isOldValueUsedAfter(FlatSymbolRefAttr state,
                                            Operation *op) {
  for (auto read : op->getBlock()->getOps<optim::ReadOp>())
    if (read.getVariableAttr() == state && read->isBeforeInBlock(op) &&
        isUsedAfter(read.getValue(), op))
      return true;
  return false;
}

Value FunctionConverter::createTemporary(Location loc, Type type) {
  return plan::TemporaryOp::create(builder, loc, toMemRef(type), IntegerAttr());
}

Value FunctionConverter::getState(Location loc, FlatSymbolRefAttr symbol) {
  Value &state = states[symbol];
  if (!state) {
    // Verified to be a variable; an access may be to some rows of it only.
    auto variable =
        SymbolTable::lookupNearestSymbolFrom<optim::VariableOpInterface>(
            function, symbol);
    // At the start, where every use of the state sees it.
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(builder.getInsertionBlock());
    state = plan::StateRefOp::create(builder, loc, toMemRef(variable.getType()),
                                     symbol);
  }
  return state;
}

LogicalResult FunctionConverter::convertRead(optim::ReadOp op) {
  Value state = getState(op.getLoc(), op.getVariableAttr());
  buffers[op.getValue()] = state;
  for (auto assign : op->getBlock()->getOps<optim::AssignOp>())
    if (assign.getVariableAttr() == op.getVariableAttr() &&
        op->isBeforeInBlock(assign) && isUsedAfter(op.getValue(), assign)) {
      Value copy = createTemporary(op.getLoc(), op.getValue().getType());
      plan::CopyOp::create(builder, op.getLoc(), state, copy, /*row=*/0);
      buffers[op.getValue()] = copy;
      break;
    }
  return success();
}

LogicalResult FunctionConverter::convertAssign(optim::AssignOp op) {
  Value state = getState(op.getLoc(), op.getVariableAttr());
  Value value = buffers.lookup(op.getValue());
  if (value != state)
    plan::CopyOp::create(builder, op.getLoc(), value, state,
                         op.getRow().value_or(0));
  return success();
}

bool FunctionConverter::isOverwritable(func::CallOp call, Value old,
                                       Value result) {
  if (auto argument = dyn_cast<BlockArgument>(old))
    return function.getArgAttr(argument.getArgNumber(), kOverwrittenAttr) &&
           !isUsedAfter(old, call);
  // Fine where the new value goes to the state that the old one was read from,
  // and nobody needs the old one.
  auto read = old.getDefiningOp<optim::ReadOp>();
  auto assign = result.hasOneUse()
                    ? dyn_cast<optim::AssignOp>(*result.getUsers().begin())
                    : optim::AssignOp();
  return read && assign && read.getVariableAttr() == assign.getVariableAttr() &&
         !isOldValueUsedAfter(read.getVariableAttr(), call);
}

LogicalResult FunctionConverter::convertCall(func::CallOp op) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!kernel || !kernel->hasAttr(kRowsAttr))
    return op.emitOpError("calls ") << op.getCallee() << ", which is no kernel";
  Location loc = op.getLoc();
  SmallVector<Value> operands;
  for (Value operand : op.getOperands())
    operands.push_back(buffers.lookup(operand));
  SmallVector<int64_t> inplace;
  int64_t numInputs = operands.size(), numOutputs = 0;
  for (auto [result, buffer] :
       llvm::zip(op.getResults(), getResultBuffers(kernel))) {
    if (buffer >= numInputs) {
      operands.push_back(createTemporary(loc, result.getType()));
      ++numOutputs;
    } else {
      Value old = op.getOperand(buffer);
      if (!isOverwritable(op, old, result)) {
        Value copy = createTemporary(loc, old.getType());
        plan::CopyOp::create(builder, loc, operands[buffer], copy, /*row=*/0);
        operands[buffer] = copy;
      }
      inplace.push_back(buffer);
    }
    buffers[result] = operands[buffer];
  }
  plan::LaunchOp::create(
      builder, loc, op.getCalleeAttr().getAttr(), operands, numOutputs, inplace,
      kernel->getAttrOfType<IntegerAttr>(kRowsAttr).getInt());
  return success();
}

LogicalResult FunctionConverter::convertMatmul(nn::MatmulOp op) {
  Value out = createTemporary(op.getLoc(), op.getType());
  plan::MatMulOp::create(builder, op.getLoc(), buffers.lookup(op.getLhs()),
                         buffers.lookup(op.getRhs()), out, op.getTransposeA(),
                         op.getTransposeB());
  buffers[op.getResult()] = out;
  return success();
}

LogicalResult FunctionConverter::convertSend(dist::SendOp op) {
  std::optional<BlockAddress> address =
      servers.find(op.getPeer(), op.getName(), /*isGradient=*/true);
  if (!address)
    return op.emitOpError("sends \"") << op.getName() << "\", which "
                                      << op.getPeerAttr() << " does not expect";
  plan::SendOp::create(builder, op.getLoc(), buffers.lookup(op.getValue()),
                       address->server, address->block, op.getFirstRow());
  return success();
}

LogicalResult FunctionConverter::convertAgree(dist::AgreeOp op) {
  SmallVector<int64_t> atServers, blocks;
  for (auto [gradient, peer] :
       llvm::zip(op.getGradients().getAsRange<StringAttr>(),
                 op.getPeers().getAsRange<FlatSymbolRefAttr>())) {
    std::optional<BlockAddress> address =
        servers.find(peer.getValue(), gradient, /*isGradient=*/true);
    if (!address)
      return op.emitOpError("waits for the part of ")
             << gradient << ", which " << peer << " does not expect";
    atServers.push_back(address->server);
    blocks.push_back(address->block);
  }
  plan::AgreeOp::create(builder, op.getLoc(), atServers, blocks);
  return success();
}

LogicalResult FunctionConverter::convertRecv(dist::RecvOp op) {
  std::optional<BlockAddress> address =
      servers.find(op.getPeer(), op.getName(), /*isGradient=*/false);
  if (!address)
    return op.emitOpError("asks for \"")
           << op.getName() << "\", which " << op.getPeerAttr()
           << " does not serve";
  // Straight into the parameter, if that is where the value goes.
  Value buffer;
  int64_t row = 0;
  if (op.getValue().hasOneUse())
    if (auto assign =
            dyn_cast<optim::AssignOp>(*op.getValue().getUsers().begin()))
      if (!isOldValueUsedAfter(assign.getVariableAttr(), op)) {
        buffer = getState(op.getLoc(), assign.getVariableAttr());
        row = assign.getRow().value_or(0);
      }
  if (!buffer)
    buffer = createTemporary(op.getLoc(), op.getValue().getType());
  buffers[op.getValue()] = buffer;
  plan::RecvOp::create(builder, op.getLoc(), buffer, address->server,
                       address->block, row);
  return success();
}

LogicalResult FunctionConverter::convertReturn(func::ReturnOp op) {
  for (auto [i, value] : llvm::enumerate(op.getOperands())) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.hasStaticShape() || type.getNumElements() != 1)
      return op.emitOpError("reports ")
             << type << "; a program returns scalars, such as its loss";
    auto name = function.getResultAttrOfType<StringAttr>(i, kNameAttr);
    std::string fallback = i == 0 ? "loss" : "output" + std::to_string(i);
    plan::OutputOp::create(builder, op.getLoc(),
                           name ? name.getValue() : StringRef(fallback),
                           buffers.lookup(value));
  }
  return success();
}

LogicalResult FunctionConverter::convertOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](optim::ReadOp read) { return convertRead(read); })
      .Case([&](optim::AssignOp assign) { return convertAssign(assign); })
      .Case([&](func::CallOp call) { return convertCall(call); })
      .Case([&](nn::MatmulOp matmul) { return convertMatmul(matmul); })
      .Case([&](nn::ConstantOp constant) {
        buffers[constant.getResult()] = plan::ConstantOp::create(
            builder, op->getLoc(), toMemRef(constant.getType()),
            constant.getValue());
        return success();
      })
      .Case([&](dist::SendOp send) { return convertSend(send); })
      .Case([&](dist::RecvOp recv) { return convertRecv(recv); })
      .Case([&](dist::AgreeOp agree) { return convertAgree(agree); })
      .Case([&](dist::SendBarrierOp) {
        plan::SendBarrierOp::create(builder, op->getLoc());
        return success();
      })
      .Case([&](dist::FetchBarrierOp) {
        plan::FetchBarrierOp::create(builder, op->getLoc());
        return success();
      })
      .Case([&](dist::SubmitOp submit) {
        plan::SubmitOp::create(builder, op->getLoc(), submit.getQueue(),
                               submit.getMerge());
        return success();
      })
      .Case([&](dist::FetchLatestOp) {
        plan::FetchLatestOp::create(builder, op->getLoc());
        return success();
      })
      .Case([&](optim::LookupOp lookup) { return convertLookups(lookup); })
      .Case([&](optim::RowGradientOp gradient) {
        return convertRowGradient(gradient);
      })
      .Case([&](dist::PullRowsOp pull) { return convertPull(pull); })
      .Case([&](dist::PushRowsOp push) {
        return convertPush(push, push.getTableAttr(), push.getIds(),
                           push.getGradients(), push.getPadding());
      })
      .Case([&](optim::OptimizerOpInterface update) {
        return convertRowUpdate(update);
      })
      .Case([&](dist::ConnectOp connect) {
        plan::ConnectOp::create(builder, op->getLoc(), connect.getGroupAttr());
        return success();
      })
      .Case([&](dist::AllGatherRowsOp gather) {
        return convertMerge(gather.getLoc(), gather.getRows(),
                            gather.getGroupAttr());
      })
      .Case([&](optim::RowPartOp part) { return convertPart(part); })
      .Case([&](optim::RowChangeOp) { return success(); })
      .Case([&](dist::BroadcastOp broadcast) {
        return convertBroadcast(broadcast);
      })
      .Case([&](dist::ExamplesOp examples) {
        buffers[examples.getResult()] = plan::ExamplesOp::create(
            builder, op->getLoc(), toMemRef(examples.getResult().getType()),
            dist::stringifyExamples(examples.getKind()));
        return success();
      })
      .Case([&](dist::AllReduceStartOp start) {
        convertStart(start);
        return success();
      })
      .Case([&](dist::ReduceScatterStartOp start) {
        convertReduceScatter(start);
        return success();
      })
      .Case([&](dist::AllGatherStartOp start) {
        convertAllGather(start);
        return success();
      })
      .Case([&](dist::OwnPartOp part) {
        convertOwnPart(part);
        return success();
      })
      .Case<dist::AllReduceWaitOp, dist::ReduceScatterWaitOp,
            dist::AllGatherWaitOp>([&](auto wait) {
        plan::CollectiveWaitOp::create(
            builder, op->getLoc(),
            FlatSymbolRefAttr::get(buckets.lookup(wait.getToken())));
        return success();
      })
      .Case([&](func::ReturnOp ret) { return convertReturn(ret); })
      .Default([](Operation *unknown) {
        return unknown->emitOpError("has no place in a plan");
      });
}

LogicalResult FunctionConverter::convert() {
  auto result = plan::FunctionOp::create(builder, function.getLoc(),
                                         function.getName(), /*num_slots=*/0,
                                         /*every=*/0, /*begin=*/0);
  if (auto every = function->getAttrOfType<IntegerAttr>(
          dist::FleetDialect::getEveryAttrName()))
    result.setEvery(every.getInt());
  if (auto begin = function->getAttrOfType<IntegerAttr>(
          dist::FleetDialect::getBeginAttrName()))
    result.setBegin(begin.getInt());
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&result.getBody());
  builder.setInsertionPointToStart(block);
  for (auto [i, argument] : llvm::enumerate(function.getArguments())) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      return function.emitOpError("takes ")
             << argument.getType() << "; programs take tensors";
    auto name = function.getArgAttrOfType<StringAttr>(i, kNameAttr);
    std::string fallback = "arg" + std::to_string(i);
    buffers[argument] = plan::InputOp::create(
        builder, argument.getLoc(), toMemRef(type),
        builder.getI64IntegerAttr(i),
        name ? name : builder.getStringAttr(fallback),
        function.getArgAttrOfType<IntegerAttr>(i, kUpperBoundAttr));
  }
  for (Operation &op : function.getBody().front())
    if (failed(convertOp(&op)))
      return failure();
  plan::ReturnOp::create(builder, function.getLoc());
  return success();
}

LogicalResult mlir::fleet::convertFunction(func::FuncOp function, OpBuilder &b,
                                           const ServerTable &servers,
                                           const TableList &tables) {
  return FunctionConverter(function, b, servers, tables).convert();
}
