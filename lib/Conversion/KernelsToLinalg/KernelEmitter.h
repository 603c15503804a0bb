//===- KernelEmitter.h - One sweep over the rows of a kernel ----*- C++ -*-===//
//
// Private to the conversion. Turns nn ops on tensors into `linalg.generic` on
// buffers in three phases: what does not depend on rows, the sweep, and what
// depends on sums over all rows.
//
// Elementwise ops become scalar trees that are inlined where they are used; a
// value gets memory of its own only when something needs it there (a result, an
// operand of a contraction, a value used twice). Values with the same iteration
// space are computed by one `linalg.generic`, so that every element is loaded
// before anything that may overwrite it is stored.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_CONVERSION_KERNELSTOLINALG_KERNELEMITTER_H
#define FLEET_LIB_CONVERSION_KERNELSTOLINALG_KERNELEMITTER_H

#include "dialects/NN/IR/NN.h"
#include "fleet/Analysis/Rows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fleet {

class KernelEmitter {
public:
  /// `buffers` are memrefs in ABI order (see getResultBuffers); `batch`,
  /// `begin` and `end` are of index type. Code is emitted at `builder`.
  KernelEmitter(func::FuncOp kernel, OpBuilder &builder, ValueRange buffers,
                Value batch, Value begin, Value end);
  LogicalResult emit();

private:
  enum class Phase { Before, Sweep, After };
  using Shape = SmallVector<int64_t>;

  /// A value to be computed elementwise into its buffer; with `accumulate`,
  /// combined into it over the iteration space of `source`.
  struct Root {
    Value value;
    Value source;
    nn::ReduceOp accumulate;
  };
  /// A value read at `index`: a map from the dimensions of the iteration space
  /// and, as its symbol, the current row to the indices of the value.
  struct Leaf {
    Value value;
    AffineMap index;
    Value buffer;
    AffineMap map; ///< from the iteration space to the indices of `buffer`
  };
  /// State of the `linalg.generic` that is being built.
  struct Tree {
    Shape shape;
    SmallVector<Leaf> leaves;
    DenseMap<std::pair<Value, AffineMap>, Value> scalars;
    llvm::SmallPtrSet<Operation *, 8> pending;
  };

  LogicalResult assignPhases();
  void chooseBuffers();
  void allocate(Value value);
  LogicalResult emitPhase(Phase phase);
  LogicalResult emitOperation(Operation *op, Phase phase);
  void addRoot(Root root);
  void flush();
  void emitGeneric(const Shape &shape, ArrayRef<Root> roots);
  void emitReduce(nn::ReduceOp op);
  void emitMatMul(nn::MatmulOp op);
  void emitArgMax(nn::ArgmaxOp op);
  void emitCount(nn::CountOp op);
  // Moving elements (Movement.cpp).
  void emitGather(nn::GatherOp op);
  void emitConcat(nn::ConcatOp op);
  void emitSlice(nn::SliceOp op);
  void emitReshape(nn::ReshapeOp op);
  void emitScatterAdd(nn::ScatterAddOp op);
  void copyColumns(Value from, int64_t fromColumn, Value to, int64_t toColumn,
                   int64_t columns);
  /// One constant or, for a dynamic extent, the batch a dimension.
  SmallVector<Value> getExtents(ArrayRef<int64_t> shape);
  /// A contiguous view of a static shape as one run of elements.
  Value collapse(Value view);
  void emitFill(Value buffer, nn::ReduceKind kind);
  void copyAccumulators();

  // Scalar trees (ScalarTree.cpp).
  void collectLeaves(Tree &tree, Value value, AffineMap index);
  Value emitScalar(Tree &tree, OpBuilder &b, Value value, AffineMap index);
  /// The index at which an iteration reads or writes `value` itself.
  AffineMap rootIndex(Value value) const;
  Value emitOneHot(OpBuilder &b, nn::OneHotOp op, Value label, AffineMap index);
  /// `a` and `x` combined; `flags` are for a sum of floats.
  Value combine(OpBuilder &b, nn::ReduceKind kind, Value a, Value x,
                arith::FastMathFlags flags);

  // Without reassociation LLVM does not vectorize a sum. Where a row stands
  // alone, reassociation must not meet contraction: what LLVM makes of both
  // differs between a vectorized loop over rows and its remainder.
  static constexpr auto kSumOfRows =
      arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  static constexpr auto kSumInRow = arith::FastMathFlags::reassoc;
  static constexpr auto kProductOfRow = arith::FastMathFlags::contract;

  bool isSwept(Value value) const;
  /// The shape of what is computed at once: one row in the sweep.
  Shape iterationShape(Value value) const;
  Value viewOf(Value value, bool byRow);

  func::FuncOp kernel;
  OpBuilder &builder;
  Location loc;
  Value batch, begin, end;
  int64_t rows;

  Phase phase = Phase::Before;
  Value row; ///< index of the current row, in the sweep
  DenseMap<Operation *, Phase> phases;
  llvm::SmallSetVector<Value, 8> stored; ///< values with memory of their own
  DenseMap<Value, Value> buffers;
  DenseMap<Value, Value> rowTemporaries; ///< hold the current row only
  DenseMap<Value, Value> scalars;        ///< known as an SSA scalar
  SmallVector<std::pair<Value, Value>> accumulators; ///< local one, its output
  SmallVector<Root> pending;
  Operation *entry = nullptr; ///< allocas go before it
};

} // namespace mlir::fleet

#endif // FLEET_LIB_CONVERSION_KERNELSTOLINALG_KERNELEMITTER_H
