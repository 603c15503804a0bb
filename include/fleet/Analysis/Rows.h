//===- Rows.h - How operations behave row by row ----------------*- C++ -*-===//
//
// Kernels sweep the rows (dimension 0) of their tensors once and do everything
// that can be done to a row while it is in the cache. This analysis says which
// part an operation plays in such a sweep.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_ANALYSIS_ROWS_H
#define FLEET_ANALYSIS_ROWS_H

#include "mlir/IR/Operation.h"

namespace mlir::fleet {

enum class RowRole {
  Row,        ///< row i of the result needs only row i of its row operands
  Accumulate, ///< the result is a sum (or maximum) over all rows
  Invariant,  ///< does not depend on rows: small, or a scalar
  Range,      ///< makes a range of rows at once, in a kernel of its own
  Opaque      ///< cannot be part of a sweep
};

/// The part that `op` plays in a sweep over `rows` rows
/// (ShapedType::kDynamic: the batch).
RowRole getRowRole(Operation *op, int64_t rows);

/// The number of rows of the sweep that `op` wants to be part of, or nullopt
/// for one that fits into any (Invariant) or none (Opaque).
std::optional<int64_t> getRowExtent(Operation *op);

/// True if `op`, which takes part in a sweep over `rows` rows, reads only row i
/// of `operand` (one of its operands) where it handles row i.
bool isReadByRow(Operation *op, Value operand, int64_t rows);

} // namespace mlir::fleet

#endif // FLEET_ANALYSIS_ROWS_H
