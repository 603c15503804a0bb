//===- OptimAttrs.td - Initializers and optimizers -------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMATTRS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMATTRS

include "dialects/Optim/IR/OptimDialect.td"
include "dialects/Optim/IR/OptimInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

/// A 64-bit float, printed without its type.
class Optim_Float<string desc> : AttrParameter<"::mlir::FloatAttr", desc> {
  let parser = "parseFloatParameter($_parser)";
  let printer = "$_printer.printFloat($_self.getValue())";
}
class Optim_DefaultFloat<string value, string desc> : Optim_Float<desc> {
  let defaultValue = "::mlir::Builder($_ctxt).getF64FloatAttr(" # value # ")";
}

/// Extents, printed as `[13, 1]`.
class Optim_Shape<string desc> : AttrParameter<"::mlir::DenseI64ArrayAttr", desc> {
  let parser = "parseShapeParameter($_parser)";
  let printer = "$_self.print($_printer)";
}

/// Numbers, printed as `[1.0, 0.5]`.
class Optim_Factors<string desc> : AttrParameter<"::mlir::DenseF64ArrayAttr", desc> {
  let parser = "parseFactorsParameter($_parser)";
  let printer = "$_self.print($_printer)";
}

/// Another schedule, or none.
def Optim_OptionalSchedule
    : OptionalParameter<"::mlir::fleet::optim::ScheduleAttrInterface">;

