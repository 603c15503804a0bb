//===- CheckpointWriter.cpp - Parameters to disk --------------------------===//

#include "runtime/base/Checksum.h"
#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/checkpoint/SafetensorsHeader.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

using namespace fleet;

namespace {

Status checkTensor(const CheckpointTensor &tensor,
                   std::set<std::string> &names) {
  if (tensor.name.empty() || tensor.name == "__metadata__")
    return makeError(StatusCode::InvalidArgument,
                     "a tensor of a checkpoint cannot be named '{}'",
                     tensor.name);
  if (!names.insert(tensor.name).second)
    return makeError(StatusCode::InvalidArgument,
                     "two tensors of a checkpoint are named '{}'", tensor.name);
  StatusOr<int64_t> bytes = byteSize(tensor.dtype, tensor.shape);
  if (!bytes.ok())
    return bytes.status().withContext("tensor '" + tensor.name + "'");
  return {};
}

/// The header's text with zeros for the checksum, a multiple of 8 bytes long.
StatusOr<std::string>
makeHeader(const std::vector<const CheckpointTensor *> &tensors,
           const CheckpointMetadata &metadata) {
  nlohmann::json header = nlohmann::json::object();
  nlohmann::json &info = header["__metadata__"];
  for (const auto &[key, value] : metadata) {
    if (key.compare(0, 6, "fleet.") == 0)
      return makeError(StatusCode::InvalidArgument,
                       "the metadata key '{}' is reserved", key);
    info[key] = value;
  }
  info[formatKey] = formatVersion;
  info[checksumKey] = std::string(checksumDigits, '0');
  int64_t offset = 0;
  for (const CheckpointTensor *tensor : tensors) {
    FLEET_ASSIGN_OR_RETURN(int64_t bytes,
                           byteSize(tensor->dtype, tensor->shape));
    int64_t end;
    if (__builtin_add_overflow(offset, bytes, &end))
      return makeError(StatusCode::InvalidArgument,
                       "the checkpoint would be larger than a file can be");
    header[tensor->name] = {{"dtype", safetensorsName(tensor->dtype)},
                            {"shape", tensor->shape},
                            {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception &) {
    return makeError(StatusCode::InvalidArgument,
                     "a name in the checkpoint is not valid utf-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > maxSafetensorsHeader)
    return makeError(StatusCode::InvalidArgument,
                     "the checkpoint's header takes {} bytes; {} are the limit",
                     text.size(), maxSafetensorsHeader);
  return text;
}

} // namespace

std::string fleet::checkpointFile(const std::string &directory) {
  return joinPath(directory, "model.safetensors");
}

Status fleet::writeCheckpoint(Files &files, const std::string &directory,
                              const std::vector<CheckpointTensor> &tensors,
                              const CheckpointMetadata &metadata) {
  std::set<std::string> names;
  std::vector<const CheckpointTensor *> order;
  for (const CheckpointTensor &tensor : tensors) {
    FLEET_RETURN_IF_ERROR(checkTensor(tensor, names));
    order.push_back(&tensor);
  }
  // Large elements first, so that each tensor is aligned to its element; else
  // as given, which is as they lie in `tensors`.
  std::sort(order.begin(), order.end(),
            [](const CheckpointTensor *a, const CheckpointTensor *b) {
              size_t sizeA = dataTypeSize(a->dtype);
              size_t sizeB = dataTypeSize(b->dtype);
              return sizeA != sizeB ? sizeA > sizeB : a < b;
            });
  FLEET_ASSIGN_OR_RETURN(std::string header, makeHeader(order, metadata));

  uint8_t length[8];
  for (int i = 0; i < 8; ++i)
    length[i] = static_cast<uint8_t>(header.size() >> (8 * i));
  std::vector<ByteSpan> parts = {{length, sizeof(length)},
                                 {header.data(), header.size()}};
  for (const CheckpointTensor *tensor : order) {
    FLEET_ASSIGN_OR_RETURN(int64_t bytes,
                           byteSize(tensor->dtype, tensor->shape));
    parts.push_back({tensor->data, static_cast<size_t>(bytes)});
  }
  StreamingChecksum sum;
  for (const ByteSpan &part : parts)
    sum.update(part.data, part.size);
  std::string zeros(checksumDigits, '0');
  size_t at = findChecksum(header, zeros);
  if (at == std::string::npos)
    return makeError(StatusCode::Internal,
                     "the checkpoint's header has no room for a checksum");
  header.replace(at, checksumDigits, fmt::format("{:016x}", sum.digest()));

  FLEET_RETURN_IF_ERROR(files.makeDirectories(directory));
  return writeFileAtomically(files, checkpointFile(directory), parts);
}
