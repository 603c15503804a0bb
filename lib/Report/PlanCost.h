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

/// The cost of `function` in its program.
PlanCost getPlanCost(plan::FunctionOp function);

} // namespace mlir::fleet

#endif // FLEET_LIB_REPORT_PLANCOST_H
