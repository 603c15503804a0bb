//===- Gemm.h - Matrix products by library call -----------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// Which library is called, and how a large product is cut into tiles, follow
// from the shape alone: the result has the same bits whatever the number of
// threads and whichever of them computes a tile.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_DEVICE_CPU_GEMM_H
#define FLEET_RUNTIME_DEVICE_CPU_GEMM_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <cstdint>

namespace fleet {

/// out = op(a) . op(b), [m,k] x [k,n] -> [m,n]; all dense and row major.
struct GemmShape {
  plan::DataType dtype = plan::F32;
  bool transposeA = false; ///< a is stored as [k,m]
  bool transposeB = false; ///< b is stored as [n,k]
  int64_t m = 0, n = 0, k = 0;
};

/// A product of one shape, ready to run. A value; immutable. Runs on any
/// thread, without allocation by us (libraries keep packing buffers of their
/// own).
class Gemm {
public:
  enum class Library {
    Zero,           ///< k is 0: the result is all zeros
    OpenBlas,       ///< small and skinny
    OpenBlasVector, ///< m or n is 1: matrix times vector
    OneDnn          ///< from about 64x64x64 up
  };

  /// InvalidArgument for a data type other than f32 and f64, or an extent that
  /// the libraries cannot count.
  static StatusOr<Gemm> create(const GemmShape &shape);

  /// Pieces that may run at the same time; 0 when the result is empty.
  int64_t tiles() const { return tileRows * tileColumns; }
  /// One of them. `out` must not overlap `a` or `b`.
  void runTile(int64_t tile, const void *a, const void *b, void *out) const;
  /// All of them, in order, in this thread.
  void run(const void *a, const void *b, void *out) const {
    for (int64_t tile = 0; tile < tiles(); ++tile)
      runTile(tile, a, b, out);
  }

  Library library() const { return chosen; }
  const GemmShape &shape() const { return size; }

private:
  Gemm() = default;
  GemmShape size;
  Library chosen = Library::OpenBlas;
  int64_t tileRows = 0, tileColumns = 0; // how many
  int64_t rowsPerTile = 0, columnsPerTile = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_DEVICE_CPU_GEMM_H
