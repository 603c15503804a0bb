//===- ShardedStates.cpp - Parts of state, and checkpoints ----------------===//

#include "runtime/job/ShardedStates.h"

#include "runtime/job/StateFile.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>

using namespace fleet;

static bool isSharded(const plan::State &state) {
  return state.shards() > 0 && !state.transient();
}

bool fleet::hasShardedStates(const Program &program) {
  const plan::Plan &plan = program.plan().proto;
  return std::any_of(plan.states().begin(), plan.states().end(), isSharded);
}

namespace {
/// A sharded state, and memory for all of it.
struct WholeState {
  const plan::State &state;
  void *part;       ///< in the program
  size_t partBytes; ///< with zeros behind its end, if it has one
  size_t bytes;     ///< of the whole, without zeros
  std::vector<int64_t> shape;
  AlignedBuffer data; ///< of all parts
};
} // namespace

/// The state number `index` of the program.
static StatusOr<WholeState> allocateWhole(Program &program, int index) {
  const plan::State &state = program.plan().proto.states(index);
  auto number = static_cast<uint32_t>(index);
  size_t part = program.stateBytes(number);
  // The loader has counted both.
  auto elements =
      std::accumulate(state.origin_shape().begin(), state.origin_shape().end(),
                      int64_t(1), std::multiplies<>());
  FLEET_ASSIGN_OR_RETURN(
      AlignedBuffer data,
      AlignedBuffer::allocate(part * state.shards(),
                              "the whole of a sharded state"));
  return WholeState{state,
                    program.stateData(number),
                    part,
                    static_cast<size_t>(elements) *
                        dataTypeSize(state.type().dtype()),
                    {state.origin_shape().begin(), state.origin_shape().end()},
                    std::move(data)};
}

/// A call on all parts of `whole`.
static CollectiveCall callOn(WholeState &whole, CollectiveCall::Kind kind,
                             size_t parts) {
  CollectiveCall call;
  call.kind = kind;
  call.dtype = whole.state.type().dtype();
  call.count = parts * whole.partBytes / dataTypeSize(call.dtype);
  call.in = call.out = whole.data.data();
  return call;
}

StatusOr<std::vector<RemoteState>> fleet::gatherStates(Program &program) {
  std::vector<RemoteState> states;
  Collective &collective = *program.collective();
  const plan::Plan &plan = program.plan().proto;
  for (int i = 0; i < plan.states_size(); ++i) {
    if (!isSharded(plan.states(i)))
      continue;
    FLEET_ASSIGN_OR_RETURN(WholeState whole, allocateWhole(program, i));
    CollectiveCall call =
        callOn(whole, CollectiveCall::Kind::AllGather, /*parts=*/1);
    call.in = whole.part;
    FLEET_RETURN_IF_ERROR(collective.run(call));
    if (collective.rank() != 0)
      continue;
    RemoteState &state = states.emplace_back();
    state.origin = whole.state.origin();
    state.slot = whole.state.slot();
    state.dtype = whole.state.type().dtype();
    state.originShape = std::move(whole.shape);
    state.bytes = whole.bytes;
    state.data = std::move(whole.data);
  }
  return states;
}

Status fleet::scatterStates(Program &program, Files &files,
                            const std::string &directory) {
  Collective &collective = *program.collective();
  const plan::Plan &plan = program.plan().proto;
  std::optional<Checkpoint> checkpoint;
  int64_t hasCheckpoint = 0;
  if (collective.rank() == 0 && !directory.empty()) {
    FLEET_ASSIGN_OR_RETURN(checkpoint, Checkpoint::open(files, directory));
    hasCheckpoint = 1;
  }
  CollectiveCall tell;
  tell.kind = CollectiveCall::Kind::Broadcast;
  tell.dtype = plan::I64;
  tell.in = tell.out = &hasCheckpoint;
  tell.count = 1;
  FLEET_RETURN_IF_ERROR(collective.run(tell));
  if (!hasCheckpoint)
    return Status();
  for (int i = 0; i < plan.states_size(); ++i) {
    if (!isSharded(plan.states(i)))
      continue;
    FLEET_ASSIGN_OR_RETURN(WholeState whole, allocateWhole(program, i));
    if (checkpoint) {
      FLEET_RETURN_IF_ERROR(checkpoint->read(
          checkpointName(whole.state.origin(), whole.state.slot()),
          whole.state.type().dtype(), whole.shape, whole.data.data()));
      std::memset(whole.data.data() + whole.bytes, 0,
                  whole.data.size() - whole.bytes);
    }
    FLEET_RETURN_IF_ERROR(collective.run(
        callOn(whole, CollectiveCall::Kind::Broadcast, whole.state.shards())));
    std::memcpy(whole.part,
                whole.data.data() + collective.rank() * whole.partBytes,
                whole.partBytes);
  }
  return Status();
}
