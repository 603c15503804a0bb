//===- Movement.cpp - Kernels that move rows and columns ------------------===//
//
// Loops whose innermost dimension is contiguous on both sides, so that LLVM
// makes vector copies or `memcpy` of it.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::fleet;

static Value getIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getIndexAttr(value));
}

/// Calls `body` with the indices of every element of a space of `extents`.
static void buildLoops(OpBuilder &b, Location loc, ArrayRef<Value> extents,
                       function_ref<void(OpBuilder &, ValueRange)> body) {
  SmallVector<Value> begins(extents.size(), getIndex(b, loc, 0));
  SmallVector<Value> steps(extents.size(), getIndex(b, loc, 1));
  scf::buildLoopNest(
      b, loc, begins, extents, steps,
      [&](OpBuilder &inner, Location, ValueRange ivs) { body(inner, ivs); });
}

SmallVector<Value> KernelEmitter::getExtents(ArrayRef<int64_t> shape) {
  SmallVector<Value> extents;
  for (int64_t extent : shape)
    extents.push_back(
        ShapedType::isDynamic(extent) ? batch : getIndex(builder, loc, extent));
  return extents;
}

/// The indices of the element in column `column` of the row that the id at
/// `ids` stands for: `nn.gather` drops a last extent of 1 of the ids.
static SmallVector<Value> getRowElement(ValueRange ids, bool dropsLast,
                                        Value column) {
  SmallVector<Value> indices(ids.drop_back(dropsLast));
  indices.push_back(column);
  return indices;
}

static bool dropsLast(MemRefType ids) { return ids.getShape().back() == 1; }

void KernelEmitter::emitGather(nn::GatherOp op) {
  Value table = viewOf(op.getTable(), /*byRow=*/false);
  Value ids = viewOf(op.getIds(), isSwept(op.getIds()));
  Value out = viewOf(op.getResult(), isSwept(op.getResult()));
  auto idsType = cast<MemRefType>(ids.getType());
  Value columns = getIndex(builder, loc, op.getTable().getType().getDimSize(1));
  buildLoops(
      builder, loc, getExtents(idsType.getShape()),
      [&](OpBuilder &b, ValueRange ivs) {
        Value id = memref::LoadOp::create(b, loc, ids, ivs);
        id = arith::IndexCastOp::create(b, loc, b.getIndexType(), id);
        buildLoops(b, loc, columns, [&](OpBuilder &inner, ValueRange column) {
          Value element = memref::LoadOp::create(inner, loc, table,
                                                 ValueRange{id, column[0]});
          memref::StoreOp::create(
              inner, loc, element, out,
              getRowElement(ivs, dropsLast(idsType), column[0]));
        });
      });
}

void KernelEmitter::copyColumns(Value from, int64_t fromColumn, Value to,
                                int64_t toColumn, int64_t columns) {
  SmallVector<int64_t> shape(cast<MemRefType>(from.getType()).getShape());
  shape.back() = columns;
  Value fromOffset = getIndex(builder, loc, fromColumn);
  Value toOffset = getIndex(builder, loc, toColumn);
  buildLoops(
      builder, loc, getExtents(shape), [&](OpBuilder &b, ValueRange ivs) {
        auto shift = [&](Value offset) {
          SmallVector<Value> indices(ivs);
          indices.back() =
              arith::AddIOp::create(b, loc, indices.back(), offset);
          return indices;
        };
        Value element = memref::LoadOp::create(b, loc, from, shift(fromOffset));
        memref::StoreOp::create(b, loc, element, to, shift(toOffset));
      });
}

