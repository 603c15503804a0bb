//===- OptimInterfaces.td - What passes ask of optim -----------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMINTERFACES
#define FLEET_DIALECTS_OPTIM_IR_OPTIMINTERFACES

include "mlir/IR/OpBase.td"
include "mlir/IR/Interfaces.td"

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def InitializerAttrInterface : AttrInterface<"InitializerAttrInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    How a tensor gets its initial values. Values are drawn by a counter-based
    generator, so an initializer is a distribution and no more.
  }];
  let methods = [InterfaceMethod<[{
      The same initializer as one of `#optim.constant`, `#optim.uniform`,
      `#optim.normal` and `#optim.truncated_normal`, for a tensor of
      `wholeShape`: the shape in the single-machine program, of which the
      initialized tensor may be only some rows.
    }],
    "::mlir::Attribute", "resolve",
    (ins "::llvm::ArrayRef<int64_t>":$wholeShape)>];
}

def OptimizerAttrInterface : AttrInterface<"OptimizerAttrInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    What `optim.minimize` trains with: it makes the update op of a parameter
    and the state that the update needs.
  }];
  let methods = [InterfaceMethod<[{
      Creates the update op of `parameter` by `gradient` (of the parameter's
      type) at `b`, and the optimizer state that it needs at `stateBuilder` (in
      the symbol table of the parameter). Emits an error at `loc` and fails if the name of a state
      is taken.
    }],
    "::mlir::FailureOr<::mlir::Operation *>", "createUpdate",
    (ins "::mlir::fleet::optim::StateBuilder &":$stateBuilder, "::mlir::OpBuilder &":$b,
         "::mlir::Location":$loc,
         "::mlir::FlatSymbolRefAttr":$parameter,
         "::mlir::Value":$gradient)>,
    InterfaceMethod<"Its learning rate; null if it has none.",
      "::mlir::FloatAttr", "getLearningRate", (ins), "",
      "return ::mlir::FloatAttr();">,
  ];
}

def GradientRuleAttrInterface : AttrInterface<"GradientRuleAttrInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    What is done to the gradient of a parameter before its update, where the
    gradient is the average of all contributors'.
  }];
  let methods = [
    InterfaceMethod<"The new gradient, in nn ops.", "::mlir::Value", "apply",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$param, "::mlir::Value":$grad)>,
    InterfaceMethod<[{
      True if rows of the new gradient depend on the same rows of gradient and
      parameter only.
    }], "bool", "isElementwise", (ins), "", "return true;">,
    InterfaceMethod<[{
      True if it adds the gradient of a penalty; otherwise it limits the
      gradient.
    }], "bool", "isRegularizer", (ins), "", "return false;">,
  ];
}

def JointClipAttrInterface : AttrInterface<"JointClipAttrInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    Clipping that looks at all gradients of an `optim.minimize` at once, before
    each of them is regularized.
  }];
  let methods = [InterfaceMethod<[{
      Creates an op of JointGradientOpInterface at `b` whose result i is what
      becomes of gradient i; there is at least one. Emits an error at `loc` and
      fails if they cannot be clipped together.
    }],
    "::mlir::FailureOr<::mlir::Operation *>", "createClip",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::ValueRange":$gradients)>];
}

def ScheduleAttrInterface : AttrInterface<"ScheduleAttrInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    What a learning rate is multiplied by, as a function of the number of updates
    so far.
  }];
  let methods = [InterfaceMethod<[{
      The factor, a scalar of the type of `count`, in nn ops; `count` is 0 at the
      first update.
    }], "::mlir::Value", "buildFactor",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$count)>,
    InterfaceMethod<[{
      False if `count` is no number of updates but what the caller of the program
      has set: 1 at first, updates leave it, and no checkpoint holds it.
    }], "bool", "countsUpdates", (ins), "", "return true;">,
  ];
}

