//===- Frame.h - What travels between processes -----------------*- C++ -*-===//
//
// One frame format for every transport: a fixed header, then a payload and its
// checksum. All integers are little endian.
//
//   offset  bytes
//        0      4  "FLT1"
//        4      2  protocol version
//        6      2  kind
//        8      8  job: first 64 bits of the program's hash
//       16      1  role of the sender (plan.Role)
//       17      3  zero
//       20      4  rank of the sender
//       24      8  incarnation of the sender
//       32      8  sequence: counts the frames of a sender on a connection
//       40      8  step
//       48      8  argument; what it means depends on the kind
//       56      8  length of the payload
//       64     56  zero
//      120      8  XXH3-64 of the 120 bytes before
//      128      -  the payload: its parts, one after the other; one of at least
//                  kAlignedPartBytes after zeros up to a multiple of 64
//        -      -  zeros, so that the frame has a multiple of 64 bytes
//        -      8  XXH3-64 of the payload; not there when that is empty, and
//                  then the zeros are not either
//
// The checksum comes last so that a sender can compute it while it sends.
//
// Large parts lie at multiples of a cache line in the stream, as they do in
// memory: a kernel that copies 4 to 12 bytes off a line into a socket does so
// at less than half its speed on some processors (measured on Zen 4).
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TRANSPORT_FRAME_H
#define FLEET_RUNTIME_TRANSPORT_FRAME_H

#include "runtime/base/Status.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace fleet {

enum class FrameKind : uint16_t {
  Hello = 1,      ///< trainer: who I am (ps/handshake.proto, Hello)
  Welcome,        ///< server: go on; argument: last step applied from you
  Refused,        ///< server: text says why
  Push,           ///< trainer: gradients of a step; argument: examples
  Parameters,     ///< server: all blocks, after the step
  Pull,           ///< trainer: send me the blocks as they are
  StateRequest,   ///< trainer: send me everything that you hold
  StateDirectory, ///< server: what it is (StateDirectory)
  State,          ///< server: its bytes
  Complete,       ///< trainer: I am done
  Abort,          ///< trainer: I failed; text says why
  Error,          ///< server: the job failed; text says why
  Parts,          ///< server: what it made of merged gradients, one f64 a block
  Sums,           ///< trainer: the sums of parts, one f64 a block
  Share,          ///< rank: my part of an exchange (collective/Rendezvous.h)
  Shares,         ///< rank 0: everybody's parts
  PullRows,       ///< trainer: send me these rows of tables
  Rows,           ///< server: their values
};
constexpr uint16_t kLastFrameKind = static_cast<uint16_t>(FrameKind::Rows);
constexpr uint16_t kProtocolVersion = 2;
constexpr size_t kFrameHeaderBytes = 128;
constexpr size_t kFrameTrailerBytes = 8;

/// Parts of a payload that have as many bytes start at a multiple of 64.
constexpr size_t kAlignedPartBytes = size_t(64) << 10;

/// Zeros in front of a part of `size` bytes, `offset` bytes into a payload.
constexpr size_t paddingBefore(uint64_t offset, uint64_t size) {
  return size >= kAlignedPartBytes ? static_cast<size_t>(-offset % 64) : 0;
}

/// Zeros behind a payload of `length` bytes, in front of its checksum.
constexpr size_t paddingAfter(uint64_t length) {
  return length == 0 ? 0
                     : static_cast<size_t>(-(length + kFrameTrailerBytes) % 64);
}

/// All bytes of a frame with a payload of `length` bytes.
constexpr uint64_t frameBytes(uint64_t length) {
  return kFrameHeaderBytes +
         (length == 0 ? 0 : length + paddingAfter(length) + kFrameTrailerBytes);
}

/// Frames with control messages and texts are not longer than this.
constexpr uint64_t kMaxControlBytes = uint64_t(16) << 20;

struct FrameHeader {
  FrameKind kind = FrameKind::Hello;
  uint64_t job = 0;
  uint8_t role = 0;
  uint32_t rank = 0;
  uint64_t incarnation = 0;
  uint64_t sequence = 0;
  uint64_t step = 0;
  uint64_t argument = 0;
  uint64_t length = 0; ///< of the payload
};

using FrameBytes = std::array<unsigned char, kFrameHeaderBytes>;
using FrameTrailer = std::array<unsigned char, kFrameTrailerBytes>;

/// Writes `header` with its checksum.
FrameBytes encodeHeader(const FrameHeader &header);

/// Reads a header; DataLoss when it is none, of another version, or damaged.
StatusOr<FrameHeader> decodeHeader(const FrameBytes &bytes);

/// What follows a payload with this checksum.
FrameTrailer encodeTrailer(uint64_t payloadChecksum);
uint64_t decodeTrailer(const FrameTrailer &bytes);

/// "push", for messages.
const char *frameKindName(FrameKind kind);

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_FRAME_H
