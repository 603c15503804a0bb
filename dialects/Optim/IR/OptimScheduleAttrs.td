//===- OptimScheduleAttrs.td - Learning-rate schedules ---------*- tablegen -*-===//
//
// Schedules are factors of the optimizer's learning rate, so that they compose
// with each other and with lr_multiplier. k is the number of updates so far.
// The formulas are those of Paddle's schedulers, divided by the learning rate.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMSCHEDULEATTRS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMSCHEDULEATTRS

include "dialects/Optim/IR/OptimAttrs.td"

class Optim_ScheduleDef<string name, string mnemonic>
    : Optim_Attr<name, mnemonic,
                 [DeclareAttrInterfaceMethods<ScheduleAttrInterface>]> {
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

/// A rate that shrinks every `steps` updates; with `staircase` all at once.
class Optim_DecayDef<string name, string mnemonic>
    : Optim_ScheduleDef<name, mnemonic> {
  let parameters = (ins "int64_t":$steps, Optim_Float<"how much">:$rate,
                        DefaultValuedParameter<"bool", "false">:$staircase);
}

def Optim_ExponentialDecayAttr
    : Optim_DecayDef<"ExponentialDecay", "exponential_decay"> {
  let summary = "rate ^ (k / steps)";
  let description = [{
    With `staircase`, k / steps is rounded down.
    Example: `#optim.exponential_decay<steps = 1000, rate = 0.96>`.
  }];
}

def Optim_NaturalExpDecayAttr
    : Optim_DecayDef<"NaturalExpDecay", "natural_exp_decay"> {
  let summary = "exp(-rate * k / steps)";
  let description = [{
    With `staircase`, k / steps is rounded down.
    Example: `#optim.natural_exp_decay<steps = 1000, rate = 0.5>`.
  }];
}

def Optim_InverseTimeDecayAttr
    : Optim_DecayDef<"InverseTimeDecay", "inverse_time_decay"> {
  let summary = "1 / (1 + rate * k / steps)";
  let description = [{
    With `staircase`, k / steps is rounded down.
    Example: `#optim.inverse_time_decay<steps = 1000, rate = 0.5, staircase = true>`.
  }];
}

def Optim_PolynomialDecayAttr
    : Optim_ScheduleDef<"PolynomialDecay", "polynomial_decay"> {
  let summary = "from 1 to end, (1 - end) * (1 - k / steps) ^ power + end";
  let description = [{
    After `steps` updates it stays at `end`; with `cycle`, `steps` is instead
    multiplied by the least whole number that makes it no less than k.
    Example: `#optim.polynomial_decay<steps = 1000, end = 0.01, power = 2.0>`.
  }];
  let parameters = (ins "int64_t":$steps,
                        Optim_DefaultFloat<"0.0", "last factor">:$end,
                        Optim_DefaultFloat<"1.0", "exponent">:$power,
                        DefaultValuedParameter<"bool", "false">:$cycle);
}

def Optim_PiecewiseDecayAttr
    : Optim_ScheduleDef<"PiecewiseDecay", "piecewise_decay"> {
  let summary = "factors[i], where i boundaries are no greater than k";
  let description = [{
    Example: `#optim.piecewise_decay<boundaries = [1000, 2000], factors = [1.0, 0.1, 0.01]>`.
  }];
  let parameters = (ins Optim_Shape<"numbers of updates, growing">:$boundaries,
                        Optim_Factors<"one more">:$factors);
}

def Optim_CosineDecayAttr : Optim_ScheduleDef<"CosineDecay", "cosine_decay"> {
  let summary = "(cos(pi * epoch / epochs) + 1) / 2";
  let description = [{
    `epoch` is k / steps_per_epoch rounded down, at most `epochs`.
    Example: `#optim.cosine_decay<steps_per_epoch = 50, epochs = 30>`.
  }];
  let parameters = (ins "int64_t":$steps_per_epoch, "int64_t":$epochs);
}

def Optim_NoamDecayAttr : Optim_ScheduleDef<"NoamDecay", "noam_decay"> {
  let summary = "d_model ^ -0.5 * min((k + 1) ^ -0.5, (k + 1) * warmup_steps ^ -1.5)";
  let description = [{
    Example: `#optim.noam_decay<d_model = 512, warmup_steps = 4000>`.
  }];
  let parameters = (ins "int64_t":$d_model, "int64_t":$warmup_steps);
}

def Optim_LinearWarmupAttr : Optim_ScheduleDef<"LinearWarmup", "linear_warmup"> {
  let summary = "start + (end - start) * k / steps, and then another schedule";
  let description = [{
    From `steps` updates on the factor is that of `after` at k, or without it 1.
    Example: `#optim.linear_warmup<steps = 100, start = 0.1, after = #optim.exponential_decay<steps = 1000, rate = 0.96>>`.
  }];
  let parameters = (ins "int64_t":$steps,
                        Optim_DefaultFloat<"0.0", "first factor">:$start,
                        Optim_DefaultFloat<"1.0", "factor at `steps`">:$end,
                        Optim_OptionalSchedule:$after);
}

def Optim_VariableRateAttr
    : Optim_Attr<"VariableRate", "variable_rate",
                 [DeclareAttrInterfaceMethods<ScheduleAttrInterface,
                                              ["countsUpdates"]>]> {
  let summary = "a factor that the caller of the program sets; 1 at first";
  let description = [{
    It is held in a scalar state beside each parameter (slot `rate_factor`), which
    updates read and leave, and checkpoints do not have. It has to be the same
    wherever the parameter is updated; whoever runs the program sees to that.
    Example: `#optim.variable_rate`.
  }];
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMSCHEDULEATTRS
