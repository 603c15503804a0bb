//===- ScalarTree.cpp - Elementwise ops as one linalg.generic -------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::fleet;

/// The operands whose elements a scalar op computes with.
static SmallVector<Value> scalarOperands(Operation *op) {
  if (auto scalar = dyn_cast<nn::ScalarOpInterface>(op))
    return scalar.getScalarOperands();
  return llvm::to_vector(op->getOperands()); // one_hot
}

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

AffineMap KernelEmitter::mapTo(ArrayRef<int64_t> shape,
                               ArrayRef<int64_t> iteration) const {
  // Right-aligned, as in numpy: dimensions of extent 1 and those further left
  // than the iteration space are read at 0.
  MLIRContext *context = builder.getContext();
  int64_t offset = static_cast<int64_t>(iteration.size()) -
                   static_cast<int64_t>(shape.size());
  SmallVector<AffineExpr> exprs;
  for (auto [j, extent] : llvm::enumerate(shape)) {
    int64_t d = static_cast<int64_t>(j) + offset;
    exprs.push_back(d < 0 || extent == 1
                        ? getAffineConstantExpr(0, context)
                        : getAffineDimExpr(d, context));
  }
  return AffineMap::get(iteration.size(), 0, exprs, context);
}

void KernelEmitter::collectLeaves(Tree &tree, Value value,
                                  int64_t consumerRank) {
  if (scalars.contains(value))
    return;
  bool byRow = isReadByRow(value, consumerRank);
  Operation *op = value.getDefiningOp();
  bool isPending = op && tree.pending.contains(op);
  if (!isPending && (buffers.contains(value) || rowTemporaries.contains(value))) {
    for (const Leaf &leaf : tree.leaves)
      if (leaf.value == value && leaf.byRow == byRow)
        return;
    Value view = viewOf(value, byRow);
    tree.leaves.push_back(
        {value, byRow, view,
         mapTo(cast<MemRefType>(view.getType()).getShape(), tree.shape)});
    return;
  }
  if (auto constant = value.getDefiningOp<nn::ConstantOp>())
    return;
  for (Value operand : scalarOperands(op))
    collectLeaves(tree, operand, rankOf(value));
}

Value KernelEmitter::emitScalar(Tree &tree, OpBuilder &b, Value value,
                                int64_t consumerRank) {
  if (Value scalar = scalars.lookup(value))
    return scalar;
  auto key = std::make_pair(value, unsigned(isReadByRow(value, consumerRank)));
  if (Value known = tree.scalars.lookup(key))
    return known;
  Operation *op = value.getDefiningOp();
  Value result;
  if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
    auto splat = cast<SplatElementsAttr>(constant.getValue());
    result = arith::ConstantOp::create(
        b, op->getLoc(), cast<TypedAttr>(splat.getSplatValue<Attribute>()));
  } else if (isa<nn::OneHotOp>(op)) {
    // Element c of a row is 1 where the row's label is c.
    Value label =
        emitScalar(tree, b, op->getOperand(0), rankOf(value));
    Type type = getElementTypeOrSelf(value);
    Value column = arith::IndexCastOp::create(
        b, op->getLoc(), label.getType(),
        linalg::IndexOp::create(b, op->getLoc(), tree.shape.size() - 1));
    Value hit = arith::CmpIOp::create(b, op->getLoc(),
                                      arith::CmpIPredicate::eq, label, column);
    if (type.isInteger(1))
      result = hit;
    else if (isa<IntegerType>(type))
      result = arith::ExtUIOp::create(b, op->getLoc(), type, hit);
    else
      result = arith::UIToFPOp::create(b, op->getLoc(), type, hit);
  } else {
    SmallVector<Value> operands;
    for (Value operand : scalarOperands(op))
      operands.push_back(emitScalar(tree, b, operand, rankOf(value)));
    result = cast<nn::ScalarOpInterface>(op).buildScalar(b, op->getLoc(),
                                                         operands);
  }
  tree.scalars[key] = result;
  return result;
}

Value KernelEmitter::combine(OpBuilder &b, nn::ReduceKind kind, Value a,
                             Value x) {
  if (isa<IntegerType>(a.getType())) {
    if (kind == nn::ReduceKind::Sum)
      return arith::AddIOp::create(b, loc, a, x);
    return arith::MaxSIOp::create(b, loc, a, x);
  }
  // Without reassociation LLVM does not vectorize a sum.
  auto flags = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
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
      collectLeaves(tree, root.source, rankOf(root.source));
      continue;
    }
    Operation *op = root.value.getDefiningOp();
    if (isa<nn::ConstantOp, nn::CountOp>(op))
      continue;
    for (Value operand : scalarOperands(op))
      collectLeaves(tree, operand, rankOf(root.value));
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
      Value view = viewOf(root.value, isSwept(root.value));
      outputs.push_back(view);
      maps.push_back(
          mapTo(cast<MemRefType>(view.getType()).getShape(), shape));
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
      tree.leaves.push_back({Value(), false, extent, maps.back()});
    }
  }

  SmallVector<utils::IteratorType> iterators;
  for (int64_t d = 0, e = shape.size(); d < e; ++d) {
    AffineExpr dim = builder.getAffineDimExpr(d);
    bool inAllOutputs =
        llvm::all_of(ArrayRef(maps).drop_front(inputs.size()),
                     [&](AffineMap map) {
                       return shape[d] == 1 ||
                              llvm::is_contained(map.getResults(), dim);
                     });
    iterators.push_back(inAllOutputs ? utils::IteratorType::parallel
                                     : utils::IteratorType::reduction);
  }

  linalg::GenericOp::create(
      builder, loc, TypeRange(), inputs, outputs, maps, iterators,
      [&](OpBuilder &b, Location bodyLoc, ValueRange args) {
        for (auto [leaf, arg] : llvm::zip(tree.leaves, args))
          if (leaf.value)
            tree.scalars[{leaf.value, unsigned(leaf.byRow)}] = arg;
        SmallVector<Value> results;
        for (auto [root, old] :
             llvm::zip(roots, args.drop_front(inputs.size()))) {
          if (!root.accumulate) {
            // A root is read as its consumers in this generic read it.
            results.push_back(
                emitScalar(tree, b, root.value, rankOf(root.value)));
            continue;
          }
          Value x = emitScalar(tree, b, root.source, rankOf(root.source));
          nn::ReduceOp reduce = root.accumulate;
          results.push_back(combine(b, reduce.getKind(), old, x));
        }
        linalg::YieldOp::create(b, bodyLoc, results);
      });
}
