//===- KernelEmitter.cpp - One sweep over the rows of a kernel ------------===//

#include "KernelEmitter.h"

#include "fleet/Conversion/KernelsToLinalg.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::fleet;

/// Sums up to this size are kept in registers or on the stack in the sweep.
static constexpr int64_t kMaxLocalSum = 64;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

KernelEmitter::KernelEmitter(func::FuncOp kernel, OpBuilder &builder,
                             ValueRange kernelBuffers, Value batch, Value begin,
                             Value end)
    : kernel(kernel), builder(builder), loc(kernel.getLoc()), batch(batch),
      begin(begin), end(end) {
  rows = kernel->getAttrOfType<IntegerAttr>(kRowsAttr).getInt();
  if (rows == -1)
    rows = ShapedType::kDynamic;
  for (BlockArgument argument : kernel.getArguments())
    buffers[argument] = kernelBuffers[argument.getArgNumber()];
  ValueRange results = kernel.getBody().front().getTerminator()->getOperands();
  for (auto [result, buffer] : llvm::zip(results, getResultBuffers(kernel))) {
    buffers[result] = kernelBuffers[buffer];
    stored.insert(result);
  }
}

bool KernelEmitter::isSwept(Value value) const {
  Operation *op = value.getDefiningOp();
  return phase == Phase::Sweep && typeOf(value).getRank() > 0 &&
         typeOf(value).getDimSize(0) == rows && rows != 1 &&
         (!op || getRowRole(op, rows) == RowRole::Row);
}

KernelEmitter::Shape KernelEmitter::iterationShape(Value value) const {
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  return Shape(shape.drop_front(isSwept(value) ? 1 : 0));
}

Value KernelEmitter::viewOf(Value value, bool byRow) {
  if (Value temporary = rowTemporaries.lookup(value))
    return temporary;
  Value buffer = buffers.lookup(value);
  if (!byRow)
    return buffer;
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> sizes,
      strides(type.getRank(), builder.getIndexAttr(1));
  offsets[0] = row;
  for (int64_t extent : type.getShape())
    sizes.push_back(builder.getIndexAttr(extent));
  sizes[0] = builder.getIndexAttr(1);
  auto view = cast<MemRefType>(memref::SubViewOp::inferRankReducedResultType(
      type.getShape().drop_front(), type, offsets, sizes, strides));
  return memref::SubViewOp::create(builder, loc, view, buffer, offsets, sizes,
                                   strides);
}

LogicalResult KernelEmitter::assignPhases() {
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    RowRole role = getRowRole(&op, rows);
    if (role == RowRole::Opaque || role == RowRole::Range)
      return op.emitOpError("cannot be part of a kernel that sweeps ")
             << (ShapedType::isDynamic(rows) ? std::string("the batch")
                                             : std::to_string(rows) + " rows");
    Phase latest = Phase::Before;
    for (Value operand : op.getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (!def)
        continue;
      RowRole defRole = getRowRole(def, rows);
      if (defRole == RowRole::Accumulate || phases[def] == Phase::After)
        latest = Phase::After;
    }
    bool sweeps = role != RowRole::Invariant;
    if (sweeps && latest == Phase::After)
      return op.emitOpError("needs the sum over all rows in the same sweep");
    phases[&op] = sweeps ? Phase::Sweep : latest;
  }
  return success();
}

/// Decides which values get memory: everything else is computed where it is
/// used.
void KernelEmitter::chooseBuffers() {
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (isa<nn::CountOp>(op))
      continue;
    Value result = op.getResult(0);
    bool isScalarTree = isa<nn::ScalarOpInterface, nn::OneHotOp>(op);
    bool needed = !isScalarTree && !isa<nn::ConstantOp>(op);
    int64_t uses = 0;
    for (Operation *user : result.getUsers()) {
      if (isa<nn::CountOp>(user))
        continue; // only asks for the shape
      if (auto scalar = dyn_cast<nn::ScalarOpInterface>(user))
        if (!llvm::is_contained(scalar.getScalarOperands(), result))
          continue;
      ++uses;
      bool inlines =
          isa<nn::ScalarOpInterface, nn::OneHotOp, nn::ReduceOp>(user);
      bool widens =
          !isa<nn::ReduceOp>(user) && user->getNumResults() == 1 &&
          typeOf(user->getResult(0)).getShape() != typeOf(result).getShape();
      bool crosses = phases.count(user) && phases[user] != phases[&op];
      if (isa<nn::ConstantOp>(op))
        needed |= !inlines && !isa<func::ReturnOp>(user);
      else
        needed |= !inlines || widens || crosses;
    }
    if (isScalarTree && uses > 1)
      needed = true;
    if (needed)
      stored.insert(result);
  }
  for (Value value : stored)
    allocate(value);
}

void KernelEmitter::allocate(Value value) {
  Operation *op = value.getDefiningOp();
  phase = op ? phases[op] : Phase::Before;
  RankedTensorType type = typeOf(value);
  bool accumulates = op && getRowRole(op, rows) == RowRole::Accumulate;
  if (Value output = buffers.lookup(value)) {
    if (!accumulates || type.getNumElements() > kMaxLocalSum)
      return;
    auto local = MemRefType::get(type.getShape(), type.getElementType());
    buffers[value] = memref::AllocaOp::create(builder, loc, local);
    accumulators.push_back({value, output});
    return;
  }
  Shape shape = iterationShape(value);
  Value memory = memref::AllocaOp::create(
      builder, loc, MemRefType::get(shape, type.getElementType()));
  (isSwept(value) ? rowTemporaries : buffers)[value] = memory;
}

LogicalResult KernelEmitter::emit() {
  Operation *first = &kernel.getBody().front().front();
  if (auto scatter = dyn_cast<nn::ScatterAddOp>(first);
      scatter && getRowRole(first, rows) == RowRole::Range &&
      isa<func::ReturnOp>(first->getNextNode())) {
    emitScatterAdd(scatter);
    return success();
  }
  if (failed(assignPhases()))
    return failure();
  // Allocas stand before this op; it goes at the end.
  entry = arith::ConstantOp::create(builder, loc, builder.getIndexAttr(0));
  builder.setInsertionPoint(entry);
  chooseBuffers();
  builder.setInsertionPointAfter(entry);

  if (failed(emitPhase(Phase::Before)))
    return failure();
  bool sweeps = false;
  for (auto &[op, opPhase] : phases) {
    sweeps |= opPhase == Phase::Sweep;
  }
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (getRowRole(&op, rows) != RowRole::Accumulate)
      continue;
    nn::ReduceKind kind = nn::ReduceKind::Sum;
    if (auto reduce = dyn_cast<nn::ReduceOp>(op))
      kind = reduce.getKind();
    emitFill(buffers.lookup(op.getResult(0)), kind);
  }
  if (sweeps) {
    Value one =
        arith::ConstantOp::create(builder, loc, builder.getIndexAttr(1));
    auto loop = scf::ForOp::create(builder, loc, begin, end, one);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    row = loop.getInductionVar();
    if (failed(emitPhase(Phase::Sweep)))
      return failure();
    row = Value();
  }
  if (failed(emitPhase(Phase::After)))
    return failure();
  copyAccumulators();
  return success();
}

LogicalResult KernelEmitter::emitPhase(Phase current) {
  phase = current;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (phases[&op] == current && failed(emitOperation(&op, current)))
      return failure();
  flush();
  return success();
}

