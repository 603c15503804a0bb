//===- Connection.h - Frames over a stream ----------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_CONNECTION_H
#define FLEET_RUNTIME_TRANSPORT_CONNECTION_H

#include "runtime/base/Checksum.h"
#include "runtime/transport/Frame.h"
#include "runtime/transport/Transport.h"

#include <atomic>
#include <mutex>
#include <string_view>

namespace fleet {

/// Sends and receives frames. Any number of threads may send, one may receive;
/// close() may be called from any thread.
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

  /// Receives the next header; its payload has to be received next.
  StatusOr<FrameHeader> receive(TimePoint deadline);
  /// Receives the payload of `header` into `payload`, whose sizes add up to
  /// exactly its length, and checks it.
  Status receivePayload(const FrameHeader &header,
                        const std::vector<MutableBuffer> &payload,
                        TimePoint deadline);
  /// Receives a payload of at most `limit` bytes as text.
  StatusOr<std::string> receiveText(const FrameHeader &header,
                                    TimePoint deadline,
                                    uint64_t limit = kMaxControlBytes);

  void close() { stream->close(); }
  const std::string &peer() const { return stream->peer(); }
  /// Bytes sent, headers included.
  uint64_t bytesSent() const { return sent; }

private:
  std::unique_ptr<Stream> stream;
  std::mutex sending;                ///< guards what follows
  std::vector<ConstBuffer> gathered; ///< header and payload of one frame
  uint64_t sequence = 0;
  StreamingChecksum sendSum;
  StreamingChecksum receiveSum; ///< of the one receiver
  std::atomic<uint64_t> sent{0};
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_CONNECTION_H
