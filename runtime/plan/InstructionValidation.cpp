//===- InstructionValidation.cpp - The instructions of a function ---------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/InstructionValidator.h"

#include <unordered_set>

using namespace fleet;
using fleet::plan::Instruction;

/// Each step that is under way has gradients of its own.
static constexpr uint32_t kMaxQueue = 4096;

Status InstructionValidator::check(const Instruction &instruction) {
  if (instruction.location() != 0 &&
      instruction.location() >= static_cast<uint32_t>(plan.locations_size()))
    return invalid("location {}, the plan has {} locations",
                   instruction.location(), plan.locations_size());
  bool exchanges = instruction.kind_case() >= Instruction::kSend &&
                   instruction.kind_case() <= Instruction::kFetchLatest;
  if ((exchanges || instruction.has_agree()) && plan.mode() == plan::COLLECTIVE)
    return invalid("a collective job has no servers to exchange with");
  if ((exchanges || instruction.has_agree()) && plan.role() != plan::TRAINER)
    return invalid("only a trainer exchanges parameters, this plan's role is "
                   "{}",
                   plan::Role_Name(plan.role()));
  if ((instruction.has_pull_rows() || instruction.has_push_rows()) &&
      plan.role() == plan::PSERVER)
    return invalid("a server looks no rows up, it has them");
  if (instruction.has_push_rows() && plan.mode() == plan::COLLECTIVE)
    return invalid("a collective job has no servers to push rows to; trainers "
                   "merge them");
  switch (instruction.kind_case()) {
  case Instruction::kLaunch:
    return checkLaunch(instruction.launch());
  case Instruction::kMatmul:
    return checkMatMul(instruction.matmul());
  case Instruction::kCopy:
    return checkCopy(instruction.copy());
  case Instruction::kSend: {
    const plan::Send &send = instruction.send();
    FLEET_RETURN_IF_ERROR(
        checkBlock(send.server(), send.block(), send.buffer(), send.row()));
    if (!sent.insert({send.server(), send.block()}).second)
      return invalid("block {} of server {} is sent twice before a barrier",
                     send.block(), send.server());
    return Status();
  }
  case Instruction::kRecv: {
    const plan::Recv &recv = instruction.recv();
    FLEET_RETURN_IF_ERROR(
        checkBlock(recv.server(), recv.block(), recv.buffer(), recv.row()));
    FLEET_RETURN_IF_ERROR(checkWritable(recv.buffer()));
    destinations.push_back(recv.buffer());
    if (!received.insert({recv.server(), recv.block()}).second)
      return invalid("block {} of server {} is received twice before a barrier",
                     recv.block(), recv.server());
    return Status();
  }
  case Instruction::kSendBarrier:
    return checkSendBarrier();
  case Instruction::kAgree:
    return checkAgree(instruction.agree());
  case Instruction::kFetchBarrier:
    isSent = false;
    agreed.clear();
    received.clear();
    destinations.clear();
    return Status();
  case Instruction::kSubmit:
    FLEET_RETURN_IF_ERROR(checkAsync());
    if (instruction.submit().queue() < 1 || instruction.submit().merge() < 1 ||
        instruction.submit().queue() > kMaxQueue)
      return invalid("a queue of {} steps that merges {}, expected 1 to {} and "
                     "at least 1",
                     instruction.submit().queue(), instruction.submit().merge(),
                     kMaxQueue);
    return checkSendBarrier();
  case Instruction::kFetchLatest:
    FLEET_RETURN_IF_ERROR(checkAsync());
    return checkFetchLatest();
  case Instruction::kPullRows:
    return checkPullRows(instruction.pull_rows());
  case Instruction::kPushRows:
    return checkPushRows(instruction.push_rows());
  case Instruction::kAllReduceStart:
  case Instruction::kReduceScatterStart:
  case Instruction::kAllGatherStart:
  case Instruction::kCopyPart:
  case Instruction::kCollectiveWait:
  case Instruction::kBroadcast:
  case Instruction::kConnect:
  case Instruction::kBroadcastRows:
    return checkCollective(instruction);
  case Instruction::kMergeRows:
    return checkMergeRows(instruction.merge_rows());
  case Instruction::kRowsPart:
    return checkRowsPart(instruction.rows_part());
  case Instruction::kUpdateRows:
    return checkUpdateRows(instruction.update_rows());
  case Instruction::KIND_NOT_SET:
    break;
  }
  return invalid("it is no instruction that this program knows");
}

