//===- TensorTypes.h - Sizes and names of tensor types ----------*- C++ -*-===//
//
// Part of the Fleet project.
//
// Arithmetic on the types of a plan that cannot overflow, and their spelling
// in messages ("?x13xf32", as in the program).
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PLAN_TENSORTYPES_H
#define FLEET_RUNTIME_PLAN_TENSORTYPES_H

#include "runtime/base/DataTypes.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fleet {

/// No tensor of a plan has more bytes than this (64 TiB): offsets of any sum
/// of a plan's buffers then fit an int64_t.
constexpr int64_t kMaxTensorBytes = int64_t(1) << 46;

/// "10x13xf32"; a symbolic dimension is written as its symbol's name, or "?"
/// when `symbols` does not have it.
std::string
formatType(const plan::TensorType &type,
           const google::protobuf::RepeatedPtrField<std::string> &symbols);

bool sameDim(const plan::Dim &a, const plan::Dim &b);
bool sameType(const plan::TensorType &a, const plan::TensorType &b);

/// True when a static `part` is rows (dimension 0) [row, ...) of `whole`; also
/// when the types are equal and `row` is 0.
bool isRowsOf(const plan::TensorType &part, const plan::TensorType &whole,
              int64_t row);

/// True when no dimension is symbolic.
bool isStatic(const plan::TensorType &type);

/// The number of elements, with `symbols[i]` the value of symbol i. Nothing
/// when a symbol is missing, an extent is negative, or the tensor would have
/// more than kMaxTensorBytes.
std::optional<int64_t> countElements(const plan::TensorType &type,
                                     const std::vector<int64_t> &symbols);

/// countElements times the size of an element.
std::optional<int64_t> countBytes(const plan::TensorType &type,
                                  const std::vector<int64_t> &symbols);

/// The extents of a static type.
std::vector<int64_t> staticShape(const plan::TensorType &type);

} // namespace fleet

#endif // FLEET_RUNTIME_PLAN_TENSORTYPES_H
