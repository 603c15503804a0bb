//===- StepCollectives.cpp - What a step does with other trainers ---------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Step.h"
#include "runtime/executor/StepBuilder.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>

using namespace fleet;

Status Step::collect(const Operation &op) {
  Call &call = calls[op.call];
  Status status;
  if (op.kind == Kind::CollectiveWait) {
    status = collective->wait(call.ticket);
  } else {
    StatusOr<Collective::Ticket> ticket = collective->start(call.call);
    if (!ticket.ok())
      return failure(op, ticket.status());
    call.ticket = *ticket;
    if (op.kind != Kind::AllReduceStart)
      status = collective->wait(call.ticket);
  }
  return status.ok() ? status : failure(op, status);
}

void Step::countExamples(const StepArguments &arguments) {
  auto own = static_cast<double>(arguments.ownExamples);
  auto all = static_cast<double>(arguments.allExamples);
  // Nobody has a share in nothing; where one is asked for, there are examples.
  double share = arguments.allExamples > 0 ? own / all : 0;
  auto store = [&](plan::Buffer::Examples::Kind kind, double value) {
    *reinterpret_cast<float *>(examples.data() +
                               exampleOffset(kind, plan::F32)) =
        static_cast<float>(value);
    *reinterpret_cast<double *>(examples.data() +
                                exampleOffset(kind, plan::F64)) = value;
  };
  store(plan::Buffer::Examples::SHARE, share);
  store(plan::Buffer::Examples::OWN, own);
  store(plan::Buffer::Examples::ALL, all);
}

Status StepBuilder::addCollective(const plan::Instruction &instruction) {
  const plan::Plan &plan = program.plan().proto;
  step->collective = program.options.collective;
  if (!step->collective)
    return makeError(StatusCode::Internal, "no connection to other trainers");
  if (instruction.has_collective_wait()) {
    // The loader has seen its start.
    append(Step::Kind::CollectiveWait).call =
        started[instruction.collective_wait().bucket()];
    return Status();
  }
  CollectiveCall call;
  Step::Kind kind = Step::Kind::Connect;
  call.kind = CollectiveCall::Kind::Barrier;
  if (instruction.has_all_reduce_start()) {
    uint32_t index = instruction.all_reduce_start().bucket();
    const plan::Bucket &bucket = plan.buckets(static_cast<int>(index));
    kind = Step::Kind::AllReduceStart;
    call.kind = CollectiveCall::Kind::AllReduce;
    call.dtype = bucket.dtype();
    call.count = static_cast<size_t>(bucket.elements());
    call.in = call.out = program.buckets[index];
    started[index] = static_cast<uint32_t>(step->calls.size());
  } else if (instruction.has_broadcast()) {
    const plan::Buffer &buffer =
        function.buffers(static_cast<int>(instruction.broadcast().buffer()));
    kind = Step::Kind::Broadcast;
    call.kind = CollectiveCall::Kind::Broadcast;
    call.dtype = buffer.type().dtype();
    // A state, whose type is static.
    call.count = static_cast<size_t>(*countElements(buffer.type(), {}));
    call.in = call.out = program.stateData(buffer.state().state());
    call.root = instruction.broadcast().root();
  }
  append(kind).call = static_cast<uint32_t>(step->calls.size());
  step->calls.push_back({call, 0});
  return Status();
}

Status StepBuilder::allocateExamples() {
  bool asks = std::any_of(
      function.buffers().begin(), function.buffers().end(),
      [](const plan::Buffer &buffer) { return buffer.has_examples(); });
  if (!asks)
    return Status();
  FLEET_ASSIGN_OR_RETURN(
      step->examples,
      AlignedBuffer::allocate(
          Step::exampleOffset(plan::Buffer::Examples::Kind_ARRAYSIZE,
                              plan::F32),
          "numbers of examples"));
  return Status();
}

/// Follows what depends on the rows of the batch from the inputs on. A sum over
/// all trainers does not: it is there for a trainer without rows as well.
void StepBuilder::markOfBatch() {
  std::vector<bool> ofBatch;
  for (const plan::Buffer &buffer : function.buffers())
    ofBatch.push_back(
        buffer.has_input() || !isStatic(buffer.type()) ||
        (buffer.has_examples() &&
         buffer.examples().kind() != plan::Buffer::Examples::ALL));
  auto writes = [&](uint32_t buffer) {
    // A state keeps its value where nothing is written.
    if (!function.buffers(static_cast<int>(buffer)).has_state())
      ofBatch[buffer] = true;
  };
  for (int i = 0; i < function.instructions_size(); ++i) {
    const plan::Instruction &instruction = function.instructions(i);
    bool &depends = step->operations[static_cast<size_t>(i)].ofBatch;
    if (instruction.has_launch()) {
      const plan::Launch &launch = instruction.launch();
      int inputs =
          launch.buffers_size() - static_cast<int>(launch.num_outputs());
      for (int b = 0; b < inputs; ++b)
        depends |= ofBatch[launch.buffers(b)];
      depends |= launch.rows().kind_case() == plan::Dim::kSymbol;
      if (!depends)
        continue;
      for (int b = inputs; b < launch.buffers_size(); ++b)
        writes(launch.buffers(b));
      for (uint32_t b : launch.inplace())
        writes(launch.buffers(static_cast<int>(b)));
    } else if (instruction.has_matmul()) {
      const plan::MatMul &matmul = instruction.matmul();
      depends = ofBatch[matmul.a()] || ofBatch[matmul.b()];
      if (depends)
        writes(matmul.out());
    } else if (instruction.has_copy()) {
      depends = ofBatch[instruction.copy().from()];
      if (depends)
        writes(instruction.copy().to());
    } else if (instruction.has_collective_wait()) {
      for (int b = 0; b < function.buffers_size(); ++b)
        if (function.buffers(b).has_in_bucket() &&
            function.buffers(b).in_bucket().bucket() ==
                instruction.collective_wait().bucket())
          ofBatch[static_cast<size_t>(b)] = false;
    }
  }
}
