//===- TableReport.h - Where rows of tables are, and what they cost -*- C++
//-*-===//
//
// Private to the report.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_REPORT_TABLEREPORT_H
#define FLEET_LIB_REPORT_TABLEREPORT_H

#include "dialects/Optim/IR/Optim.h"
#include "mlir/IR/BuiltinOps.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::fleet {

class TableReport {
public:
  /// Bytes of rows that all exist from the start, and of their state.
  struct Held {
    int64_t values = 0, state = 0;
  };

  /// True, and takes note of it, if `variable` is a table of `server`, or state
  /// with a row a row of one.
  bool visit(optim::VariableOpInterface variable, int64_t server, Held &held);
  /// Takes note of what a step of `trainer` pulls and pushes.
  void visitTrainer(ModuleOp trainer);
  void print(llvm::raw_ostream &os);

private:
  struct Piece {
    int64_t server;
    optim::ParameterOp parameter;
  };
  struct Table {
    SmallVector<Piece> pieces;
    int64_t stateBytes = 0; ///< of one row
    /// Ids of a row of the batch, that a step looks up and has gradients of.
    int64_t pulled = 0, pushed = 0;
  };
  std::string spellPlaces(Table &table);

  llvm::MapVector<StringRef, Table> tables; ///< by name
};

} // namespace mlir::fleet

#endif // FLEET_LIB_REPORT_TABLEREPORT_H
