//===- Connection.cpp - Frames over a stream ------------------------------===//

#include "runtime/transport/Connection.h"

#include <algorithm>

using namespace fleet;

/// What is sent as padding, and where padding goes.
static constexpr char kZeros[64] = {};

static size_t pieceBytes(uint64_t length) {
  return std::clamp<uint64_t>(length / 2, kSmallestPieceBytes,
                              kLargestPieceBytes);
}

Status Connection::send(FrameHeader header,
                        const std::vector<ConstBuffer> &payload,
                        TimePoint deadline) {
  {
    std::unique_lock<std::mutex> lock(mutex);
    if (!turn.wait_until(lock, deadline, [&] { return !sending; }))
      return makeError(StatusCode::DeadlineExceeded,
                       "{} did not take an earlier frame before the deadline",
                       peer());
    if (!broken.ok())
      return broken;
    sending = true;
  }
  Status status = sendInTurn(header, payload, deadline);
  {
    std::lock_guard<std::mutex> lock(mutex);
    sending = false;
    broken = status;
  }
  turn.notify_one();
  return status;
}

Status Connection::sendInTurn(FrameHeader &header,
                              const std::vector<ConstBuffer> &payload,
                              TimePoint deadline) {
  header.length = payloadBytes(payload);
  header.sequence = sequence++;
  FrameBytes bytes = encodeHeader(header);
  sendSum.reset();
  gathered.clear();
  gathered.push_back({bytes.data(), bytes.size()});
  size_t room = pieceBytes(header.length);
  uint64_t offset = 0;
  for (const ConstBuffer &part : payload) {
    size_t padding = paddingBefore(offset, part.size);
    FLEET_RETURN_IF_ERROR(gather(header, kZeros, padding, room, deadline));
    FLEET_RETURN_IF_ERROR(gather(header, part.data, part.size, room, deadline));
    offset += padding + part.size;
  }
  FrameTrailer trailer;
  if (header.length > 0) {
    trailer = encodeTrailer(sendSum.digest());
    if (size_t padding = paddingAfter(header.length))
      gathered.push_back({kZeros, padding});
    gathered.push_back({trailer.data(), trailer.size()});
  }
  FLEET_RETURN_IF_ERROR(stream->write(gathered, deadline));
  sent += frameBytes(header.length);
  return Status();
}

Status Connection::gather(const FrameHeader &header, const void *data,
                          size_t size, size_t &room, TimePoint deadline) {
  for (size_t done = 0; done < size;) {
    if (room == 0) {
      FLEET_RETURN_IF_ERROR(stream->write(gathered, deadline));
      gathered.clear();
      room = pieceBytes(header.length);
    }
    size_t now = std::min(size - done, room);
    const char *piece = static_cast<const char *>(data) + done;
    sendSum.update(piece, now);
    gathered.push_back({piece, now});
    done += now;
    room -= now;
  }
  return Status();
}

Status Connection::sendText(FrameHeader header, std::string_view text,
                            TimePoint deadline) {
  return send(header, {{text.data(), text.size()}}, deadline);
}

StatusOr<FrameHeader> Connection::receive(TimePoint deadline) {
  FrameBytes bytes;
  scattered.clear();
  scattered.push_back({bytes.data(), bytes.size()});
  FLEET_RETURN_IF_ERROR(stream->read(scattered, deadline));
  return decodeHeader(bytes);
}

Status Connection::receivePayload(const FrameHeader &header,
                                  const std::vector<MutableBuffer> &payload,
                                  TimePoint deadline) {
  if (uint64_t expected = payloadBytes(payload); header.length != expected)
    return makeError(StatusCode::DataLoss,
                     "a {} frame has {} bytes, expected {}",
                     frameKindName(header.kind), header.length, expected);
  if (header.length == 0)
    return Status();
  receiveSum.reset();
  scattered.clear();
  size_t room = pieceBytes(header.length);
  uint64_t offset = 0;
  char ignored[sizeof(kZeros)];
  for (const MutableBuffer &part : payload) {
    size_t padding = paddingBefore(offset, part.size);
    FLEET_RETURN_IF_ERROR(scatter(header, ignored, padding, room, deadline));
    FLEET_RETURN_IF_ERROR(
        scatter(header, part.data, part.size, room, deadline));
    offset += padding + part.size;
  }
  FrameTrailer trailer;
  FLEET_RETURN_IF_ERROR(
      receivePiece(deadline, paddingAfter(header.length), &trailer));
  if (decodeTrailer(trailer) != receiveSum.digest())
    return makeError(StatusCode::DataLoss,
                     "the payload of a {} frame is damaged: its checksum does "
                     "not fit",
                     frameKindName(header.kind));
  return Status();
}

Status Connection::scatter(const FrameHeader &header, void *data, size_t size,
                           size_t &room, TimePoint deadline) {
  for (size_t done = 0; done < size;) {
    if (room == 0) {
      FLEET_RETURN_IF_ERROR(receivePiece(deadline));
      room = pieceBytes(header.length);
    }
    size_t now = std::min(size - done, room);
    scattered.push_back({static_cast<char *>(data) + done, now});
    done += now;
    room -= now;
  }
  return Status();
}

/// Reads what is in `scattered`, and then, if it ends a payload, `padding`
/// bytes and `trailer`.
Status Connection::receivePiece(TimePoint deadline, size_t padding,
                                FrameTrailer *trailer) {
  char ignored[sizeof(kZeros)];
  size_t count = scattered.size();
  if (trailer) {
    scattered.push_back({ignored, padding});
    scattered.push_back({trailer->data(), trailer->size()});
  }
  FLEET_RETURN_IF_ERROR(stream->read(scattered, deadline));
  scattered.resize(count);
  for (const MutableBuffer &buffer : scattered)
    receiveSum.update(buffer.data, buffer.size);
  scattered.clear();
  return Status();
}

StatusOr<std::string> Connection::receiveText(const FrameHeader &header,
                                              TimePoint deadline,
                                              uint64_t limit) {
  if (header.length > limit)
    return makeError(StatusCode::DataLoss,
                     "a {} frame has {} bytes, more than {}",
                     frameKindName(header.kind), header.length, limit);
  std::string text(header.length, '\0');
  FLEET_RETURN_IF_ERROR(
      receivePayload(header, {{text.data(), text.size()}}, deadline));
  return text;
}

StatusOr<std::string> Connection::receiveReason(const FrameHeader &header,
                                                TimePoint deadline) {
  FLEET_ASSIGN_OR_RETURN(std::string text,
                         receiveText(header, deadline, kMaxReasonBytes));
  for (char &c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      c = ' ';
  return text;
}