LogicalResult KernelEmitter::emitOperation(Operation *op, Phase current) {
  if (auto count = dyn_cast<nn::CountOp>(op)) {
    emitCount(count);
    if (stored.contains(count.getResult()))
      addRoot({count.getResult(), count.getResult(), {}});
    return success();
  }
  Value result = op->getResult(0);
  if (isa<nn::ScalarOpInterface, nn::OneHotOp, nn::ConstantOp>(op)) {
    if (stored.contains(result))
      addRoot({result, result, {}});
    return success();
  }
  if (auto reduce = dyn_cast<nn::ReduceOp>(op)) {
    if (getRowRole(op, rows) == RowRole::Accumulate) {
      addRoot({result, reduce->getOperand(0), reduce});
      return success();
    }
    flush();
    emitReduce(reduce);
    return success();
  }
  flush();
  if (auto matmul = dyn_cast<nn::MatmulOp>(op))
    emitMatMul(matmul);
  else if (auto argmax = dyn_cast<nn::ArgmaxOp>(op))
    emitArgMax(argmax);
  else if (auto gather = dyn_cast<nn::GatherOp>(op))
    emitGather(gather);
  else if (auto concat = dyn_cast<nn::ConcatOp>(op))
    emitConcat(concat);
  else if (auto slice = dyn_cast<nn::SliceOp>(op))
    emitSlice(slice);
  else if (auto reshape = dyn_cast<nn::ReshapeOp>(op))
    emitReshape(reshape);
  else
    return op->emitOpError("has no lowering to a kernel");
  return success();
}

void KernelEmitter::addRoot(Root root) {
  Shape shape = iterationShape(root.source);
  if (!pending.empty() && iterationShape(pending.front().source) != shape)
    flush();
  pending.push_back(root);
}

void KernelEmitter::flush() {
  if (pending.empty())
    return;
  SmallVector<Root> roots;
  std::swap(roots, pending);
  emitGeneric(iterationShape(roots.front().source), roots);
}

void KernelEmitter::emitFill(Value buffer, nn::ReduceKind kind) {
  Type type = cast<MemRefType>(buffer.getType()).getElementType();
  TypedAttr identity = builder.getZeroAttr(type);
  if (kind == nn::ReduceKind::Max) {
    if (auto floatType = dyn_cast<FloatType>(type))
      identity = builder.getFloatAttr(
          type,
          APFloat::getInf(floatType.getFloatSemantics(), /*Negative=*/true));
    else
      identity = builder.getIntegerAttr(
          type, APInt::getSignedMinValue(type.getIntOrFloatBitWidth()));
  }
  Value value = arith::ConstantOp::create(builder, loc, identity);
  linalg::FillOp::create(builder, loc, value, buffer);
}

void KernelEmitter::emitReduce(nn::ReduceOp op) {
  emitFill(viewOf(op.getResult(), isSwept(op.getResult())), op.getKind());
  Root root{op.getResult(), op->getOperand(0), op};
  emitGeneric(iterationShape(op->getOperand(0)), {root});
}

void KernelEmitter::emitMatMul(nn::MatmulOp op) {
  MLIRContext *context = builder.getContext();
  AffineExpr d0 = getAffineDimExpr(0, context),
             d1 = getAffineDimExpr(1, context);
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(2, 0, exprs, context);
  };
  Value a = viewOf(op->getOperand(0), /*byRow=*/true);
  bool accumulates = op.getTransposeA();
  Value b = viewOf(op->getOperand(1), /*byRow=*/accumulates);
  Value out = viewOf(op.getResult(), !accumulates);
  auto par = utils::IteratorType::parallel,
       red = utils::IteratorType::reduction;
  SmallVector<AffineMap> maps;
  SmallVector<utils::IteratorType> iterators;
  if (accumulates) { // out[k, n] += a[k] * b[n]
    maps = {map({d0}), map({d1}), map({d0, d1})};
    iterators = {par, par};
  } else {
    emitFill(out, nn::ReduceKind::Sum);
    if (op.getTransposeB()) { // out[n] += a[k] * b[n, k]
      maps = {map({d1}), map({d0, d1}), map({d0})};
      iterators = {par, red};
    } else { // out[n] += a[k] * b[k, n]
      maps = {map({d0}), map({d0, d1}), map({d1})};
      iterators = {red, par};
    }
  }
  linalg::GenericOp::create(
      builder, op.getLoc(), TypeRange(), ValueRange{a, b}, ValueRange{out},
      maps, iterators,
      [&](OpBuilder &inner, Location innerLoc, ValueRange args) {
        Value product = arith::MulFOp::create(inner, innerLoc, args[0], args[1],
                                              arith::FastMathFlags::contract);
        linalg::YieldOp::create(
            inner, innerLoc,
            combine(inner, nn::ReduceKind::Sum, args[2], product,
                    accumulates ? kSumOfRows : kProductOfRow));
      });
}

