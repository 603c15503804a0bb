//===- ScalarTree.cpp - Elementwise ops as one linalg.generic -------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::fleet;

/// The operands whose elements a scalar op computes with, and for each the map
/// from the indices of an element of the result to those of the operand's.
static SmallVector<std::pair<Value, AffineMap>> scalarOperands(Operation *op) {
  SmallVector<std::pair<Value, AffineMap>> operands;
  if (auto scalar = dyn_cast<nn::ScalarOpInterface>(op)) {
    for (auto [value, map] :
         llvm::zip(scalar.getScalarOperands(), scalar.getScalarOperandMaps()))
      operands.emplace_back(value, map);
  } else if (isa<nn::OneHotOp>(op)) {
    // One label a row, in a last dimension of extent 1.
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    auto identity =
        AffineMap::getMultiDimIdentityMap(type.getRank(), op->getContext());
    SmallVector<AffineExpr> exprs(identity.getResults());
    exprs.back() = getAffineConstantExpr(0, op->getContext());
    operands.emplace_back(
        op->getOperand(0),
        AffineMap::get(type.getRank(), 0, exprs, op->getContext()));
  }
  return operands;
}

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

AffineMap KernelEmitter::rootIndex(Value value) const {
  MLIRContext *context = builder.getContext();
  bool swept = isSwept(value);
  SmallVector<AffineExpr> exprs;
  for (int64_t d = 0, e = rankOf(value); d < e; ++d) {
    if (swept)
      exprs.push_back(d == 0 ? getAffineSymbolExpr(0, context)
                             : getAffineDimExpr(d - 1, context));
    else
      exprs.push_back(getAffineDimExpr(d, context));
  }
  return AffineMap::get(exprs.size() - swept, 1, exprs, context);
}

void KernelEmitter::collectLeaves(Tree &tree, Value value, AffineMap index) {
  if (scalars.contains(value))
    return;
  Operation *op = value.getDefiningOp();
  bool isPending = op && tree.pending.contains(op);
  bool isTemporary = rowTemporaries.contains(value);
  if (!isPending && (buffers.contains(value) || isTemporary)) {
    for (const Leaf &leaf : tree.leaves)
      if (leaf.value == value && leaf.index == index)
        return;
    bool byRow =
        index.getNumResults() > 0 && isa<AffineSymbolExpr>(index.getResult(0));
    ArrayRef<AffineExpr> exprs = index.getResults().drop_front(byRow);
    tree.leaves.push_back(
        {value, index, viewOf(value, byRow),
         AffineMap::get(tree.shape.size(), 0, exprs, builder.getContext())});
    return;
  }
  if (isa<nn::ConstantOp>(op))
    return;
  for (auto [operand, map] : scalarOperands(op))
    collectLeaves(tree, operand, map.compose(index));
}

Value KernelEmitter::emitScalar(Tree &tree, OpBuilder &b, Value value,
                                AffineMap index) {
  if (Value scalar = scalars.lookup(value))
    return scalar;
  auto key = std::make_pair(value, index);
  if (Value known = tree.scalars.lookup(key))
    return known;
  Operation *op = value.getDefiningOp();
  Location loc = op->getLoc();
  Value result;
  if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
    auto splat = cast<SplatElementsAttr>(constant.getValue());
    result = arith::ConstantOp::create(
        b, loc, cast<TypedAttr>(splat.getSplatValue<Attribute>()));
  } else {
    SmallVector<Value> operands;
    for (auto [operand, map] : scalarOperands(op))
      operands.push_back(emitScalar(tree, b, operand, map.compose(index)));
    if (auto scalar = dyn_cast<nn::ScalarOpInterface>(op))
      result = scalar.buildScalar(b, loc, operands);
    else
      result = emitOneHot(b, cast<nn::OneHotOp>(op), operands.front(), index);
  }
  tree.scalars[key] = result;
  return result;
}

/// Element c of a row is 1 where the row's label is c.
Value KernelEmitter::emitOneHot(OpBuilder &b, nn::OneHotOp op, Value label,
                                AffineMap index) {
  Location loc = op.getLoc();
  AffineExpr last = index.getResults().back();
  Value column;
  if (auto dim = dyn_cast<AffineDimExpr>(last))
    column = linalg::IndexOp::create(b, loc, dim.getPosition());
  else // one class only
    column = arith::ConstantOp::create(b, loc, b.getIndexAttr(0));
  column = arith::IndexCastOp::create(b, loc, label.getType(), column);
  Value hit =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, label, column);
  Type type = getElementTypeOrSelf(op.getResult());
  if (type.isInteger(1))
    return hit;
  if (isa<IntegerType>(type))
    return arith::ExtUIOp::create(b, loc, type, hit);
  return arith::UIToFPOp::create(b, loc, type, hit);
}

