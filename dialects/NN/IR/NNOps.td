//===- NNOps.td - All operations of the nn dialect ---------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_NN_IR_NNOPS_TD
#define FLEET_DIALECTS_NN_IR_NNOPS_TD

include "dialects/NN/IR/NNElementwiseOps.td"
include "dialects/NN/IR/NNPrimitiveOps.td"
include "dialects/NN/IR/NNMovementOps.td"
include "dialects/NN/IR/NNCompositeOps.td"

#endif // FLEET_DIALECTS_NN_IR_NNOPS_TD
