//===- NNShapes.h - Shape rules of the nn dialect ---------------*- C++ -*-===//
//
// Broadcasting as the dialect defines it: decided by the types alone. Extents
// agree when they are the same number or both dynamic; an extent that is 1 in
// the type stretches.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_NN_IR_NNSHAPES_H
#define FLEET_DIALECTS_NN_IR_NNSHAPES_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace mlir::fleet::nn {

/// The shape that `lhs` and `rhs` broadcast to; failure, without a diagnostic,
/// where two extents do not agree.
FailureOr<SmallVector<int64_t>> broadcastShapes(ArrayRef<int64_t> lhs,
                                                ArrayRef<int64_t> rhs);

/// Whether a tensor of shape `from` stretches to exactly the shape `to`.
bool broadcastsTo(ArrayRef<int64_t> from, ArrayRef<int64_t> to);

/// From the indices of an element of `result` to those of the element of
/// `operand` that is read for it: dimensions aligned at the last, 0 where the
/// operand stretches. `operand` must broadcast to `result`.
AffineMap getBroadcastMap(RankedTensorType operand, RankedTensorType result);

/// Infers the one result type of an elementwise op whose operands have one
/// element type. Errors name `opName` and quote the types.
LogicalResult inferElementwise(std::optional<Location> loc, StringRef opName,
                               ValueRange operands,
                               SmallVectorImpl<Type> &types);

/// The shape that all `operands` broadcast to, with an error that quotes the
/// first types that do not.
FailureOr<SmallVector<int64_t>> inferBroadcastShape(std::optional<Location> loc,
                                                    StringRef opName,
                                                    ValueRange operands);

/// The extents of `result`, the broadcast of `operands`, at run time: numbers
/// where static, `tensor.dim` of an operand where dynamic.
SmallVector<OpFoldResult> reifyBroadcast(OpBuilder &b, Location loc,
                                         ValueRange operands,
                                         RankedTensorType result);

/// The extents of `result` at run time, where `source(d)` is the value and the
/// dimension of it that dynamic dimension `d` comes from.
SmallVector<OpFoldResult>
reifyFrom(OpBuilder &b, Location loc, RankedTensorType result,
          function_ref<std::pair<Value, int64_t>(int64_t)> source);

/// Compares the result types of `op` with `inferred`; the error quotes both.
LogicalResult verifyInferredTypes(Operation *op, TypeRange inferred);

/// "2x?x3" for messages; "scalar" for rank 0.
std::string formatShape(ArrayRef<int64_t> shape);

/// "13", or "?" for a dynamic extent.
std::string formatExtent(int64_t extent);

} // namespace mlir::fleet::nn

#endif // FLEET_DIALECTS_NN_IR_NNSHAPES_H
