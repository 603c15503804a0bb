//===- OptimUpdateOps.td - The update rules --------------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMUPDATEOPS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMUPDATEOPS

/// An op that updates `parameter`, by the gradient that `gradient_rules` make of
/// `gradient`. With a `schedule` it counts its updates in the scalar `count`. It keeps state of the parameter's type in the attributes
/// `likeParameter`, and scalars in the attributes `scalars`.
class Optim_UpdateOp<string mnemonic, list<string> likeParameter = [],
                     list<string> scalars = [], bit splittable = 1,
                     bit takesGradient = 1>
    : Optim_Op<mnemonic, [
        DeclareOpInterfaceMethods<SymbolUserOpInterface>,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<OptimizerOpInterface,
                                  ["getStateSymbols", "isRowSplittable", "takesGradient",
                                   "setGradientRules", "setSchedule",
                                   "buildUpdate"]>]> {
  let extraClassDeclaration = [{
    /// `buildUpdate` from the gradient that `gradient_rules` make, with the
    /// learning rate multiplied by `factor` (null: 1), less the count of a
    /// schedule.
    ::llvm::LogicalResult buildRule(
        ::mlir::OpBuilder &b, ::mlir::Location loc, ::mlir::Value param,
        ::mlir::Value grad, ::mlir::Value factor, ::mlir::ValueRange states,
        ::mlir::Value &newParam,
        ::llvm::SmallVectorImpl<::mlir::Value> &newStates);
  }];
  defvar full = !interleave(!foreach(s, likeParameter, "\"" # s # "\""), ", ");
  defvar single = !interleave(!foreach(s, scalars, "\"" # s # "\""), ", ");
  let extraClassDefinition = [{
    ::llvm::SmallVector<::mlir::FlatSymbolRefAttr> $cppClass::getStateSymbols() {
      return getStateAttributes(*this, {}] # full # [{}, {}] # single # !if(!empty(single), "", ", ") # [{"count"});
    }
    bool $cppClass::isRowSplittable() {
      return }] # !if(splittable, "areElementwise(getGradientRulesAttr())", "false") # [{;
    }
    bool $cppClass::takesGradient() { return }] # !if(takesGradient, "true", "false") # [{; }
    ::llvm::LogicalResult $cppClass::setGradientRules(::mlir::ArrayAttr rules) {
      setGradientRulesAttr(rules);
      return ::mlir::success();
    }
    ::llvm::LogicalResult $cppClass::setSchedule(
        StateBuilder &stateBuilder, ScheduleAttrInterface schedule) {
      return addSchedule(*this, stateBuilder, schedule);
    }
    ::llvm::LogicalResult $cppClass::buildUpdate(
        ::mlir::OpBuilder &b, ::mlir::Location loc, ::mlir::Value param,
        ::mlir::Value grad, ::mlir::ValueRange states, ::mlir::Value &newParam,
        ::llvm::SmallVectorImpl<::mlir::Value> &newStates) {
      grad = applyGradientRules(getGradientRulesAttr(), b, loc, param, grad);
      ScheduleAttrInterface schedule = getScheduleAttr();
      if (!schedule)
        return buildRule(b, loc, param, grad, /*factor=*/{}, states, newParam,
                         newStates);
      ::mlir::Value factor = schedule.buildFactor(b, loc, states.back());
      if (failed(buildRule(b, loc, param, grad, factor, states.drop_back(),
                           newParam, newStates)))
        return ::mlir::failure();
      newStates.push_back(schedule.countsUpdates()
                              ? addOne(b, loc, states.back()) : states.back());
      return ::mlir::success();
    }
    ::llvm::LogicalResult $cppClass::verifySymbolUses(
        ::mlir::SymbolTableCollection &tables) {
      return verifyUpdate(*this, tables, }] # !size(likeParameter) # [{);
    }
    void $cppClass::getEffects(::llvm::SmallVectorImpl<
        ::mlir::SideEffects::EffectInstance<::mlir::MemoryEffects::Effect>> &effects) {
      getUpdateEffects(*this, effects);
    }
  }];
}

