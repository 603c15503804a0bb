//===- Gemm.cpp - Matrix products by library call -------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/cpu/Gemm.h"

#include "runtime/base/DataTypes.h"

#include <cblas.h>
#include <libxsmm.h>
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <dlfcn.h>

using namespace fleet;

namespace {

/// Below this a tile is not worth handing to another thread (about 20 us).
/// Measured on a 32-128-128-2 perceptron and two threads: a step takes 98 us,
/// against 123 us with twice as much.
constexpr double kMinTileFlops = 2e6;
/// Tiles keep at least this many rows and columns, so that packing an operand
/// for a tile stays small against using it.
constexpr int64_t kMinTileExtent = 64;
/// Operands and result of a product that stays in a core's own cache.
constexpr double kSmallOperandBytes = 512 << 10;
/// Enough for any machine that one process uses well.
constexpr int64_t kMaxTiles = 64;

/// Libraries must not start threads of their own: two pools side by side cost
/// several times more than they give. OpenMP keeps its setting per thread, so
/// each thread says it before its first call.
void useOneThread() {
  static thread_local bool done = false;
  if (done)
    return;
  done = true;
  using SetThreads = void (*)(int);
  // libgomp comes with oneDNN; nothing of it is linked here.
  if (auto setThreads = reinterpret_cast<SetThreads>(
          ::dlsym(RTLD_DEFAULT, "omp_set_num_threads")))
    setThreads(1);
  // Process-wide, so once is enough.
  static const bool once = (openblas_set_num_threads(1), true);
  (void)once;
}

Gemm::Library choose(const GemmShape &shape) {
  if (shape.k == 0)
    return Gemm::Library::Zero;
  if (shape.m == 1 || shape.n == 1)
    return Gemm::Library::OpenBlasVector;
  if (shape.dtype != plan::F32)
    return Gemm::Library::OpenBlas; // oneDNN has no f64
  double flops = 2.0 * static_cast<double>(shape.m) *
                 static_cast<double>(shape.n) * static_cast<double>(shape.k);
  // Measured (one thread, f32, AVX-512): libxsmm, whose code is made for one
  // shape and packs nothing, is 1.2x to 1.5x faster than the others from
  // 7x40x60 up to where the operands leave the second-level cache. A transposed
  // b is transposed for it first, which pays from 32 rows of a on, even for
  // 128x128x2. OpenBLAS is 4x faster than both for 128x2x128. Of the rest
  // oneDNN is up to 1.5x faster when b is transposed and k small, or when the
  // product is large.
  double operands =
      4.0 *
      (static_cast<double>(shape.m + shape.n) * static_cast<double>(shape.k) +
       static_cast<double>(shape.m) * static_cast<double>(shape.n));
  if (shape.n >= 16 && (shape.transposeB ? shape.m >= 32 : shape.k >= 4) &&
      operands <= kSmallOperandBytes)
    return Gemm::Library::Xsmm;
  if (shape.transposeB && shape.m >= 64 && shape.n >= 64)
    return Gemm::Library::OneDnn;
  if (flops > 6e5 && std::min(shape.m, shape.n) >= 32 && shape.k >= 16)
    return Gemm::Library::OneDnn;
  return Gemm::Library::OpenBlas;
}

/// Floats from row to row of a transposed operand: an odd number of cache
/// lines, as rows at a power of two share a few sets of the cache (128x128 is
/// transposed in 1.9 us instead of 3.4).
int64_t transposedStride(int64_t columns) {
  return ((columns + 15) / 16 | 1) * 16;
}

template <typename T> struct Blas;
template <> struct Blas<float> {
  static constexpr auto gemm = cblas_sgemm;
  static constexpr auto gemv = cblas_sgemv;
};
template <> struct Blas<double> {
  static constexpr auto gemm = cblas_dgemm;
  static constexpr auto gemv = cblas_dgemv;
};

/// One tile as BLAS counts: extents, and the leading dimensions of the whole.
struct Tile {
  int64_t m, n, k, lda, ldb, ldc;
  bool transposeA, transposeB;
};

template <typename T>
void callGemm(const Tile &t, const T *a, const T *b, T *out) {
  Blas<T>::gemm(CblasRowMajor, t.transposeA ? CblasTrans : CblasNoTrans,
                t.transposeB ? CblasTrans : CblasNoTrans,
                static_cast<blasint>(t.m), static_cast<blasint>(t.n),
                static_cast<blasint>(t.k), 1, a, static_cast<blasint>(t.lda), b,
                static_cast<blasint>(t.ldb), 0, out,
                static_cast<blasint>(t.ldc));
}

/// m or n of the whole product is 1, so the vector operand is contiguous.
template <typename T>
void callGemv(const GemmShape &whole, const Tile &t, const T *a, const T *b,
              T *out) {
  if (whole.n == 1)
    Blas<T>::gemv(CblasRowMajor, t.transposeA ? CblasTrans : CblasNoTrans,
                  static_cast<blasint>(t.transposeA ? t.k : t.m),
                  static_cast<blasint>(t.transposeA ? t.m : t.k), 1, a,
                  static_cast<blasint>(t.lda), b, 1, 0, out, 1);
  else // row . op(b) = transpose(op(b)) . column
    Blas<T>::gemv(CblasRowMajor, t.transposeB ? CblasNoTrans : CblasTrans,
                  static_cast<blasint>(t.transposeB ? t.n : t.k),
                  static_cast<blasint>(t.transposeB ? t.k : t.n), 1, b,
                  static_cast<blasint>(t.ldb), a, 1, 0, out, 1);
}

} // namespace

StatusOr<Gemm> Gemm::create(const GemmShape &shape) {
  if (shape.dtype != plan::F32 && shape.dtype != plan::F64)
    return makeError(StatusCode::InvalidArgument,
                     "matmul of {}, expected f32 or f64",
                     dataTypeName(shape.dtype));
  for (int64_t extent : {shape.m, shape.n, shape.k})
    if (extent < 0 || extent > INT_MAX)
      return makeError(StatusCode::InvalidArgument,
                       "matmul of {}x{}x{}: an extent is not in 0..{}", shape.m,
                       shape.n, shape.k, INT_MAX);
  Gemm gemm;
  gemm.size = shape;
  gemm.chosen = choose(shape);
  if (shape.m == 0 || shape.n == 0)
    return gemm;
  gemm.cut();
  // On a processor that libxsmm has no code for, the next best.
  if (gemm.chosen == Library::Xsmm && !gemm.findSmallKernels()) {
    gemm.chosen = Library::OneDnn;
    gemm.cut();
  }
  if (gemm.chosen == Library::Xsmm && shape.transposeB) {
    FLEET_ASSIGN_OR_RETURN(
        AlignedBuffer buffer,
        AlignedBuffer::allocate(
            static_cast<size_t>(gemm.tiles() * shape.k *
                                transposedStride(gemm.columnsPerTile)) *
                sizeof(float),
            "a transposed operand"));
    gemm.transposed = std::make_shared<AlignedBuffer>(std::move(buffer));
  }
  return gemm;
}

void Gemm::setTile(int64_t rows, int64_t columns) {
  rowsPerTile = rows;
  columnsPerTile = columns;
  tileRows = (size.m + rows - 1) / rows;
  tileColumns = (size.n + columns - 1) / columns;
}

/// Halves the longer side until tiles are small enough; a function of the shape
/// alone, as sums may depend on the tile.
void Gemm::cut() {
  setTile(size.m, size.n);
  // Tiles of columns, where each transposes its own part of b, while that can
  // be cut.
  bool wantsColumns = chosen == Library::Xsmm && size.transposeB;
  while (2.0 * static_cast<double>(rowsPerTile) *
                 static_cast<double>(columnsPerTile) *
                 static_cast<double>(size.k) >
             2 * kMinTileFlops &&
         tiles() < kMaxTiles) {
    bool cutsRows = wantsColumns ? columnsPerTile < 2 * kMinTileExtent
                                 : rowsPerTile >= columnsPerTile;
    int64_t side = cutsRows ? rowsPerTile : columnsPerTile;
    int64_t half = ((side + 1) / 2 + 15) / 16 * 16;
    if (half < kMinTileExtent || half >= side)
      break;
    setTile(cutsRows ? half : rowsPerTile, cutsRows ? columnsPerTile : half);
  }
}

