//===- NN.h - The nn dialect ------------------------------------*- C++ -*-===//
//
// The one public header of the dialect: dialect, attributes, interfaces,
// operations, and the shape rules that they share.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_NN_IR_NN_H
#define FLEET_DIALECTS_NN_IR_NN_H

#include "dialects/NN/IR/NNShapes.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/NN/IR/NNDialect.h.inc"
#include "dialects/NN/IR/NNEnums.h.inc"

namespace mlir::fleet::nn {

/// Numbers of rows, from 0 to below `bound`.
struct RowNumbers {
  Value numbers;
  int64_t bound;
};

} // namespace mlir::fleet::nn

#include "dialects/NN/IR/NNInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/NN/IR/NNAttrs.h.inc"

namespace mlir::fleet::nn {

/// Checks result types against the op's own inference, with one message that
/// names the op and quotes the types.
template <typename ConcreteType>
class ExplainsTypes : public OpTrait::TraitBase<ConcreteType, ExplainsTypes> {
public:
  static LogicalResult verifyTrait(Operation *op) {
    SmallVector<Type> inferred;
    if (failed(ConcreteType::inferReturnTypes(
            op->getContext(), op->getLoc(), op->getOperands(),
            op->getRawDictionaryAttrs(), op->getPropertiesStorage(),
            op->getRegions(), inferred)))
      return failure(); // inference said why
    return verifyInferredTypes(op, inferred);
  }
};

/// The result has the shape that the operands broadcast to.
template <typename ConcreteType>
class BroadcastShape : public OpTrait::TraitBase<ConcreteType, BroadcastShape> {
};

/// ... and their element type.
template <typename ConcreteType>
class BroadcastType : public OpTrait::TraitBase<ConcreteType, BroadcastType> {};

/// A splat constant of `value` with the element type of `type` (a scalar
/// tensor, so that it broadcasts to anything). A float element type is
/// expected.
Value createScalarConstant(OpBuilder &b, Location loc, Type elementType,
                           double value);

/// Sums `gradient` back to `type`, whose shape broadcasts to that of
/// `gradient`; returns `gradient` itself where the types are the same.
Value sumGradientTo(OpBuilder &b, Location loc, Value gradient, Type type);

/// The type of the rows of a table that ids choose; the error names `opName`.
FailureOr<RankedTensorType> inferGather(std::optional<Location> loc,
                                        StringRef opName, Type table, Type ids);

} // namespace mlir::fleet::nn

#define GET_OP_CLASSES
#include "dialects/NN/IR/NNOps.h.inc"

#endif // FLEET_DIALECTS_NN_IR_NN_H
