//===- PlanFile.cpp - A plan on disk --------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanFile.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

// Header only, so that the compiler half can build this file without a library.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

using namespace fleet;

namespace {

constexpr char kMagic[8] = {'F', 'L', 'E', 'E', 'T', 'P', 'L', 'N'};

template <typename Int> void putLittle(char *to, Int value) {
  for (size_t i = 0; i < sizeof(Int); ++i)
    to[i] = static_cast<char>((value >> (8 * i)) & 0xff);
}

template <typename Int> Int getLittle(const char *from) {
  Int value = 0;
  for (size_t i = 0; i < sizeof(Int); ++i)
    value |= static_cast<Int>(static_cast<unsigned char>(from[i])) << (8 * i);
  return value;
}

} // namespace

StatusOr<std::string> fleet::encodePlanFile(const plan::Plan &plan) {
  plan::Plan versioned = plan;
  versioned.set_schema_version(kPlanSchemaVersion);
  size_t length = versioned.ByteSizeLong();
  if (length > kMaxPlanPayloadBytes)
    return makeError(StatusCode::InvalidArgument,
                     "the plan has {} bytes, a plan file holds at most {}",
                     length, kMaxPlanPayloadBytes);

  std::string bytes(kPlanHeaderBytes + length, '\0');
  char *payload = bytes.data() + kPlanHeaderBytes;
  {
    google::protobuf::io::ArrayOutputStream array(payload,
                                                  static_cast<int>(length));
    google::protobuf::io::CodedOutputStream stream(&array);
    stream.SetSerializationDeterministic(true);
    versioned.SerializeWithCachedSizes(&stream);
    if (stream.HadError())
      return makeError(StatusCode::Internal, "the plan does not serialize");
  }
  std::memcpy(bytes.data(), kMagic, sizeof(kMagic));
  putLittle<uint32_t>(&bytes[8], kPlanSchemaVersion);
  putLittle<uint32_t>(&bytes[12], 0);
  putLittle<uint64_t>(&bytes[16], length);
  putLittle<uint64_t>(&bytes[24], XXH3_64bits(payload, length));
  return bytes;
}

StatusOr<plan::Plan> fleet::decodePlanFile(std::string_view bytes,
                                           const std::string &name) {
  size_t magicBytes = std::min(bytes.size(), sizeof(kMagic));
  if (bytes.empty())
    return makeError(StatusCode::DataLoss, "{} is truncated: it is empty",
                     name);
  if (std::memcmp(bytes.data(), kMagic, magicBytes) != 0)
    return makeError(StatusCode::InvalidArgument,
                     "{} is not a plan: it does not begin with 'FLEETPLN'",
                     name);
  if (bytes.size() < kPlanHeaderBytes)
    return makeError(StatusCode::DataLoss,
                     "{} is truncated: {} of the {} bytes of its header", name,
                     bytes.size(), kPlanHeaderBytes);

  auto version = getLittle<uint32_t>(&bytes[8]);
  if (version != kPlanSchemaVersion)
    return makeError(StatusCode::InvalidArgument,
                     "{} has plan schema version {}, this program reads "
                     "version {}; transpile the program again",
                     name, version, kPlanSchemaVersion);
  if (getLittle<uint32_t>(&bytes[12]) != 0)
    return makeError(StatusCode::DataLoss,
                     "{} is corrupt: the reserved bytes of its header are not "
                     "zero",
                     name);
  auto length = getLittle<uint64_t>(&bytes[16]);
  if (length > kMaxPlanPayloadBytes)
    return makeError(StatusCode::DataLoss,
                     "{} is corrupt: it announces {} bytes, a plan has at most "
                     "{}",
                     name, length, kMaxPlanPayloadBytes);
  std::string_view payload = bytes.substr(kPlanHeaderBytes);
  if (payload.size() < length)
    return makeError(StatusCode::DataLoss, "{} is truncated: {} of {} bytes",
                     name, bytes.size(), kPlanHeaderBytes + length);
  if (payload.size() > length)
    return makeError(StatusCode::DataLoss,
                     "{} is corrupt: {} bytes after its end", name,
                     payload.size() - length);
  if (XXH3_64bits(payload.data(), payload.size()) !=
      getLittle<uint64_t>(&bytes[24]))
    return makeError(StatusCode::DataLoss, "{} is corrupt: checksum mismatch",
                     name);

  plan::Plan plan;
  // A string that is no UTF-8 would be logged to stderr; the error below is
  // enough.
  google::protobuf::LogSilencer silencer;
  if (!plan.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return makeError(StatusCode::DataLoss,
                     "{} is corrupt: its payload is not a plan", name);
  if (plan.schema_version() != version)
    return makeError(StatusCode::DataLoss,
                     "{} is corrupt: its header says schema version {}, its "
                     "payload {}",
                     name, version, plan.schema_version());
  return plan;
}
