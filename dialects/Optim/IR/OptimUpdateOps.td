//===- OptimUpdateOps.td - The update rules --------------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMUPDATEOPS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMUPDATEOPS

/// An op that updates `parameter` element by element.
class Optim_UpdateOp<string mnemonic> : Optim_Op<mnemonic,
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
     DeclareOpInterfaceMethods<OptimizerOpInterface,
                               ["getStateSymbols", "isRowSplittable",
                                "buildUpdate"]>]>;

def Optim_SgdOp : Optim_UpdateOp<"sgd"> {
  let summary = "w' = w - learning_rate * g";
  let description = [{
    Example:

    ```mlir
    optim.sgd @w, %g learning_rate = 1.000000e-02 : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter,
                       Optim_VariableType:$gradient,
                       F64Attr:$learning_rate);
  let assemblyFormat = [{
    $parameter `,` $gradient `learning_rate` `=` $learning_rate attr-dict
    `:` type($gradient)
  }];
}

def Optim_MomentumOp : Optim_UpdateOp<"momentum"> {
  let summary = "v' = momentum * v + g;  w' = w - learning_rate * v'";
  let description = [{
    With `nesterov`, `w' = w - learning_rate * (g + momentum * v')`.

    Example:

    ```mlir
    optim.momentum @w, %g velocity = @"w/velocity"
      learning_rate = 1.000000e-02 momentum = 0.9 : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter,
                       Optim_VariableType:$gradient,
                       FlatSymbolRefAttr:$velocity,
                       F64Attr:$learning_rate, F64Attr:$momentum,
                       UnitAttr:$nesterov);
  let assemblyFormat = [{
    $parameter `,` $gradient `velocity` `=` $velocity
    `learning_rate` `=` $learning_rate `momentum` `=` $momentum
    (`nesterov` $nesterov^)? attr-dict `:` type($gradient)
  }];
}

def Optim_AdamOp : Optim_UpdateOp<"adam"> {
  let summary = "adaptive moments with bias correction";
  let description = [{
    ```
    b1' = b1 * beta1                       b2' = b2 * beta2
    m1' = beta1 * m1 + (1 - beta1) * g     m2' = beta2 * m2 + (1 - beta2) * g²
    w'  = w - learning_rate * sqrt(1 - b2') / (1 - b1') * m1' / (sqrt(m2') + epsilon)
    ```
    where b1 and b2 are the states `beta1_power` and `beta2_power`, scalars that
    start at 1.

    Example:

    ```mlir
    optim.adam @w, %g moment1 = @"w/moment1" moment2 = @"w/moment2"
      beta1_power = @"w/beta1_power" beta2_power = @"w/beta2_power"
      learning_rate = 1.000000e-03 beta1 = 0.9 beta2 = 0.999 epsilon = 1.000000e-08
      : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter,
                       Optim_VariableType:$gradient,
                       FlatSymbolRefAttr:$moment1, FlatSymbolRefAttr:$moment2,
                       FlatSymbolRefAttr:$beta1_power,
                       FlatSymbolRefAttr:$beta2_power,
                       F64Attr:$learning_rate, F64Attr:$beta1, F64Attr:$beta2,
                       F64Attr:$epsilon);
  let assemblyFormat = [{
    $parameter `,` $gradient `moment1` `=` $moment1 `moment2` `=` $moment2
    `beta1_power` `=` $beta1_power `beta2_power` `=` $beta2_power
    `learning_rate` `=` $learning_rate `beta1` `=` $beta1 `beta2` `=` $beta2
    `epsilon` `=` $epsilon attr-dict `:` type($gradient)
  }];
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMUPDATEOPS
