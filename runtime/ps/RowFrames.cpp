//===- RowFrames.cpp - Rows of tables on the wire -------------------------===//

#include "runtime/ps/RowFrames.h"

#include "runtime/transport/Connection.h"

using namespace fleet;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "ids and counts are sent as they lie in memory");

void fleet::appendRowPadding(uint64_t bytes,
                             std::vector<ConstBuffer> &payload) {
  static constexpr char zeros[8] = {};
  if (uint64_t padding = rowPadding(bytes); padding > 0)
    payload.push_back({zeros, padding});
}

void RowPayload::append(const std::vector<RowSpan> &tables,
                        const std::vector<size_t> *rowBytes,
                        std::vector<ConstBuffer> &payload) {
  if (tables.empty())
    return;
  counts.clear();
  for (const RowSpan &table : tables)
    counts.push_back(static_cast<uint64_t>(table.count));
  section.clear();
  auto add = [&](const void *data, uint64_t bytes) {
    if (bytes > 0)
      section.push_back({data, bytes});
  };
  add(counts.data(), counts.size() * sizeof(uint64_t));
  for (const RowSpan &table : tables)
    add(table.ids, static_cast<uint64_t>(table.count) * sizeof(int64_t));
  for (size_t t = 0; rowBytes && t < tables.size(); ++t) {
    uint64_t bytes = static_cast<uint64_t>(tables[t].count) * (*rowBytes)[t];
    add(tables[t].rows, bytes);
    appendRowPadding(bytes, section);
  }
  // The section is one part to its receiver, and begins where that would.
  static constexpr char zeros[64] = {};
  if (size_t padding =
          paddingBefore(payloadBytes(payload), payloadBytes(section)))
    payload.push_back({zeros, padding});
  payload.insert(payload.end(), section.begin(), section.end());
}

Status fleet::parseRows(const void *payload, uint64_t bytes, size_t tableCount,
                        const std::vector<size_t> *rowBytes,
                        std::vector<RowSpan> &tables) {
  auto invalid = [&](const char *what) {
    return makeError(StatusCode::DataLoss, "{} bytes of rows of {} tables: {}",
                     bytes, tableCount, what);
  };
  tables.assign(tableCount, {});
  const auto *begin = static_cast<const std::byte *>(payload);
  uint64_t at = 0; // never more than `bytes`
  // The next part, of `count` times `size` bytes; null when that is too much.
  auto take = [&](uint64_t count, uint64_t size) -> const std::byte * {
    if (count > (bytes - at) / size)
      return nullptr;
    uint64_t length = count * size, padding = paddingBefore(at, length);
    if (bytes - at - length < padding)
      return nullptr;
    const std::byte *part = begin + at + padding;
    at += padding + length;
    return part;
  };
  const auto *counts =
      reinterpret_cast<const uint64_t *>(take(tableCount, sizeof(uint64_t)));
  if (!counts)
    return invalid("they are too few for their counts");
  for (size_t t = 0; t < tableCount; ++t) {
    tables[t].ids =
        reinterpret_cast<const int64_t *>(take(counts[t], sizeof(int64_t)));
    tables[t].count = static_cast<int64_t>(counts[t]);
    if (!tables[t].ids)
      return invalid("they are too few for their ids");
  }
  for (size_t t = 0; rowBytes && t < tableCount; ++t) {
    tables[t].rows = take(counts[t], (*rowBytes)[t]);
    if (!tables[t].rows || !take(rowPadding(counts[t] * (*rowBytes)[t]), 1))
      return invalid("they are too few for their rows");
  }
  return at == bytes ? Status() : invalid("they are too many");
}
