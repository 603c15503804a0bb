//===- CopyRow.h - Many small copies of one size ----------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TABLE_COPYROW_H
#define FLEET_RUNTIME_TABLE_COPYROW_H

#include <cstddef>
#include <cstring>
#include <type_traits>

namespace fleet {

/// Calls `loop` with a function copy(to, from) for rows of `bytes` bytes. A
/// call of memcpy takes about as long as the copy of a short row; for the usual
/// sizes the compiler makes a few moves of it.
template <typename Loop> void withRowCopy(size_t bytes, Loop &&loop) {
  auto fixed = [&](auto size) {
    loop([](void *to, const void *from) {
      std::memcpy(to, from, decltype(size)::value);
    });
  };
  switch (bytes) {
  case 4:
    return fixed(std::integral_constant<size_t, 4>());
  case 8:
    return fixed(std::integral_constant<size_t, 8>());
  case 16:
    return fixed(std::integral_constant<size_t, 16>());
  case 32:
    return fixed(std::integral_constant<size_t, 32>());
  case 64:
    return fixed(std::integral_constant<size_t, 64>());
  case 128:
    return fixed(std::integral_constant<size_t, 128>());
  case 256:
    return fixed(std::integral_constant<size_t, 256>());
  default:
    loop([bytes](void *to, const void *from) { std::memcpy(to, from, bytes); });
  }
}

} // namespace fleet

#endif // FLEET_RUNTIME_TABLE_COPYROW_H
