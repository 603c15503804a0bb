//===- TableFile.cpp - Tables of rows to and from checkpoints -------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/job/TableFile.h"

#include "runtime/base/DataTypes.h"
#include "runtime/job/StateFile.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

using namespace fleet;

/// Rows that are read at once.
static constexpr int64_t kBlockRows = int64_t(1) << 16;

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

namespace {

class TableReader {
public:
  TableReader(RowTable &table, const Checkpoint &checkpoint)
      : table(table), checkpoint(checkpoint) {}

  Status read() {
    FLEET_RETURN_IF_ERROR(readIds());
    FLEET_ASSIGN_OR_RETURN(
        block, AlignedBuffer::allocate(widest() * kBlockRows, "a checkpoint"));
    for (size_t c = 0; c < table.components().size(); ++c)
      FLEET_RETURN_IF_ERROR(readComponent(c));
    return Status();
  }

private:
  size_t widest() const {
    size_t bytes = 0;
    for (const RowTable::Component &part : table.components())
      bytes = std::max(bytes, part.bytes);
    return bytes;
  }
  Status readIds();
  Status readComponent(size_t component);

  RowTable &table;
  const Checkpoint &checkpoint;
  /// Ids of the tensors' rows; empty: row i is id i.
  std::vector<int64_t> ids;
  bool isListed = false;
  int64_t rows = 0; ///< of the tensors
  AlignedBuffer block;
  std::vector<int64_t> own; ///< ids in the block that are of this process
};

} // namespace

Status TableReader::readIds() {
  std::string name = checkpointName(table.name(), "ids");
  auto entry = checkpoint.tensors().find(name);
  rows = table.rowLimit();
  if (entry == checkpoint.tensors().end())
    return Status();
  isListed = true;
  auto invalid = [&](const std::string &what) {
    return makeError(StatusCode::InvalidArgument, "checkpoint {}: '{}' {}",
                     checkpoint.file(), name, what);
  };
  if (entry->second.dtype != plan::I64 || entry->second.shape.size() != 1)
    return invalid("is no list of i64, which the ids of a table are");
  rows = entry->second.shape[0];
  ids.resize(static_cast<size_t>(rows)); // the file is as long
  FLEET_RETURN_IF_ERROR(
      checkpoint.read(name, plan::I64, entry->second.shape, ids.data()));
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= table.rowLimit())
      return invalid(fmt::format("has the id {}, the table has rows 0 to {}",
                                 ids[i], table.rowLimit() - 1));
    if (i > 0 && ids[i] <= ids[i - 1])
      return invalid(fmt::format("has the id {} after {}; ids have to ascend",
                                 ids[i], ids[i - 1]));
  }
  return Status();
}

Status TableReader::readComponent(size_t component) {
  const RowTable::Component &part = table.components()[component];
  std::string name = checkpointName(table.name(), part.slot);
  std::vector<int64_t> shape = {rows, part.columns};
  // Of whole tensors a server reads its range only; it looks through the rest.
  int64_t begin = 0, end = rows;
  if (!isListed && !table.isDistributed()) {
    begin = table.rangeBegin();
    end = begin + table.size();
  }
  if (begin == end) // still has to be there
    return checkpoint.readRows(name, table.dtype(), shape, 0, 0, block.data());
  for (int64_t first = begin; first < end; first += kBlockRows) {
    int64_t count = std::min(kBlockRows, end - first);
    FLEET_RETURN_IF_ERROR(checkpoint.readRows(name, table.dtype(), shape, first,
                                              count, block.data()));
    own.clear();
    for (int64_t i = 0; i < count; ++i) {
      int64_t id = isListed ? ids[static_cast<size_t>(first + i)] : first + i;
      if (!table.owns(id))
        continue;
      std::memmove(block.data() + own.size() * part.bytes,
                   block.data() + static_cast<size_t>(i) * part.bytes,
                   part.bytes);
      own.push_back(id);
    }
    FLEET_RETURN_IF_ERROR(table.assign(
        component, own.data(), static_cast<int64_t>(own.size()), block.data()));
  }
  return Status();
}

Status fleet::loadTable(RowTable &table, const Checkpoint &checkpoint) {
  return TableReader(table, checkpoint).read();
}

