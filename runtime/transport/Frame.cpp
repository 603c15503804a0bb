//===- Frame.cpp - What travels between processes -------------------------===//

#include "runtime/transport/Frame.h"

#include "runtime/base/Checksum.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

static constexpr char kMagic[4] = {'F', 'L', 'T', '1'};
static constexpr size_t kChecksumOffset = kFrameHeaderBytes - 8;

template <typename T, size_t Size>
static void put(std::array<unsigned char, Size> &bytes, size_t offset,
                T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes[offset + i] = static_cast<unsigned char>(uint64_t(value) >> (8 * i));
}

template <typename T, size_t Size>
static T get(const std::array<unsigned char, Size> &bytes, size_t offset) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value |= uint64_t(bytes[offset + i]) << (8 * i);
  return static_cast<T>(value);
}

FrameBytes fleet::encodeHeader(const FrameHeader &header) {
  FrameBytes bytes{};
  std::memcpy(bytes.data(), kMagic, sizeof(kMagic));
  put<uint16_t>(bytes, 4, kProtocolVersion);
  put<uint16_t>(bytes, 6, static_cast<uint16_t>(header.kind));
  put(bytes, 8, header.job);
  put(bytes, 16, header.role);
  put(bytes, 20, header.rank);
  put(bytes, 24, header.incarnation);
  put(bytes, 32, header.sequence);
  put(bytes, 40, header.step);
  put(bytes, 48, header.argument);
  put(bytes, 56, header.length);
  put(bytes, kChecksumOffset, checksum(bytes.data(), kChecksumOffset));
  return bytes;
}

StatusOr<FrameHeader> fleet::decodeHeader(const FrameBytes &bytes) {
  if (std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0)
    return makeError(StatusCode::DataLoss,
                     "what arrived is no frame of a fleet job");
  if (uint16_t version = get<uint16_t>(bytes, 4); version != kProtocolVersion)
    return makeError(StatusCode::Refused,
                     "the peer speaks version {} of the protocol, expected {}",
                     version, kProtocolVersion);
  if (get<uint64_t>(bytes, kChecksumOffset) !=
      checksum(bytes.data(), kChecksumOffset))
    return makeError(StatusCode::DataLoss,
                     "a frame header is damaged: its checksum does not fit");
  uint16_t kind = get<uint16_t>(bytes, 6);
  if (kind == 0 || kind > kLastFrameKind)
    return makeError(StatusCode::DataLoss, "a frame has the unknown kind {}",
                     kind);
  auto isUsed = [](unsigned char byte) { return byte != 0; };
  if (std::any_of(&bytes[17], &bytes[20], isUsed) ||
      std::any_of(&bytes[64], &bytes[kChecksumOffset], isUsed))
    return makeError(StatusCode::DataLoss,
                     "a {} frame uses reserved bytes of its header",
                     frameKindName(static_cast<FrameKind>(kind)));
  FrameHeader header;
  header.kind = static_cast<FrameKind>(kind);
  header.job = get<uint64_t>(bytes, 8);
  header.role = get<uint8_t>(bytes, 16);
  header.rank = get<uint32_t>(bytes, 20);
  header.incarnation = get<uint64_t>(bytes, 24);
  header.sequence = get<uint64_t>(bytes, 32);
  header.step = get<uint64_t>(bytes, 40);
  header.argument = get<uint64_t>(bytes, 48);
  header.length = get<uint64_t>(bytes, 56);
  return header;
}

FrameTrailer fleet::encodeTrailer(uint64_t payloadChecksum) {
  FrameTrailer bytes;
  put(bytes, 0, payloadChecksum);
  return bytes;
}

uint64_t fleet::decodeTrailer(const FrameTrailer &bytes) {
  return get<uint64_t>(bytes, 0);
}

const char *fleet::frameKindName(FrameKind kind) {
  switch (kind) {
  case FrameKind::Hello:
    return "hello";
  case FrameKind::Welcome:
    return "welcome";
  case FrameKind::Refused:
    return "refused";
  case FrameKind::Push:
    return "push";
  case FrameKind::Parameters:
    return "parameters";
  case FrameKind::Pull:
    return "pull";
  case FrameKind::StateRequest:
    return "state request";
  case FrameKind::StateDirectory:
    return "state directory";
  case FrameKind::State:
    return "state";
  case FrameKind::Complete:
    return "complete";
  case FrameKind::Abort:
    return "abort";
  case FrameKind::Error:
    return "error";
  case FrameKind::Parts:
    return "parts";
  case FrameKind::Sums:
    return "sums";
  case FrameKind::Share:
    return "share";
  case FrameKind::Shares:
    return "shares";
  case FrameKind::PullRows:
    return "pull rows";
  case FrameKind::Rows:
    return "rows";
  }
  return "unknown";
}
