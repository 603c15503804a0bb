//===- PlanValidation.cpp - The lists of a plan ---------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanValidation.h"

#include "runtime/plan/PlanFile.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

using namespace fleet;
using fleet::plan::Plan;

namespace {

/// More dimensions than any program has; bounds the work per tensor.
constexpr int kMaxRank = 16;

template <typename... Args>
Status invalid(fmt::format_string<Args...> format, Args &&...args) {
  return makeError(StatusCode::InvalidArgument, format,
                   std::forward<Args>(args)...);
}

/// Names of one kind: not empty, no duplicates.
class NameSet {
public:
  explicit NameSet(const char *kind) : kind(kind) {}
  Status add(const std::string &name) {
    if (name.empty())
      return invalid("a {} has no name", kind);
    if (!seen.insert(name).second)
      return invalid("two {}s are named '{}'", kind, name);
    return Status();
  }

private:
  const char *kind;
  std::unordered_set<std::string> seen;
};

class PlanValidator {
public:
  explicit PlanValidator(const Plan &plan) : plan(plan) {}

  Status run() {
    FLEET_RETURN_IF_ERROR(checkHeader());
    FLEET_RETURN_IF_ERROR(checkServers());
    FLEET_RETURN_IF_ERROR(checkKernels());
    FLEET_RETURN_IF_ERROR(checkStates());
    FLEET_RETURN_IF_ERROR(validateTables(plan));
    NameSet functionNames("function");
    for (int i = 0; i < plan.functions_size(); ++i) {
      const plan::Function &function = plan.functions(i);
      FLEET_RETURN_IF_ERROR(functionNames.add(function.name()));
      FLEET_RETURN_IF_ERROR(checkBuffers(function).withContext(
          fmt::format("function '{}'", function.name())));
      FLEET_RETURN_IF_ERROR(validateInstructions(plan, i));
    }
    FLEET_RETURN_IF_ERROR(validateTableFunctions(plan));
    return checkService();
  }

private:
  Status checkHeader();
  Status checkCollectives();
  Status checkSchedule();
  Status checkServers();
  Status checkKernels();
  Status checkType(const plan::TensorType &type);
  Status checkBuffers(const plan::Function &function);
  Status checkBuffer(const plan::Function &function,
                     const plan::Buffer &buffer);
  Status checkInBucket(const plan::Buffer &buffer);
  Status checkStateType(uint32_t state, const plan::TensorType &type);
  Status checkService();
  Status checkHandler(const plan::Service::Handler &handler,
                      const plan::Server &server);
  Status checkPart(const plan::Service::Handler &handler,
                   const plan::Block &block, const plan::Function &update);
  Status checkStates();
  Status checkState(int index);
  Status checkShard(const plan::State &state);

  std::string spell(const plan::TensorType &type) const {
    return formatType(type, plan.symbols());
  }

