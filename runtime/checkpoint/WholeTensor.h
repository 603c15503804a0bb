//===- WholeTensor.h - A tensor put together from rows ----------*- C++ -*-===//

#ifndef FLEET_RUNTIME_CHECKPOINT_WHOLETENSOR_H
#define FLEET_RUNTIME_CHECKPOINT_WHOLETENSOR_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/checkpoint/Checkpoint.h"

#include <map>

namespace fleet {

/// Collects the rows that servers hold of one tensor, for a checkpoint.
class WholeTensor {
public:
  static StatusOr<WholeTensor> create(std::string name, plan::DataType dtype,
                                      const std::vector<int64_t> &shape);

  /// Takes `bytes` bytes of rows (dimension 0) from `firstRow` on, out of a
  /// tensor of `type` and `whole`. Rows that are there already are an error. A
  /// scalar may come once for every block of its parameter: the first counts.
  Status add(plan::DataType type, const std::vector<int64_t> &whole,
             int64_t firstRow, const void *data, size_t bytes);

  /// An error that names the first row that is missing, if one is.
  Status checkComplete() const;

  /// Points into this object.
  CheckpointTensor get() const { return {name, dtype, shape, bytes.data()}; }

private:
  WholeTensor() = default;
  int64_t rows() const { return shape.empty() ? 1 : shape[0]; }

  std::string name;
  plan::DataType dtype = plan::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
  AlignedBuffer bytes;
  std::map<int64_t, int64_t> parts; ///< first row to the one behind the last
};

} // namespace fleet

#endif // FLEET_RUNTIME_CHECKPOINT_WHOLETENSOR_H