Status InstructionValidator::checkLaunch(const plan::Launch &launch) {
  if (launch.kernel() >= static_cast<uint32_t>(plan.kernels_size()))
    return invalid("kernel {}, the plan has {} kernels", launch.kernel(),
                   plan.kernels_size());
  const plan::Kernel &kernel = plan.kernels(static_cast<int>(launch.kernel()));
  if (static_cast<uint32_t>(launch.buffers_size()) != kernel.num_operands())
    return invalid("{} buffers for kernel '{}', which has {} operands",
                   launch.buffers_size(), kernel.symbol(),
                   kernel.num_operands());
  for (uint32_t buffer : launch.buffers())
    FLEET_RETURN_IF_ERROR(checkIndex(buffer));
  if (launch.num_outputs() > static_cast<uint32_t>(launch.buffers_size()))
    return invalid("{} outputs among {} buffers", launch.num_outputs(),
                   launch.buffers_size());
  for (uint32_t position : launch.inplace())
    if (position >= launch.buffers_size() - launch.num_outputs())
      return invalid("it overwrites input {}, but has {}", position,
                     launch.buffers_size() - launch.num_outputs());
  const plan::Dim &rows = launch.rows();
  switch (rows.kind_case()) {
  case plan::Dim::kExtent:
    if (rows.extent() < 0)
      return invalid("{} rows", rows.extent());
    return Status();
  case plan::Dim::kSymbol:
    if (rows.symbol() >= static_cast<uint32_t>(plan.symbols_size()))
      return invalid("its rows are symbol {}, the plan has {} symbols",
                     rows.symbol(), plan.symbols_size());
    return Status();
  case plan::Dim::KIND_NOT_SET:
    break;
  }
  return invalid("a launch without rows");
}

Status InstructionValidator::checkMatMul(const plan::MatMul &matmul) {
  for (uint32_t buffer : {matmul.a(), matmul.b(), matmul.out()})
    FLEET_RETURN_IF_ERROR(checkIndex(buffer));
  FLEET_RETURN_IF_ERROR(checkWritable(matmul.out()));
  const plan::TensorType &a = get(matmul.a()).type();
  const plan::TensorType &b = get(matmul.b()).type();
  const plan::TensorType &out = get(matmul.out()).type();
  auto describe = [&] {
    return fmt::format(
        "matmul of {}{} and {}{} into {}", spell(matmul.a()),
        matmul.transpose_a() ? " transposed" : "", spell(matmul.b()),
        matmul.transpose_b() ? " transposed" : "", spell(matmul.out()));
  };
  if ((a.dtype() != plan::F32 && a.dtype() != plan::F64) ||
      b.dtype() != a.dtype() || out.dtype() != a.dtype())
    return invalid("{}: all must be f32, or all f64", describe());
  if (a.dims_size() != 2 || b.dims_size() != 2 || out.dims_size() != 2)
    return invalid("{}: all must have two dimensions", describe());
  const plan::Dim &m = a.dims(matmul.transpose_a() ? 1 : 0);
  const plan::Dim &ka = a.dims(matmul.transpose_a() ? 0 : 1);
  const plan::Dim &kb = b.dims(matmul.transpose_b() ? 1 : 0);
  const plan::Dim &n = b.dims(matmul.transpose_b() ? 0 : 1);
  if (!sameDim(ka, kb) || !sameDim(m, out.dims(0)) || !sameDim(n, out.dims(1)))
    return invalid("{}: the shapes do not fit", describe());
  // A product cannot be formed in place, and libraries do not say so.
  auto overlaps = [&](uint32_t input) {
    const plan::Buffer &from = get(input), &to = get(matmul.out());
    return input == matmul.out() ||
           (from.has_temporary() && to.has_temporary() &&
            from.temporary().slot() == to.temporary().slot()) ||
           (from.has_state() && to.has_state() &&
            from.state().state() == to.state().state());
  };
  if (overlaps(matmul.a()) || overlaps(matmul.b()))
    return invalid("{}: the result lies over an operand", describe());
  return Status();
}

Status InstructionValidator::checkCopy(const plan::Copy &copy) {
  FLEET_RETURN_IF_ERROR(checkIndex(copy.from()));
  FLEET_RETURN_IF_ERROR(checkIndex(copy.to()));
  FLEET_RETURN_IF_ERROR(checkWritable(copy.to()));
  if (!isRowsOf(get(copy.from()).type(), get(copy.to()).type(), copy.row()))
    return invalid("copy of {} to {} from row {} on, where it does not fit",
                   spell(copy.from()), spell(copy.to()), copy.row());
  return Status();
}

StatusOr<const plan::Block *>
InstructionValidator::findBlock(uint32_t server, uint32_t block) const {
  if (server >= static_cast<uint32_t>(plan.servers_size()))
    return invalid("server {}, the job has {} servers", server,
                   plan.servers_size());
  const plan::Server &peer = plan.servers(static_cast<int>(server));
  if (block >= static_cast<uint32_t>(peer.blocks_size()))
    return invalid("block {}, server {} has {} blocks", block, server,
                   peer.blocks_size());
  return &peer.blocks(static_cast<int>(block));
}

Status InstructionValidator::checkBlock(uint32_t server, uint32_t block,
                                        uint32_t buffer, int64_t row) {
  FLEET_RETURN_IF_ERROR(checkIndex(buffer));
  FLEET_ASSIGN_OR_RETURN(const plan::Block *found, findBlock(server, block));
  const plan::Block &declared = *found;
  if (!isRowsOf(declared.type(), get(buffer).type(), row))
    return invalid(
        "buffer {}{} for block '{}' of server {}, which is {}", spell(buffer),
        row == 0 ? "" : fmt::format(" from row {} on", row), declared.name(),
        server, formatType(declared.type(), plan.symbols()));
  return Status();
}

