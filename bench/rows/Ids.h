//===- Ids.h - Ids as training names them -----------------------*- C++ -*-===//

#ifndef FLEET_BENCH_ROWS_IDS_H
#define FLEET_BENCH_ROWS_IDS_H

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace fleet::bench {

/// Draws ids below `rows`: all alike, or by Zipf's law with exponent 1.05 (what
/// click logs look like), whose frequent ids lie anywhere.
class Ids {
public:
  Ids(int64_t rows, bool isZipf, uint64_t seed)
      : rows(rows), isZipf(isZipf), random(seed) {}

  int64_t draw() {
    if (!isZipf)
      return static_cast<int64_t>(random() % static_cast<uint64_t>(rows));
    // The inverse of the integral of x^-s, which is close enough for its shape.
    constexpr double s = 1.05;
    double u = static_cast<double>(random() >> 11) * 0x1p-53;
    double most = 1 - std::pow(static_cast<double>(rows) + 1, 1 - s);
    auto rank = static_cast<uint64_t>(std::pow(1 - u * most, 1 / (1 - s))) - 1;
    // A bijection below a power of two, walked until it is an id.
    uint64_t mask = 1;
    while (mask < static_cast<uint64_t>(rows))
      mask *= 2;
    do
      rank = (rank * 0x9e3779b1u + 0x7f4a7c15u) & (mask - 1);
    while (rank >= static_cast<uint64_t>(rows));
    return static_cast<int64_t>(rank);
  }
  std::vector<int64_t> draw(size_t count) {
    std::vector<int64_t> ids(count);
    for (int64_t &id : ids)
      id = draw();
    return ids;
  }

private:
  int64_t rows;
  bool isZipf;
  std::mt19937_64 random;
};

} // namespace fleet::bench

#endif // FLEET_BENCH_ROWS_IDS_H