class Optim_Attr<string name, string mnemonic_, list<Trait> traits = []>
    : AttrDef<Optim_Dialect, name, traits> {
  let mnemonic = mnemonic_;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

def Optim_RowPlacement : I32EnumAttr<"RowPlacement",
    "where rows are that are looked up by ids", [
  I32EnumAttrCase<"Sparse", 0, "sparse">,
  I32EnumAttrCase<"Distributed", 1, "distributed">]> {
  let cppNamespace = "::mlir::fleet::optim";
  let genSpecializedAttr = 0;
}
def Optim_RowPlacementAttr
    : EnumAttr<Optim_Dialect, Optim_RowPlacement, "row_placement"> {
  let assemblyFormat = "$value";
}

//===----------------------------------------------------------------------===//
// Initializers
//===----------------------------------------------------------------------===//

class Optim_InitializerDef<string name, string mnemonic>
    : Optim_Attr<name, mnemonic,
                 [DeclareAttrInterfaceMethods<InitializerAttrInterface>]>;

def Optim_ConstantAttr : Optim_InitializerDef<"Constant", "constant"> {
  let summary = "every element has the same value";
  let description = "Example: `#optim.constant<0.5>`.";
  let parameters = (ins Optim_Float<"the value">:$value);
  let assemblyFormat = "`<` $value `>`";
  let builders = [AttrBuilder<(ins "double":$value), [{
    return $_get($_ctxt, ::mlir::Builder($_ctxt).getF64FloatAttr(value));
  }]>];
  let genVerifyDecl = 1;
}

def Optim_UniformAttr : Optim_InitializerDef<"Uniform", "uniform"> {
  let summary = "uniform in [low, high)";
  let description = "Example: `#optim.uniform<low = -0.1, high = 0.1>`.";
  let parameters = (ins Optim_Float<"lowest value">:$low,
                        Optim_Float<"upper bound">:$high);
  let assemblyFormat = "`<` struct(params) `>`";
  let builders = [AttrBuilder<(ins "double":$low, "double":$high), [{
    ::mlir::Builder b($_ctxt);
    return $_get($_ctxt, b.getF64FloatAttr(low), b.getF64FloatAttr(high));
  }]>];
  let genVerifyDecl = 1;
}

class Optim_NormalBase<string name, string mnemonic>
    : Optim_InitializerDef<name, mnemonic> {
  let parameters = (ins Optim_DefaultFloat<"0.0", "the mean">:$mean,
                        Optim_DefaultFloat<"1.0", "standard deviation">:$stddev);
  let assemblyFormat = "`<` struct(params) `>`";
  let builders = [AttrBuilder<(ins "double":$mean, "double":$stddev), [{
    ::mlir::Builder b($_ctxt);
    return $_get($_ctxt, b.getF64FloatAttr(mean), b.getF64FloatAttr(stddev));
  }]>];
  let genVerifyDecl = 1;
}
def Optim_NormalAttr : Optim_NormalBase<"Normal", "normal"> {
  let summary = "normal distribution";
  let description = "Example: `#optim.normal<mean = 0.0, stddev = 0.02>`.";
}
def Optim_TruncatedNormalAttr
    : Optim_NormalBase<"TruncatedNormal", "truncated_normal"> {
  let summary = "normal distribution, cut off at two standard deviations";
  let description =
    "Example: `#optim.truncated_normal<mean = 0.0, stddev = 0.02>`.";
}

class Optim_NamedInitializer<string name, string mnemonic, string summary_>
    : Optim_InitializerDef<name, mnemonic> {
  let summary = summary_;
  let description = "Example: `#optim." # mnemonic # "`.\n\n"
    # "`fan_in` is the first extent and `fan_out` the second; a vector has "
    # "its only extent as both, a scalar 1. Beyond two dimensions the layout "
    # "is that of a convolution filter: `fan_in = shape[1] * window`, "
    # "`fan_out = shape[0] * window`.";
}
def Optim_ZerosAttr : Optim_InitializerDef<"Zeros", "zeros"> {
  let summary = "every element is zero";
  let description = "Example: `#optim.zeros`.";
}
def Optim_OnesAttr : Optim_InitializerDef<"Ones", "ones"> {
  let summary = "every element is one";
  let description = "Example: `#optim.ones`.";
}
def Optim_XavierUniformAttr : Optim_NamedInitializer<
  "XavierUniform", "xavier_uniform", "uniform in ±sqrt(6 / (fan_in + fan_out))">;
def Optim_XavierNormalAttr : Optim_NamedInitializer<
  "XavierNormal", "xavier_normal", "normal, stddev sqrt(2 / (fan_in + fan_out))">;
def Optim_HeUniformAttr : Optim_NamedInitializer<
  "HeUniform", "he_uniform", "uniform in ±sqrt(6 / fan_in)">;
def Optim_HeNormalAttr : Optim_NamedInitializer<
  "HeNormal", "he_normal", "normal, stddev sqrt(2 / fan_in)">;

//===----------------------------------------------------------------------===//
// Optimizers
//===----------------------------------------------------------------------===//

class Optim_OptimizerDef<string name, string mnemonic>
    : Optim_Attr<name, mnemonic,
                 [DeclareAttrInterfaceMethods<OptimizerAttrInterface>]> {
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Optim_SgdAttr : Optim_OptimizerDef<"Sgd", "sgd"> {
  let summary = "plain gradient descent";
  let description = "Example: `#optim.sgd<learning_rate = 1.0e-2>`.";
  let parameters = (ins Optim_Float<"step size">:$learning_rate);
}

def Optim_MomentumAttr : Optim_OptimizerDef<"Momentum", "momentum"> {
  let summary = "gradient descent with momentum";
  let description = [{
    Example: `#optim.momentum<learning_rate = 1.0e-2, nesterov = true>`.
  }];
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.9", "decay of the velocity">:$momentum,
    DefaultValuedParameter<"::mlir::BoolAttr",
      "::mlir::BoolAttr::get($_ctxt, false)", "look ahead">:$nesterov);
}

def Optim_AdamAttr : Optim_OptimizerDef<"Adam", "adam"> {
  let summary = "adaptive moments";
  let description = "Example: `#optim.adam<learning_rate = 1.0e-3>`.";
  let parameters = (ins
    Optim_Float<"step size">:$learning_rate,
    Optim_DefaultFloat<"0.9", "decay of the first moment">:$beta1,
    Optim_DefaultFloat<"0.999", "decay of the second moment">:$beta2,
    Optim_DefaultFloat<"1.0e-8", "keeps the divisor from zero">:$epsilon);
}

//===----------------------------------------------------------------------===//
// Origin
//===----------------------------------------------------------------------===//

def Optim_OriginAttr : Optim_Attr<"Origin", "origin"> {
  let summary = "what a tensor is rows of";
  let description = [{
    The tensor of the single-machine program that a variable holds rows of (or,
    when its symbol had to be renamed, all of). Initial values and checkpoints
    speak of it, never of the symbol. For optimizer state `name` is the
    parameter's. With `shards` it holds one of so many equal parts of the flattened
    tensor, with zeros behind its end; which one is known when the program runs.

    Example: `#optim.origin<name = "w", shape = [100, 8], row_offset = 50>`,
    `#optim.origin<name = "w", shape = [100, 8], shards = 4>` of 200 elements.
  }];
  let parameters = (ins
    AttrParameter<"::mlir::StringAttr", "name of the whole parameter">:$name,
    Optim_Shape<"shape of the whole tensor">:$shape,
    DefaultValuedParameter<"int64_t", "0", "first row held">:$row_offset,
    DefaultValuedParameter<"int64_t", "0", "parts; 0: rows are held">:$shards);
  let builders = [AttrBuilder<(ins "::mlir::StringAttr":$name,
                                   "::mlir::DenseI64ArrayAttr":$shape,
                                   "int64_t":$row_offset),
    [{ return $_get($_ctxt, name, shape, row_offset, /*shards=*/0); }]>];
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMATTRS
