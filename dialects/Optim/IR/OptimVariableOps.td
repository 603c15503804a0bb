//===- OptimVariableOps.td - Parameters, state, their use ------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMVARIABLEOPS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMVARIABLEOPS

def Optim_ParameterOp : Optim_Op<"parameter",
    [Symbol, DeclareOpInterfaceMethods<VariableOpInterface,
                                       ["getOriginName", "getOriginShape"]>]> {
  let summary = "a tensor that is trained";
  let description = [{
    Declares a named tensor that outlives a step. `frozen` keeps
    `optim.minimize` from updating it; `lr_multiplier` multiplies its learning
    rate; `regularizer` is used instead of the one of `optim.minimize`. `origin` says what it holds rows of,
    when it is not whole or not under its own name. No checkpoint holds one that is
    `transient`.

    With `rows` a matrix is a *table*: a step reads and updates only the rows
    that its ids name, see `optim.lookup` and `optim.row_gradient`. Of a `sparse`
    table all rows exist from the start, and a server owns a range of them. A row
    of a `distributed` table exists from its first use on, so a table may be far
    larger than any memory; servers share its ids by their remainder.

    Example:

    ```mlir
    optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
    optim.parameter @table : tensor<100x8xf32> init = #optim.normal<stddev = 2.0e-2> frozen
    optim.parameter @users : tensor<1000000000x16xf32> init = #optim.normal<stddev = 2.0e-2> rows = distributed
    optim.parameter @b : tensor<1xf32> init = #optim.zeros lr_multiplier = 2.0 regularizer = #optim.l2<0.0>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<Optim_VariableType>:$type,
                       Optim_Initializer:$init,
                       OptionalAttr<Optim_RowPlacementAttr>:$rows,
                       UnitAttr:$frozen,
                       OptionalAttr<F64Attr>:$lr_multiplier,
                       OptionalAttr<Optim_Regularizer>:$regularizer,
                       OptionalAttr<Optim_OriginAttr>:$origin,
                       UnitAttr:$transient);
  let assemblyFormat = [{
    $sym_name `:` $type `init` `=` $init (`rows` `=` `` $rows^)? (`frozen` $frozen^)?
    (`lr_multiplier` `=` $lr_multiplier^)? (`regularizer` `=` $regularizer^)?
    (`origin` `=` $origin^)? (`transient` $transient^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// True if steps look up rows of it instead of reading it.
    bool isTable() { return getRows().has_value(); }
  }];
  let hasVerifier = 1;
}

def Optim_StateOp : Optim_Op<"state",
    [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<VariableOpInterface,
                               ["getOriginName", "getOriginShape"]>]> {
  let summary = "a tensor that an optimizer keeps for a parameter";
  let description = [{
    A checkpoint holds it as `<parameter>/<slot>`, which is also the symbol that
    `optim-append-backward` gives it. No checkpoint holds one that is `transient`:
    whenever a checkpoint is written or read, it has its initial values.

    Example:

    ```mlir
    optim.state @"w/velocity" of @w slot = "velocity" : tensor<13x1xf32> init = #optim.zeros
    optim.state @"w/gradient_sum" of @w slot = "gradient_sum" : tensor<13x1xf32> init = #optim.zeros transient
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       FlatSymbolRefAttr:$parameter,
                       StrAttr:$slot,
                       TypeAttrOf<Optim_VariableType>:$type,
                       Optim_Initializer:$init,
                       OptionalAttr<Optim_OriginAttr>:$origin,
                       UnitAttr:$transient);
  let assemblyFormat = [{
    $sym_name `of` $parameter `slot` `=` $slot `:` $type `init` `=` $init
    (`origin` `=` $origin^)? (`transient` $transient^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Optim_ReadOp : Optim_Op<"read",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the value of a parameter or state";
  let description = [{
    Example:

    ```mlir
    %w = optim.read @w : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Optim_VariableType:$value);
  let assemblyFormat = "$variable attr-dict `:` type($value)";
}

def Optim_AssignOp : Optim_Op<"assign",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "gives a parameter or state a new value";
  let description = [{
    With `row`, the value replaces as many rows as it has, from row (index of
    the first dimension) `row` on, and the others stay.

    Example:

    ```mlir
    optim.assign @w, %new : tensor<13x1xf32>
    optim.assign @w row 7, %part : tensor<6x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable, Optim_VariableType:$value,
                       OptionalAttr<I64Attr>:$row);
  let assemblyFormat =
    "$variable (`row` $row^)? `,` $value attr-dict `:` type($value)";
  let builders = [OpBuilder<(ins "::mlir::FlatSymbolRefAttr":$variable,
                                 "::mlir::Value":$value), [{
    build($_builder, $_state, variable, value, ::mlir::IntegerAttr());
  }]>];
}

def Optim_MinimizeOp : Optim_Op<"minimize",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "trains the parameters that a loss depends on";
  let description = [{
    Stands for the gradients of `loss` and one update of every parameter that
    it depends on and that is not frozen, or of the listed `parameters` only.
    `optim-append-backward` writes them out.

    Gradients are clipped, then regularized. Both happen where the parameter is
    updated, to the average of all contributors' gradients. (Clipping by the
    global norm does so in synchronous jobs. Where servers apply pushes one by
    one, a trainer clips the gradients of each of its steps.)

    A `schedule` multiplies the learning rate by a function of the number of
    updates so far, which is counted with each parameter, where it is updated: in
    a synchronous job one for every global step, however many trainers there are.

    Example:

    ```mlir
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-1>
      schedule = #optim.linear_warmup<steps = 100, after = #optim.cosine_decay<steps_per_epoch = 50, epochs = 30>>
    optim.minimize %loss : tensor<f32> with #optim.adam<learning_rate = 1.0e-3>
      clip = #optim.clip_by_norm<max = 1.0> regularizer = #optim.l2<1.0e-4>
      parameters = [@w, @b]
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
      clip = #optim.clip_by_global_norm<max = 1.0>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32, F64]>:$loss,
                       Optim_Optimizer:$optimizer,
                       OptionalAttr<Optim_Schedule>:$schedule,
                       OptionalAttr<Optim_Clip>:$clip,
                       OptionalAttr<Optim_Regularizer>:$regularizer,
                       OptionalAttr<FlatSymbolRefArrayAttr>:$parameters);
  let assemblyFormat = [{
    $loss `:` type($loss) `with` $optimizer (`schedule` `=` $schedule^)? (`clip` `=` $clip^)?
    (`regularizer` `=` $regularizer^)? (`parameters` `=` $parameters^)?
    attr-dict
  }];
  let hasVerifier = 1;
}

def Optim_LossGradientOp : Optim_Op<"loss_gradient", [Pure]> {
  let summary = "what the loss counts for: 1";
  let description = [{
    Where the gradients of a loss begin: its derivative by itself. It folds to
    the constant 1. Until then it marks the place where a job of several trainers
    says which share each of them has in a step.

    Example:

    ```mlir
    %seed = optim.loss_gradient : tensor<f32>
    ```
  }];
  let results = (outs RankedTensorOf<[F32, F64]>:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMVARIABLEOPS
