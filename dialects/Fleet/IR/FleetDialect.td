//===- FleetDialect.td - Who does what in a job ----------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEETDIALECT
#define FLEET_DIALECTS_FLEET_IR_FLEETDIALECT

include "mlir/IR/DialectBase.td"

def Fleet_Dialect : Dialect {
  let name = "fleet";
  let cppNamespace = "::mlir::fleet::dist";
  let summary = "Roles of a distributed job and what passes between them";
  let description = [{
    A job is one module that carries `fleet.job` and holds one module a role,
    which carries `fleet.role`. The ops say what the roles hand to each other;
    what is computed is the business of other dialects. `fleet-verify-job`
    checks that the two sides of every transfer agree.
    `docs/rationale/fleet.md` says why.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let dependentDialects = ["::mlir::fleet::optim::OptimDialect"];
  let extraClassDeclaration = [{
    /// Attribute of the job module: a JobAttr.
    static constexpr ::llvm::StringLiteral getJobAttrName() {
      return ::llvm::StringLiteral("fleet.job");
    }
    /// Attribute of a function that runs between steps: whenever the number of
    /// steps so far is a multiple of it, and at the end. If the function returns
    /// something, that is the number of steps until it runs next.
    static constexpr ::llvm::StringLiteral getEveryAttrName() {
      return ::llvm::StringLiteral("fleet.every");
    }
    /// Attribute of such a function: up to which step it runs after each.
    static constexpr ::llvm::StringLiteral getBeginAttrName() {
      return ::llvm::StringLiteral("fleet.begin");
    }
    /// Attribute of a role module: a RoleAttr.
    static constexpr ::llvm::StringLiteral getRoleAttrName() {
      return ::llvm::StringLiteral("fleet.role");
    }
  }];
}

#endif // FLEET_DIALECTS_FLEET_IR_FLEETDIALECT
