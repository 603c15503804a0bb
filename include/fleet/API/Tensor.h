//===- Tensor.h - Arrays that go in and come out ----------------*- C++ -*-===//

#ifndef FLEET_API_TENSOR_H
#define FLEET_API_TENSOR_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fleet::api {

enum class ElementType { Float32, Float64, Int32, Int64 };

template <typename T> struct ElementTypeOf;
template <> struct ElementTypeOf<float> {
  static constexpr ElementType value = ElementType::Float32;
};
template <> struct ElementTypeOf<double> {
  static constexpr ElementType value = ElementType::Float64;
};
template <> struct ElementTypeOf<int32_t> {
  static constexpr ElementType value = ElementType::Int32;
};
template <> struct ElementTypeOf<int64_t> {
  static constexpr ElementType value = ElementType::Int64;
};

/// Somebody else's array, row major, of the product of `shape` elements.
struct TensorView {
  ElementType type = ElementType::Float32;
  std::vector<int64_t> shape;
  const void *data = nullptr;

  TensorView() = default;
  template <typename T>
  TensorView(const T *data, std::vector<int64_t> shape)
      : type(ElementTypeOf<T>::value), shape(std::move(shape)), data(data) {}
};

/// An array of its own, row major; a scalar has no extents.
struct Tensor {
  ElementType type = ElementType::Float32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  Tensor() = default;
  template <typename T>
  Tensor(const std::vector<T> &values, std::vector<int64_t> shape)
      : type(ElementTypeOf<T>::value), shape(std::move(shape)),
        bytes(reinterpret_cast<const std::byte *>(values.data()),
              reinterpret_cast<const std::byte *>(values.data() +
                                                  values.size())) {}

  /// The elements; nothing if they are of another type than T.
  template <typename T> std::vector<T> values() const {
    if (type != ElementTypeOf<T>::value)
      return {};
    const T *begin = reinterpret_cast<const T *>(bytes.data());
    return std::vector<T>(begin, begin + bytes.size() / sizeof(T));
  }
};

/// The inputs of a step by their names in the program ("%x" is "x"). The first
/// extent of each is the number of rows, the same for all; 0 is allowed.
using Batch = std::map<std::string, TensorView>;

/// Parameters ("w") and optimizer states ("w/velocity") under the names that
/// they have in the single-machine program and in checkpoints.
using StateDict = std::map<std::string, Tensor>;

} // namespace fleet::api

#endif // FLEET_API_TENSOR_H
