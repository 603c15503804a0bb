//===- DataTypes.cpp - Element types and sizes of tensors -----------------===//

#include "runtime/base/DataTypes.h"

using namespace fleet;

namespace {
struct TypeFacts {
  plan::DataType dtype;
  const char *name;
  size_t size;
};
constexpr TypeFacts typeFacts[] = {
    {plan::I1, "i1", 1},   {plan::I8, "i8", 1},   {plan::I32, "i32", 4},
    {plan::I64, "i64", 8}, {plan::F16, "f16", 2}, {plan::BF16, "bf16", 2},
    {plan::F32, "f32", 4}, {plan::F64, "f64", 8},
};

const TypeFacts *find(plan::DataType dtype) {
  for (const TypeFacts &facts : typeFacts)
    if (facts.dtype == dtype)
      return &facts;
  return nullptr;
}
} // namespace

size_t fleet::dataTypeSize(plan::DataType dtype) {
  const TypeFacts *facts = find(dtype);
  return facts ? facts->size : 0;
}

std::string_view fleet::dataTypeName(plan::DataType dtype) {
  const TypeFacts *facts = find(dtype);
  return facts ? facts->name : "unknown";
}

StatusOr<plan::DataType> fleet::parseDataType(std::string_view name) {
  for (const TypeFacts &facts : typeFacts)
    if (facts.name == name)
      return facts.dtype;
  return makeError(StatusCode::InvalidArgument,
                   "unknown element type '{}'; there are i1, i8, i32, i64, "
                   "f16, bf16, f32 and f64",
                   name);
}

StatusOr<int64_t> fleet::elementCount(const std::vector<int64_t> &shape) {
  // A zero anywhere makes the product zero, but a reader that multiplies in
  // another order must not overflow either, so zeros count as ones first.
  int64_t product = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return makeError(StatusCode::InvalidArgument,
                       "negative dimension in shape {}", formatShape(shape));
    empty |= extent == 0;
    if (__builtin_mul_overflow(product, extent == 0 ? 1 : extent, &product))
      return makeError(StatusCode::InvalidArgument,
                       "shape {} has too many elements", formatShape(shape));
  }
  return empty ? int64_t(0) : product;
}

StatusOr<int64_t> fleet::byteSize(plan::DataType dtype,
                                  const std::vector<int64_t> &shape) {
  size_t size = dataTypeSize(dtype);
  if (size == 0)
    return makeError(StatusCode::InvalidArgument, "unknown element type {}",
                     static_cast<int>(dtype));
  FLEET_ASSIGN_OR_RETURN(int64_t bytes, elementCount(shape));
  if (__builtin_mul_overflow(bytes, static_cast<int64_t>(size), &bytes))
    return makeError(StatusCode::InvalidArgument,
                     "shape {} of {} has too many bytes", formatShape(shape),
                     dataTypeName(dtype));
  return bytes;
}

std::string fleet::formatShape(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i != 0)
      text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}
