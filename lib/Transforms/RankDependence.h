//===- RankDependence.h - What differs between trainers ---------*- C++ -*-===//

#ifndef FLEET_LIB_TRANSFORMS_RANKDEPENDENCE_H
#define FLEET_LIB_TRANSFORMS_RANKDEPENDENCE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::fleet {

/// Which values of a trainer's program may differ between trainers that run it:
/// those that come from the data or from a trainer's number of examples, and
/// what is computed or stored from them; sums over all trainers do not. A
/// variable counts as different for good once something different is stored in
/// it anywhere.
class RankDependence {
public:
  explicit RankDependence(ModuleOp trainer);

  bool differs(Value value) const { return values.contains(value); }
  bool differs(Attribute variable) const {
    return variables.contains(variable);
  }

private:
  bool visit(Operation *op);

  llvm::DenseSet<Value> values;
  llvm::DenseSet<Attribute> variables; ///< symbols
};

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_RANKDEPENDENCE_H
