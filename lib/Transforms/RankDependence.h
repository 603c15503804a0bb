//===- RankDependence.h - What differs between trainers ---------*- C++ -*-===//

#ifndef FLEET_LIB_TRANSFORMS_RANKDEPENDENCE_H
#define FLEET_LIB_TRANSFORMS_RANKDEPENDENCE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::fleet {

/// Which values of a trainer's program may differ between trainers that run it:
/// those that come from the data or from a trainer's number of examples, parts
/// of tensors, and what is computed or stored from them; sums over all trainers
/// and what has been gathered from all do not. A variable counts as different
/// for good once something different is stored in it anywhere.
///
/// Where trainers are in groups of neighbours and in groups across these,
/// values may differ within the one, within the other, or both; a sum over the
/// one is equal within that only.
class RankDependence {
public:
  explicit RankDependence(ModuleOp trainer);

  bool differs(Value value) const { return values.lookup(value) != 0; }
  /// Whether it differs not only as parts of one tensor do, but by what a
  /// trainer has of its own.
  bool differsByData(Value value) const {
    return (values.lookup(value) & kAnywhere) != 0;
  }
  bool isPart(Value value) const {
    return (values.lookup(value) & kPartAnywhere) != 0;
  }
  bool differs(Attribute variable) const {
    return variables.lookup(variable) != 0;
  }

private:
  /// Where something differs: a set of these, by data and, shifted, as parts.
  using Extent = uint8_t;
  static constexpr Extent kWithinNeighbours = 1, kAcross = 2, kAnywhere = 3;
  static constexpr unsigned kPartShift = 2;
  static constexpr Extent kPartAnywhere = kAnywhere << kPartShift;

  bool visit(Operation *op);
  Extent extentOfGroup(Operation *op) const;
  Extent extentOfWait(Operation *wait, unsigned result) const;

  llvm::DenseMap<Value, Extent> values;
  llvm::DenseMap<Attribute, Extent> variables; ///< by symbol
};

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_RANKDEPENDENCE_H
