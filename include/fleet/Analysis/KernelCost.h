//===- KernelCost.h - What a kernel costs and allows ------------*- C++ -*-===//

#ifndef FLEET_ANALYSIS_KERNELCOST_H
#define FLEET_ANALYSIS_KERNELCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::fleet {

struct KernelCost {
  /// Rows are independent, and nothing is done before or after the sweep that
  /// others could see: ranges of rows may run at the same time.
  bool splittable = true;
  int64_t flopsPerRow = 0; ///< an elementary function counts as 10
  int64_t bytesPerRow = 0; ///< read and written, in memory of the plan
};

/// The cost of `kernel` (nn ops on tensors) as a sweep over `rows` rows
/// (ShapedType::kDynamic: the batch).
KernelCost getKernelCost(func::FuncOp kernel, int64_t rows);

} // namespace mlir::fleet

#endif // FLEET_ANALYSIS_KERNELCOST_H
