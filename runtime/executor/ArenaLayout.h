//===- ArenaLayout.h - Offsets within one allocation ------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_ARENALAYOUT_H
#define FLEET_RUNTIME_EXECUTOR_ARENALAYOUT_H

#include <cstdint>

namespace fleet {

/// Deals out the offsets of an arena: each on a cache line. Buffers of a page
/// or more start at different distances from a page boundary, because streams
/// that agree in the low 12 bits of their addresses make loads wait for
/// unrelated stores.
class ArenaLayout {
public:
  /// The offset of the next buffer of `bytes` (at least one line is kept, so
  /// that buffers never share one). Sizes come from checked types, so sums fit.
  int64_t add(int64_t bytes) {
    int64_t offset = end;
    if (bytes >= kPage) {
      // An odd stride visits all lines of a page before it repeats.
      int64_t wanted = large * 9 % (kPage / kLine) * kLine;
      ++large;
      offset += (wanted - offset % kPage + kPage) % kPage;
    }
    int64_t lines = bytes <= 0 ? 1 : (bytes + kLine - 1) / kLine;
    end = offset + lines * kLine;
    return offset;
  }

  /// Bytes of the whole arena.
  int64_t size() const { return end; }

private:
  static constexpr int64_t kLine = 64;
  static constexpr int64_t kPage = 4096;
  int64_t end = 0;
  int64_t large = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_ARENALAYOUT_H
