//===- TensorTypes.cpp - Sizes and names of tensor types ------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/TensorTypes.h"

using namespace fleet;

std::string fleet::formatType(
    const plan::TensorType &type,
    const google::protobuf::RepeatedPtrField<std::string> &symbols) {
  std::string text;
  for (const plan::Dim &dim : type.dims()) {
    if (dim.kind_case() == plan::Dim::kExtent)
      text += std::to_string(dim.extent());
    else if (dim.kind_case() == plan::Dim::kSymbol &&
             dim.symbol() < static_cast<uint32_t>(symbols.size()))
      text += symbols[static_cast<int>(dim.symbol())];
    else
      text += '?';
    text += 'x';
  }
  text += dataTypeName(type.dtype());
  return text;
}

bool fleet::sameDim(const plan::Dim &a, const plan::Dim &b) {
  return a.kind_case() == b.kind_case() && a.extent() == b.extent() &&
         a.symbol() == b.symbol();
}

bool fleet::sameType(const plan::TensorType &a, const plan::TensorType &b) {
  if (a.dtype() != b.dtype() || a.dims_size() != b.dims_size())
    return false;
  for (int i = 0; i < a.dims_size(); ++i)
    if (!sameDim(a.dims(i), b.dims(i)))
      return false;
  return true;
}

bool fleet::isRowsOf(const plan::TensorType &part,
                     const plan::TensorType &whole, int64_t row) {
  if (row == 0 && sameType(part, whole))
    return true;
  if (row < 0 || part.dtype() != whole.dtype() || part.dims_size() == 0 ||
      part.dims_size() != whole.dims_size() || !isStatic(part) ||
      !isStatic(whole))
    return false;
  for (int i = 1; i < part.dims_size(); ++i)
    if (part.dims(i).extent() != whole.dims(i).extent())
      return false;
  int64_t rows = part.dims(0).extent(), all = whole.dims(0).extent();
  return rows >= 0 && row <= all && rows <= all - row;
}

bool fleet::isStatic(const plan::TensorType &type) {
  for (const plan::Dim &dim : type.dims())
    if (dim.kind_case() != plan::Dim::kExtent)
      return false;
  return true;
}

std::optional<int64_t>
fleet::countElements(const plan::TensorType &type,
                     const std::vector<int64_t> &symbols) {
  auto bytes = static_cast<int64_t>(dataTypeSize(type.dtype()));
  if (bytes == 0)
    return std::nullopt;
  // A zero extent must not hide an overflow of the others: kernels may compute
  // with any of them.
  int64_t product = 1;
  bool empty = false;
  for (const plan::Dim &dim : type.dims()) {
    int64_t extent = -1;
    if (dim.kind_case() == plan::Dim::kExtent)
      extent = dim.extent();
    else if (dim.kind_case() == plan::Dim::kSymbol &&
             dim.symbol() < symbols.size())
      extent = symbols[dim.symbol()];
    if (extent < 0)
      return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (__builtin_mul_overflow(product, extent, &product) ||
        product > kMaxTensorBytes / bytes)
      return std::nullopt;
  }
  return empty ? 0 : product;
}

std::optional<int64_t> fleet::countBytes(const plan::TensorType &type,
                                         const std::vector<int64_t> &symbols) {
  std::optional<int64_t> count = countElements(type, symbols);
  if (!count)
    return std::nullopt;
  return *count * static_cast<int64_t>(dataTypeSize(type.dtype()));
}

std::vector<int64_t> fleet::staticShape(const plan::TensorType &type) {
  std::vector<int64_t> shape;
  for (const plan::Dim &dim : type.dims())
    shape.push_back(dim.extent());
  return shape;
}