  const Plan &plan;
};

Status PlanValidator::checkHeader() {
  if (plan.schema_version() != kPlanSchemaVersion)
    return invalid("plan schema version {}, this program reads version {}",
                   plan.schema_version(), kPlanSchemaVersion);
  if (plan.role() != plan::LOCAL && plan.role() != plan::TRAINER &&
      plan.role() != plan::PSERVER)
    return invalid("role {} is none of LOCAL, TRAINER, PSERVER",
                   static_cast<int>(plan.role()));
  bool single = plan.mode() == plan::SINGLE;
  bool collective = plan.mode() == plan::COLLECTIVE;
  if (!single && !collective && plan.mode() != plan::PARAMETER_SERVER)
    return invalid("mode {} is none of SINGLE, PARAMETER_SERVER, COLLECTIVE",
                   static_cast<int>(plan.mode()));
  if (collective && plan.role() != plan::TRAINER)
    return invalid("role {} does not exist in mode COLLECTIVE",
                   plan::Role_Name(plan.role()));
  if (collective && plan.sync_mode() != plan::SYNC)
    return invalid("sync mode {}, a collective job is in step",
                   static_cast<int>(plan.sync_mode()));
  if (single != (plan.role() == plan::LOCAL))
    return invalid("role {} does not exist in mode {}",
                   plan::Role_Name(plan.role()), plan::Mode_Name(plan.mode()));
  if (!single)
    FLEET_RETURN_IF_ERROR(validateSyncMode(plan.sync_mode()));
  if (!single && (plan.trainers() == 0 || plan.trainers() > 65536))
    return invalid("{} trainers, expected 1 to 65536", plan.trainers());
  bool serves = plan.mode() == plan::PARAMETER_SERVER;
  if (serves && plan.servers_size() == 0)
    return invalid("a parameter server job without servers");
  if (!serves && plan.servers_size() != 0)
    return invalid("a {} job with servers", single ? "local" : "collective");
  FLEET_RETURN_IF_ERROR(checkCollectives());
  NameSet symbols("symbol");
  for (const std::string &symbol : plan.symbols())
    FLEET_RETURN_IF_ERROR(symbols.add(symbol));
  return checkSchedule();
}

/// Groups of trainers, and the memory that they share results in.
Status PlanValidator::checkCollectives() {
  if (plan.mode() != plan::COLLECTIVE &&
      (plan.groups_size() != 0 || plan.buckets_size() != 0))
    return invalid("groups or buckets in mode {}",
                   plan::Mode_Name(plan.mode()));
  NameSet groups("group"), buckets("bucket");
  for (const plan::Group &group : plan.groups()) {
    FLEET_RETURN_IF_ERROR(groups.add(group.name()));
    if (group.stride() == 0 && group.size() != plan.trainers())
      return invalid("group '{}' has {} members, the job has {} trainers",
                     group.name(), group.size(), plan.trainers());
    uint64_t block = uint64_t(group.size()) * group.stride();
    if (group.stride() > 0 && (block == 0 || plan.trainers() % block != 0))
      return invalid("groups '{}' of {} members, {} ranks apart, do not divide "
                     "{} trainers",
                     group.name(), group.size(), group.stride(),
                     plan.trainers());
    if (&group == &plan.groups(0) && group.stride() > 0)
      return invalid("the first group, '{}', is not of all trainers",
                     group.name());
  }
  int64_t bytes = 0;
  for (const plan::Bucket &bucket : plan.buckets()) {
    FLEET_RETURN_IF_ERROR(buckets.add(bucket.name()));
    if (bucket.dtype() < plan::F16 || bucket.dtype() > plan::F64)
      return invalid("bucket '{}' has elements of type {}, expected floats",
                     bucket.name(), static_cast<int>(bucket.dtype()));
    if (bucket.elements() < 1 || bucket.elements() > kMaxTensorBytes / 8)
      return invalid("bucket '{}' has {} elements", bucket.name(),
                     bucket.elements());
    bytes +=
        bucket.elements() * static_cast<int64_t>(dataTypeSize(bucket.dtype()));
    if (bytes > kMaxTensorBytes)
      return invalid("buckets have more than {} bytes", kMaxTensorBytes);
  }
  return Status();
}

/// What runs when: a step, and what some modes do between steps.
Status PlanValidator::checkSchedule() {
  bool exchanges = plan.role() == plan::TRAINER &&
                   plan.mode() != plan::SINGLE && plan.sync_mode() == plan::GEO;
  bool hasMain = false, hasExchange = false;
  for (const plan::Function &function : plan.functions()) {
    hasMain |= function.name() == "main";
    if (function.every() == 0)
      continue;
    bool isStep = function.name() == "main" || function.name() == "startup" ||
                  function.name() == "evaluate";
    bool fits = plan.mode() == plan::PARAMETER_SERVER
                    ? exchanges && function.name() == "exchange"
                    : !isStep;
    if (!fits)
      return invalid("function '{}' runs every {} steps; only 'exchange' of a "
                     "trainer in mode GEO does so, or a function of a job "
                     "without servers that is not called otherwise",
                     function.name(), function.every());
    for (const plan::Buffer &buffer : function.buffers())
      if (buffer.has_input())
        return invalid("function '{}' reads data, but runs between steps",
                       function.name());
    hasExchange |= function.name() == "exchange";
  }
  if (!hasMain && plan.role() != plan::PSERVER)
    return invalid("no function 'main', which is one training step");
  if (exchanges && !hasExchange)
    return invalid("no function 'exchange', which a trainer in mode GEO runs "
                   "every so many steps");
  return Status();
}

Status PlanValidator::checkServers() {
  std::unordered_set<std::string> endpoints;
  for (int i = 0; i < plan.servers_size(); ++i) {
    const plan::Server &server = plan.servers(i);
    FLEET_RETURN_IF_ERROR(validateEndpoint(server.endpoint())
                              .withContext(fmt::format("server {}", i)));
    if (!endpoints.insert(server.endpoint()).second)
      return invalid("two servers have the endpoint {}", server.endpoint());
    NameSet names("block");
    for (const plan::Block &block : server.blocks()) {
      std::string where = fmt::format("server {}", i);
      FLEET_RETURN_IF_ERROR(names.add(block.name()).withContext(where));
      where += fmt::format(", block '{}'", block.name());
      FLEET_RETURN_IF_ERROR(checkType(block.type()).withContext(where));
      if (!isStatic(block.type()))
        return invalid("{}: type {} is not static", where, spell(block.type()));
    }
  }
  return Status();
}

Status PlanValidator::checkKernels() {
  NameSet names("kernel");
  for (const plan::Kernel &kernel : plan.kernels())
    FLEET_RETURN_IF_ERROR(names.add(kernel.symbol()));
  if (plan.kernels_size() != 0 && plan.library().empty())
    return invalid("{} kernels, but no kernel library", plan.kernels_size());
  return Status();
}

Status PlanValidator::checkType(const plan::TensorType &type) {
  if (dataTypeSize(type.dtype()) == 0)
    return invalid("data type {} does not exist",
                   static_cast<int>(type.dtype()));
  if (type.dims_size() > kMaxRank)
    return invalid("{} dimensions, at most {} are allowed", type.dims_size(),
                   kMaxRank);
  for (int i = 0; i < type.dims_size(); ++i) {
    const plan::Dim &dim = type.dims(i);
    switch (dim.kind_case()) {
    case plan::Dim::kExtent:
      if (dim.extent() < 0)
        return invalid("dimension {} has the negative extent {}", i,
                       dim.extent());
      break;
    case plan::Dim::kSymbol:
      if (dim.symbol() >= static_cast<uint32_t>(plan.symbols_size()))
        return invalid("dimension {} is symbol {}, the plan has {} symbols", i,
                       dim.symbol(), plan.symbols_size());
      break;
    case plan::Dim::KIND_NOT_SET:
      return invalid("dimension {} has neither an extent nor a symbol", i);
    }
  }
  // With every symbol 1 this bounds the static part; the rest is checked when
  // the symbols are known.
  std::vector<int64_t> ones(static_cast<size_t>(plan.symbols_size()), 1);
  if (!countElements(type, ones))
    return invalid("type {} has more than {} bytes", spell(type),
                   kMaxTensorBytes);
  return Status();
}

Status PlanValidator::checkBuffers(const plan::Function &function) {
  // An arena slot that no buffer lies in is never needed, so a slot count from
  // a damaged plan cannot make the executor allocate.
  if (function.num_slots() > static_cast<uint32_t>(function.buffers_size()))
    return invalid("{} slots for {} buffers", function.num_slots(),
                   function.buffers_size());
  std::unordered_set<uint32_t> arguments;
  NameSet inputNames("input");
  for (int i = 0; i < function.buffers_size(); ++i) {
    const plan::Buffer &buffer = function.buffers(i);
    std::string where = fmt::format("buffer {} '{}'", i, buffer.name());
    FLEET_RETURN_IF_ERROR(checkBuffer(function, buffer).withContext(where));
    if (buffer.has_input()) {
      if (!arguments.insert(buffer.input().argument()).second)
        return invalid("{}: two buffers are input argument {}", where,
                       buffer.input().argument());
      FLEET_RETURN_IF_ERROR(inputNames.add(buffer.name()));
    }
  }
  // Arguments are numbered without holes, so an input list has a known length.
  for (uint32_t i = 0; i < arguments.size(); ++i)
    if (!arguments.count(i))
      return invalid("{} inputs, but none of them is argument {}",
                     arguments.size(), i);
  return Status();
}

Status PlanValidator::checkBuffer(const plan::Function &function,
                                  const plan::Buffer &buffer) {
  FLEET_RETURN_IF_ERROR(checkType(buffer.type()));
  switch (buffer.storage_case()) {
  case plan::Buffer::kInput: {
    int64_t bound = buffer.input().upper_bound();
    bool isIndex = buffer.type().dtype() == plan::I32 ||
                   buffer.type().dtype() == plan::I64;
    if (bound < 0 || (bound > 0 && !isIndex))
      return invalid("the upper bound {} for an input of type {}", bound,
                     spell(buffer.type()));
    return Status();
  }
  case plan::Buffer::kState:
    if (buffer.state().state() >= static_cast<uint32_t>(plan.states_size()))
      return invalid("state {}, the plan has {} states", buffer.state().state(),
                     plan.states_size());
    return checkStateType(buffer.state().state(), buffer.type());
  case plan::Buffer::kTemporary:
    if (buffer.temporary().slot() >= function.num_slots())
      return invalid("slot {}, the function has {} slots",
                     buffer.temporary().slot(), function.num_slots());
    return Status();
  case plan::Buffer::kConstant: {
    if (!isStatic(buffer.type()))
      return invalid("a constant of the dynamic type {}", spell(buffer.type()));
    auto bytes = static_cast<size_t>(*countBytes(buffer.type(), {}));
    size_t size = buffer.constant().data().size();
    if (size != bytes && size != dataTypeSize(buffer.type().dtype()))
      return invalid("{} bytes of data for a constant of type {} ({} bytes)",
                     size, spell(buffer.type()), bytes);
    return Status();
  }
  case plan::Buffer::kInBucket:
    return checkInBucket(buffer);
  case plan::Buffer::kExamples:
    if (!plan::Buffer::Examples::Kind_IsValid(buffer.examples().kind()))
      return invalid("kind {} of examples does not exist",
                     static_cast<int>(buffer.examples().kind()));
    if (!isStatic(buffer.type()) || *countElements(buffer.type(), {}) != 1 ||
        (buffer.type().dtype() != plan::F32 &&
         buffer.type().dtype() != plan::F64))
      return invalid("a number of examples of type {}, expected a scalar of "
                     "f32 or f64",
                     spell(buffer.type()));
    return Status();
  case plan::Buffer::STORAGE_NOT_SET:
    break;
  }
  return invalid("it has no storage");
}

Status PlanValidator::checkInBucket(const plan::Buffer &buffer) {
  const plan::Buffer::InBucket &place = buffer.in_bucket();
  if (place.bucket() >= static_cast<uint32_t>(plan.buckets_size()))
    return invalid("bucket {}, the plan has {} buckets", place.bucket(),
                   plan.buckets_size());
  const plan::Bucket &bucket = plan.buckets(static_cast<int>(place.bucket()));
  int64_t parts = 1;
  if (place.part_of() > static_cast<uint32_t>(plan.groups_size()))
    return invalid("part of group {}, the plan has {} groups", place.part_of(),
                   plan.groups_size());
  if (place.part_of() > 0)
    parts = plan.groups(static_cast<int>(place.part_of()) - 1).size();
  if (!isStatic(buffer.type()) || buffer.type().dtype() != bucket.dtype() ||
      place.offset() < 0 || place.offset() > bucket.elements() ||
      *countElements(buffer.type(), {}) >
          (bucket.elements() - place.offset()) / parts)
    return invalid("{} at element {} does not lie in bucket '{}' of {} "
                   "elements of {}",
                   spell(buffer.type()), place.offset(), bucket.name(),
                   bucket.elements(), dataTypeName(bucket.dtype()));
  return Status();
}

Status PlanValidator::checkStateType(uint32_t index,
                                     const plan::TensorType &type) {
  const plan::State &state = plan.states(static_cast<int>(index));
  if (!sameType(state.type(), type))
    return invalid("state '{}' has type {} here and {} in its declaration",
                   state.name(), spell(type), spell(state.type()));
  return Status();
}

Status PlanValidator::checkService() {
  if (plan.role() != plan::PSERVER)
    return plan.has_service() ? invalid("a service in the plan of a {}",
                                        plan::Role_Name(plan.role()))
                              : Status();
  if (!plan.has_service())
    return invalid("the plan of a parameter server without a service");
  const plan::Service &service = plan.service();
  if (service.server() >= static_cast<uint32_t>(plan.servers_size()))
    return invalid("service of server {}, the job has {} servers",
                   service.server(), plan.servers_size());
  const plan::Server &server = plan.servers(static_cast<int>(service.server()));
  if (service.handlers_size() != server.blocks_size())
    return invalid("{} handlers for the {} blocks of server {}",
                   service.handlers_size(), server.blocks_size(),
                   service.server());
  std::unordered_set<uint32_t> blocks, states;
  for (int i = 0; i < service.handlers_size(); ++i) {
    const plan::Service::Handler &handler = service.handlers(i);
    std::string where = fmt::format("handler {}", i);
    FLEET_RETURN_IF_ERROR(checkHandler(handler, server).withContext(where));
    if (!blocks.insert(handler.block()).second)
      return invalid("{}: block {} has two handlers", where, handler.block());
    if (!states.insert(handler.state()).second)
      return invalid("{}: state {} is served twice", where, handler.state());
  }
  return Status();
}

Status PlanValidator::checkHandler(const plan::Service::Handler &handler,
                                   const plan::Server &server) {
  if (handler.block() >= static_cast<uint32_t>(server.blocks_size()))
    return invalid("block {}, the server has {} blocks", handler.block(),
                   server.blocks_size());
  if (handler.state() >= static_cast<uint32_t>(plan.states_size()))
    return invalid("state {}, the plan has {} states", handler.state(),
                   plan.states_size());
  if (handler.function() >= static_cast<uint32_t>(plan.functions_size()))
    return invalid("function {}, the plan has {} functions", handler.function(),
                   plan.functions_size());
  const plan::Block &block = server.blocks(static_cast<int>(handler.block()));
  FLEET_RETURN_IF_ERROR(
      checkStateType(handler.state(), block.type())
          .withContext(fmt::format("block '{}'", block.name())));
  const plan::Function &function =
      plan.functions(static_cast<int>(handler.function()));
  if (handler.part() != 0)
    return checkPart(handler, block, function);
  int inputs = 0;
  for (const plan::Buffer &buffer : function.buffers()) {
    if (!buffer.has_input())
      continue;
    ++inputs;
    if (!sameType(buffer.type(), block.type()))
      return invalid("function '{}' takes {}, block '{}' is {}",
                     function.name(), spell(buffer.type()), block.name(),
                     spell(block.type()));
  }
  if (inputs == 2 &&
      (plan.sync_mode() == plan::SYNC || plan.sync_mode() == plan::GEO))
    return invalid("function '{}' compensates for delay, but in mode {} no "
                   "gradient is late",
                   function.name(), plan::SyncMode_Name(plan.sync_mode()));
  if (inputs != 1 && inputs != 2)
    return invalid("function '{}' has {} inputs, an update has one or two: the "
                   "merged gradient, and the parameter that it is of",
                   function.name(), inputs);
  return Status();
}

/// A handler whose update waits for a sum of parts.
Status PlanValidator::checkPart(const plan::Service::Handler &handler,
                                const plan::Block &block,
                                const plan::Function &update) {
  if (plan.sync_mode() != plan::SYNC)
    return invalid("block '{}' has a part of a sum, on which trainers agree in "
                   "mode SYNC only; this plan has {}",
                   block.name(), plan::SyncMode_Name(plan.sync_mode()));
  if (handler.part() > static_cast<uint32_t>(plan.functions_size()))
    return invalid("function {}, the plan has {} functions", handler.part() - 1,
                   plan.functions_size());
  const plan::Function &part =
      plan.functions(static_cast<int>(handler.part() - 1));
  plan::TensorType scalar;
  scalar.set_dtype(block.type().dtype());
  auto takes = [](const plan::Function &function,
                  std::vector<const plan::TensorType *> types) {
    for (const plan::Buffer &buffer : function.buffers())
      if (buffer.has_input()) {
        uint32_t argument = buffer.input().argument();
        if (argument >= types.size() || !types[argument] ||
            !sameType(buffer.type(), *types[argument]))
          return false;
        types[argument] = nullptr;
      }
    return std::all_of(types.begin(), types.end(),
                       [](const plan::TensorType *type) { return !type; });
  };
  if (!takes(part, {&block.type()}) || part.outputs_size() != 1 ||
      part.outputs(0).buffer() >= static_cast<uint32_t>(part.buffers_size()) ||
      !sameType(part.buffers(static_cast<int>(part.outputs(0).buffer())).type(),
                scalar))
    return invalid("function '{}' is no function from block '{}' ({}) to its "
                   "part of a sum ({})",
                   part.name(), block.name(), spell(block.type()),
                   spell(scalar));
  if (!takes(update, {&block.type(), &scalar}))
    return invalid("function '{}' does not take block '{}' ({}) and a sum ({})",
                   update.name(), block.name(), spell(block.type()),
                   spell(scalar));
  return Status();
}

Status PlanValidator::checkStates() {
  NameSet names("state");
  for (int i = 0; i < plan.states_size(); ++i) {
    FLEET_RETURN_IF_ERROR(names.add(plan.states(i).name()));
    FLEET_RETURN_IF_ERROR(checkState(i).withContext(
        fmt::format("state '{}'", plan.states(i).name())));
  }
  return Status();
}

/// It must be a part of its flattened origin.
Status PlanValidator::checkShard(const plan::State &state) {
  plan::TensorType origin;
  origin.set_dtype(state.type().dtype());
  for (int64_t extent : state.origin_shape())
    origin.add_dims()->set_extent(extent);
  std::optional<int64_t> elements = countElements(origin, {});
  if (!elements)
    return invalid("shape {} of its origin is not possible", spell(origin));
  if (plan.mode() != plan::COLLECTIVE || state.shards() != plan.trainers())
    return invalid("one of {} parts, the job has {} trainers", state.shards(),
                   plan.trainers());
  if (state.type().dims_size() != 1 || state.row_offset() != 0 ||
      state.type().dims(0).extent() !=
          (*elements + state.shards() - 1) / state.shards())
    return invalid("type {} is none of {} equal parts of its origin {}",
                   spell(state.type()), state.shards(), spell(origin));
  if (!state.initializer().has_constant())
    return invalid("a part of a tensor needs a constant initial value");
  return validateInitializer(state.initializer(), state.type().dtype());
}

Status PlanValidator::checkState(int index) {
  const plan::State &state = plan.states(index);
  const plan::TensorType &type = state.type();
  FLEET_RETURN_IF_ERROR(checkType(type));
  if (!isStatic(type))
    return invalid("type {} is not static", spell(type));
  if (state.origin().empty())
    return invalid("it has no origin");
  if (state.state_of().empty() != state.slot().empty())
    return invalid("state_of and slot must be given together");

  if (state.shards() > 0)
    return checkShard(state);
  // It must be whole rows of its origin.
  if (state.origin_shape_size() != type.dims_size())
    return invalid("type {} has {} dimensions, its origin '{}' has {}",
                   spell(type), type.dims_size(), state.origin(),
                   state.origin_shape_size());
  plan::TensorType origin;
  origin.set_dtype(type.dtype());
  for (int64_t extent : state.origin_shape())
    origin.add_dims()->set_extent(extent);
  if (!countElements(origin, {}))
    return invalid("shape {} of its origin is not possible", spell(origin));
  if (type.dims_size() == 0) {
    if (state.row_offset() != 0)
      return invalid("row offset {} of a scalar", state.row_offset());
  } else {
    int64_t rows = origin.dims(0).extent();
    int64_t mine = type.dims(0).extent();
    if (state.row_offset() < 0 || state.row_offset() > rows ||
        mine > rows - state.row_offset())
      return invalid("rows {}..{} do not lie in its origin '{}' of {} rows",
                     state.row_offset(), state.row_offset() + mine,
                     state.origin(), rows);
    for (int i = 1; i < type.dims_size(); ++i)
      if (type.dims(i).extent() != origin.dims(i).extent())
        return invalid("type {} is not rows of its origin {}", spell(type),
                       spell(origin));
  }

  return validateInitializer(state.initializer(), type.dtype());
}

} // namespace

