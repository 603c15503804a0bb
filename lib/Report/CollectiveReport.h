//===- CollectiveReport.h - What trainers do together -----------*- C++ -*-===//
//
// Private to the report.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_REPORT_COLLECTIVEREPORT_H
#define FLEET_LIB_REPORT_COLLECTIVEREPORT_H

#include "dialects/Optim/IR/Optim.h"
#include "mlir/IR/BuiltinOps.h"

#include "llvm/Support/raw_ostream.h"

namespace mlir::fleet {

class CollectiveReport {
public:
  /// Takes note of the variables and the calls of `trainer`.
  void visitTrainer(ModuleOp trainer);
  /// `planned` as in printJobReport.
  void print(int64_t trainers, ModuleOp planned, llvm::raw_ostream &os) const;

private:
  void visitRows(optim::RowGradientOp gradient);

  struct Call {
    StringRef name; ///< of the op that begins it, less its dialect
    StringRef function, group;
    int64_t every; ///< runs of @main a run of the function
    int64_t tensors, bytes;
  };

  /// Gradients of a table's rows.
  struct Rows {
    StringRef table;
    int64_t bytes; ///< at most, an example
  };

  SmallVector<Call> calls; ///< in the order in which they begin
  SmallVector<Rows> rows;
  int64_t parameterBytes = 0, stateBytes = 0;
};

} // namespace mlir::fleet

#endif // FLEET_LIB_REPORT_COLLECTIVEREPORT_H
