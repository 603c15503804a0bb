//===- StateFile.cpp - State of a program to and from checkpoints ---------===//

#include "runtime/job/StateFile.h"

#include "runtime/base/DataTypes.h"

#include <cstring>
#include <map>

using namespace fleet;

std::string fleet::checkpointName(const std::string &origin,
                                  const std::string &slot) {
  return slot.empty() ? origin : origin + "/" + slot;
}

static std::vector<int64_t> shapeOf(const plan::TensorType &type) {
  std::vector<int64_t> shape;
  for (const plan::Dim &dim : type.dims())
    shape.push_back(dim.extent());
  return shape;
}

/// The shape of the whole tensor that `state` holds rows of.
static std::vector<int64_t> wholeShape(const plan::State &state) {
  return {state.origin_shape().begin(), state.origin_shape().end()};
}

Status fleet::loadStates(Program &program, Files &files,
                         const std::string &directory) {
  FLEET_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                         Checkpoint::open(files, directory));
  const plan::Plan &proto = program.plan().proto;
  for (int i = 0; i < proto.states_size(); ++i) {
    const plan::State &state = proto.states(i);
    std::string name = checkpointName(state.origin(), state.slot());
    std::vector<int64_t> shape = shapeOf(state.type());
    void *data = program.stateData(static_cast<uint32_t>(i));
    if (shape.empty())
      FLEET_RETURN_IF_ERROR(
          checkpoint.read(name, state.type().dtype(), shape, data));
    else
      FLEET_RETURN_IF_ERROR(
          checkpoint.readRows(name, state.type().dtype(), wholeShape(state),
                              state.row_offset(), shape[0], data));
  }
  return Status();
}

namespace {

/// A whole tensor that is put together from rows.
struct Whole {
  plan::DataType dtype;
  std::vector<int64_t> shape;
  AlignedBuffer bytes;
  size_t filled = 0;
};

} // namespace

/// Adds rows [rowOffset, ...) of the tensor `name`.
static Status addRows(std::map<std::string, Whole> &tensors,
                      const std::string &name, plan::DataType dtype,
                      const std::vector<int64_t> &shape, int64_t rowOffset,
                      const void *data, size_t bytes) {
  auto [it, isNew] = tensors.try_emplace(name);
  Whole &whole = it->second;
  if (isNew) {
    FLEET_ASSIGN_OR_RETURN(int64_t size, byteSize(dtype, shape));
    whole.dtype = dtype;
    whole.shape = shape;
    FLEET_ASSIGN_OR_RETURN(
        whole.bytes,
        AlignedBuffer::allocate(static_cast<size_t>(size), "a checkpoint"));
  }
  size_t rowBytes = shape.empty() || shape[0] == 0
                        ? 0
                        : whole.bytes.size() / static_cast<size_t>(shape[0]);
  size_t begin = static_cast<size_t>(rowOffset) * rowBytes;
  if (whole.dtype != dtype || whole.shape != shape || rowOffset < 0 ||
      begin > whole.bytes.size() || bytes > whole.bytes.size() - begin)
    return makeError(StatusCode::DataLoss,
                     "rows of '{}' from two servers do not fit together", name);
  std::memcpy(whole.bytes.data() + begin, data, bytes);
  whole.filled += bytes;
  return Status();
}

Status fleet::saveStates(Program &program,
                         const std::vector<RemoteState> &remote, Files &files,
                         const std::string &directory,
                         const CheckpointMetadata &metadata) {
  std::map<std::string, Whole> tensors;
  for (const RemoteState &state : remote)
    FLEET_RETURN_IF_ERROR(addRows(
        tensors, checkpointName(state.origin, state.slot), state.dtype,
        state.originShape, state.rowOffset, state.data.data(), state.bytes));
  std::map<std::string, Whole> own;
  const plan::Plan &proto = program.plan().proto;
  for (int i = 0; i < proto.states_size(); ++i) {
    const plan::State &state = proto.states(i);
    std::string name = checkpointName(state.origin(), state.slot());
    auto index = static_cast<uint32_t>(i);
    std::vector<int64_t> shape = shapeOf(state.type());
    if (!shape.empty())
      shape = wholeShape(state);
    if (!tensors.count(name))
      FLEET_RETURN_IF_ERROR(
          addRows(own, name, state.type().dtype(), shape, state.row_offset(),
                  program.stateData(index), program.stateBytes(index)));
  }
  tensors.merge(own);
  std::vector<CheckpointTensor> list;
  for (const auto &[name, whole] : tensors) {
    if (whole.filled != whole.bytes.size())
      return makeError(StatusCode::DataLoss,
                       "the servers hold {} of the {} bytes of '{}'",
                       whole.filled, whole.bytes.size(), name);
    list.push_back({name, whole.dtype, whole.shape, whole.bytes.data()});
  }
  return writeCheckpoint(files, directory, list, metadata);
}