/// An update op whose other attributes are all 64-bit floats, printed as
/// `name = value` in order.
class Optim_RuleOp<string mnemonic, list<string> likeParameter,
                   list<string> scalars, list<string> numbers,
                   bit splittable = 1, bit takesGradient = 1>
    : Optim_UpdateOp<mnemonic, likeParameter, scalars, splittable, takesGradient> {
  defvar states = !listconcat(likeParameter, scalars);
  let arguments = !con(
    (ins FlatSymbolRefAttr:$parameter, Optim_VariableType:$gradient),
    !dag(ins, !foreach(s, states, FlatSymbolRefAttr), states),
    !dag(ins, !foreach(n, numbers, F64Attr), numbers),
    (ins OptionalAttr<Optim_GradientRules>:$gradient_rules,
         OptionalAttr<FlatSymbolRefAttr>:$count,
         OptionalAttr<Optim_Schedule>:$schedule));
  let assemblyFormat = "$parameter `,` $gradient "
    # !interleave(!foreach(n, !listconcat(states, numbers),
                           "`" # n # "` `=` $" # n), " ")
    # " attr-dict `:` type($gradient)";
}

def Optim_SgdOp : Optim_UpdateOp<"sgd"> {
  let summary = "w' = w - learning_rate * g";
  let description = [{
    Example:

    ```mlir
    optim.sgd @w, %g learning_rate = 1.000000e-02 : tensor<13x1xf32>
    optim.sgd @w, %g learning_rate = 1.000000e-02
      {gradient_rules = [#optim.clip_by_norm<max = 1.0>, #optim.l2<1.0e-4>]} : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter,
                       Optim_VariableType:$gradient,
                       F64Attr:$learning_rate,
                       OptionalAttr<Optim_GradientRules>:$gradient_rules,
                       OptionalAttr<FlatSymbolRefAttr>:$count,
                       OptionalAttr<Optim_Schedule>:$schedule);
  let assemblyFormat = [{
    $parameter `,` $gradient `learning_rate` `=` $learning_rate attr-dict
    `:` type($gradient)
  }];
}

def Optim_MomentumOp : Optim_UpdateOp<"momentum", ["velocity"]> {
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
                       UnitAttr:$nesterov,
                       OptionalAttr<Optim_GradientRules>:$gradient_rules,
                       OptionalAttr<FlatSymbolRefAttr>:$count,
                       OptionalAttr<Optim_Schedule>:$schedule);
  let assemblyFormat = [{
    $parameter `,` $gradient `velocity` `=` $velocity
    `learning_rate` `=` $learning_rate `momentum` `=` $momentum
    (`nesterov` $nesterov^)? attr-dict `:` type($gradient)
  }];
}

def Optim_AdamOp : Optim_RuleOp<"adam", ["moment1", "moment2"],
    ["beta1_power", "beta2_power"],
    ["learning_rate", "beta1", "beta2", "epsilon"]> {
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
}

def Optim_ApplyDeltaOp : Optim_RuleOp<"apply_delta", [], [], [],
    /*splittable=*/1, /*takesGradient=*/0> {
  let summary = "w' = w + d";
  let description = [{
    Takes over what somebody else has changed: `d` is a difference, not a
    gradient. `fleet-exchange-deltas` makes it.

    Example:

    ```mlir
    optim.apply_delta @w, %d : tensor<13x1xf32>
    ```
  }];
}

def Optim_TakeAverageOp : Optim_RuleOp<"take_average", [], [], [],
    /*splittable=*/1, /*takesGradient=*/0> {
  let summary = "w' = d";
  let description = [{
    What the program computes for a parameter that is not trained, such as a moving
    mean or a counter: `d` is no gradient but the new value, and where several
    trainers have one, the average over their examples is taken. That is exact for
    everything that is linear in the batch, and for what is equal on all of them.
    `fleet-share-assigned` makes it of `optim.assign`.

    Example:

    ```mlir
    optim.take_average @mean, %new : tensor<13xf32>
    ```
  }];
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMUPDATEOPS
