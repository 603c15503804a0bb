//===- NNAttrs.td - Enumerations of the nn dialect ---------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_NN_IR_NNATTRS_TD
#define FLEET_DIALECTS_NN_IR_NNATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "dialects/NN/IR/NNDialect.td"

class NN_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::fleet::nn";
  let genSpecializedAttr = 0;
}

def NN_ReduceKind : NN_Enum<"ReduceKind", "what a reduction computes", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">]>;
def NN_ReduceKindAttr : EnumAttr<NN_Dialect, NN_ReduceKind, "reduce_kind"> {
  let assemblyFormat = "$value";
}

def NN_ComparePredicate : NN_Enum<"ComparePredicate", "a comparison", [
  I32EnumAttrCase<"Eq", 0, "eq">, I32EnumAttrCase<"Ne", 1, "ne">,
  I32EnumAttrCase<"Lt", 2, "lt">, I32EnumAttrCase<"Le", 3, "le">,
  I32EnumAttrCase<"Gt", 4, "gt">, I32EnumAttrCase<"Ge", 5, "ge">]>;
def NN_ComparePredicateAttr
    : EnumAttr<NN_Dialect, NN_ComparePredicate, "compare_predicate"> {
  let assemblyFormat = "$value";
}

#endif // FLEET_DIALECTS_NN_IR_NNATTRS_TD
