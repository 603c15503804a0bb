//===- FleetDialect.cpp - Jobs and roles ----------------------------------===//

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;
using mlir::fleet::optim::parseRowItems;
using mlir::fleet::optim::printRowItems;

#include "dialects/Fleet/IR/FleetDialect.cpp.inc"

#include "dialects/Fleet/IR/FleetEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Fleet/IR/FleetAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Fleet/IR/FleetTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Fleet/IR/FleetOps.cpp.inc"

void FleetDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Fleet/IR/FleetAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Fleet/IR/FleetTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Fleet/IR/FleetOps.cpp.inc"
      >();
}

LogicalResult FleetDialect::verifyOperationAttribute(Operation *op,
                                                     NamedAttribute attr) {
  if (attr.getName() == getEveryAttrName()) {
    auto steps = dyn_cast<IntegerAttr>(attr.getValue());
    if (isa<FunctionOpInterface>(op) && steps && steps.getInt() >= 1)
      return success();
    return op->emitError("fleet.every belongs on a function that runs between "
                         "steps and counts them, from 1 on; got ")
           << attr.getValue();
  }
  if (attr.getName() == getBeginAttrName()) {
    auto steps = dyn_cast<IntegerAttr>(attr.getValue());
    if (op->hasAttr(getEveryAttrName()) && steps && steps.getInt() >= 1)
      return success();
    return op->emitError("fleet.begin belongs beside fleet.every and counts "
                         "steps, from 1 on; got ")
           << attr.getValue();
  }
  bool isJob = attr.getName() == getJobAttrName();
  bool isRole = attr.getName() == getRoleAttrName();
  if (!isJob && !isRole)
    return op->emitError("unknown attribute ")
           << attr.getName()
           << ", expected fleet.job, fleet.role, fleet.every or fleet.begin";
  if (!isa<ModuleOp>(op))
    return op->emitError() << attr.getName() << " belongs on a module";
  if (isJob && !isa<JobAttr>(attr.getValue()))
    return op->emitError("fleet.job must be a #fleet.job, got ")
           << attr.getValue();
  if (isRole && !isa<RoleAttr>(attr.getValue()))
    return op->emitError("fleet.role must be a #fleet.role, got ")
           << attr.getValue();
  return success();
}

LogicalResult JobAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                              Mode mode, SyncMode, int64_t trainers) {
  if (trainers < 1)
    return emitError() << "a job needs at least one trainer, got " << trainers;
  if (mode == Mode::Local && trainers != 1)
    return emitError() << "a local job has one trainer, got " << trainers;
  return success();
}

LogicalResult RoleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               RoleKind kind, std::optional<int64_t> index) {
  bool indexed = kind == RoleKind::PServer;
  if (indexed && !index)
    return emitError() << "a pserver needs an index, e.g. "
                          "#fleet.role<pserver, index = 0>";
  if (!indexed && index)
    return emitError() << "only a pserver has an index";
  if (index && *index < 0)
    return emitError() << "the index of a pserver must not be negative, got "
                       << *index;
  return success();
}

JobAttr mlir::fleet::dist::getJob(ModuleOp module) {
  return module->getAttrOfType<JobAttr>(FleetDialect::getJobAttrName());
}

RoleAttr mlir::fleet::dist::getRole(ModuleOp module) {
  return module->getAttrOfType<RoleAttr>(FleetDialect::getRoleAttrName());
}
