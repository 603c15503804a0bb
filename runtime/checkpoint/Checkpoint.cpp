//===- Checkpoint.cpp - Parameters from disk ------------------------------===//

#include "runtime/checkpoint/Checkpoint.h"

#include "runtime/base/Checksum.h"
#include "runtime/checkpoint/SafetensorsHeader.h"

#include <algorithm>

using namespace fleet;

namespace {

constexpr size_t lengthBytes = 8;
constexpr size_t chunkBytes = size_t(1) << 20;
constexpr size_t listedTensors = 20;

/// The text between the length and the data.
StatusOr<std::string> readHeader(ReadableFile &file) {
  if (file.size() < lengthBytes)
    return makeError(StatusCode::DataLoss,
                     "{} bytes are too few for a safetensors file",
                     file.size());
  uint8_t bytes[lengthBytes];
  FLEET_RETURN_IF_ERROR(file.readAt(0, bytes, lengthBytes));
  uint64_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    length |= uint64_t(bytes[i]) << (8 * i);
  if (length > file.size() - lengthBytes)
    return makeError(StatusCode::DataLoss,
                     "the header's length {} does not fit into the {} bytes of "
                     "the file; it is truncated or not a safetensors file",
                     length, file.size());
  if (length > maxSafetensorsHeader)
    return makeError(StatusCode::InvalidArgument,
                     "the header has {} bytes; at most {} are accepted", length,
                     maxSafetensorsHeader);
  std::string text(length, '\0');
  FLEET_RETURN_IF_ERROR(file.readAt(lengthBytes, text.data(), length));
  return text;
}

/// Compares the checksum in the metadata, if there must or may be one.
Status verify(ReadableFile &file, std::string text,
              const CheckpointMetadata &metadata) {
  auto digits = metadata.find(checksumKey);
  auto format = metadata.find(formatKey);
  if (digits == metadata.end() && format == metadata.end())
    return {}; // another tool's
  if (digits == metadata.end() || format == metadata.end())
    return makeError(StatusCode::DataLoss,
                     "the header is damaged: it must have both {} and {}",
                     formatKey, checksumKey);
  if (format->second != formatVersion)
    return makeError(StatusCode::InvalidArgument,
                     "{} is '{}'; this program reads '{}'", formatKey,
                     format->second.substr(0, 16), formatVersion);
  size_t at = digits->second.size() == checksumDigits
                  ? findChecksum(text, digits->second)
                  : std::string::npos;
  if (at == std::string::npos)
    return makeError(StatusCode::DataLoss,
                     "the header is damaged: {} is not as it was written",
                     checksumKey);
  uint64_t headerLength = text.size();
  text.replace(at, checksumDigits, checksumDigits, '0');
  uint8_t length[lengthBytes];
  for (size_t i = 0; i < lengthBytes; ++i)
    length[i] = static_cast<uint8_t>(headerLength >> (8 * i));

  StreamingChecksum sum;
  sum.update(length, lengthBytes);
  sum.update(text.data(), text.size());
  uint64_t offset = lengthBytes + headerLength;
  std::vector<char> chunk(std::min<uint64_t>(chunkBytes, file.size() - offset));
  while (offset < file.size()) {
    auto count = static_cast<size_t>(
        std::min<uint64_t>(chunk.size(), file.size() - offset));
    FLEET_RETURN_IF_ERROR(file.readAt(offset, chunk.data(), count));
    sum.update(chunk.data(), count);
    offset += count;
  }
  if (fmt::format("{:016x}", sum.digest()) != digits->second)
    return makeError(StatusCode::DataLoss,
                     "the checksum does not match; the file is damaged");
  return {};
}

std::string listNames(const std::map<std::string, Checkpoint::Entry> &entries) {
  std::string names;
  size_t count = 0;
  for (const auto &[name, entry] : entries) {
    if (count++ == listedTensors)
      return names + ", ...";
    if (!names.empty())
      names += ", ";
    names += name;
  }
  return names.empty() ? "none" : names;
}

std::string describe(plan::DataType dtype, const std::vector<int64_t> &shape) {
  return fmt::format("{} {}", dataTypeName(dtype), formatShape(shape));
}

} // namespace

StatusOr<Checkpoint> Checkpoint::open(Files &files,
                                      const std::string &directory) {
  Checkpoint checkpoint;
  checkpoint.path = checkpointFile(directory);
  std::string context = "checkpoint " + checkpoint.path;
  FLEET_ASSIGN_OR_RETURN(auto file, files.openForReading(checkpoint.path));
  checkpoint.contents = std::move(file);

  auto validate = [&]() -> Status {
    ReadableFile &contents = *checkpoint.contents;
    FLEET_ASSIGN_OR_RETURN(std::string text, readHeader(contents));
    uint64_t payload = lengthBytes + text.size();
    FLEET_ASSIGN_OR_RETURN(
        SafetensorsHeader header,
        parseSafetensorsHeader(text, contents.size() - payload));
    FLEET_RETURN_IF_ERROR(verify(contents, std::move(text), header.metadata));
    for (auto &[name, entry] : header.entries)
      entry.offset += payload;
    checkpoint.entries = std::move(header.entries);
    checkpoint.info = std::move(header.metadata);
    return {};
  };
  if (Status status = validate(); !status.ok())
    return status.withContext(context);
  return checkpoint;
}

Status Checkpoint::read(const std::string &name, plan::DataType dtype,
                        const std::vector<int64_t> &shape, void *out) const {
  return readRows(name, dtype, shape, 0, shape.empty() ? 1 : shape[0], out);
}

Status Checkpoint::readRows(const std::string &name, plan::DataType dtype,
                            const std::vector<int64_t> &shape, int64_t firstRow,
                            int64_t rowCount, void *out) const {
  auto found = entries.find(name);
  if (found == entries.end())
    return makeError(StatusCode::NotFound,
                     "checkpoint {} has no tensor '{}'; it has: {}", path, name,
                     listNames(entries));
  const Entry &entry = found->second;
  if (entry.dtype != dtype || entry.shape != shape)
    return makeError(StatusCode::InvalidArgument,
                     "checkpoint {}: tensor '{}' is {}, but the program needs "
                     "{}",
                     path, name, describe(entry.dtype, entry.shape),
                     describe(dtype, shape));
  int64_t rows = shape.empty() ? 1 : shape[0];
  if (firstRow < 0 || rowCount < 0 || firstRow > rows ||
      rowCount > rows - firstRow)
    return makeError(StatusCode::InvalidArgument,
                     "checkpoint {}: tensor '{}' has {} rows, but {} from row "
                     "{} on are wanted",
                     path, name, rows, rowCount, firstRow);
  uint64_t rowBytes = rows == 0 ? 0 : entry.bytes / static_cast<uint64_t>(rows);
  Status status = contents->readAt(
      entry.offset + static_cast<uint64_t>(firstRow) * rowBytes, out,
      static_cast<size_t>(static_cast<uint64_t>(rowCount) * rowBytes));
  return status.withContext("checkpoint tensor '" + name + "'");
}
