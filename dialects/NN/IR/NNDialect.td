//===- NNDialect.td - The nn dialect -----------------------*- tablegen -*-===//
//
// The dialect, the tensor types that its operations take, and their base
// classes.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_NN_IR_NNDIALECT_TD
#define FLEET_DIALECTS_NN_IR_NNDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/NN/IR/NNInterfaces.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let summary = "Math on ranked tensors";
  let description = [{
    The `nn` dialect is what a model computes: elementwise math, reductions,
    matrix products, and the composites that models are written in (linear,
    softmax cross entropy, ...). Values are ranked tensors, operations have no
    side effects, and nothing here knows of parameters, of training or of other
    machines.

    *Shapes.* Any dimension may be dynamic (`?`); in a training program it is
    the batch. Operands broadcast as in numpy, aligned at the last dimension,
    and what broadcasts is known from the types: two extents agree when they
    are the same number or both `?`, and a dimension whose extent is `1` in the
    type stretches to the other's extent. All `?` that meet in one operation
    have the same extent at run time; a `?` never stretches, and does not agree
    with a number, since only the running program could tell.

    *Composites* implement `DecomposableOpInterface`: the pass `nn-decompose`
    rewrites them in terms of the primitives. Elementwise operations implement
    `ScalarOpInterface`, which is all that a kernel generator has to know about
    them, and `DifferentiableOpInterface` builds gradients out of `nn`
    operations.
  }];
  let cppNamespace = "::mlir::fleet::nn";
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def NN_Tensor : RankedTensorOf<[F32, F64, I1, I32, I64]>;
/// What nn.cast converts: half precision is a form in which values travel, and
/// nothing is computed in it.
def NN_CastTensor : RankedTensorOf<[F16, BF16, F32, F64, I1, I32, I64]>;
def NN_NumberTensor : RankedTensorOf<[F32, F64, I32, I64]>;
def NN_FloatTensor : RankedTensorOf<[F32, F64]>;
def NN_BoolTensor : RankedTensorOf<[I1]>;
def NN_IndexTensor : RankedTensorOf<[I32, I64]>;
def NN_FloatMatrix : TensorRankOf<[F32, F64], [2]>;
def NN_FloatScalar : TensorRankOf<[F32, F64], [0]>;

//===----------------------------------------------------------------------===//
// Base classes
//===----------------------------------------------------------------------===//

/// Checks result types against `inferReturnTypes` with one message that names
/// the op and quotes the types; comes before InferTypeOpInterface, whose own
/// message does neither.
def NN_ExplainsTypes : NativeOpTrait<"ExplainsTypes"> {
  let cppNamespace = "::mlir::fleet::nn";
}

def NN_Differentiable
    : DeclareOpInterfaceMethods<DifferentiableOpInterface>;
def NN_Decomposable : DeclareOpInterfaceMethods<DecomposableOpInterface>;
def NN_Indexing
    : DeclareOpInterfaceMethods<IndexingOpInterface>;
def NN_Reifiable
    : DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                ["reifyResultShapes"]>;

class NN_Op<string mnemonic, list<Trait> traits = []>
    : Op<NN_Dialect, mnemonic, !listconcat(traits, [Pure, NN_Reifiable])>;

/// An op whose result type follows from its operands.
class NN_InferredOp<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, !listconcat([NN_ExplainsTypes, InferTypeOpAdaptor],
                                  traits)>;

#endif // FLEET_DIALECTS_NN_IR_NNDIALECT_TD
