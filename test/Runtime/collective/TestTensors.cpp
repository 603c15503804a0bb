//===- TestTensors.cpp - What ranks bring to a test -----------------------===//

#include "test/Runtime/collective/TestTensors.h"

#include "runtime/base/DataTypes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace fleet;

/// Keeps the 8 leading bits of the significand, ties to even.
static float roundToBFloat16(float value) {
  if (value == 0)
    return value;
  int exponent;
  double significand = std::frexp(static_cast<double>(value), &exponent);
  return static_cast<float>(
      std::ldexp(std::nearbyint(std::ldexp(significand, 8)), exponent - 8));
}

/// Element `index` of `bytes`, exactly.
static double read(plan::DataType dtype, const TestBytes &bytes, size_t index) {
  const unsigned char *from = bytes.data() + index * dataTypeSize(dtype);
  auto as = [&](auto value) {
    std::memcpy(&value, from, sizeof(value));
    return static_cast<double>(value);
  };
  switch (dtype) {
  case plan::F32:
    return as(float());
  case plan::F64:
    return as(double());
  case plan::F16:
    return as(_Float16());
  case plan::BF16: {
    uint32_t bits = uint32_t(from[0]) << 16 | uint32_t(from[1]) << 24;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return static_cast<double>(value);
  }
  case plan::I32:
    return as(int32_t());
  case plan::I64:
    return as(int64_t());
  default:
    return from[0];
  }
}

/// Rounds `value` to `dtype`.
static void write(plan::DataType dtype, TestBytes &bytes, size_t index,
                  double value) {
  unsigned char *to = bytes.data() + index * dataTypeSize(dtype);
  auto as = [&](auto typed) { std::memcpy(to, &typed, sizeof(typed)); };
  switch (dtype) {
  case plan::F32:
    return as(static_cast<float>(value));
  case plan::F64:
    return as(value);
  case plan::F16:
    return as(static_cast<_Float16>(static_cast<float>(value)));
  case plan::BF16: {
    float rounded = roundToBFloat16(static_cast<float>(value));
    uint32_t bits;
    std::memcpy(&bits, &rounded, sizeof(bits));
    return as(static_cast<uint16_t>(bits >> 16));
  }
  case plan::I32:
    return as(static_cast<int32_t>(value));
  case plan::I64:
    return as(static_cast<int64_t>(value));
  default:
    to[0] = static_cast<unsigned char>(static_cast<int>(value) & 1);
  }
}

TestBytes fleet::testInput(plan::DataType dtype, uint32_t rank, size_t begin,
                           size_t count) {
  bool whole = dtype == plan::I32 || dtype == plan::I64;
  TestBytes bytes(count * dataTypeSize(dtype));
  for (size_t i = 0; i < count; ++i) {
    size_t at = begin + i;
    double value = static_cast<double>((at * 7 + rank * 13 + at * rank) % 23) -
                   11 + (at % 3 == 0 ? 100.0 * (rank % 2) : 0);
    write(dtype, bytes, i, whole ? value : value + 0.1 * (rank + 1));
  }
  return bytes;
}

TestBytes fleet::testReduced(plan::DataType dtype, Reduction reduction,
                             uint32_t ranks, size_t begin, size_t count) {
  std::vector<TestBytes> inputs;
  for (uint32_t r = 0; r < ranks; ++r)
    inputs.push_back(testInput(dtype, r, begin, count));
  // Half-precision elements are summed as floats.
  bool inFloat =
      dtype == plan::F32 || dtype == plan::F16 || dtype == plan::BF16;
  TestBytes result(count * dataTypeSize(dtype));
  for (size_t i = 0; i < count; ++i) {
    double value = read(dtype, inputs[0], i);
    for (uint32_t r = 1; r < ranks; ++r) {
      double next = read(dtype, inputs[r], i);
      if (reduction == Reduction::Sum)
        value = inFloat ? static_cast<float>(value) + static_cast<float>(next)
                        : value + next;
      else
        value = reduction == Reduction::Max ? std::max(value, next)
                                            : std::min(value, next);
    }
    write(dtype, result, i, value);
  }
  return result;
}

double fleet::testDifference(plan::DataType dtype, const TestBytes &a,
                             const TestBytes &b) {
  if (a.size() != b.size())
    return INFINITY;
  double largest = 0;
  for (size_t i = 0; i < a.size() / dataTypeSize(dtype); ++i) {
    double x = read(dtype, a, i), y = read(dtype, b, i);
    double difference = std::abs(x - y) / std::max(1.0, std::abs(y));
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  if (largest == 0 && a != b)
    return 1e-300; // zeros of both signs
  return largest;
}
