//===- OptimOps.td - Operations of the optim dialect -----------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMOPS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMOPS

include "dialects/Optim/IR/OptimDialect.td"
include "dialects/Optim/IR/OptimAttrs.td"
include "dialects/Optim/IR/OptimAdaptiveAttrs.td"
include "dialects/Optim/IR/OptimGradientAttrs.td"
include "dialects/Optim/IR/OptimScheduleAttrs.td"
include "dialects/Optim/IR/OptimInterfaces.td"
include "dialects/NN/IR/NNInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Optim_Op<string mnemonic, list<Trait> traits = []>
    : Op<Optim_Dialect, mnemonic, traits>;

def Optim_VariableType : StaticShapeTensorOf<[F32, F64]>;

include "dialects/Optim/IR/OptimVariableOps.td"
include "dialects/Optim/IR/OptimRowOps.td"
include "dialects/Optim/IR/OptimUpdateOps.td"
include "dialects/Optim/IR/OptimAdaptiveOps.td"
include "dialects/Optim/IR/OptimJointOps.td"

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMOPS
