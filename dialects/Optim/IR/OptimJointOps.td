//===- OptimJointOps.td - Changes of several gradients ---------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMJOINTOPS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMJOINTOPS

include "dialects/NN/IR/NNInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Optim_ClipByGlobalNormOp : Optim_Op<"clip_by_global_norm",
    [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>,
     DeclareOpInterfaceMethods<JointGradientOpInterface>,
     DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "g' = g * max / |all g| where |all g| > max";
  let description = [{
    The norm is the Euclidean norm over all elements of all gradients, which have
    one element type. `optim-append-backward` makes it of
    `#optim.clip_by_global_norm`.

    Example:

    ```mlir
    %c:2 = optim.clip_by_global_norm %dw, %db max = 1.0 : tensor<13x1xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins Variadic<Optim_VariableType>:$gradients, F64Attr:$max);
  let results = (outs Variadic<Optim_VariableType>:$clipped);
  let assemblyFormat =
    "$gradients `max` `=` $max attr-dict `:` type($gradients)";
  let hasVerifier = 1;
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMJOINTOPS
