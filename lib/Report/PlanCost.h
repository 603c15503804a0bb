//===- PlanCost.h - What a plan function computes and holds -----*- C++ -*-===//

#ifndef FLEET_LIB_REPORT_PLANCOST_H
#define FLEET_LIB_REPORT_PLANCOST_H

#include "dialects/Plan/IR/Plan.h"

namespace mlir::fleet {

/// A number that grows with the rows of the batch.
struct PerBatch {
  int64_t fixed = 0, perRow = 0;
};

struct PlanCost {
  PerBatch flops; ///< of one run; an elementary function counts as 10
  PerBatch bytes; ///< of temporaries
};

/// Adds up what functions of a program cost.
class PlanCosts {
public:
  explicit PlanCosts(plan::ProgramOp program);

  PlanCost of(plan::FunctionOp function) const;
  /// Operations of one run of an instruction of a function.
  PerBatch flopsOf(Operation &instruction) const;

private:
  llvm::DenseMap<Attribute, plan::KernelOp> kernels; ///< by name
};

} // namespace mlir::fleet

#endif // FLEET_LIB_REPORT_PLANCOST_H