Value KernelEmitter::combine(OpBuilder &b, nn::ReduceKind kind, Value a,
                             Value x, arith::FastMathFlags flags) {
  if (isa<IntegerType>(a.getType())) {
    if (kind == nn::ReduceKind::Sum)
      return arith::AddIOp::create(b, loc, a, x);
    return arith::MaxSIOp::create(b, loc, a, x);
  }
  if (kind == nn::ReduceKind::Sum)
    return arith::AddFOp::create(b, loc, a, x, flags);
  return arith::MaximumFOp::create(b, loc, a, x);
}

void KernelEmitter::emitGeneric(const Shape &shape, ArrayRef<Root> roots) {
  Tree tree;
  tree.shape = shape;
  for (const Root &root : roots)
    if (!root.accumulate)
      tree.pending.insert(root.value.getDefiningOp());
  for (const Root &root : roots) {
    if (root.accumulate) {
      collectLeaves(tree, root.source, rootIndex(root.source));
      continue;
    }
    for (auto [operand, map] : scalarOperands(root.value.getDefiningOp()))
      collectLeaves(tree, operand, map.compose(rootIndex(root.value)));
  }

  SmallVector<Value> inputs, outputs;
  SmallVector<AffineMap> maps;
  for (const Leaf &leaf : tree.leaves) {
    inputs.push_back(leaf.buffer);
    maps.push_back(leaf.map);
  }
  int64_t shift = phase == Phase::Sweep ? 1 : 0;
  for (const Root &root : roots) {
    if (!root.accumulate) {
      outputs.push_back(viewOf(root.value, isSwept(root.value)));
      maps.push_back(builder.getMultiDimIdentityMap(shape.size()));
      continue;
    }
    // The reduced dimensions are those that the result's map leaves out.
    bool sweptSource = isSwept(root.source);
    Value view = viewOf(root.value, isSwept(root.value));
    SmallVector<AffineExpr> exprs;
    nn::ReduceOp reduce = root.accumulate;
    int64_t lead = sweptSource ? shift : 0;
    bool rowResult = isSwept(root.value);
    for (int64_t d = 0; d < rankOf(root.source); ++d) {
      if (rowResult && d == 0)
        continue; // the view is of one row
      if (llvm::is_contained(reduce.getDims(), d)) {
        if (reduce.getKeepDims())
          exprs.push_back(builder.getAffineConstantExpr(0));
        continue;
      }
      exprs.push_back(builder.getAffineDimExpr(d - lead));
    }
    outputs.push_back(view);
    maps.push_back(
        AffineMap::get(shape.size(), 0, exprs, builder.getContext()));
  }

  // linalg derives loop bounds from operands: make sure every dimension is one
  // of some operand (a one-hot row alone reads nothing of its extent).
  for (int64_t d = 0, e = shape.size(); d < e; ++d) {
    AffineExpr dim = builder.getAffineDimExpr(d);
    if (llvm::none_of(maps, [&](AffineMap map) {
          return llvm::is_contained(map.getResults(), dim);
        })) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(entry);
      Value extent = memref::AllocaOp::create(
          builder, loc, MemRefType::get({shape[d]}, builder.getI8Type()));
      inputs.insert(inputs.begin() + tree.leaves.size(), extent);
      maps.insert(maps.begin() + tree.leaves.size(),
                  AffineMap::get(shape.size(), 0, {dim}, builder.getContext()));
      tree.leaves.push_back({Value(), AffineMap(), extent, maps.back()});
    }
  }

  SmallVector<utils::IteratorType> iterators;
  for (int64_t d = 0, e = shape.size(); d < e; ++d) {
    AffineExpr dim = builder.getAffineDimExpr(d);
    bool inAllOutputs = llvm::all_of(
        ArrayRef(maps).drop_front(inputs.size()), [&](AffineMap map) {
          return shape[d] == 1 || llvm::is_contained(map.getResults(), dim);
        });
    iterators.push_back(inAllOutputs ? utils::IteratorType::parallel
                                     : utils::IteratorType::reduction);
  }

  linalg::GenericOp::create(
      builder, loc, TypeRange(), inputs, outputs, maps, iterators,
      [&](OpBuilder &b, Location bodyLoc, ValueRange args) {
        for (auto [leaf, arg] : llvm::zip(tree.leaves, args))
          if (leaf.value)
            tree.scalars[{leaf.value, leaf.index}] = arg;
        SmallVector<Value> results;
        for (auto [root, old] :
             llvm::zip(roots, args.drop_front(inputs.size()))) {
          if (!root.accumulate) {
            results.push_back(
                emitScalar(tree, b, root.value, rootIndex(root.value)));
            continue;
          }
          Value x = emitScalar(tree, b, root.source, rootIndex(root.source));
          nn::ReduceOp reduce = root.accumulate;
          results.push_back(combine(
              b, reduce.getKind(), old, x,
              getRowRole(reduce, rows) == RowRole::Accumulate ? kSumOfRows
                                                              : kSumInRow));
        }
        linalg::YieldOp::create(b, bodyLoc, results);
      });
}