/// An attribute of an op, by its interface. In an assembly format, put no colon
/// behind it: `#optim.sgd<...> : type` reads as an attribute with a type.
class Optim_AttrBy<AttrInterface interface>
    : Attr<interface.predicate, interface.summary> {
  let storageType = interface.storageType;
  let returnType = interface.returnType;
  let convertFromStorage = interface.convertFromStorage;
}
def Optim_Initializer : Optim_AttrBy<InitializerAttrInterface> {
  let summary = "initializer, such as #optim.zeros";
}
def Optim_Optimizer : Optim_AttrBy<OptimizerAttrInterface> {
  let summary = "optimizer, such as #optim.sgd";
}

def Optim_Schedule : Optim_AttrBy<ScheduleAttrInterface> {
  let summary = "learning-rate schedule, such as #optim.cosine_decay";
}

class Optim_GradientRule<bit isRegularizer, string summary_>
    : Optim_AttrBy<GradientRuleAttrInterface> {
  let predicate = And<[GradientRuleAttrInterface.predicate, CPred<
    "::llvm::cast<::mlir::fleet::optim::GradientRuleAttrInterface>($_self)"
    ".isRegularizer() == " # !if(isRegularizer, "true", "false")>]>;
  let summary = summary_;
}
def Optim_Regularizer
    : Optim_GradientRule<true, "regularizer, such as #optim.l2">;
def Optim_Clip : Attr<Or<[
    Optim_GradientRule<false, "clipping of one gradient">.predicate,
    JointClipAttrInterface.predicate]>,
    "clipping, such as #optim.clip_by_norm"> {
  let storageType = "::mlir::Attribute";
  let returnType = "::mlir::Attribute";
  let convertFromStorage = "$_self";
}
def Optim_GradientRules : TypedArrayAttrBase<
  Optim_AttrBy<GradientRuleAttrInterface>,
  "array of what is done to a gradient, such as #optim.l2">;

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

def VariableOpInterface : OpInterface<"VariableOpInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    A symbol that declares a tensor which outlives a step: a parameter, or the
    state of an optimizer.
  }];
  let methods = [
    InterfaceMethod<"The type of the tensor.",
      "::mlir::RankedTensorType", "getType">,
    InterfaceMethod<"How it gets its initial values.",
      "::mlir::fleet::optim::InitializerAttrInterface", "getInit">,
    InterfaceMethod<[{
      What it holds rows of in the single-machine program; null for a tensor
      that is whole and has its own name there.
    }], "::mlir::fleet::optim::OriginAttr", "getOriginAttr">,
    InterfaceMethod<[{
      The name of the whole parameter in the single-machine program that this
      is, is rows of, or is state of. Checkpoints and initial values go by it.
    }], "::llvm::StringRef", "getOriginName">,
    InterfaceMethod<"The shape of the whole tensor.",
      "::llvm::SmallVector<int64_t>", "getOriginShape">,
    InterfaceMethod<[{
      True if it has its initial values whenever a checkpoint is written or read,
      which holds nothing of it.
    }], "bool", "getTransient", (ins), "", "return false;">,
  ];
}

def JointGradientOpInterface : OpInterface<"JointGradientOpInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    An op that changes several gradients by one number that depends on all of
    them: result i is what becomes of operand i. The number is a sum of a part
    for each gradient, and a part is a sum over elements; so it can be formed
    where gradients are, from parts of blocks of their rows. Distribution asks
    nothing else of it.
  }];
  let methods = [
    InterfaceMethod<[{
      What `gradient`, one of the operands or rows of it, adds to the sum: a
      scalar of its element type, in nn ops. Zeros add nothing.
    }], "::mlir::Value", "buildPart",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$gradient)>,
    InterfaceMethod<[{
      What becomes of `gradient`, one of the operands or rows of it, with the
      sum over all, in nn ops.
    }], "::mlir::Value", "buildChange",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$gradient, "::mlir::Value":$sum)>,
  ];
}

