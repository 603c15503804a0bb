//===- Tensor.h - Tensors of the reference interpreter ----------*- C++ -*-===//

#ifndef FLEET_TEST_LIB_REFERENCE_TENSOR_H
#define FLEET_TEST_LIB_REFERENCE_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <vector>

namespace fleet::reference {

using Shape = llvm::SmallVector<int64_t>;

/// A tensor at run time: elements of any type as doubles (booleans as 0 and 1),
/// row major, never rounded to the element type of the program.
struct Tensor {
  Tensor() = default;
  /// All elements 0.
  explicit Tensor(llvm::ArrayRef<int64_t> shape);
  static Tensor scalar(double value);

  int64_t rank() const { return shape.size(); }

  /// The element at `index`, which may have more dimensions than the tensor:
  /// they are aligned at the last, and an extent of 1 stretches.
  double at(llvm::ArrayRef<int64_t> index) const;
  /// The element at exactly `index`.
  double &operator[](llvm::ArrayRef<int64_t> index);

  Shape shape;
  std::vector<double> values;
};

/// The shape that two shapes broadcast to, which is assumed to exist.
Shape broadcast(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);

/// Calls `visit` with every index of `shape` in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);

} // namespace fleet::reference

#endif // FLEET_TEST_LIB_REFERENCE_TENSOR_H
