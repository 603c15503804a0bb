//===- Random.h - Counter-based random numbers ------------------*- C++ -*-===//
//
// Philox4x32-10 (Random123), keyed by XXH3(name) and the job's seed. A value
// depends on (seed, name, element) alone: not on the order of the draws, the
// number of servers, or which rows of a tensor a process owns.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_BASE_RANDOM_H
#define FLEET_RUNTIME_BASE_RANDOM_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace fleet {

/// Writes elements [firstElement, firstElement + count) of the tensor `origin`
/// to `out` (count elements of `dtype`). `uniform` is [low, high); `normal` by
/// Box-Muller; a truncated normal lies within two standard deviations. f32 and
/// f64 take every initializer, i1/i8/i32/i64 only whole constants that fit.
/// Errors (InvalidArgument) name `origin`. Thread-safe.
Status fillInitial(const plan::Initializer &initializer, plan::DataType dtype,
                   uint64_t seed, std::string_view origin, int64_t firstElement,
                   int64_t count, void *out);

/// A uniformly drawn permutation of 0..rows-1 into `order` (resized; no
/// allocation when it already has the capacity). The same on every rank.
void shuffledOrder(uint64_t seed, uint64_t epoch, int64_t rows,
                   std::vector<int64_t> &order);

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_RANDOM_H
