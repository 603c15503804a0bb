//===- StepCollectives.cpp - What a step does with other trainers ---------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Step.h"
#include "runtime/executor/StepBuilder.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>
#include <optional>

using namespace fleet;

Status Step::collect(const Operation &op) {
  Calls &of = calls[op.call];
  if (op.kind != Kind::CollectiveWait)
    for (const CollectiveCall &call : of.list) {
      StatusOr<Collective::Ticket> ticket = of.group->start(call);
      if (!ticket.ok())
        return failure(op, ticket.status());
      of.last = *ticket;
    }
  bool isStart = op.kind == Kind::AllReduceStart || op.kind == Kind::PartsStart;
  // Calls complete in the order in which they were started.
  Status status = isStart ? Status() : of.group->wait(of.last);
  return status.ok() ? status : failure(op, status);
}

Status Step::collectRows(const Operation &op) {
  Status status;
  if (op.kind == Kind::MergeRows) {
    status = op.merge->run(op.operands);
  } else if (op.kind == Kind::UpdateRows) {
    // `count` is 1 where there is a sum.
    status = ownRows->pushRows(op.merge->rows(),
                               op.count ? op.operands[0] : nullptr);
  } else if (op.kind == Kind::RowsPart) {
    status = ownRows->part(op.merge->rows(), op.operands[0]);
  } else {
    const plan::BroadcastRows &call = *op.broadcast;
    status = broadcastRows(*ownRows->rows(call.table()), call.component(),
                           call.root(), *world);
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

/// Calls on a bucket.
Step::Calls &StepBuilder::addCalls(uint32_t index, uint32_t group) {
  const plan::Bucket &bucket =
      program.plan().proto.buckets(static_cast<int>(index));
  started[index] = static_cast<uint32_t>(step->calls.size());
  Step::Calls &calls = step->calls.emplace_back();
  calls.group = program.groups[group];
  calls.bucket = program.buckets[index];
  calls.bucketBytes =
      static_cast<size_t>(bucket.elements()) * dataTypeSize(bucket.dtype());
  return calls;
}

void StepBuilder::addParts(const plan::Parts &parts, bool gathers) {
  append(Step::Kind::PartsStart).call =
      static_cast<uint32_t>(step->calls.size());
  Step::Calls &calls = addCalls(parts.bucket(), parts.group());
  plan::DataType dtype =
      program.plan().proto.buckets(static_cast<int>(parts.bucket())).dtype();
  for (int i = 0; i < parts.offsets_size(); ++i) {
    size_t size = dataTypeSize(dtype);
    auto *whole = static_cast<std::byte *>(calls.bucket) +
                  static_cast<size_t>(parts.offsets(i)) * size;
    CollectiveCall call;
    call.kind = gathers ? CollectiveCall::Kind::AllGather
                        : CollectiveCall::Kind::ReduceScatter;
    call.dtype = dtype;
    call.count = static_cast<size_t>(parts.elements(i));
    std::byte *part = whole + calls.group->rank() * call.count * size;
    call.in = gathers ? part : whole;
    call.out = gathers ? whole : part;
    calls.list.push_back(call);
  }
}

void StepBuilder::addCopyPart(const plan::CopyPart &copy) {
  const plan::TensorType &to =
      function.buffers(static_cast<int>(copy.to())).type();
  // The loader counted both.
  int64_t whole = *countBytes(
      function.buffers(static_cast<int>(copy.from())).type(), step->symbols);
  int64_t part = *countBytes(to, step->symbols);
  int64_t begin = std::min(
      whole, part * static_cast<int64_t>(program.groups[copy.group()]->rank()));
  Step::Operation &op = append(Step::Kind::CopyPart);
  op.count = std::min(part, whole - begin);
  op.grain = part - op.count;
  appendOperand(copy.from());
  if (step->operands.back())
    step->operands.back() =
        static_cast<std::byte *>(step->operands.back()) + begin;
  else
    step->patches.back().offset += begin;
  appendOperand(copy.to());
}

Status StepBuilder::useCollective() {
  if (program.groups.empty())
    return makeError(StatusCode::Internal, "no connection to other trainers");
  step->world = program.groups.front();
  return Status();
}

Status StepBuilder::addCollective(const plan::Instruction &instruction) {
  FLEET_RETURN_IF_ERROR(useCollective());
  if (instruction.has_broadcast_rows()) {
    append(Step::Kind::BroadcastRows).broadcast = &instruction.broadcast_rows();
    return Status();
  }
  if (instruction.has_collective_wait()) {
    // The loader has seen its start.
    append(Step::Kind::CollectiveWait).call =
        started[instruction.collective_wait().bucket()];
    return Status();
  }
  if (instruction.has_reduce_scatter_start()) {
    addParts(instruction.reduce_scatter_start().parts(), /*gathers=*/false);
    return Status();
  }
  if (instruction.has_all_gather_start()) {
    addParts(instruction.all_gather_start().parts(), /*gathers=*/true);
    return Status();
  }
  const plan::Plan &plan = program.plan().proto;
  CollectiveCall call;
  if (instruction.has_all_reduce_start()) {
    const plan::AllReduceStart &start = instruction.all_reduce_start();
    const plan::Bucket &bucket = plan.buckets(static_cast<int>(start.bucket()));
    append(Step::Kind::AllReduceStart).call =
        static_cast<uint32_t>(step->calls.size());
    Step::Calls &calls = addCalls(start.bucket(), start.group());
    call.kind = CollectiveCall::Kind::AllReduce;
    call.dtype = bucket.dtype();
    call.count = static_cast<size_t>(bucket.elements());
    call.in = call.out = calls.bucket;
    calls.list.push_back(call);
    return Status();
  }
  Step::Kind kind = Step::Kind::Connect;
  uint32_t group = 0;
  call.kind = CollectiveCall::Kind::Barrier;
  if (instruction.has_broadcast()) {
    const plan::Buffer &buffer =
        function.buffers(static_cast<int>(instruction.broadcast().buffer()));
    kind = Step::Kind::Broadcast;
    group = instruction.broadcast().group();
    call.kind = CollectiveCall::Kind::Broadcast;
    call.dtype = buffer.type().dtype();
    // A state, whose type is static.
    call.count = static_cast<size_t>(*countElements(buffer.type(), {}));
    call.in = call.out = program.stateData(buffer.state().state());
    call.root = instruction.broadcast().root();
  } else {
    group = instruction.connect().group();
  }
  append(kind).call = static_cast<uint32_t>(step->calls.size());
  Step::Calls &calls = step->calls.emplace_back();
  calls.group = program.groups[group];
  calls.list.push_back(call);
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

/// The bucket on which `instruction` begins a call, if it does.
static std::optional<uint32_t>
bucketOfStart(const plan::Instruction &instruction) {
  if (instruction.has_all_reduce_start())
    return instruction.all_reduce_start().bucket();
  if (instruction.has_reduce_scatter_start())
    return instruction.reduce_scatter_start().parts().bucket();
  if (instruction.has_all_gather_start())
    return instruction.all_gather_start().parts().bucket();
  return std::nullopt;
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
    } else if (instruction.has_copy_part()) {
      depends = ofBatch[instruction.copy_part().from()];
      if (depends)
        writes(instruction.copy_part().to());
    } else if (std::optional<uint32_t> bucket = bucketOfStart(instruction)) {
      bool &adds = step->calls[started[*bucket]].addsOfBatch;
      for (int b = 0; b < function.buffers_size(); ++b)
        adds |= function.buffers(b).has_in_bucket() &&
                function.buffers(b).in_bucket().bucket() == *bucket &&
                ofBatch[static_cast<size_t>(b)];
    } else if (instruction.has_pull_rows()) {
      depends = true;
      for (const plan::PullRows::Item &item : instruction.pull_rows().items())
        writes(item.out());
    } else if (instruction.has_collective_wait()) {
      for (int b = 0; b < function.buffers_size(); ++b)
        if (function.buffers(b).has_in_bucket() &&
            function.buffers(b).in_bucket().bucket() ==
                instruction.collective_wait().bucket())
          ofBatch[static_cast<size_t>(b)] = false;
    }
  }
}
