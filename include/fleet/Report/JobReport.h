//===- JobReport.h - What was decided about a job, and its cost -*- C++ -*-===//

#ifndef FLEET_REPORT_JOBREPORT_H
#define FLEET_REPORT_JOBREPORT_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::fleet {

/// Prints, as tables: which server has which rows of which parameter, what
/// every process holds and what it sends and receives in a step, how even that
/// is, and what a step computes. `job` is a verified job module. With
/// `planned`, the same job compiled, also work and memory, which only plans
/// know; else null.
void printJobReport(ModuleOp job, ModuleOp planned, llvm::raw_ostream &os);

} // namespace mlir::fleet

#endif // FLEET_REPORT_JOBREPORT_H