Status InstructionValidator::checkSendBarrier() {
  // A server gets all of its blocks in one message, so there is no message for
  // some of them.
  for (int i = 0; i < plan.servers_size(); ++i)
    for (int block = 0; block < plan.servers(i).blocks_size(); ++block)
      if (!sent.count({static_cast<uint32_t>(i), static_cast<uint32_t>(block)}))
        return invalid("block '{}' of server {} was not sent before this "
                       "barrier",
                       plan.servers(i).blocks(block).name(), i);
  sent.clear();
  pushed.clear();
  isSent = true;
  return Status();
}

Status InstructionValidator::checkAgree(const plan::Agree &agree) {
  if (plan.sync_mode() != plan::SYNC)
    return invalid("trainers agree in mode SYNC only, this plan has {}",
                   plan::SyncMode_Name(plan.sync_mode()));
  if (!isSent)
    return invalid("trainers agree on what was sent, but no send barrier comes "
                   "before");
  if (agree.parts().empty())
    return invalid("trainers agree on a sum of nothing");
  const plan::Block *first = nullptr;
  for (const plan::Agree::Part &part : agree.parts()) {
    FLEET_ASSIGN_OR_RETURN(const plan::Block *block,
                           findBlock(part.server(), part.block()));
    if (!agreed.insert({part.server(), part.block()}).second)
      return invalid("block '{}' of server {} is added twice", block->name(),
                     part.server());
    if (!first)
      first = block;
    if (block->type().dtype() != first->type().dtype() ||
        (block->type().dtype() != plan::F32 &&
         block->type().dtype() != plan::F64))
      return invalid("blocks '{}' ({}) and '{}' ({}) are added; all must be "
                     "f32, or all f64",
                     first->name(), formatType(first->type(), plan.symbols()),
                     block->name(), formatType(block->type(), plan.symbols()));
  }
  return Status();
}

Status InstructionValidator::checkFetchLatest() {
  for (uint32_t buffer : destinations)
    if (!get(buffer).has_state())
      return invalid("'{}' is no state, it would hold nothing where no block "
                     "has come",
                     get(buffer).name());
  received.clear();
  destinations.clear();
  return Status();
}

Status InstructionValidator::checkEnd() {
  if (!merged.empty())
    return invalid("it merges rows of table '{}', but does not update them",
                   plan.tables(static_cast<int>(*merged.begin())).name());
  if (!pushed.empty() && plan.role() == plan::TRAINER &&
      plan.mode() != plan::COLLECTIVE)
    return invalid("it pushes rows, but no send barrier follows");
  if (!sent.empty())
    return invalid("it sends blocks, but no send barrier follows");
  if (!received.empty())
    return invalid("it receives blocks, but no fetch barrier follows");
  if (!inFlight.empty())
    return invalid("nothing waits for the collective on bucket '{}'",
                   plan.buckets(static_cast<int>(inFlight.front())).name());
  return Status();
}

Status InstructionValidator::checkOutputs() {
  std::unordered_set<std::string> names;
  for (const plan::Output &output : function.outputs()) {
    if (output.name().empty())
      return invalid("an output has no name");
    if (!names.insert(output.name()).second)
      return invalid("two outputs are named '{}'", output.name());
    FLEET_RETURN_IF_ERROR(
        checkIndex(output.buffer())
            .withContext(fmt::format("output '{}'", output.name())));
    const plan::TensorType &type = get(output.buffer()).type();
    if (!isStatic(type) || countElements(type, {}) != 1)
      return invalid("output '{}' is {}, expected a scalar", output.name(),
                     spell(output.buffer()));
    if (type.dtype() == plan::F16 || type.dtype() == plan::BF16)
      return invalid("output '{}' is {}, expected f32, f64 or an integer",
                     output.name(), spell(output.buffer()));
  }
  return Status();
}

std::string fleet::describeInstruction(const plan::Plan &plan, int function,
                                       int instruction) {
  const plan::Function &owner = plan.functions(function);
  std::string text =
      fmt::format("function '{}', instruction {}", owner.name(), instruction);
  uint32_t location = owner.instructions(instruction).location();
  if (location < static_cast<uint32_t>(plan.locations_size()) &&
      !plan.locations(static_cast<int>(location)).empty())
    text += fmt::format(" ({})", plan.locations(static_cast<int>(location)));
  return text;
}

Status fleet::validateInstructions(const plan::Plan &plan, int index) {
  const plan::Function &function = plan.functions(index);
  InstructionValidator validator(plan, index);
  for (int i = 0; i < function.instructions_size(); ++i)
    if (Status status = validator.check(function.instructions(i)); !status.ok())
      return status.withContext(describeInstruction(plan, index, i));
  std::string where = fmt::format("function '{}'", function.name());
  FLEET_RETURN_IF_ERROR(validator.checkEnd().withContext(where));
  return validator.checkOutputs().withContext(where);
}
