//===- Reduce.cpp - Elements of several ranks become one ------------------===//
//
// One pass over all inputs, in blocks that stay in the first-level cache: the
// first output is computed, the others are copied from it.
//
//===----------------------------------------------------------------------===//

#include "runtime/collective/Reduce.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

using namespace fleet;

// The widest vectors of the machine at hand. The sanitizers' run-time libraries
// are not ready when the loader asks which version to take.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) &&                    \
    !defined(__SANITIZE_ADDRESS__) && !__has_feature(thread_sanitizer) &&      \
    !__has_feature(address_sanitizer)
#define FLEET_WIDEST_VECTORS                                                   \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FLEET_WIDEST_VECTORS
#endif
#define FLEET_INLINE inline __attribute__((always_inline))

namespace {

constexpr size_t kBlockBytes = 4096;

/// Brain float: the upper half of a float.
struct BFloat16 {
  uint16_t bits;
};

// How an element is stored (T) and summed (the result of load).
FLEET_INLINE float load(float value) { return value; }
FLEET_INLINE double load(double value) { return value; }
FLEET_INLINE float load(_Float16 value) { return static_cast<float>(value); }
FLEET_INLINE float load(BFloat16 value) {
  uint32_t bits = uint32_t(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}
FLEET_INLINE int32_t load(int32_t value) { return value; }
FLEET_INLINE int64_t load(int64_t value) { return value; }

template <typename T, typename Sum> FLEET_INLINE T store(Sum value) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    uint32_t nan = (bits >> 16) | 0x40;
    return {static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? nan
                                                                   : rounded)};
  } else {
    return static_cast<T>(value);
  }
}

template <Reduction reduction, typename Sum>
FLEET_INLINE Sum combine(Sum a, Sum b) {
  if constexpr (reduction == Reduction::Max) {
    return a < b ? b : a;
  } else if constexpr (reduction == Reduction::Min) {
    return b < a ? b : a;
  } else if constexpr (std::is_integral_v<Sum>) {
    using Unsigned = std::make_unsigned_t<Sum>;
    return static_cast<Sum>(static_cast<Unsigned>(a) +
                            static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}

struct Arrays {
  const void *const *in;
  size_t inputs;
  void *const *out;
  size_t outputs;
  size_t count;

  template <typename T> const T *input(size_t s, size_t begin) const {
    return static_cast<const T *>(in[s]) + begin;
  }
};

/// Elements [begin, begin + count) into the first output.
template <typename T, Reduction reduction>
FLEET_INLINE void reduceBlock(const Arrays &arrays, size_t begin,
                              size_t count) {
  using Sum = decltype(load(T()));
  // An output may be an input, element for element: no iteration depends on
  // another.
  T *out = static_cast<T *>(arrays.out[0]) + begin;
  const T *a = arrays.input<T>(0, begin);
  if (arrays.inputs == 1) {
    if (a != out)
      std::memcpy(out, a, count * sizeof(T));
  } else if (arrays.inputs == 2) {
    const T *b = arrays.input<T>(1, begin);
#pragma clang loop vectorize(assume_safety) interleave_count(4)
    for (size_t i = 0; i < count; ++i)
      out[i] = store<T>(combine<reduction>(load(a[i]), load(b[i])));
  } else if (arrays.inputs == 4) {
    const T *b = arrays.input<T>(1, begin);
    const T *c = arrays.input<T>(2, begin);
    const T *d = arrays.input<T>(3, begin);
#pragma clang loop vectorize(assume_safety) interleave_count(2)
    for (size_t i = 0; i < count; ++i)
      out[i] = store<T>(combine<reduction>(
          combine<reduction>(combine<reduction>(load(a[i]), load(b[i])),
                             load(c[i])),
          load(d[i])));
  } else {
    alignas(64) Sum sums[kBlockBytes / sizeof(T)];
    for (size_t i = 0; i < count; ++i)
      sums[i] = load(a[i]);
    for (size_t s = 1; s < arrays.inputs; ++s) {
      const T *b = arrays.input<T>(s, begin);
      for (size_t i = 0; i < count; ++i)
        sums[i] = combine<reduction>(sums[i], load(b[i]));
    }
    for (size_t i = 0; i < count; ++i)
      out[i] = store<T>(sums[i]);
  }
}

template <typename T, Reduction reduction>
FLEET_INLINE void reduceAll(const Arrays &arrays) {
  constexpr size_t kBlock = kBlockBytes / sizeof(T);
  for (size_t begin = 0; begin < arrays.count; begin += kBlock) {
    size_t count = std::min(kBlock, arrays.count - begin);
    reduceBlock<T, reduction>(arrays, begin, count);
    const T *first = static_cast<const T *>(arrays.out[0]) + begin;
    for (size_t k = 1; k < arrays.outputs; ++k)
      std::memcpy(static_cast<T *>(arrays.out[k]) + begin, first,
                  count * sizeof(T));
  }
}

template <typename T>
FLEET_INLINE void dispatch(Reduction reduction, const Arrays &arrays) {
  switch (reduction) {
  case Reduction::Sum:
    return reduceAll<T, Reduction::Sum>(arrays);
  case Reduction::Max:
    return reduceAll<T, Reduction::Max>(arrays);
  case Reduction::Min:
    return reduceAll<T, Reduction::Min>(arrays);
  }
}

// One function a type: what is inlined into it is compiled for each version.
#define FLEET_REDUCE(name, T)                                                  \
  FLEET_WIDEST_VECTORS void name(Reduction reduction, const Arrays &arrays) {  \
    dispatch<T>(reduction, arrays);                                            \
  }
FLEET_REDUCE(reduceF16, _Float16)
FLEET_REDUCE(reduceBF16, BFloat16)
FLEET_REDUCE(reduceF32, float)
FLEET_REDUCE(reduceF64, double)
FLEET_REDUCE(reduceI32, int32_t)
FLEET_REDUCE(reduceI64, int64_t)
#undef FLEET_REDUCE

using ReduceFunction = void (*)(Reduction, const Arrays &);

ReduceFunction findReduction(plan::DataType dtype) {
  switch (dtype) {
  case plan::F16:
    return reduceF16;
  case plan::BF16:
    return reduceBF16;
  case plan::F32:
    return reduceF32;
  case plan::F64:
    return reduceF64;
  case plan::I32:
    return reduceI32;
  case plan::I64:
    return reduceI64;
  default:
    return nullptr;
  }
}

} // namespace

bool fleet::canReduce(plan::DataType dtype) {
  return findReduction(dtype) != nullptr;
}

void fleet::reduceElements(plan::DataType dtype, Reduction reduction,
                           const void *const *in, size_t inputs,
                           void *const *out, size_t outputs, size_t count) {
  findReduction(dtype)(reduction, {in, inputs, out, outputs, count});
}
