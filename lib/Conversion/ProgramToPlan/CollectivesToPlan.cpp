//===- CollectivesToPlan.cpp - Calls between trainers, in a plan ----------===//
//
// What travels lies in buckets. What computes a value writes it into its
// bucket, and what uses a result reads it there, where nothing else stands
// against it.
//
//===----------------------------------------------------------------------===//

#include "FunctionConverter.h"

using namespace mlir;
using namespace mlir::fleet;

/// Buffers in a bucket begin on cache lines, as others do.
static constexpr int64_t kCacheLineBytes = 64;

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
