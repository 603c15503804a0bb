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
#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>

namespace fleet {

/// out = op(a) . op(b), [m,k] x [k,n] -> [m,n]; all dense and row major.
struct GemmShape {
  plan::DataType dtype = plan::F32;
  bool transposeA = false; ///< a is stored as [k,m]
  bool transposeB = false; ///< b is stored as [n,k]
  int64_t m = 0, n = 0, k = 0;
};

/// A product of one shape, ready to run, on any thread and without allocation
/// by us (libraries keep packing buffers of their own). Different tiles may run
/// at the same time, one tile only once. Copies share their memory.
class Gemm {
public:
  enum class Library {
    Zero,           ///< k is 0: the result is all zeros
    Xsmm,           ///< what fits into the cache of a core
    OpenBlas,       ///< skinny, and f64
    OpenBlasVector, ///< m or n is 1: matrix times vector
    OneDnn          ///< large
  };

  /// InvalidArgument for a data type other than f32 and f64, or an extent that
  /// the libraries cannot count; ResourceExhausted for lack of memory.
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
  /// Code of libxsmm for tiles of one shape: out = op(a) . op(b).
  using SmallKernel = void (*)(const float *b, const float *a, float *out);

  Gemm() = default;
  bool findSmallKernels();
  void setTile(int64_t rows, int64_t columns);
  void cut();

  GemmShape size;
  Library chosen = Library::OpenBlas;
  int64_t tileRows = 0, tileColumns = 0; // how many
  int64_t rowsPerTile = 0, columnsPerTile = 0;
  /// By whether a tile is in the last row, and in the last column, of tiles.
  SmallKernel smallKernels[2][2] = {};
  /// For libxsmm: b as it is not stored, a part for each tile.
  std::shared_ptr<AlignedBuffer> transposed;
};

} // namespace fleet

#endif // FLEET_RUNTIME_DEVICE_CPU_GEMM_H