static int64_t getColumns(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

void KernelEmitter::emitConcat(nn::ConcatOp op) {
  Value out = viewOf(op.getResult(), isSwept(op.getResult()));
  int64_t column = 0;
  for (Value part : op.getParts()) {
    copyColumns(viewOf(part, isSwept(part)), 0, out, column, getColumns(part));
    column += getColumns(part);
  }
}

void KernelEmitter::emitSlice(nn::SliceOp op) {
  copyColumns(viewOf(op.getOperand(), isSwept(op.getOperand())), op.getOffset(),
              viewOf(op.getResult(), isSwept(op.getResult())), 0,
              getColumns(op.getResult()));
}

// Not memref.collapse_shape: accesses through that are folded into divisions of
// the index, which no loop is vectorized with.
Value KernelEmitter::collapse(Value view) {
  auto type = cast<MemRefType>(view.getType());
  if (type.getRank() == 1)
    return view;
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, view);
  OpFoldResult offset = metadata.getConstifiedMixedOffset();
  int64_t elements = type.getNumElements();
  auto layout = StridedLayoutAttr::get(
      builder.getContext(),
      getConstantIntValue(offset).value_or(ShapedType::kDynamic), {1});
  auto flat = MemRefType::get({elements}, type.getElementType(), layout);
  return memref::ReinterpretCastOp::create(
      builder, loc, flat, metadata.getBaseBuffer(), offset,
      {builder.getIndexAttr(elements)}, {builder.getIndexAttr(1)});
}

void KernelEmitter::emitReshape(nn::ReshapeOp op) {
  Value from = viewOf(op.getOperand(), isSwept(op.getOperand()));
  Value to = viewOf(op.getResult(), isSwept(op.getResult()));
  Value flat = collapse(from);
  copyColumns(flat, 0, collapse(to), 0,
              cast<MemRefType>(flat.getType()).getDimSize(0));
}

// Rows [begin, end) of the result: every range looks at all ids and takes its
// own, so a row is summed in the order of the ids wherever the ranges are cut.
void KernelEmitter::emitScatterAdd(nn::ScatterAddOp op) {
  Value updates = buffers.lookup(op.getUpdates());
  Value ids = buffers.lookup(op.getIds());
  Value out = buffers.lookup(op.getResult());
  auto idsType = cast<MemRefType>(ids.getType());
  auto type = cast<MemRefType>(out.getType());
  Value columns = getIndex(builder, loc, type.getDimSize(1));
  Value one = getIndex(builder, loc, 1);

  // One long run of stores is a `memset`.
  Value flat = collapse(out);
  Value from = arith::MulIOp::create(builder, loc, begin, columns);
  Value to = arith::MulIOp::create(builder, loc, end, columns);
  Value zero = arith::ConstantOp::create(
      builder, loc, builder.getZeroAttr(type.getElementType()));
  scf::ForOp::create(builder, loc, from, to, one, ValueRange(),
                     [&](OpBuilder &b, Location l, Value i, ValueRange) {
                       memref::StoreOp::create(b, l, zero, flat, i);
                       scf::YieldOp::create(b, l);
                     });

  Value count = arith::SubIOp::create(builder, loc, end, begin);
  buildLoops(
      builder, loc, getExtents(idsType.getShape()),
      [&](OpBuilder &b, ValueRange ivs) {
        Value id = memref::LoadOp::create(b, loc, ids, ivs);
        id = arith::IndexCastOp::create(b, loc, b.getIndexType(), id);
        Value isMine = arith::CmpIOp::create(
            b, loc, arith::CmpIPredicate::ult,
            arith::SubIOp::create(b, loc, id, begin), count);
        auto then = scf::IfOp::create(b, loc, isMine, /*withElse=*/false);
        OpBuilder inner = then.getThenBodyBuilder();
        buildLoops(inner, loc, columns, [&](OpBuilder &b, ValueRange column) {
          Value target[] = {id, column[0]};
          Value sum = memref::LoadOp::create(b, loc, out, target);
          Value update = memref::LoadOp::create(
              b, loc, updates,
              getRowElement(ivs, dropsLast(idsType), column[0]));
          sum = arith::AddFOp::create(b, loc, sum, update);
          memref::StoreOp::create(b, loc, sum, out, target);
        });
      });
}
