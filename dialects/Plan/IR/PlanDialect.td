//===- PlanDialect.td - The executable form of one process -----*- tablegen -*-===//

#ifndef FLEET_DIALECTS_PLAN_IR_PLANDIALECT
#define FLEET_DIALECTS_PLAN_IR_PLANDIALECT

include "mlir/IR/OpBase.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::mlir::fleet::plan";
  let summary = "The executable form of one process of a job";
  let description = [{
    One `plan.program` is what one process executes: buffers with a place in
    memory, and straight-line functions of kernel launches, library calls and
    transfers. It mirrors `plan.proto` one to one, so that memory planning and
    scheduling can be printed, FileChecked and verified; it knows nothing of the
    program it came from except source locations.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

#endif // FLEET_DIALECTS_PLAN_IR_PLANDIALECT
