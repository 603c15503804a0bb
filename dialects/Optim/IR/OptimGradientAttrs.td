//===- OptimGradientAttrs.td - Clipping and regularization -----*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMGRADIENTATTRS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMGRADIENTATTRS

include "dialects/Optim/IR/OptimAttrs.td"

class Optim_GradientRuleDef<string name, string mnemonic,
                            list<string> methods = []>
    : Optim_Attr<name, mnemonic,
                 [DeclareAttrInterfaceMethods<GradientRuleAttrInterface,
                                              methods>]> {
  let genVerifyDecl = 1;
}

class Optim_RegularizerDef<string name, string mnemonic>
    : Optim_GradientRuleDef<name, mnemonic, ["isRegularizer"]> {
  let parameters = (ins Optim_Float<"how strongly">:$coefficient);
  let assemblyFormat = "`<` $coefficient `>`";
}

def Optim_L1Attr : Optim_RegularizerDef<"L1", "l1"> {
  let summary = "g' = g + coefficient * sign(w)";
  let description = "Draws parameters to zero. Example: `#optim.l1<1.0e-4>`.";
}

def Optim_L2Attr : Optim_RegularizerDef<"L2", "l2"> {
  let summary = "g' = g + coefficient * w";
  let description = "Makes parameters small. Example: `#optim.l2<1.0e-4>`.";
}

def Optim_ClipByValueAttr
    : Optim_GradientRuleDef<"ClipByValue", "clip_by_value"> {
  let summary = "g' = min(max(g, min), max), element by element";
  let description = "Example: `#optim.clip_by_value<min = -1.0, max = 1.0>`.";
  let parameters = (ins Optim_Float<"least element">:$min,
                        Optim_Float<"largest element">:$max);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Optim_ClipByNormAttr
    : Optim_GradientRuleDef<"ClipByNorm", "clip_by_norm", ["isElementwise"]> {
  let summary = "g' = g * max / |g| where |g| > max";
  let description = [{
    The norm is of the whole gradient of one parameter, which parameter servers
    therefore do not cut into blocks. Example: `#optim.clip_by_norm<max = 1.0>`.
  }];
  let parameters = (ins Optim_Float<"largest norm">:$max);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Optim_ClipByGlobalNormAttr
    : Optim_Attr<"ClipByGlobalNorm", "clip_by_global_norm",
                 [DeclareAttrInterfaceMethods<JointClipAttrInterface>]> {
  let summary = "g' = g * max / |all g| where |all g| > max";
  let description = [{
    The norm is that of all gradients of an `optim.minimize` together; see
    `optim.clip_by_global_norm`. Example:
    `#optim.clip_by_global_norm<max = 1.0>`.
  }];
  let parameters = (ins Optim_Float<"largest norm">:$max);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMGRADIENTATTRS
