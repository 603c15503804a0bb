//===- NNInterfaces.td - What passes ask of an nn op -------*- tablegen -*-===//
//
// Passes ask these interfaces, never op names, so that another dialect's ops
// can take part (by external models).
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_NN_IR_NNINTERFACES_TD
#define FLEET_DIALECTS_NN_IR_NNINTERFACES_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let description = [{
    An operation whose gradient is known in terms of `nn` operations. Reverse
    differentiation walks a function backwards over this interface.
  }];
  let cppNamespace = "::mlir::fleet::nn";
  let methods = [
    InterfaceMethod<[{
      Builds the gradients of the operands, given the gradients of the results
      (one a result, each of its result's type; null where none flows; at least
      one is not null). Appends one value an operand to `operandGradients`, of
      the operand's type, or null where no gradient flows (integer labels,
      operands that only give a shape). Emits `nn` operations only, at `b`'s
      insertion point, which all operands and results dominate. Fails, with an
      error on the operation, when this instance has no gradient.
    }],
    "::llvm::LogicalResult", "buildGradient",
    (ins "::mlir::OpBuilder &":$b,
         "::mlir::ValueRange":$resultGradients,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$operandGradients)>
  ];
}

def DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let description = [{
    A composite: an operation that is a name for a few others. A backend that
    has something better takes it as it is, all others take what `decompose`
    gives.
  }];
  let cppNamespace = "::mlir::fleet::nn";
  let methods = [
    InterfaceMethod<[{
      Rewrites the operation in terms of other `nn` operations (which may be
      composites again) at `b`'s insertion point, and returns what replaces its
      results, with the same types. Leaves the operation where it is.
    }],
    "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decompose",
    (ins "::mlir::OpBuilder &":$b)>
  ];
}

def ScalarOpInterface : OpInterface<"ScalarOpInterface"> {
  let description = [{
    An elementwise operation with one result: each element is a function of one
    element of each scalar operand. A kernel generator makes a loop of it from
    the indexing maps and the scalar function, without knowing the operation.
  }];
  let cppNamespace = "::mlir::fleet::nn";
  let methods = [
    InterfaceMethod<[{
      The tensor operands whose elements the scalar function reads, in the order
      in which `buildScalar` takes them. Other operands only give a shape.
    }],
    "::llvm::SmallVector<::mlir::Value>", "getScalarOperands", (ins), "", [{
      return ::llvm::SmallVector<::mlir::Value>(
          $_op->getOperands().begin(), $_op->getOperands().end());
    }]>,
    InterfaceMethod<[{
      One map a scalar operand: from the indices of a result element to the
      indices of the element read (0 in a dimension that stretches).
    }],
    "::llvm::SmallVector<::mlir::AffineMap>", "getScalarOperandMaps",
    (ins), "", [{
      ::llvm::SmallVector<::mlir::AffineMap> maps;
      auto result = ::llvm::cast<::mlir::RankedTensorType>(
          $_op->getResult(0).getType());
      for (::mlir::Value operand : $_op.getScalarOperands())
        maps.push_back(::mlir::fleet::nn::getBroadcastMap(
            ::llvm::cast<::mlir::RankedTensorType>(operand.getType()), result));
      return maps;
    }]>,
    InterfaceMethod<[{
      Emits the scalar function in `arith` and `math` operations: takes one
      scalar an operand of `getScalarOperands()`, returns the result's scalar.
    }],
    "::mlir::Value", "buildScalar",
    (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
         "::mlir::ValueRange":$scalars)>
  ];
}

def IndexingOpInterface : OpInterface<"IndexingOpInterface"> {
  let description = [{
    An operation that reads or writes rows of a tensor by number. Numbers that
    are not rows are errors of the data: the operation does not look, so whoever
    executes it has to know that they are from 0 to below the bound.
  }];
  let cppNamespace = "::mlir::fleet::nn";
  let methods = [
    InterfaceMethod<[{
      The integer operands that hold numbers of rows, each with the number of
      rows that it chooses from.
    }],
    "::llvm::SmallVector<::mlir::fleet::nn::RowNumbers>", "getRowNumbers",
    (ins)>,
    InterfaceMethod<[{
      The operand of which the result is rows, one a number as `nn.gather` has
      them, where the operation takes nothing else from it and has one operand
      of numbers; null for an operation that does something else.
    }],
    "::mlir::Value", "getTable", (ins), "", "return {};">,
    InterfaceMethod<[{
      With a table: the number for which the result is zeros instead of the row.
    }],
    "::std::optional<uint64_t>", "getPaddingIdx", (ins), "",
    "return ::std::nullopt;">
  ];
}

#endif // FLEET_DIALECTS_NN_IR_NNINTERFACES_TD
