//===- FleetOps.td - Operations of the fleet dialect -----------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEETOPS
#define FLEET_DIALECTS_FLEET_IR_FLEETOPS

include "dialects/Fleet/IR/FleetDialect.td"
include "dialects/Fleet/IR/FleetAttrs.td"
include "dialects/NN/IR/NNInterfaces.td"
include "dialects/Optim/IR/OptimInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Fleet_Op<string mnemonic, list<Trait> traits = []>
    : Op<Fleet_Dialect, mnemonic, traits>;

def Fleet_BlockType : StaticShapeTensorOf<[F32, F64]>;

include "dialects/Fleet/IR/FleetTrainerOps.td"
include "dialects/Fleet/IR/FleetServerOps.td"
include "dialects/Fleet/IR/FleetTableOps.td"
include "dialects/Fleet/IR/FleetCollectiveOps.td"

#endif // FLEET_DIALECTS_FLEET_IR_FLEETOPS
