//===- Program.cpp - A plan with its memory -------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Program.h"

#include "runtime/base/Random.h"
#include "runtime/executor/ArenaLayout.h"
#include "runtime/executor/StepBuilder.h"
#include "runtime/plan/TensorTypes.h"

#include <cstring>

using namespace fleet;

StatusOr<std::unique_ptr<Program>> Program::create(PlanPtr plan,
                                                   ProgramOptions options) {
  std::unique_ptr<Program> program(new Program(std::move(plan), options));
  const LoadedPlan &loaded = program->plan();
  FLEET_ASSIGN_OR_RETURN(program->library,
                         KernelLibrary::load(loaded.proto, loaded.path));
  FLEET_RETURN_IF_ERROR(program->allocateStates().withContext(loaded.path));
  FLEET_RETURN_IF_ERROR(program->initializeStates().withContext(loaded.path));
  FLEET_RETURN_IF_ERROR(program->allocateConstants().withContext(loaded.path));
  auto tables = ProgramTables::create(*program, options.seed);
  if (!tables.ok())
    return tables.status().withContext(loaded.path);
  program->rowTables = std::move(*tables);
  FLEET_RETURN_IF_ERROR(program->joinGroups().withContext(loaded.path));
  FLEET_RETURN_IF_ERROR(program->allocateBuckets().withContext(loaded.path));
  return program;
}

Status Program::allocateStates() {
  ArenaLayout layout;
  for (const plan::State &state : loaded->proto.states()) {
    int64_t bytes = *countBytes(state.type(), {}); // checked by the loader
    offsets.push_back(layout.add(bytes));
    sizes.push_back(static_cast<size_t>(bytes));
    if (layout.size() > kMaxTensorBytes)
      return makeError(StatusCode::InvalidArgument,
                       "parameters and optimizer state have more than {} bytes",
                       kMaxTensorBytes);
  }
  FLEET_ASSIGN_OR_RETURN(
      arena, AlignedBuffer::allocate(static_cast<size_t>(layout.size()),
                                     "memory for parameters"));
  return Status();
}

Status Program::initializeStates() {
  for (int i = 0; i < loaded->proto.states_size(); ++i) {
    const plan::State &state = loaded->proto.states(i);
    int64_t count = *countElements(state.type(), {});
    int64_t rowElements = 1;
    for (int d = 1; d < state.type().dims_size(); ++d)
      rowElements *= state.type().dims(d).extent();
    FLEET_RETURN_IF_ERROR(fillInitial(state.initializer(), state.type().dtype(),
                                      options.seed, state.origin(),
                                      state.row_offset() * rowElements, count,
                                      stateData(static_cast<uint32_t>(i))));
  }
  return Status();
}

Status Program::allocateConstants() {
  ArenaLayout layout;
  for (const plan::Function &function : loaded->proto.functions()) {
    std::vector<int64_t> &row = constantOffsets.emplace_back();
    for (const plan::Buffer &buffer : function.buffers())
      row.push_back(buffer.has_constant()
                        ? layout.add(*countBytes(buffer.type(), {}))
                        : 0);
  }
  FLEET_ASSIGN_OR_RETURN(
      constantArena, AlignedBuffer::allocate(static_cast<size_t>(layout.size()),
                                             "memory for constants"));
  for (int f = 0; f < loaded->proto.functions_size(); ++f) {
    const plan::Function &function = loaded->proto.functions(f);
    for (int b = 0; b < function.buffers_size(); ++b) {
      const plan::Buffer &buffer = function.buffers(b);
      if (!buffer.has_constant())
        continue;
      std::byte *to =
          constantArena.data() +
          constantOffsets[static_cast<size_t>(f)][static_cast<size_t>(b)];
      const std::string &data = buffer.constant().data();
      // One element may stand for all.
      auto bytes = static_cast<size_t>(*countBytes(buffer.type(), {}));
      for (size_t i = 0; i < bytes; i += data.size())
        std::memcpy(to + i, data.data(), data.size());
    }
  }
  return Status();
}

/// All ranks split the groups of the plan off the first one, in their order.
Status Program::joinGroups() {
  if (!options.collective)
    return Status();
  groups.push_back(options.collective);
  uint32_t rank = options.collective->rank();
  for (int i = 1; i < loaded->proto.groups_size(); ++i) {
    const plan::Group &group = loaded->proto.groups(i);
    if (group.stride() == 0) {
      groups.push_back(options.collective);
      continue;
    }
    // Ranks in blocks of size * stride; in each, every stride-th is in one.
    uint32_t block = rank / (group.size() * group.stride());
    uint32_t colour = block * group.stride() + rank % group.stride();
    FLEET_ASSIGN_OR_RETURN(std::unique_ptr<Collective> part,
                           options.collective->split(colour, rank));
    if (part->size() != group.size())
      return makeError(StatusCode::Internal,
                       "group '{}' has {} members, expected {}", group.name(),
                       part->size(), group.size());
    groups.push_back(part.get());
    splitGroups.push_back(std::move(part));
  }
  return Status();
}

Status Program::allocateBuckets() {
  for (const plan::Bucket &bucket : loaded->proto.buckets()) {
    if (!options.collective)
      return makeError(StatusCode::InvalidArgument,
                       "the program is one of a collective job, it cannot run "
                       "without the other trainers");
    FLEET_ASSIGN_OR_RETURN(
        void *memory,
        options.collective->allocate(static_cast<size_t>(bucket.elements()) *
                                     dataTypeSize(bucket.dtype())));
    buckets.push_back(memory);
  }
  return Status();
}

StatusOr<Step *> Program::instantiate(std::string_view function,
                                      int64_t batch) {
  std::optional<uint32_t> index = loaded->findFunction(function);
  if (!index)
    return makeError(StatusCode::NotFound, "{}: no function '{}'", loaded->path,
                     function);
  return instantiate(*index, batch);
}

StatusOr<Step *> Program::instantiate(uint32_t function, int64_t batch) {
  std::unique_ptr<Step> &step = steps[{function, batch}];
  if (!step) {
    FLEET_ASSIGN_OR_RETURN(step, StepBuilder(*this, function).build(batch));
  }
  return step.get();
}