void KernelEmitter::emitArgMax(nn::ArgmaxOp op) {
  MLIRContext *context = builder.getContext();
  Value input = viewOf(op->getOperand(0), isSwept(op->getOperand(0)));
  Value out = viewOf(op.getResult(), isSwept(op.getResult()));
  auto inputType = cast<MemRefType>(input.getType());
  int64_t rank = inputType.getRank();
  Value best;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(entry);
    SmallVector<int64_t> shape(inputType.getShape());
    shape.back() = 1;
    best = memref::AllocaOp::create(
        builder, loc, MemRefType::get(shape, inputType.getElementType()));
  }
  emitFill(best, nn::ReduceKind::Max);
  emitFill(out, nn::ReduceKind::Sum);
  SmallVector<AffineExpr> exprs;
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  for (int64_t d = 0; d < rank; ++d)
    exprs.push_back(getAffineDimExpr(d, context));
  AffineMap identity = AffineMap::get(rank, 0, exprs, context);
  exprs.back() = getAffineConstantExpr(0, context);
  iterators.back() = utils::IteratorType::reduction;
  AffineMap reduced = AffineMap::get(rank, 0, exprs, context);
  linalg::GenericOp::create(
      builder, op.getLoc(), TypeRange(), ValueRange{input},
      ValueRange{best, out}, ArrayRef<AffineMap>{identity, reduced, reduced},
      iterators, [&](OpBuilder &b, Location l, ValueRange args) {
        // Strictly greater: the first of equal maxima wins.
        Value greater =
            isa<FloatType>(args[0].getType())
                ? Value(arith::CmpFOp::create(b, l, arith::CmpFPredicate::OGT,
                                              args[0], args[1]))
                : Value(arith::CmpIOp::create(b, l, arith::CmpIPredicate::sgt,
                                              args[0], args[1]));
        Value column = arith::IndexCastOp::create(
            b, l, args[2].getType(), linalg::IndexOp::create(b, l, rank - 1));
        Value value = arith::SelectOp::create(b, l, greater, args[0], args[1]);
        Value index = arith::SelectOp::create(b, l, greater, column, args[2]);
        linalg::YieldOp::create(b, l, ValueRange{value, index});
      });
}

void KernelEmitter::emitCount(nn::CountOp op) {
  RankedTensorType type = typeOf(op->getOperand(0));
  int64_t elements = 1;
  bool perBatch = false;
  for (int64_t extent : type.getShape()) {
    if (ShapedType::isDynamic(extent))
      perBatch = true;
    else
      elements *= extent;
  }
  Type result = getElementTypeOrSelf(op.getResult());
  OpBuilder::InsertionGuard guard(builder);
  Value count = arith::ConstantOp::create(builder, op.getLoc(),
                                          builder.getIndexAttr(elements));
  if (perBatch)
    count = arith::MulIOp::create(builder, op.getLoc(), count, batch);
  count = arith::IndexCastOp::create(builder, op.getLoc(), builder.getI64Type(),
                                     count);
  scalars[op.getResult()] =
      arith::SIToFPOp::create(builder, op.getLoc(), result, count);
}

void KernelEmitter::copyAccumulators() {
  for (auto [value, output] : accumulators) {
    Value local = buffers.lookup(value);
    linalg::CopyOp::create(builder, loc, local, output);
  }
}
