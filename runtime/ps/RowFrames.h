//===- RowFrames.h - Rows of tables on the wire -----------------*- C++ -*-===//
//
// How rows lie in a payload. A server's tables are those of the plan that it
// owns a shard of, in the order of the plan; all integers are little endian:
//
//   counts   u64 for each table of the server: how many rows
//   ids      i64 for each row, table by table
//   rows     table by table; zeros up to a multiple of 8 bytes after each
//
// A PullRows frame has counts and ids; its answer, Rows, has the rows. A Push
// has all three, behind the gradients of blocks. Each list is a part of the
// payload, and from the counts on they are received as one part: before large
// ones there are zeros, as between all parts of a payload (Frame.h).
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PS_ROWFRAMES_H
#define FLEET_RUNTIME_PS_ROWFRAMES_H

#include "runtime/base/Status.h"
#include "runtime/transport/Frame.h"
#include "runtime/transport/Transport.h"

#include <cstdint>
#include <vector>

namespace fleet {

/// Rows in a frame take no more bytes than this.
constexpr uint64_t kMaxRowPayload = uint64_t(4) << 30;

/// Rows of one table.
struct RowSpan {
  const int64_t *ids = nullptr;
  int64_t count = 0;
  const void *rows = nullptr; ///< null in a PullRows
};

/// Zeros after so many bytes of rows.
constexpr uint64_t rowPadding(uint64_t bytes) { return -bytes % 8; }

/// Makes payloads; keeps its memory from one to the next. What is added has to
/// stay until the payload has been sent.
class RowPayload {
public:
  /// Appends counts and ids of `tables`, and their rows if `rowBytes` (of each)
  /// is given, to `payload`. Nothing when there are no tables.
  void append(const std::vector<RowSpan> &tables,
              const std::vector<size_t> *rowBytes,
              std::vector<ConstBuffer> &payload);

private:
  std::vector<uint64_t> counts;
  std::vector<ConstBuffer> section;
};

/// Zeros up to a multiple of 8 bytes, after `bytes` bytes of rows.
void appendRowPadding(uint64_t bytes, std::vector<ConstBuffer> &payload);

/// The bytes from the counts on in a push of `length` bytes, `blocks` of which
/// (fewer, or as many) are those of blocks.
constexpr uint64_t rowSectionBytes(uint64_t blocks, uint64_t length) {
  uint64_t zeros = paddingBefore(blocks, kAlignedPartBytes);
  return length - blocks >= kAlignedPartBytes + zeros ? length - blocks - zeros
                                                      : length - blocks;
}

/// Takes `bytes` bytes from the counts on (8-byte aligned) apart; `tables`
/// points into it. The error says what does not fit. `rowBytes` as above: null
/// if there are no rows.
Status parseRows(const void *payload, uint64_t bytes, size_t tableCount,
                 const std::vector<size_t> *rowBytes,
                 std::vector<RowSpan> &tables);

} // namespace fleet

#endif // FLEET_RUNTIME_PS_ROWFRAMES_H