bool Gemm::findSmallKernels() {
  for (bool lastRow : {false, true})
    for (bool lastColumn : {false, true}) {
      // Column major, where the transposes swap: out' = op(b)' . op(a)'.
      auto m = static_cast<int>(lastColumn ? size.n - (tileColumns - 1) *
                                                          columnsPerTile
                                           : columnsPerTile);
      auto n = static_cast<int>(lastRow ? size.m - (tileRows - 1) * rowsPerTile
                                        : rowsPerTile);
      auto k = static_cast<int>(size.k);
      auto ldb = static_cast<int>(size.transposeA ? size.m : size.k);
      auto ldc = static_cast<int>(size.n);
      int lda = size.transposeB
                    ? static_cast<int>(transposedStride(columnsPerTile))
                    : ldc;
      float alpha = 1, beta = 0;
      int flags = size.transposeA ? LIBXSMM_GEMM_FLAG_TRANS_B : 0;
      int prefetch = LIBXSMM_PREFETCH_NONE;
      auto kernel = reinterpret_cast<SmallKernel>(libxsmm_smmdispatch(
          m, n, k, &lda, &ldb, &ldc, &alpha, &beta, &flags, &prefetch));
      if (!kernel)
        return false;
      smallKernels[lastRow][lastColumn] = kernel;
    }
  return true;
}

void Gemm::runTile(int64_t tile, const void *a, const void *b,
                   void *out) const {
  int64_t row = tile / tileColumns * rowsPerTile;
  int64_t column = tile % tileColumns * columnsPerTile;
  Tile t{std::min(rowsPerTile, size.m - row),
         std::min(columnsPerTile, size.n - column),
         size.k,
         size.transposeA ? size.m : size.k,
         size.transposeB ? size.k : size.n,
         size.n,
         size.transposeA,
         size.transposeB};
  int64_t offsetA = size.transposeA ? row : row * t.lda;
  int64_t offsetB = size.transposeB ? column * t.ldb : column;
  int64_t offsetOut = row * t.ldc + column;
  useOneThread();

  auto call = [&](auto *typedOut) {
    using T = std::remove_pointer_t<decltype(typedOut)>;
    const T *from = static_cast<const T *>(a) + offsetA;
    const T *with = static_cast<const T *>(b) + offsetB;
    T *to = typedOut + offsetOut;
    switch (chosen) {
    case Library::Zero:
      for (int64_t i = 0; i < t.m; ++i)
        std::memset(to + i * t.ldc, 0, static_cast<size_t>(t.n) * sizeof(T));
      break;
    case Library::Xsmm:
      if constexpr (std::is_same_v<T, float>) {
        if (transposed) {
          // A place for each tile.
          int64_t stride = transposedStride(columnsPerTile);
          auto *columns = reinterpret_cast<float *>(transposed->data()) +
                          tile * size.k * stride;
          libxsmm_otrans(columns, with, sizeof(float), static_cast<int>(size.k),
                         static_cast<int>(t.n), static_cast<int>(size.k),
                         static_cast<int>(stride));
          with = columns;
        }
        smallKernels[tile / tileColumns == tileRows - 1]
                    [tile % tileColumns == tileColumns - 1](with, from, to);
      }
      break;
    case Library::OpenBlasVector:
      callGemv(size, t, from, with, to);
      break;
    case Library::OneDnn:
      if constexpr (std::is_same_v<T, float>) {
        // It fails only for arguments that create() rules out, and for lack of
        // memory; then OpenBLAS, which packs on the stack, still answers.
        if (dnnl_sgemm(t.transposeA ? 'T' : 'N', t.transposeB ? 'T' : 'N', t.m,
                       t.n, t.k, 1.0f, from, t.lda, with, t.ldb, 0.0f, to,
                       t.ldc) == dnnl_success)
          break;
      }
      [[fallthrough]];
    case Library::OpenBlas:
      callGemm(t, from, with, to);
      break;
    }
  };
  if (size.dtype == plan::F32)
    call(static_cast<float *>(out));
  else
    call(static_cast<double *>(out));
}
