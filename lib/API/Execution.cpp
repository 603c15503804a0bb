//===- Execution.cpp - A compiled program with its memory -----------------===//

#include "lib/API/Execution.h"

#include "runtime/base/DataTypes.h"
#include "runtime/job/ShardedStates.h"
#include "runtime/job/StateFile.h"
#include "runtime/job/TrainLoop.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>

using namespace fleet;
using namespace fleet::api;

/// All workers have the same program, or learn that they do not.
static Status comparePrograms(Session &session, const plan::Plan &plan) {
  uint64_t mine = 0;
  const std::string &hash = plan.program_hash();
  std::from_chars(hash.data(), hash.data() + std::min<size_t>(16, hash.size()),
                  mine, 16);
  FLEET_ASSIGN_OR_RETURN(std::vector<int64_t> all,
                         session.gather(static_cast<int64_t>(mine)));
  for (size_t worker = 1; worker < all.size(); ++worker)
    if (all[worker] != all[0])
      return makeError(StatusCode::InvalidArgument,
                       "worker {} has another program, optimizer or strategy "
                       "than worker 0",
                       worker);
  return Status();
}

StatusOr<std::unique_ptr<Execution>>
Execution::create(std::shared_ptr<Session> session, const api::Program &program,
                  const CompileRequest &request) {
  auto compiled = compileProgram(program, request);
  FLEET_RETURN_IF_ERROR(session->agree(compiled.status(), "compiling"));
  FLEET_RETURN_IF_ERROR(comparePrograms(*session, compiled->plan->proto));
  std::unique_ptr<Execution> execution(
      new Execution(session, std::move(*compiled)));
  ProgramOptions options;
  options.seed = session->options().seed;
  options.pool = session->options().threads > 1 ? &execution->pool : nullptr;
  options.collective = &session->collective();
  FLEET_ASSIGN_OR_RETURN(
      execution->loaded,
      ::fleet::Program::create(execution->source.plan, options));
  if (request.splitsUpdate)
    FLEET_RETURN_IF_ERROR(execution->prepareModel());
  FLEET_RETURN_IF_ERROR(execution->runStartup());
  return execution;
}

Status Execution::prepareModel() {
  const LoadedPlan &plan = *source.plan;
  FLEET_ASSIGN_OR_RETURN(inputs, inputRequests(plan, "main"));
  if (inputs.empty())
    return Status(StatusCode::InvalidArgument,
                  "function 'main' reads no data; its inputs are what a batch "
                  "has");
  const plan::Function &main =
      plan.proto.functions(static_cast<int>(*plan.findFunction("main")));
  if (main.outputs_size() == 0)
    return Status(StatusCode::InvalidArgument,
                  "function 'main' has no output; the first one is the loss");
  countsRows = std::any_of(main.buffers().begin(), main.buffers().end(),
                           [](const plan::Buffer &buffer) {
                             return buffer.has_examples() &&
                                    buffer.examples().kind() !=
                                        plan::Buffer::Examples::OWN;
                           });
  hasEvaluate = plan.findFunction("evaluate").has_value();
  if (hasEvaluate) {
    FLEET_ASSIGN_OR_RETURN(evaluateInputs, inputRequests(plan, "evaluate"));
  }
  learningRate = source.learningRate.value_or(0);
  return Status();
}

Status Execution::runStartup() {
  FLEET_ASSIGN_OR_RETURN(Step * startup, loaded->instantiate("startup", 1));
  return startup->run(StepArguments());
}

static StatusOr<ElementType> elementType(plan::DataType dtype) {
  switch (dtype) {
  case plan::F32:
    return ElementType::Float32;
  case plan::F64:
    return ElementType::Float64;
  case plan::I32:
    return ElementType::Int32;
  case plan::I64:
    return ElementType::Int64;
  default:
    return makeError(StatusCode::InvalidArgument,
                     "elements of type {} are not in this version of the API; "
                     "use savePersistables()",
                     dataTypeName(dtype));
  }
}

/// The type and shape that a state has in a StateDict.
static StatusOr<Tensor> describeState(const plan::State &state) {
  auto type = elementType(state.type().dtype());
  if (!type.ok())
    return type.status().withContext(
        checkpointName(state.origin(), state.slot()));
  Tensor tensor;
  tensor.type = *type;
  if (state.shards() > 0)
    tensor.shape.assign(state.origin_shape().begin(),
                        state.origin_shape().end());
  else
    tensor.shape = staticShape(state.type());
  return tensor;
}

static StatusOr<size_t> bytesOf(const plan::State &state,
                                const Tensor &tensor) {
  FLEET_ASSIGN_OR_RETURN(int64_t bytes,
                         byteSize(state.type().dtype(), tensor.shape));
  return static_cast<size_t>(bytes);
}