//===----------------------------------------------------------------------===//
// Saving
//===----------------------------------------------------------------------===//

Status ListedTables::add(const std::vector<RemoteState> &states) {
  std::map<std::string, std::vector<const RemoteState *>> tables;
  for (const RemoteState &state : states)
    if (state.isById)
      tables[state.origin].push_back(&state);
  for (const auto &[name, parts] : tables)
    FLEET_RETURN_IF_ERROR(addTable(name, parts));
  return Status();
}

Status ListedTables::addTable(const std::string &name,
                              const std::vector<const RemoteState *> &states) {
  auto lost = [&](const char *what) {
    return makeError(StatusCode::DataLoss, "table '{}': {}", name, what);
  };
  // From each server first the ids, then everything else in the same order.
  struct Part {
    const RemoteState *ids;
    std::vector<const RemoteState *> components;
  };
  std::vector<Part> parts;
  for (const RemoteState *state : states) {
    if (state->slot == "ids") {
      if (state->dtype != plan::I64 || state->originShape.size() != 1)
        return lost("a server's list of ids is none");
      parts.push_back({state, {}});
      continue;
    }
    if (parts.empty() || state->originShape.size() != 2 ||
        state->originShape[0] != parts.back().ids->originShape[0])
      return lost("a server has rows without ids");
    parts.back().components.push_back(state);
  }
  struct Row {
    int64_t id;
    uint32_t part;
    int64_t index;
  };
  std::vector<Row> rows;
  for (size_t p = 0; p < parts.size(); ++p) {
    auto *ids = reinterpret_cast<const int64_t *>(parts[p].ids->data.data());
    for (int64_t i = 0; i < parts[p].ids->originShape[0]; ++i)
      rows.push_back({ids[i], static_cast<uint32_t>(p), i});
  }
  std::sort(rows.begin(), rows.end(),
            [](const Row &a, const Row &b) { return a.id < b.id; });
  for (size_t i = 1; i < rows.size(); ++i)
    if (rows[i].id == rows[i - 1].id)
      return lost("two servers hold the same row");

  auto count = static_cast<int64_t>(rows.size());
  auto addTensor = [&](const std::string &slot, plan::DataType dtype,
                       std::vector<int64_t> shape) {
    Tensor tensor{checkpointName(name, slot), dtype, std::move(shape), {}};
    FLEET_ASSIGN_OR_RETURN(int64_t bytes, byteSize(dtype, tensor.shape));
    FLEET_ASSIGN_OR_RETURN(
        tensor.bytes, AlignedBuffer::allocateLarge(static_cast<size_t>(bytes),
                                                   "a checkpoint"));
    tensors.push_back(std::move(tensor));
    return Status();
  };
  FLEET_RETURN_IF_ERROR(addTensor("ids", plan::I64, {count}));
  auto *ids = reinterpret_cast<int64_t *>(tensors.back().bytes.data());
  for (size_t i = 0; i < rows.size(); ++i)
    ids[i] = rows[i].id;
  for (size_t c = 0; c < parts[0].components.size(); ++c) {
    const RemoteState &first = *parts[0].components[c];
    for (const Part &part : parts)
      if (part.components.size() != parts[0].components.size() ||
          part.components[c]->slot != first.slot ||
          part.components[c]->dtype != first.dtype ||
          part.components[c]->originShape[1] != first.originShape[1])
        return lost("two servers have rows of different types");
    FLEET_RETURN_IF_ERROR(
        addTensor(first.slot, first.dtype, {count, first.originShape[1]}));
    size_t bytes =
        static_cast<size_t>(first.originShape[1]) * dataTypeSize(first.dtype);
    std::byte *to = tensors.back().bytes.data();
    for (const Row &row : rows) {
      std::memcpy(to,
                  parts[row.part].components[c]->data.data() +
                      static_cast<size_t>(row.index) * bytes,
                  bytes);
      to += bytes;
    }
  }
  return Status();
}

void ListedTables::list(std::vector<CheckpointTensor> &list) const {
  for (const Tensor &tensor : tensors)
    list.push_back(
        {tensor.name, tensor.dtype, tensor.shape, tensor.bytes.data()});
}
