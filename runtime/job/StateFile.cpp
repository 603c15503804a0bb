//===- StateFile.cpp - State of a program to and from checkpoints ---------===//

#include "runtime/job/StateFile.h"

#include "runtime/checkpoint/WholeTensor.h"
#include "runtime/job/TableFile.h"

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
    if (state.transient() || state.shards() > 0)
      continue;
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
  for (int i = 0; i < proto.tables_size(); ++i)
    if (RowTable *rows = program.tables()->rows(static_cast<uint32_t>(i)))
      FLEET_RETURN_IF_ERROR(loadTable(*rows, checkpoint));
  return Status();
}

using WholeTensors = std::map<std::string, WholeTensor>;

static Status addRows(WholeTensors &tensors, const std::string &name,
                      plan::DataType dtype, const std::vector<int64_t> &shape,
                      int64_t firstRow, const void *data, size_t bytes) {
  auto it = tensors.find(name);
  if (it == tensors.end()) {
    FLEET_ASSIGN_OR_RETURN(WholeTensor whole,
                           WholeTensor::create(name, dtype, shape));
    it = tensors.emplace(name, std::move(whole)).first;
  }
  return it->second.add(dtype, shape, firstRow, data, bytes);
}

Status fleet::saveStates(Program &program,
                         const std::vector<RemoteState> &remote, Files &files,
                         const std::string &directory,
                         const CheckpointMetadata &metadata) {
  WholeTensors tensors;
  const plan::Plan &proto = program.plan().proto;
  std::vector<RemoteState> ofTables; // of a local job
  for (int i = 0; i < proto.tables_size(); ++i)
    if (RowTable *rows = program.tables()->rows(static_cast<uint32_t>(i)))
      FLEET_RETURN_IF_ERROR(appendTableState(*rows, ofTables));
  ListedTables listed;
  const std::vector<RemoteState> *sources[] = {&remote, &ofTables};
  for (const std::vector<RemoteState> *states : sources) {
    FLEET_RETURN_IF_ERROR(listed.add(*states));
    for (const RemoteState &state : *states)
      if (!state.isById)
        FLEET_RETURN_IF_ERROR(
            addRows(tensors, checkpointName(state.origin, state.slot),
                    state.dtype, state.originShape, state.rowOffset,
                    state.data.data(), state.bytes));
  }
  WholeTensors own;
  for (int i = 0; i < proto.states_size(); ++i) {
    const plan::State &state = proto.states(i);
    if (state.transient() || state.shards() > 0)
      continue;
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
    FLEET_RETURN_IF_ERROR(whole.checkComplete());
    list.push_back(whole.get());
  }
  listed.list(list);
  return writeCheckpoint(files, directory, list, metadata);
}
