//===- FunctionToPlan.cpp - A function to a plan function -----------------===//
//
// Gives every tensor of a function a buffer. Tensors are values, states are
// memory: what reads a state uses its memory directly, unless the state is
// overwritten before the last use of the value that was read.
//
//===----------------------------------------------------------------------===//

#include "FunctionToPlan.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "fleet/Conversion/KernelsToLinalg.h"
#include "fleet/Kernels/Passes.h"
#include "fleet/Transforms/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fleet;

static constexpr llvm::StringLiteral kNameAttr = "fleet.name";

/// Buffers in a bucket begin on cache lines, as others do.
static constexpr int64_t kCacheLineBytes = 64;

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

static MemRefType toMemRef(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

namespace {

class FunctionConverter {
public:
  FunctionConverter(func::FuncOp function, OpBuilder &builder,
                    const ServerTable &servers, const TableList &tables)
      : function(function), builder(builder), servers(servers), tables(tables) {
  }
  LogicalResult convert();

private:
  LogicalResult convertOp(Operation *op);
  LogicalResult convertRead(optim::ReadOp op);
  LogicalResult convertAssign(optim::AssignOp op);
  LogicalResult convertCall(func::CallOp op);
  LogicalResult convertMatmul(nn::MatmulOp op);
  LogicalResult convertSend(dist::SendOp op);
  LogicalResult convertRecv(dist::RecvOp op);
  LogicalResult convertAgree(dist::AgreeOp op);
  void convertStart(dist::AllReduceStartOp op);
  void convertReduceScatter(dist::ReduceScatterStartOp op);
  void convertAllGather(dist::AllGatherStartOp op);
  void convertOwnPart(dist::OwnPartOp op);
  int64_t sizeOfGroup(Operation *op, FlatSymbolRefAttr group);
  plan::BucketOp createBucket(Operation *start, int64_t elements);
  Value placeInBucket(Operation *start, Value value, plan::BucketOp bucket,
                      int64_t offset, FlatSymbolRefAttr partOf);
  LogicalResult convertReturn(func::ReturnOp op);
  LogicalResult convertLookups(optim::LookupOp first);
  LogicalResult convertRowUpdate(optim::OptimizerOpInterface op);
  LogicalResult convertPull(dist::PullRowsOp op);
  LogicalResult convertMerge(Location loc, optim::RowGradientOp gradient,
                             FlatSymbolRefAttr group);
  LogicalResult convertRowGradient(optim::RowGradientOp op);
  LogicalResult convertPart(optim::RowPartOp op);
  LogicalResult convertBroadcast(dist::BroadcastOp op);
  LogicalResult convertPush(Operation *op, FlatSymbolRefAttr table,
                            ValueRange ids, ValueRange gradients,
                            ArrayRef<int64_t> padding);
  /// The number of a table; nullopt with an error.
  std::optional<int64_t> findTable(Operation *op, FlatSymbolRefAttr symbol);

  Value createTemporary(Location loc, Type type);
  Value getState(Location loc, FlatSymbolRefAttr symbol);
  /// True if `value` is used by an op after `op`.
  static bool isUsedAfter(Value value, Operation *op);
  /// True if the kernel that `call` calls may write `result` over the memory of
  /// the operand `old`.
  bool isOverwritable(func::CallOp call, Value old, Value result);
  /// True if something that was read from `state` before `op` is used after it.
  bool isOldValueUsedAfter(FlatSymbolRefAttr state, Operation *op);

  func::FuncOp function;
  OpBuilder &builder;
  const ServerTable &servers;
  const TableList &tables;
  llvm::DenseMap<Value, Value> buffers;
  llvm::DenseMap<Attribute, Value> states;
  llvm::DenseMap<Value, StringAttr> buckets; ///< of tokens
};

} // namespace

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

std::optional<int64_t> FunctionConverter::findTable(Operation *op,
                                                    FlatSymbolRefAttr symbol) {
  std::optional<int64_t> table =
      tables.find(function->getParentOfType<ModuleOp>(), symbol);
  if (!table)
    op->emitOpError("refers to ") << symbol << ", which is no table of the job";
  return table;
}

static int64_t toNumber(std::optional<uint64_t> padding) {
  return static_cast<int64_t>(padding.value_or(-1));
}

/// Lookups that stand beside each other are one instruction.
LogicalResult FunctionConverter::convertLookups(optim::LookupOp first) {
  if (isa_and_nonnull<optim::LookupOp>(first->getPrevNode()))
    return success();
  SmallVector<int64_t> numbers, padding;
  SmallVector<Value> ids, rows;
  for (auto lookup = first; lookup;
       lookup = dyn_cast_or_null<optim::LookupOp>(lookup->getNextNode())) {
    std::optional<int64_t> table = findTable(lookup, lookup.getParameterAttr());
    if (!table)
      return failure();
    numbers.push_back(*table);
    padding.push_back(toNumber(lookup.getPaddingIdx()));
    ids.push_back(buffers.lookup(lookup.getIds()));
    rows.push_back(
        createTemporary(lookup.getLoc(), lookup.getValue().getType()));
    buffers[lookup.getValue()] = rows.back();
  }
  plan::PullRowsOp::create(builder, first.getLoc(), numbers, ids, rows,
                           padding);
  return success();
}

/// True if rows are merged before they are updated, since something happens in
/// between.
static bool isMerged(optim::RowGradientOp gradient) {
  return llvm::any_of(gradient->getUsers(), [](Operation *user) {
    return !isa<optim::OptimizerOpInterface>(user);
  });
}

/// The rule itself is a function that the table names.
LogicalResult
FunctionConverter::convertRowUpdate(optim::OptimizerOpInterface op) {
  optim::RowGradientOp gradient = optim::findRowGradient(op.getGradient());
  if (!gradient)
    return op.emitOpError("has no place in a plan");
  if (isMerged(gradient)) {
    std::optional<int64_t> table = findTable(op, op.getParameterAttr());
    if (!table)
      return failure();
    auto change = op.getGradient().getDefiningOp<optim::RowChangeOp>();
    plan::UpdateRowsOp::create(builder, op->getLoc(), *table,
                               change ? buffers.lookup(change.getSum())
                                      : Value());
    return success();
  }
  return convertPush(op, op.getParameterAttr(), gradient.getIds(),
                     gradient.getGradients(), gradient.getPaddingIdx());
}

LogicalResult FunctionConverter::convertPush(Operation *op,
                                             FlatSymbolRefAttr symbol,
                                             ValueRange ids,
                                             ValueRange gradients,
                                             ArrayRef<int64_t> padding) {
  std::optional<int64_t> table = findTable(op, symbol);
  if (!table)
    return failure();
  auto lookup = [&](Value value) { return buffers.lookup(value); };
  plan::PushRowsOp::create(builder, op->getLoc(), *table,
                           llvm::map_to_vector(ids, lookup),
                           llvm::map_to_vector(gradients, lookup), padding);
  return success();
}

/// The rows of this process, or of a group.
LogicalResult FunctionConverter::convertMerge(Location loc,
                                              optim::RowGradientOp gradient,
                                              FlatSymbolRefAttr group) {
  std::optional<int64_t> table =
      findTable(gradient, gradient.getParameterAttr());
  if (!table)
    return failure();
  auto lookup = [&](Value value) { return buffers.lookup(value); };
  plan::MergeRowsOp::create(
      builder, loc, builder.getI64IntegerAttr(*table),
      llvm::map_to_vector(gradient.getIds(), lookup),
      llvm::map_to_vector(gradient.getGradients(), lookup),
      gradient.getPaddingIdxAttr(), group);
  return success();
}

LogicalResult FunctionConverter::convertRowGradient(optim::RowGradientOp op) {
  bool isGathered = llvm::any_of(op->getUsers(), [](Operation *user) {
    return isa<dist::AllGatherRowsOp>(user);
  });
  if (isGathered || !isMerged(op))
    return success();
  return convertMerge(op.getLoc(), op, FlatSymbolRefAttr());
}

LogicalResult FunctionConverter::convertPart(optim::RowPartOp op) {
  std::optional<int64_t> table = findTable(
      op, optim::findRowGradient(op.getRowGradient()).getParameterAttr());
  if (!table)
    return failure();
  Value out = createTemporary(op.getLoc(), op.getSum().getType());
  plan::RowsPartOp::create(builder, op.getLoc(), *table, out);
  buffers[op.getSum()] = out;
  return success();
}

/// A state of the plan, or rows of a table.
LogicalResult FunctionConverter::convertBroadcast(dist::BroadcastOp op) {
  auto variable =
      SymbolTable::lookupNearestSymbolFrom<optim::VariableOpInterface>(
          function, op.getVariableAttr());
  if (!TableList::hasRows(variable)) {
    plan::BroadcastOp::create(builder, op.getLoc(),
                              getState(op.getLoc(), op.getVariableAttr()),
                              op.getRootAttr(), op.getGroupAttr());
    return success();
  }
  FlatSymbolRefAttr symbol = op.getVariableAttr();
  if (auto state = dyn_cast<optim::StateOp>(*variable))
    symbol = state.getParameterAttr();
  std::optional<int64_t> table = findTable(op, symbol);
  if (!table)
    return failure();
  std::optional<int64_t> component = tables.findComponent(*table, variable);
  if (!component)
    return op.emitOpError("gives ")
           << op.getVariableAttr() << ", which no update of its table uses";
  plan::BroadcastRowsOp::create(builder, op.getLoc(), *table, *component,
                                op.getRoot(), op.getGroup());
  return success();
}

LogicalResult FunctionConverter::convertPull(dist::PullRowsOp op) {
  SmallVector<int64_t> numbers;
  SmallVector<Value> ids, rows;
  for (auto [symbol, idsOfTable, result] :
       llvm::zip(op.getTables().getAsRange<FlatSymbolRefAttr>(), op.getIds(),
                 op.getRows())) {
    std::optional<int64_t> table = findTable(op, symbol);
    if (!table)
      return failure();
    numbers.push_back(*table);
    ids.push_back(buffers.lookup(idsOfTable));
    rows.push_back(createTemporary(op.getLoc(), result.getType()));
    buffers[result] = rows.back();
  }
  plan::PullRowsOp::create(builder, op.getLoc(), numbers, ids, rows,
                           op.getPadding());
  return success();
}

int64_t FunctionConverter::sizeOfGroup(Operation *op, FlatSymbolRefAttr group) {
  return static_cast<int64_t>(
      SymbolTable::lookupNearestSymbolFrom<dist::GroupOp>(op, group).getSize());
}

/// Memory for what `start` begins: so many elements of its operands' type.
plan::BucketOp FunctionConverter::createBucket(Operation *start,
                                               int64_t elements) {
  auto function =
      cast<plan::FunctionOp>(builder.getInsertionBlock()->getParentOp());
  auto program = function->getParentOfType<plan::ProgramOp>();
  auto first = cast<RankedTensorType>(start->getOperand(0).getType());
  OpBuilder outer(function);
  auto others = program.getBody().getOps<plan::BucketOp>();
  std::string wanted =
      "bucket_" + std::to_string(std::distance(others.begin(), others.end()));
  auto bucket = plan::BucketOp::create(
      outer, start->getLoc(), wanted,
      MemRefType::get({elements}, first.getElementType()));
  bucket->remove();
  buckets[start->getResult(0)] =
      SymbolTable(program).insert(bucket, function->getIterator());
  return bucket;
}

static plan::InBucketOp createInBucket(OpBuilder &b, Location loc, Type type,
                                       plan::BucketOp bucket, int64_t offset,
                                       FlatSymbolRefAttr partOf) {
  return plan::InBucketOp::create(
      b, loc, toMemRef(type), FlatSymbolRefAttr::get(bucket.getSymNameAttr()),
      b.getI64IntegerAttr(offset), partOf);
}

/// Gives `value` its place. What computes it writes it there straight away,
/// unless its buffer has to be somewhere else.
Value FunctionConverter::placeInBucket(Operation *start, Value value,
                                       plan::BucketOp bucket, int64_t offset,
                                       FlatSymbolRefAttr partOf) {
  Location loc = start->getLoc();
  Value buffer = buffers.lookup(value);
  OpBuilder first = OpBuilder::atBlockBegin(builder.getInsertionBlock());
  Value place =
      createInBucket(first, loc, value.getType(), bucket, offset, partOf);
  auto temporary = buffer.getDefiningOp<plan::TemporaryOp>();
  // Nobody may need it any more. (A value that comes twice has a place in the
  // bucket by the second time.)
  if (temporary && !isUsedAfter(value, start)) {
    buffer.replaceAllUsesWith(place);
    temporary.erase();
    buffers[value] = place;
  } else {
    plan::CopyOp::create(builder, loc, buffer, place, /*row=*/0);
  }
  return place;
}

/// Elements of a cache line.
static int64_t elementsOfLine(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return kCacheLineBytes * 8 / type.getElementTypeBitWidth();
}

/// Lays the values side by side in a bucket; sums take their places.
void FunctionConverter::convertStart(dist::AllReduceStartOp op) {
  SmallVector<int64_t> offsets;
  int64_t elements = 0;
  for (Value value : op.getValues()) {
    offsets.push_back(elements);
    elements += llvm::alignTo(toMemRef(value.getType()).getNumElements(),
                              elementsOfLine(value));
  }
  plan::BucketOp bucket = createBucket(op, elements);
  for (auto [i, value] : llvm::enumerate(op.getValues())) {
    Value place = placeInBucket(op, value, bucket, offsets[i], /*partOf=*/{});
    if (dist::AllReduceWaitOp wait = op.getWait())
      buffers[wait.getSums()[i]] = place;
  }
  plan::AllReduceStartOp::create(
      builder, op.getLoc(), FlatSymbolRefAttr::get(bucket.getSymNameAttr()),
      op.getGroupAttr());
}

/// Where tensors with parts of so many elements lie in a bucket, one part a
/// member each, and how large it is.
static int64_t layOutParts(ArrayRef<int64_t> parts, int64_t members,
                           int64_t line, SmallVectorImpl<int64_t> &offsets) {
  int64_t elements = 0;
  for (int64_t part : parts) {
    offsets.push_back(elements);
    elements += llvm::alignTo(part * members, line);
  }
  return elements;
}

/// The whole values lie in the bucket; afterwards this member's parts of sums
/// are where its parts of the values were.
void FunctionConverter::convertReduceScatter(dist::ReduceScatterStartOp op) {
  int64_t members = sizeOfGroup(op, op.getGroupAttr());
  SmallVector<int64_t> offsets, parts;
  for (Value value : op.getValues())
    parts.push_back(dist::getPartElements(
        cast<RankedTensorType>(value.getType()), members));
  plan::BucketOp bucket = createBucket(
      op, layOutParts(parts, members, elementsOfLine(op.getValues().front()),
                      offsets));
  Operation *wait = *op.getToken().getUsers().begin();
  for (auto [i, value] : llvm::enumerate(op.getValues())) {
    placeInBucket(op, value, bucket, offsets[i], /*partOf=*/{});
    OpBuilder first = OpBuilder::atBlockBegin(builder.getInsertionBlock());
    buffers[wait->getResult(i)] =
        createInBucket(first, op.getLoc(), wait->getResult(i).getType(), bucket,
                       offsets[i], op.getGroupAttr());
  }
  plan::ReduceScatterStartOp::create(
      builder, op.getLoc(), FlatSymbolRefAttr::get(bucket.getSymNameAttr()),
      op.getGroupAttr(), builder.getDenseI64ArrayAttr(offsets),
      builder.getDenseI64ArrayAttr(parts));
}

/// This member's parts lie in the bucket; afterwards all of them do.
void FunctionConverter::convertAllGather(dist::AllGatherStartOp op) {
  int64_t members = sizeOfGroup(op, op.getGroupAttr());
  SmallVector<int64_t> offsets, parts;
  for (Value value : op.getParts())
    parts.push_back(toMemRef(value.getType()).getNumElements());
  plan::BucketOp bucket = createBucket(
      op, layOutParts(parts, members, elementsOfLine(op.getParts().front()),
                      offsets));
  Operation *wait = *op.getToken().getUsers().begin();
  for (auto [i, value] : llvm::enumerate(op.getParts())) {
    placeInBucket(op, value, bucket, offsets[i], op.getGroupAttr());
    OpBuilder first = OpBuilder::atBlockBegin(builder.getInsertionBlock());
    buffers[wait->getResult(i)] =
        createInBucket(first, op.getLoc(), wait->getResult(i).getType(), bucket,
                       offsets[i], {});
  }
  plan::AllGatherStartOp::create(
      builder, op.getLoc(), FlatSymbolRefAttr::get(bucket.getSymNameAttr()),
      op.getGroupAttr(), builder.getDenseI64ArrayAttr(offsets),
      builder.getDenseI64ArrayAttr(parts));
}

void FunctionConverter::convertOwnPart(dist::OwnPartOp op) {
  Value part = createTemporary(op.getLoc(), op.getPart().getType());
  plan::CopyPartOp::create(builder, op.getLoc(), buffers.lookup(op.getWhole()),
                           part, op.getGroupAttr());
  buffers[op.getPart()] = part;
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