def RowGradientFilterOpInterface
    : OpInterface<"RowGradientFilterOpInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    An op between an `optim.row_gradient` and the update that takes it: its one
    result stands for another gradient of the same table, of which only some rows
    exist, too.
  }];
  let methods = [InterfaceMethod<"The gradient that it makes another one of.",
      "::mlir::Value", "getRowGradient">];
}

def OptimizerOpInterface : OpInterface<"OptimizerOpInterface"> {
  let cppNamespace = "::mlir::fleet::optim";
  let description = [{
    An op that updates one parameter by its gradient. Distribution asks nothing
    else of a program's optimizers, so ops of other dialects can join by an
    external model.
  }];
  let methods = [
    InterfaceMethod<"The parameter that is updated.",
      "::mlir::FlatSymbolRefAttr", "getParameterAttr">,
    InterfaceMethod<"The gradient of the parameter.",
      "::mlir::Value", "getGradient">,
    InterfaceMethod<"The gradient as an operand.",
      "::mlir::OpOperand &", "getGradientMutable">,
    InterfaceMethod<[{
      The optimizer state that the update reads and writes, in the order that
      `buildUpdate` takes it.
    }], "::llvm::SmallVector<::mlir::FlatSymbolRefAttr>", "getStateSymbols">,
    InterfaceMethod<[{
      True if updating disjoint rows of the parameter separately gives what one
      update of all of them gives.
    }], "bool", "isRowSplittable", (ins), "", "return false;">,
    InterfaceMethod<[{
      How the gradients of several contributors become one: by default the mean
      over examples, since a loss is a mean over its batch.
    }], "::mlir::fleet::optim::GradientReduction", "getGradientReduction",
      (ins), "", "return ::mlir::fleet::optim::GradientReduction::Mean;">,
    InterfaceMethod<[{
      False if what it takes is a value or a difference, so that it may update a
      frozen parameter, and nothing that is for gradients happens to it.
    }], "bool", "takesGradient", (ins), "", "return true;">,
    InterfaceMethod<[{
      Makes the update apply `rules`, of GradientRuleAttrInterface and in that
      order, to its gradient first. Fails, without an error, if it cannot.
    }], "::llvm::LogicalResult", "setGradientRules",
      (ins "::mlir::ArrayAttr":$rules), "", "return ::mlir::failure();">,
    InterfaceMethod<"What its learning rate is multiplied by; null: nothing.",
      "::mlir::fleet::optim::ScheduleAttrInterface", "getScheduleAttr", (ins), "",
      "return $_op->template getAttrOfType<ScheduleAttrInterface>(\"schedule\");">,
    InterfaceMethod<"The state that counts updates for the schedule; null: none.",
      "::mlir::FlatSymbolRefAttr", "getCountAttr", (ins), "",
      "return $_op->template getAttrOfType<::mlir::FlatSymbolRefAttr>(\"count\");">,
    InterfaceMethod<[{
      Makes the update multiply its learning rate by `schedule`, and count in a
      state that it declares at `stateBuilder` (in the symbol table of the
      parameter). Fails, with an error emitted, if it cannot or if the name of the
      state is taken.
    }], "::llvm::LogicalResult", "setSchedule",
      (ins "::mlir::fleet::optim::StateBuilder &":$stateBuilder,
           "::mlir::fleet::optim::ScheduleAttrInterface":$schedule),
      "", [{
        return $_op->emitOpError("has no learning rate that a schedule could "
                                 "change");
      }]>,
    InterfaceMethod<[{
      Writes the update rule at `b` as nn ops on values: from `param`, `grad`
      and one value a state to the new value of each. Fails, with an error
      emitted, if the rule cannot be written so.
    }], "::llvm::LogicalResult", "buildUpdate",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$param, "::mlir::Value":$grad,
           "::mlir::ValueRange":$states, "::mlir::Value &":$newParam,
           "::llvm::SmallVectorImpl<::mlir::Value> &":$newStates)>,
  ];
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMINTERFACES
