//===- SafetensorsHeader.h - The JSON at a checkpoint's start ---*- C++ -*-===//
//
// A safetensors file: u64 little endian header length, a JSON object, then the
// tensors' bytes. The object maps a name to dtype, shape and the byte range
// [begin, end) behind the header, and "__metadata__" to strings.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_CHECKPOINT_SAFETENSORSHEADER_H
#define FLEET_RUNTIME_CHECKPOINT_SAFETENSORSHEADER_H

#include "runtime/base/Status.h"
#include "runtime/checkpoint/Checkpoint.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace fleet {

/// No header is longer, here as in the reference implementation.
inline constexpr uint64_t maxSafetensorsHeader = 100'000'000;

/// Metadata that says that we wrote a file, and under which checksum: 16 hex
/// digits of XXH3 over the whole file with these digits as zeros.
inline constexpr char formatKey[] = "fleet.format";
inline constexpr char formatVersion[] = "1";
inline constexpr char checksumKey[] = "fleet.checksum";
inline constexpr size_t checksumDigits = 16;

/// "F32"; empty for a type that safetensors does not have.
std::string_view safetensorsName(plan::DataType dtype);

struct SafetensorsHeader {
  CheckpointMetadata metadata;
  /// Offsets count from the end of the header.
  std::map<std::string, Checkpoint::Entry> entries;
};

/// Parses and validates a header whose tensors must cover exactly
/// `payloadBytes`. Errors do not name the file.
StatusOr<SafetensorsHeader> parseSafetensorsHeader(std::string_view text,
                                                   uint64_t payloadBytes);

/// Where the digits of the checksum stand in the header's text; npos when the
/// text does not have `digits` as the checksum's value in our spelling.
size_t findChecksum(std::string_view text, std::string_view digits);

} // namespace fleet

#endif // FLEET_RUNTIME_CHECKPOINT_SAFETENSORSHEADER_H
