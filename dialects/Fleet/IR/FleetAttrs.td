//===- FleetAttrs.td - Jobs and roles --------------------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEETATTRS
#define FLEET_DIALECTS_FLEET_IR_FLEETATTRS

include "dialects/Fleet/IR/FleetDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Fleet_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::fleet::dist";
  let genSpecializedAttr = 0;
}

def Fleet_Mode : Fleet_Enum<"Mode", "how a job is distributed", [
  I32EnumAttrCase<"Local", 0, "local">,
  I32EnumAttrCase<"ParameterServer", 1, "ps">,
  I32EnumAttrCase<"Collective", 2, "collective">]>;

def Fleet_SyncMode : Fleet_Enum<"SyncMode", "when gradients are applied", [
  I32EnumAttrCase<"Sync", 0, "sync">,
  I32EnumAttrCase<"HalfAsync", 1, "half_async">,
  I32EnumAttrCase<"Async", 2, "async">,
  I32EnumAttrCase<"Geo", 3, "geo">]>;

def Fleet_RoleKind : Fleet_Enum<"RoleKind", "what a process is in a job", [
  I32EnumAttrCase<"Local", 0, "local">,
  I32EnumAttrCase<"Trainer", 1, "trainer">,
  I32EnumAttrCase<"PServer", 2, "pserver">]>;

def Fleet_SyncModeAttr : EnumAttr<Fleet_Dialect, Fleet_SyncMode, "sync_mode"> {
  let assemblyFormat = "$value";
}

def Fleet_Examples : Fleet_Enum<"Examples", "which examples are counted", [
  I32EnumAttrCase<"Share", 0, "share">,
  I32EnumAttrCase<"Own", 1, "own">,
  I32EnumAttrCase<"All", 2, "all">]>;

def Fleet_ExamplesAttr : EnumAttr<Fleet_Dialect, Fleet_Examples, "examples_kind"> {
  let assemblyFormat = "$value";
}

def Fleet_TokenType : TypeDef<Fleet_Dialect, "Token"> {
  let mnemonic = "token";
  let summary = "a collective call that is under way";
}

class Fleet_Attr<string name, string mnemonic_>
    : AttrDef<Fleet_Dialect, name> {
  let mnemonic = mnemonic_;
}

def Fleet_JobAttr : Fleet_Attr<"Job", "job"> {
  let summary = "the shape of a job";
  let description = [{
    Example: `#fleet.job<mode = ps, sync = sync, trainers = 2>`.
  }];
  let parameters = (ins EnumParameter<Fleet_Mode>:$mode,
                        EnumParameter<Fleet_SyncMode>:$sync,
                        "int64_t":$trainers);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Fleet_RoleAttr : Fleet_Attr<"Role", "role"> {
  let summary = "which role of a job a module is the program of";
  let description = [{
    All trainers run the same program; servers are told apart by `index`.

    Example: `#fleet.role<trainer>`, `#fleet.role<pserver, index = 0>`.
  }];
  let parameters = (ins EnumParameter<Fleet_RoleKind>:$kind,
                        OptionalParameter<"std::optional<int64_t>">:$index);
  let assemblyFormat = "`<` $kind (`,` `index` `=` $index^)? `>`";
  let builders = [AttrBuilder<(ins "::mlir::fleet::dist::RoleKind":$kind), [{
    return $_get($_ctxt, kind, std::nullopt);
  }]>];
  let genVerifyDecl = 1;
}

#endif // FLEET_DIALECTS_FLEET_IR_FLEETATTRS
