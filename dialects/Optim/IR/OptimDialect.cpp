//===- OptimDialect.cpp - Registration of the optim dialect ---------------===//

#include "dialects/Optim/IR/UpdateRules.h"

using namespace mlir;
using namespace mlir::fleet::optim;

#include "dialects/Optim/IR/OptimDialect.cpp.inc"

#include "dialects/Optim/IR/OptimEnums.cpp.inc"

#include "dialects/Optim/IR/OptimOpInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Optim/IR/OptimOps.cpp.inc"

void OptimDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Optim/IR/OptimOps.cpp.inc"
      >();
}

/// For what the ops of this dialect fold to.
Operation *OptimDialect::materializeConstant(OpBuilder &b, Attribute value,
                                             Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return nn::ConstantOp::create(b, loc, type, elements);
}
