//===- DataTypes.h - Element types and sizes of tensors ---------*- C++ -*-===//

#ifndef FLEET_RUNTIME_BASE_DATATYPES_H
#define FLEET_RUNTIME_BASE_DATATYPES_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fleet {

/// Bytes an element; 0 for an unspecified or unknown type.
size_t dataTypeSize(plan::DataType dtype);

/// "f32", "i64", ...; "unknown" for anything that is not a type.
std::string_view dataTypeName(plan::DataType dtype);

/// The inverse of dataTypeName.
StatusOr<plan::DataType> parseDataType(std::string_view name);

/// Product of `shape`; fails on a negative dimension and on overflow of int64.
StatusOr<int64_t> elementCount(const std::vector<int64_t> &shape);

/// elementCount times the element size; fails on an unknown type and when the
/// bytes do not fit into int64.
StatusOr<int64_t> byteSize(plan::DataType dtype,
                           const std::vector<int64_t> &shape);

/// "[13, 1]"; "[]" for a scalar.
std::string formatShape(const std::vector<int64_t> &shape);

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_DATATYPES_H
