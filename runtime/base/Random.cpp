//===- Random.cpp - Counter-based random numbers --------------------------===//

#include "runtime/base/Random.h"

#include "runtime/base/Checksum.h"
#include "runtime/base/DataTypes.h"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace fleet;

namespace {

using Philox = r123::Philox4x32;

/// The stream of one tensor (or of one epoch's order): 128 random bits for
/// each (element, attempt).
class Stream {
public:
  Stream(uint64_t seed, std::string_view name) {
    // The seed enters the hash, too: 64 bits of key are all that Philox4x32
    // has, and name and seed must both fill them.
    uint64_t words[2] = {seed, checksum(name)};
    uint64_t mixed = checksum(words, sizeof(words));
    key = {{static_cast<uint32_t>(mixed), static_cast<uint32_t>(mixed >> 32)}};
  }

  struct Bits {
    uint64_t first, second;
  };
  Bits draw(uint64_t element, uint32_t attempt) const {
    Philox::ctr_type counter = {{static_cast<uint32_t>(element),
                                 static_cast<uint32_t>(element >> 32), attempt,
                                 0}};
    Philox::ctr_type out = generator(counter, key);
    return {(uint64_t(out[1]) << 32) | out[0],
            (uint64_t(out[3]) << 32) | out[2]};
  }

private:
  Philox generator;
  Philox::key_type key;
};

/// [0, 1), all 53 bits.
double unit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// (0, 1): what a logarithm can take.
double openUnit(uint64_t bits) {
  return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
}

double standardNormal(Stream::Bits bits) {
  constexpr double twoPi = 6.283185307179586476925286766559;
  return std::sqrt(-2.0 * std::log(openUnit(bits.first))) *
         std::cos(twoPi * unit(bits.second));
}

template <typename T, typename Draw>
void fillWith(int64_t first, int64_t count, void *out, Draw draw) {
  auto *values = static_cast<T *>(out);
  for (int64_t i = 0; i < count; ++i)
    values[i] = draw(static_cast<uint64_t>(first + i));
}

template <typename T>
void fillUniform(const plan::Initializer::Uniform &uniform,
                 const Stream &stream, int64_t first, int64_t count,
                 void *out) {
  double low = uniform.low(), high = uniform.high();
  // Rounding may carry a value up to `high`, which the interval does not have.
  T largest = std::nextafter(static_cast<T>(high), static_cast<T>(low));
  T limit = static_cast<T>(high);
  fillWith<T>(first, count, out, [=, &stream](uint64_t i) {
    auto value =
        static_cast<T>(low + (high - low) * unit(stream.draw(i, 0).first));
    return low < high && value >= limit ? largest : value;
  });
}

template <typename T>
void fillNormal(const plan::Initializer::Normal &normal, const Stream &stream,
                int64_t first, int64_t count, void *out) {
  double mean = normal.mean(), stddev = normal.stddev();
  bool truncated = normal.truncated();
  fillWith<T>(first, count, out, [=, &stream](uint64_t i) {
    double z = standardNormal(stream.draw(i, 0));
    // One draw in 22 falls outside; 64 in a row never do.
    for (uint32_t attempt = 1; truncated && std::abs(z) > 2.0; ++attempt)
      z = attempt < 64 ? standardNormal(stream.draw(i, attempt)) : 0.0;
    return static_cast<T>(mean + stddev * z);
  });
}

template <typename T>
Status fillWhole(double value, std::string_view origin, plan::DataType dtype,
                 int64_t low, int64_t high, int64_t count, void *out) {
  // Beyond 2^53 a double does not name one integer.
  if (!(std::abs(value) <= 0x1p53) || value != std::trunc(value) ||
      value < static_cast<double>(low) || value > static_cast<double>(high))
    return makeError(StatusCode::InvalidArgument,
                     "parameter '{}' of type {} cannot start as {}", origin,
                     dataTypeName(dtype), value);
  std::fill_n(static_cast<T *>(out), count, static_cast<T>(value));
  return {};
}

template <typename T>
Status fillFloating(const plan::Initializer &initializer, const Stream &stream,
                    int64_t first, int64_t count, void *out) {
  switch (initializer.kind_case()) {
  case plan::Initializer::kConstant:
    std::fill_n(static_cast<T *>(out), count,
                static_cast<T>(initializer.constant().value()));
    break;
  case plan::Initializer::kUniform:
    fillUniform<T>(initializer.uniform(), stream, first, count, out);
    break;
  case plan::Initializer::kNormal:
    fillNormal<T>(initializer.normal(), stream, first, count, out);
    break;
  case plan::Initializer::KIND_NOT_SET:
    break; // checked before
  }
  return {};
}

Status checkInitializer(const plan::Initializer &initializer,
                        plan::DataType dtype, std::string_view origin) {
  auto fail = [&](const char *why) {
    return makeError(StatusCode::InvalidArgument, "parameter '{}': {}", origin,
                     why);
  };
  bool floating = dtype == plan::F32 || dtype == plan::F64;
  switch (initializer.kind_case()) {
  case plan::Initializer::kConstant:
    return {};
  case plan::Initializer::kUniform: {
    double low = initializer.uniform().low();
    double high = initializer.uniform().high();
    if (!std::isfinite(low) || !std::isfinite(high) ||
        !std::isfinite(high - low) || low > high)
      return fail("the bounds of a uniform initializer must be finite, the "
                  "lower one first");
    break;
  }
  case plan::Initializer::kNormal:
    if (!std::isfinite(initializer.normal().mean()) ||
        !std::isfinite(initializer.normal().stddev()) ||
        initializer.normal().stddev() < 0)
      return fail("mean and standard deviation of a normal initializer must be "
                  "finite, the latter not negative");
    break;
  case plan::Initializer::KIND_NOT_SET:
    return fail("the plan has no initializer for it");
  }
  if (!floating)
    return fail("random initial values need the type f32 or f64");
  return {};
}

} // namespace

