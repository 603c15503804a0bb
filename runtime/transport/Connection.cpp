//===- Connection.cpp - Frames over a stream ------------------------------===//

#include "runtime/transport/Connection.h"

#include "runtime/base/Checksum.h"

using namespace fleet;

template <typename Buffer>
static uint32_t checksumOf(const std::vector<Buffer> &buffers,
                           StreamingChecksum &sum) {
  if (buffers.size() == 1)
    return static_cast<uint32_t>(
        checksum(buffers.front().data, buffers.front().size));
  sum.reset();
  for (const Buffer &buffer : buffers)
    sum.update(buffer.data, buffer.size);
  return static_cast<uint32_t>(sum.digest());
}

template <typename Buffer>
static uint64_t sizeOf(const std::vector<Buffer> &buffers) {
  uint64_t size = 0;
  for (const Buffer &buffer : buffers)
    size += buffer.size;
  return size;
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
  header.length = sizeOf(payload);
  header.payloadChecksum = checksumOf(payload, sendSum);
  header.sequence = sequence++;
  FrameBytes bytes = encodeHeader(header);
  gathered.clear();
  gathered.push_back({bytes.data(), bytes.size()});
  gathered.insert(gathered.end(), payload.begin(), payload.end());
  FLEET_RETURN_IF_ERROR(stream->write(gathered, deadline));
  sent += kFrameHeaderBytes + header.length;
  return Status();
}

Status Connection::sendText(FrameHeader header, std::string_view text,
                            TimePoint deadline) {
  return send(header, {{text.data(), text.size()}}, deadline);
}

StatusOr<FrameHeader> Connection::receive(TimePoint deadline) {
  FrameBytes bytes;
  FLEET_RETURN_IF_ERROR(stream->read({{bytes.data(), bytes.size()}}, deadline));
  return decodeHeader(bytes);
}

Status Connection::receivePayload(const FrameHeader &header,
                                  const std::vector<MutableBuffer> &payload,
                                  TimePoint deadline) {
  if (uint64_t expected = sizeOf(payload); header.length != expected)
    return makeError(StatusCode::DataLoss,
                     "a {} frame has {} bytes, expected {}",
                     frameKindName(header.kind), header.length, expected);
  if (header.length > 0)
    FLEET_RETURN_IF_ERROR(stream->read(payload, deadline));
  if (checksumOf(payload, receiveSum) != header.payloadChecksum)
    return makeError(StatusCode::DataLoss,
                     "the payload of a {} frame is damaged: its checksum does "
                     "not fit",
                     frameKindName(header.kind));
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