StatusOr<StateDict> Execution::stateDict() {
  StateDict states;
  const plan::Plan &proto = source.plan->proto;
  for (int i = 0; i < proto.states_size(); ++i) {
    const plan::State &state = proto.states(i);
    if (state.transient())
      continue;
    FLEET_ASSIGN_OR_RETURN(Tensor tensor, describeState(state));
    FLEET_ASSIGN_OR_RETURN(size_t bytes, bytesOf(state, tensor));
    auto index = static_cast<uint32_t>(i);
    auto *begin = static_cast<const std::byte *>(loaded->stateData(index));
    size_t part = loaded->stateBytes(index);
    if (state.shards() > 0) {
      tensor.bytes.resize(part * state.shards());
      CollectiveCall call;
      call.kind = CollectiveCall::Kind::AllGather;
      call.dtype = state.type().dtype();
      call.in = begin;
      call.out = tensor.bytes.data();
      call.count = part / dataTypeSize(call.dtype);
      FLEET_RETURN_IF_ERROR(shared->collective().run(call));
      tensor.bytes.resize(bytes); // without the zeros of the last part
    } else {
      tensor.bytes.assign(begin, begin + part);
    }
    states[checkpointName(state.origin(), state.slot())] = std::move(tensor);
  }
  return states;
}

static std::string describe(const Tensor &tensor) {
  static constexpr const char *names[] = {"f32", "f64", "i32", "i64"};
  return fmt::format("{} of {}", formatShape(tensor.shape),
                     names[static_cast<int>(tensor.type)]);
}

Status Execution::checkStates(const StateDict &states) const {
  std::set<std::string> own;
  for (const plan::State &state : source.plan->proto.states()) {
    if (state.transient())
      continue;
    std::string name = checkpointName(state.origin(), state.slot());
    own.insert(name);
    FLEET_ASSIGN_OR_RETURN(Tensor expected, describeState(state));
    auto it = states.find(name);
    if (it == states.end())
      return makeError(StatusCode::InvalidArgument,
                       "'{}' is missing, {}; start from stateDict() to change "
                       "only some",
                       name, describe(expected));
    const Tensor &tensor = it->second;
    if (tensor.type != expected.type || tensor.shape != expected.shape)
      return makeError(StatusCode::InvalidArgument,
                       "'{}' is {}, the program has {}", name, describe(tensor),
                       describe(expected));
    FLEET_ASSIGN_OR_RETURN(size_t bytes, bytesOf(state, expected));
    if (tensor.bytes.size() != bytes)
      return makeError(StatusCode::InvalidArgument,
                       "'{}' has {} bytes, {} takes {}", name,
                       tensor.bytes.size(), describe(tensor), bytes);
  }
  for (const auto &[name, tensor] : states)
    if (!own.count(name))
      return makeError(StatusCode::InvalidArgument,
                       "'{}' is no parameter or state of the program", name);
  return Status();
}

Status Execution::setStates(const StateDict &states) {
  const plan::Plan &proto = source.plan->proto;
  for (int i = 0; i < proto.states_size(); ++i) {
    const plan::State &state = proto.states(i);
    if (state.transient())
      continue;
    std::vector<std::byte> bytes =
        states.at(checkpointName(state.origin(), state.slot())).bytes;
    auto index = static_cast<uint32_t>(i);
    size_t part = loaded->stateBytes(index);
    // With zeros behind the last part.
    bytes.resize(part * std::max(1u, state.shards()));
    CollectiveCall call;
    call.kind = CollectiveCall::Kind::Broadcast;
    call.dtype = state.type().dtype();
    call.in = call.out = bytes.data();
    call.count = bytes.size() / dataTypeSize(call.dtype);
    FLEET_RETURN_IF_ERROR(shared->collective().run(call));
    size_t begin = state.shards() > 0 ? shared->place().index * part : 0;
    std::memcpy(loaded->stateData(index), bytes.data() + begin, part);
  }
  return Status();
}

template <typename T> static void fill(void *data, size_t bytes, double value) {
  std::fill_n(static_cast<T *>(data), bytes / sizeof(T), static_cast<T>(value));
}

void Execution::fillSlot(std::string_view slot, double value) {
  const plan::Plan &proto = source.plan->proto;
  for (int i = 0; i < proto.states_size(); ++i) {
    const plan::State &state = proto.states(i);
    if (!state.transient() || state.slot() != slot)
      continue;
    auto index = static_cast<uint32_t>(i);
    // Gradients and factors are of a parameter's type.
    if (state.type().dtype() == plan::F64)
      fill<double>(loaded->stateData(index), loaded->stateBytes(index), value);
    else
      fill<float>(loaded->stateData(index), loaded->stateBytes(index), value);
  }
}

Status Execution::save(const std::string &directory) {
  std::vector<RemoteState> gathered;
  if (hasShardedStates(*loaded)) {
    FLEET_ASSIGN_OR_RETURN(gathered, gatherStates(*loaded));
  }
  Status saved;
  if (shared->place().index == 0)
    saved = saveStates(*loaded, gathered, shared->files(), directory,
                       CheckpointMetadata());
  return shared->agree(saved, "savePersistables");
}