Status fleet::validatePlan(const Plan &plan) {
  return PlanValidator(plan).run();
}

Status fleet::validateInitializer(const plan::Initializer &init,
                                  plan::DataType dtype) {
  bool isFloat = dtype == plan::F32 || dtype == plan::F64;
  switch (init.kind_case()) {
  case plan::Initializer::kConstant:
    if (!std::isfinite(init.constant().value()))
      return invalid("its initial value is not finite");
    return Status();
  case plan::Initializer::kUniform:
    if (!isFloat)
      return invalid("a random initializer for {}", dataTypeName(dtype));
    if (!std::isfinite(init.uniform().low()) ||
        !std::isfinite(init.uniform().high()) ||
        init.uniform().low() > init.uniform().high())
      return invalid("uniform initializer from {} to {}", init.uniform().low(),
                     init.uniform().high());
    return Status();
  case plan::Initializer::kNormal:
    if (!isFloat)
      return invalid("a random initializer for {}", dataTypeName(dtype));
    if (!std::isfinite(init.normal().mean()) ||
        !std::isfinite(init.normal().stddev()) || init.normal().stddev() < 0)
      return invalid("normal initializer with mean {} and standard deviation "
                     "{}",
                     init.normal().mean(), init.normal().stddev());
    return Status();
  case plan::Initializer::KIND_NOT_SET:
    break;
  }
  return invalid("it has no initializer");
}

Status fleet::validateSyncMode(plan::SyncMode mode) {
  if (plan::SyncMode_IsValid(mode) && mode != plan::SYNC_MODE_UNSPECIFIED)
    return Status();
  return invalid("sync mode {} is none of SYNC, HALF_ASYNC, ASYNC and GEO",
                 static_cast<int>(mode));
}

Status fleet::validateEndpoint(const std::string &endpoint) {
  size_t colon = endpoint.rfind(':');
  bool good = colon != std::string::npos && colon > 0 &&
              endpoint.size() - colon - 1 >= 1 &&
              endpoint.size() - colon - 1 <= 5;
  int port = 0;
  for (size_t i = colon + 1; good && i < endpoint.size(); ++i) {
    good = endpoint[i] >= '0' && endpoint[i] <= '9';
    port = port * 10 + (endpoint[i] - '0');
  }
  for (char c : endpoint)
    good = good && c > ' ' && c != 0x7f && c != ',';
  if (!good || port < 1 || port > 65535)
    return invalid("endpoint '{}' is not HOST:PORT with a port from 1 to 65535",
                   endpoint);
  return Status();
}
