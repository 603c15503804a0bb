//===- WholeTensor.cpp - A tensor put together from rows ------------------===//

#include "runtime/checkpoint/WholeTensor.h"

#include "runtime/base/DataTypes.h"

#include <cstring>

using namespace fleet;

StatusOr<WholeTensor> WholeTensor::create(std::string name,
                                          plan::DataType dtype,
                                          const std::vector<int64_t> &shape) {
  WholeTensor whole;
  whole.name = std::move(name);
  whole.dtype = dtype;
  whole.shape = shape;
  FLEET_ASSIGN_OR_RETURN(int64_t size, byteSize(dtype, shape));
  FLEET_ASSIGN_OR_RETURN(
      whole.bytes,
      AlignedBuffer::allocate(static_cast<size_t>(size), "a checkpoint"));
  return whole;
}

Status WholeTensor::add(plan::DataType type, const std::vector<int64_t> &whole,
                        int64_t firstRow, const void *data, size_t size) {
  size_t rowBytes = rows() > 0 ? bytes.size() / static_cast<size_t>(rows()) : 0;
  size_t count = rowBytes > 0 ? size / rowBytes : 0;
  if (dtype != type || shape != whole || firstRow < 0 || firstRow > rows() ||
      count * rowBytes != size ||
      count > static_cast<size_t>(rows() - firstRow))
    return makeError(StatusCode::DataLoss,
                     "rows of '{}' from two servers do not fit together", name);
  if (count == 0 || (shape.empty() && !parts.empty()))
    return Status();
  int64_t end = firstRow + static_cast<int64_t>(count);
  auto next = parts.lower_bound(firstRow);
  if ((next != parts.end() && next->first < end) ||
      (next != parts.begin() && std::prev(next)->second > firstRow))
    return makeError(StatusCode::DataLoss,
                     "two servers hold some of rows {} to {} of '{}'", firstRow,
                     end - 1, name);
  parts.emplace(firstRow, end);
  std::memcpy(bytes.data() + static_cast<size_t>(firstRow) * rowBytes, data,
              size);
  return Status();
}

Status WholeTensor::checkComplete() const {
  int64_t next = 0; // parts do not overlap
  for (auto [first, end] : parts) {
    if (first != next)
      break;
    next = end;
  }
  if (next == rows())
    return Status();
  return makeError(StatusCode::DataLoss,
                   "no server holds row {} of '{}', which has {} rows", next,
                   name, rows());
}
