//===- OptimAdaptiveAttrs.td - Adaptive optimizers -------------*- tablegen -*-===//
//
// Defaults are those of PaddlePaddle's optimizers of the same names.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMADAPTIVEATTRS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMADAPTIVEATTRS

include "dialects/Optim/IR/OptimAttrs.td"

def Optim_AdamWAttr : Optim_OptimizerDef<"AdamW", "adamw"> {
  let summary = "adam with decoupled weight decay";
  let description = "Example: `#optim.adamw<learning_rate = 1.0e-3, weight_decay = 1.0e-2>`. The rule is that of `optim.adamw`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.9", "decay of the first moment">:$beta1,
    Optim_DefaultFloat<"0.999", "decay of the second moment">:$beta2,
    Optim_DefaultFloat<"1.0e-8", "keeps the divisor from zero">:$epsilon,
    Optim_DefaultFloat<"0.01", "fraction of a parameter that a step with rate 1 takes away">:$weight_decay);
}

def Optim_AdamaxAttr : Optim_OptimizerDef<"Adamax", "adamax"> {
  let summary = "adam with the infinity norm";
  let description = "Example: `#optim.adamax<learning_rate = 1.0e-3>`. The rule is that of `optim.adamax`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.9", "decay of the moment">:$beta1,
    Optim_DefaultFloat<"0.999", "decay of the norm">:$beta2,
    Optim_DefaultFloat<"1.0e-8", "keeps the norm from zero">:$epsilon);
}

def Optim_AdagradAttr : Optim_OptimizerDef<"Adagrad", "adagrad"> {
  let summary = "rates that shrink with all squared gradients so far";
  let description = "Example: `#optim.adagrad<learning_rate = 1.0e-2>`. The rule is that of `optim.adagrad`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"1.0e-6", "keeps the divisor from zero">:$epsilon,
    Optim_DefaultFloat<"0.0", "the moment at the start">:$initial);
}

def Optim_DecayedAdagradAttr : Optim_OptimizerDef<"DecayedAdagrad", "decayed_adagrad"> {
  let summary = "adagrad that forgets";
  let description = "Example: `#optim.decayed_adagrad<learning_rate = 1.0e-2, decay = 0.95>`. The rule is that of `optim.decayed_adagrad`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.95", "decay of the moment">:$decay,
    Optim_DefaultFloat<"1.0e-6", "keeps the divisor from zero">:$epsilon);
}

def Optim_AdadeltaAttr : Optim_OptimizerDef<"Adadelta", "adadelta"> {
  let summary = "steps as large as earlier steps";
  let description = "Example: `#optim.adadelta<learning_rate = 1.0>`. The rule is that of `optim.adadelta`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.95", "decay of the averages">:$rho,
    Optim_DefaultFloat<"1.0e-6", "keeps the divisor from zero">:$epsilon);
}

def Optim_RmspropAttr : Optim_OptimizerDef<"Rmsprop", "rmsprop"> {
  let summary = "gradients over their root mean square, or with `centered` over their standard deviation";
  let description = "Example: `#optim.rmsprop<learning_rate = 1.0e-2, centered = true>`. The rule is that of `optim.rmsprop`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.95", "decay of the averages">:$rho,
    Optim_DefaultFloat<"1.0e-6", "keeps the divisor from zero">:$epsilon,
    Optim_DefaultFloat<"0.0", "decay of the velocity">:$momentum,
    DefaultValuedParameter<"::mlir::BoolAttr",
      "::mlir::BoolAttr::get($_ctxt, false)", "subtract the mean">:$centered);
}

def Optim_FtrlAttr : Optim_OptimizerDef<"Ftrl", "ftrl"> {
  let summary = "follow the regularized leader";
  let description = "Example: `#optim.ftrl<learning_rate = 1.0e-2, l1 = 1.0e-3>`. The rule is that of `optim.ftrl`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.0", "makes parameters zero">:$l1,
    Optim_DefaultFloat<"0.0", "makes parameters small">:$l2);
}

def Optim_LarsAttr : Optim_OptimizerDef<"Lars", "lars"> {
  let summary = "momentum with a rate for each tensor";
  let description = "Example: `#optim.lars<learning_rate = 1.0e-1>`. The rule is that of `optim.lars`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.9", "decay of the velocity">:$momentum,
    Optim_DefaultFloat<"0.001", "trust in the ratio of norms">:$coefficient,
    Optim_DefaultFloat<"0.0005", "of the parameter, added to the gradient">:$weight_decay,
    Optim_DefaultFloat<"0.0", "keeps the divisor from zero">:$epsilon);
}

def Optim_LambAttr : Optim_OptimizerDef<"Lamb", "lamb"> {
  let summary = "adam with a rate for each tensor";
  let description = "Example: `#optim.lamb<learning_rate = 1.0e-3>`. The rule is that of `optim.lamb`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.9", "decay of the first moment">:$beta1,
    Optim_DefaultFloat<"0.999", "decay of the second moment">:$beta2,
    Optim_DefaultFloat<"1.0e-6", "keeps the divisor from zero">:$epsilon,
    Optim_DefaultFloat<"0.01", "of the parameter, added to the step">:$weight_decay);
}

def Optim_DpsgdAttr : Optim_OptimizerDef<"Dpsgd", "dpsgd"> {
  let summary = "gradient descent with differential privacy";
  let description = "Example: `#optim.dpsgd<learning_rate = 1.0e-2, clip = 1.0, batch_size = 32.0, sigma = 1.0>`. The rule is that of `optim.dpsgd`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.9", "largest norm of a gradient">:$clip,
    Optim_DefaultFloat<"0.999", "what the noise is divided by">:$batch_size,
    Optim_DefaultFloat<"1.0e-8", "standard deviation of the noise">:$sigma,
    DefaultValuedParameter<"int64_t", "0", "of the noise">:$seed);
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMADAPTIVEATTRS
