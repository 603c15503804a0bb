//===- Connection.h - Frames over a stream ----------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_CONNECTION_H
#define FLEET_RUNTIME_TRANSPORT_CONNECTION_H

#include "runtime/base/Checksum.h"
#include "runtime/transport/Frame.h"
#include "runtime/transport/Transport.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>

namespace fleet {

/// A payload is handed to the stream in pieces, so that its checksum is
/// computed while they are in the cache and the peer is busy with the piece
/// before: two of a small payload, and of a large one as much as fits beside
/// the kernel's copy (measured: up to 1.3 times the speed of other sizes).
constexpr size_t kSmallestPieceBytes = size_t(64) << 10;
constexpr size_t kLargestPieceBytes = size_t(512) << 10;

/// Why something ended is told in at most this many bytes.
constexpr uint64_t kMaxReasonBytes = 4096;

/// Bytes of a payload with these parts, padding included.
template <typename Buffer>
uint64_t payloadBytes(const std::vector<Buffer> &parts) {
  uint64_t bytes = 0;
  for (const Buffer &part : parts)
    bytes += paddingBefore(bytes, part.size) + part.size;
  return bytes;
}

/// Sends and receives frames. Any number of threads may send, one may receive;
/// close() may be called from any thread. After a send failed, maybe in the
/// middle of a frame, all sends fail with the same error.
class Connection {
public:
  explicit Connection(std::unique_ptr<Stream> stream)
      : stream(std::move(stream)) {}

  /// Sends `header` with the given payload, gathered from where it lies. Fills
  /// in length, checksum and sequence. No allocation in the steady state.
  Status send(FrameHeader header, const std::vector<ConstBuffer> &payload,
              TimePoint deadline);
  /// Sends a frame whose payload is a text or a serialized message.
  Status sendText(FrameHeader header, std::string_view text,
                  TimePoint deadline);
  /// Sends why something ended; what is too long is cut.
  Status sendReason(FrameHeader header, std::string_view reason,
                    TimePoint deadline) {
    return sendText(header, reason.substr(0, kMaxReasonBytes), deadline);
  }

  /// Receives the next header; its payload has to be received next.
  /// DeadlineExceeded means that nothing came, and may be tried again.
  StatusOr<FrameHeader> receive(TimePoint deadline);
  /// Receives the payload of `header` into `payload`, whose payloadBytes() are
  /// exactly its length, and checks it.
  Status receivePayload(const FrameHeader &header,
                        const std::vector<MutableBuffer> &payload,
                        TimePoint deadline);
  /// Receives a payload of at most `limit` bytes as text.
  StatusOr<std::string> receiveText(const FrameHeader &header,
                                    TimePoint deadline,
                                    uint64_t limit = kMaxControlBytes);
  /// Receives what sendReason() sent: one line, whatever the peer sent.
  StatusOr<std::string> receiveReason(const FrameHeader &header,
                                      TimePoint deadline);

  void close() { stream->close(); }
  const std::string &peer() const { return stream->peer(); }
  /// Bytes sent, headers included.
  uint64_t bytesSent() const { return sent; }

private:
  Status sendInTurn(FrameHeader &header,
                    const std::vector<ConstBuffer> &payload,
                    TimePoint deadline);
  /// Notes the next bytes to receive, in pieces; `room` is left in this one.
  Status scatter(const FrameHeader &header, void *data, size_t size,
                 size_t &room, TimePoint deadline);
  /// The same for sending.
  Status gather(const FrameHeader &header, const void *data, size_t size,
                size_t &room, TimePoint deadline);
  Status receivePiece(TimePoint deadline, size_t padding = 0,
                      FrameTrailer *trailer = nullptr);

  std::unique_ptr<Stream> stream;
  // Not a mutex held while writing: who waits for its turn has a deadline too.
  std::mutex mutex; ///< guards `sending` and `broken`
  std::condition_variable turn;
  bool sending = false;              ///< somebody owns what follows
  Status broken;                     ///< why nobody can send any more
  std::vector<ConstBuffer> gathered; ///< what is written next
  uint64_t sequence = 0;
  StreamingChecksum sendSum;
  // Of the one receiver.
  std::vector<MutableBuffer> scattered; ///< what is read next
  StreamingChecksum receiveSum;
  std::atomic<uint64_t> sent{0};
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_CONNECTION_H