Status fleet::fillInitial(const plan::Initializer &initializer,
                          plan::DataType dtype, uint64_t seed,
                          std::string_view origin, int64_t firstElement,
                          int64_t count, void *out) {
  FLEET_RETURN_IF_ERROR(checkInitializer(initializer, dtype, origin));
  if (firstElement < 0 || count < 0)
    return makeError(StatusCode::InvalidArgument,
                     "parameter '{}': negative range of elements", origin);
  Stream stream(seed, origin);
  double constant = initializer.constant().value();
  switch (dtype) {
  case plan::F32:
    return fillFloating<float>(initializer, stream, firstElement, count, out);
  case plan::F64:
    return fillFloating<double>(initializer, stream, firstElement, count, out);
  case plan::I1:
    return fillWhole<uint8_t>(constant, origin, dtype, 0, 1, count, out);
  case plan::I8:
    return fillWhole<int8_t>(constant, origin, dtype, INT8_MIN, INT8_MAX, count,
                             out);
  case plan::I32:
    return fillWhole<int32_t>(constant, origin, dtype, INT32_MIN, INT32_MAX,
                              count, out);
  case plan::I64:
    return fillWhole<int64_t>(constant, origin, dtype,
                              std::numeric_limits<int64_t>::min(),
                              std::numeric_limits<int64_t>::max(), count, out);
  default:
    return makeError(StatusCode::InvalidArgument,
                     "parameter '{}': initial values of type {} are not "
                     "supported; use f32, f64 or an integer type",
                     origin, dataTypeName(dtype));
  }
}

void fleet::shuffledOrder(uint64_t seed, uint64_t epoch, int64_t rows,
                          std::vector<int64_t> &order) {
  order.resize(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), int64_t(0));
  uint64_t words[2] = {seed, epoch};
  Stream stream(checksum(words, sizeof(words)), "fleet.shuffle");
  for (int64_t i = rows - 1; i > 0; --i) {
    // Below i + 1 without bias: a multiply maps 64 bits onto the range, and the
    // few values that would make some results likelier are drawn again.
    auto range = static_cast<uint64_t>(i) + 1;
    uint64_t threshold = (0 - range) % range;
    unsigned __int128 product;
    uint32_t attempt = 0;
    do {
      product = static_cast<unsigned __int128>(
                    stream.draw(static_cast<uint64_t>(i), attempt++).first) *
                range;
    } while (static_cast<uint64_t>(product) < threshold);
    std::swap(order[static_cast<size_t>(i)],
              order[static_cast<size_t>(product >> 64)]);
  }
}
