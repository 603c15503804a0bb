//===- InstructionValidation.cpp - The instructions of a function ---------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanValidation.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

using namespace fleet;
using fleet::plan::Instruction;

namespace {

/// Each step that is under way has gradients of its own.
constexpr uint32_t kMaxQueue = 4096;

template <typename... Args>
Status invalid(fmt::format_string<Args...> format, Args &&...args) {
  return makeError(StatusCode::InvalidArgument, format,
                   std::forward<Args>(args)...);
}

class InstructionValidator {
public:
  InstructionValidator(const plan::Plan &plan, int index)
      : plan(plan), function(plan.functions(index)) {
    for (const plan::Table &table : plan.tables())
      updatesRows |= table.update() == static_cast<uint32_t>(index) + 1;
  }

  Status check(const Instruction &instruction);
  Status checkOutputs();
  /// What is left open at the end of the function.
  Status checkEnd();

private:
  Status checkCollective(const Instruction &instruction);
  Status checkGroup(uint32_t group) const;
  Status checkParts(const plan::Parts &parts);
  Status checkLaunch(const plan::Launch &launch);
  Status checkMatMul(const plan::MatMul &matmul);
  Status checkCopy(const plan::Copy &copy);
  StatusOr<const plan::Block *> findBlock(uint32_t server,
                                          uint32_t block) const;
  Status checkBlock(uint32_t server, uint32_t block, uint32_t buffer,
                    int64_t row);
  Status checkSendBarrier();
  Status checkAgree(const plan::Agree &agree);
  Status checkFetchLatest();
  Status checkPullRows(const plan::PullRows &pull);
  Status checkPushRows(const plan::PushRows &push);
  Status checkMergeRows(const plan::MergeRows &merge);
  Status checkRowsPart(const plan::RowsPart &part);
  Status checkUpdateRows(const plan::UpdateRows &update);
  Status checkScalar(const plan::Table &table, uint32_t buffer);
  Status checkBroadcastRows(const plan::BroadcastRows &broadcast);
  Status checkTable(uint32_t table) const;
  template <typename Item>
  Status checkRows(const plan::Table &table, const Item &item, uint32_t rows);
  Status checkAsync() const {
    if (plan.sync_mode() == plan::ASYNC && function.name() == "main")
      return Status();
    return invalid("only a step in mode ASYNC goes on without waiting");
  }

  bool has(uint32_t buffer) const {
    return buffer < static_cast<uint32_t>(function.buffers_size());
  }
  const plan::Buffer &get(uint32_t buffer) const {
    return function.buffers(static_cast<int>(buffer));
  }
  Status checkIndex(uint32_t buffer) const {
    if (!has(buffer))
      return invalid("buffer {}, the function has {} buffers", buffer,
                     function.buffers_size());
    if (get(buffer).has_in_bucket() &&
        std::count(inFlight.begin(), inFlight.end(),
                   get(buffer).in_bucket().bucket()) != 0)
      return invalid("it touches '{}', which lies in a bucket that a "
                     "collective works on",
                     get(buffer).name());
    return Status();
  }
  /// Inputs belong to the data, constants to the plan, counts to the runtime.
  /// An update of rows is given copies of rows, behind their gradients.
  Status checkWritable(uint32_t buffer) const {
    if (updatesRows && get(buffer).has_input() &&
        get(buffer).input().argument() > 0)
      return Status();
    if (get(buffer).has_input() || get(buffer).has_constant() ||
        get(buffer).has_examples())
      return invalid("it writes to '{}', which is {}", get(buffer).name(),
                     get(buffer).has_input()      ? "an input"
                     : get(buffer).has_constant() ? "a constant"
                                                  : "a number of examples");
    return Status();
  }
  std::string spell(uint32_t buffer) const {
    return fmt::format("'{}' ({})", get(buffer).name(),
                       formatType(get(buffer).type(), plan.symbols()));
  }

  const plan::Plan &plan;
  const plan::Function &function;
  std::set<std::pair<uint32_t, uint32_t>> sent, received;
  std::vector<uint32_t> destinations; ///< buffers of `received`
  std::set<uint32_t> pushed;          ///< tables
  std::set<uint32_t> merged;          ///< tables, not updated yet
  bool updatesRows = false;
  bool isSent = false; ///< a send barrier has been, no fetch barrier yet
  std::set<std::pair<uint32_t, uint32_t>> agreed; ///< since then
  std::deque<uint32_t> inFlight; ///< buckets, in the order of their starts
};

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

Status InstructionValidator::checkGroup(uint32_t group) const {
  if (group < static_cast<uint32_t>(plan.groups_size()))
    return Status();
  return invalid("group {}, the plan has {} groups", group, plan.groups_size());
}

/// Every call ends, in the order in which they begin.
Status InstructionValidator::checkCollective(const Instruction &instruction) {
  if (plan.mode() != plan::COLLECTIVE)
    return invalid("only a collective job calls collectives, this plan's mode "
                   "is {}",
                   plan::Mode_Name(plan.mode()));
  if (instruction.has_connect())
    return checkGroup(instruction.connect().group());
  if (instruction.has_broadcast_rows())
    return checkBroadcastRows(instruction.broadcast_rows());
  if (instruction.has_broadcast()) {
    const plan::Broadcast &broadcast = instruction.broadcast();
    FLEET_RETURN_IF_ERROR(checkGroup(broadcast.group()));
    FLEET_RETURN_IF_ERROR(checkIndex(broadcast.buffer()));
    if (!get(broadcast.buffer()).has_state())
      return invalid("it gives {} to all, which is no state",
                     spell(broadcast.buffer()));
    if (broadcast.root() >= plan.trainers())
      return invalid("it gives the state of rank {}, the job has {} trainers",
                     broadcast.root(), plan.trainers());
    return Status();
  }
  if (instruction.has_copy_part()) {
    const plan::CopyPart &copy = instruction.copy_part();
    FLEET_RETURN_IF_ERROR(checkGroup(copy.group()));
    FLEET_RETURN_IF_ERROR(checkIndex(copy.from()));
    FLEET_RETURN_IF_ERROR(checkIndex(copy.to()));
    FLEET_RETURN_IF_ERROR(checkWritable(copy.to()));
    const plan::TensorType &from = get(copy.from()).type();
    const plan::TensorType &to = get(copy.to()).type();
    int64_t members = plan.groups(static_cast<int>(copy.group())).size();
    if (!isStatic(from) || !isStatic(to) || from.dtype() != to.dtype() ||
        *countElements(to, {}) !=
            (*countElements(from, {}) + members - 1) / members)
      return invalid("{} is none of {} equal parts of {}", spell(copy.to()),
                     members, spell(copy.from()));
    return Status();
  }
  const plan::Parts *parts = instruction.has_reduce_scatter_start()
                                 ? &instruction.reduce_scatter_start().parts()
                             : instruction.has_all_gather_start()
                                 ? &instruction.all_gather_start().parts()
                                 : nullptr;
  uint32_t bucket = parts ? parts->bucket()
                    : instruction.has_collective_wait()
                        ? instruction.collective_wait().bucket()
                        : instruction.all_reduce_start().bucket();
  if (bucket >= static_cast<uint32_t>(plan.buckets_size()))
    return invalid("bucket {}, the plan has {} buckets", bucket,
                   plan.buckets_size());
  const std::string &name = plan.buckets(static_cast<int>(bucket)).name();
  if (parts)
    FLEET_RETURN_IF_ERROR(checkParts(*parts));
  if (instruction.has_all_reduce_start() || parts) {
    FLEET_RETURN_IF_ERROR(checkGroup(
        parts ? parts->group() : instruction.all_reduce_start().group()));
    if (std::count(inFlight.begin(), inFlight.end(), bucket) != 0)
      return invalid("a collective works on bucket '{}' already", name);
    inFlight.push_back(bucket);
    return Status();
  }
  if (inFlight.empty() || inFlight.front() != bucket)
    return invalid(
        "it waits for bucket '{}', but {}", name,
        inFlight.empty()
            ? std::string("nothing is under way")
            : fmt::format("bucket '{}' comes first",
                          plan.buckets(int(inFlight.front())).name()));
  inFlight.pop_front();
  return Status();
}

/// Each member's parts, and all between them, must lie in the bucket.
Status InstructionValidator::checkParts(const plan::Parts &parts) {
  FLEET_RETURN_IF_ERROR(checkGroup(parts.group()));
  int64_t members = plan.groups(static_cast<int>(parts.group())).size();
  int64_t size = plan.buckets(static_cast<int>(parts.bucket())).elements();
  if (parts.offsets_size() != parts.elements_size() ||
      parts.offsets_size() == 0)
    return invalid("{} offsets of {} tensors", parts.offsets_size(),
                   parts.elements_size());
  int64_t end = 0;
  for (int i = 0; i < parts.offsets_size(); ++i) {
    int64_t offset = parts.offsets(i), elements = parts.elements(i);
    if (offset < end || offset > size || elements < 1 ||
        elements > (size - offset) / members)
      return invalid("{} parts of {} elements from {} on overlap others or do "
                     "not lie in a bucket of {} elements",
                     members, elements, offset, size);
    end = offset + elements * members;
  }
  return Status();
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

Status InstructionValidator::checkTable(uint32_t table) const {
  if (table >= static_cast<uint32_t>(plan.tables_size()))
    return invalid("table {}, the plan has {} tables", table,
                   plan.tables_size());
  return Status();
}

/// The ids of an item, and `rows`, which has a row for each of them.
template <typename Item>
Status InstructionValidator::checkRows(const plan::Table &table,
                                       const Item &item, uint32_t rows) {
  FLEET_RETURN_IF_ERROR(checkIndex(item.ids()));
  FLEET_RETURN_IF_ERROR(checkIndex(rows));
  const plan::Buffer &ids = get(item.ids());
  const plan::TensorType &type = ids.type();
  // Nothing changes an input, so what was looked up is what is updated.
  if (!ids.has_input() ||
      (type.dtype() != plan::I32 && type.dtype() != plan::I64))
    return invalid("ids {}, expected an input of i32 or i64",
                   spell(item.ids()));
  plan::TensorType expected = type;
  expected.set_dtype(table.dtype());
  if (int last = type.dims_size() - 1;
      last >= 0 && type.dims(last).kind_case() == plan::Dim::kExtent &&
      type.dims(last).extent() == 1)
    expected.mutable_dims()->RemoveLast();
  expected.add_dims()->set_extent(table.columns());
  if (!sameType(expected, get(rows).type()))
    return invalid("rows {} of table '{}' for ids {}, expected {}", spell(rows),
                   table.name(), spell(item.ids()),
                   formatType(expected, plan.symbols()));
  if (item.has_padding_idx() &&
      (item.padding_idx() < 0 || item.padding_idx() >= table.rows()))
    return invalid("padding {} is no row of table '{}', which has {}",
                   item.padding_idx(), table.name(), table.rows());
  return Status();
}

Status InstructionValidator::checkPullRows(const plan::PullRows &pull) {
  if (pull.items().empty())
    return invalid("it pulls no rows");
  for (const plan::PullRows::Item &item : pull.items()) {
    FLEET_RETURN_IF_ERROR(checkTable(item.table()));
    FLEET_RETURN_IF_ERROR(checkRows(plan.tables(static_cast<int>(item.table())),
                                    item, item.out()));
    FLEET_RETURN_IF_ERROR(checkWritable(item.out()));
  }
  return Status();
}

Status InstructionValidator::checkPushRows(const plan::PushRows &push) {
  FLEET_RETURN_IF_ERROR(checkTable(push.table()));
  const plan::Table &table = plan.tables(static_cast<int>(push.table()));
  if (push.items().empty())
    return invalid("it pushes no rows");
  for (const plan::PushRows::Item &item : push.items())
    FLEET_RETURN_IF_ERROR(checkRows(table, item, item.gradient()));
  if (!pushed.insert(push.table()).second)
    return invalid("rows of table '{}' are pushed twice in a step",
                   table.name());
  if (plan.role() == plan::LOCAL && table.update() == 0)
    return invalid("table '{}' has no update function", table.name());
  return Status();
}

Status InstructionValidator::checkMergeRows(const plan::MergeRows &merge) {
  if (plan.mode() == plan::PARAMETER_SERVER)
    return invalid("rows are merged where all of them are, which is not so in "
                   "a job with servers");
  if (merge.has_group() != (plan.mode() == plan::COLLECTIVE))
    return invalid("it merges rows of {} in mode {}",
                   merge.has_group() ? "a group" : "this process alone",
                   plan::Mode_Name(plan.mode()));
  if (merge.has_group())
    FLEET_RETURN_IF_ERROR(checkGroup(merge.group()));
  FLEET_RETURN_IF_ERROR(checkTable(merge.table()));
  const plan::Table &table = plan.tables(static_cast<int>(merge.table()));
  if (!inFlight.empty())
    return invalid("it waits for the others while a collective works on "
                   "bucket '{}'",
                   plan.buckets(static_cast<int>(inFlight.front())).name());
  if (merge.items().empty())
    return invalid("it merges no rows");
  for (const plan::PushRows::Item &item : merge.items())
    FLEET_RETURN_IF_ERROR(checkRows(table, item, item.gradient()));
  if (!pushed.insert(merge.table()).second)
    return invalid("rows of table '{}' are merged twice in a step",
                   table.name());
  merged.insert(merge.table());
  return Status();
}

Status InstructionValidator::checkUpdateRows(const plan::UpdateRows &update) {
  FLEET_RETURN_IF_ERROR(checkTable(update.table()));
  const plan::Table &table = plan.tables(static_cast<int>(update.table()));
  if (merged.erase(update.table()) == 0)
    return invalid("it updates rows of table '{}', which have not been merged",
                   table.name());
  if (table.update() == 0)
    return invalid("table '{}' has no update function", table.name());
  if (update.has_sum() != (table.part() != 0))
    return invalid("it updates rows of table '{}' {} a sum, but the table has "
                   "{} part",
                   table.name(), update.has_sum() ? "by" : "without",
                   table.part() == 0 ? "no" : "a");
  return update.has_sum() ? checkScalar(table, update.sum()) : Status();
}

/// Of the type of the table's elements.
Status InstructionValidator::checkScalar(const plan::Table &table,
                                         uint32_t buffer) {
  FLEET_RETURN_IF_ERROR(checkIndex(buffer));
  plan::TensorType scalar;
  scalar.set_dtype(table.dtype());
  if (sameType(scalar, get(buffer).type()))
    return Status();
  return invalid("{} for a sum over gradients of table '{}', expected {}",
                 spell(buffer), table.name(),
                 formatType(scalar, plan.symbols()));
}

Status InstructionValidator::checkRowsPart(const plan::RowsPart &part) {
  FLEET_RETURN_IF_ERROR(checkTable(part.table()));
  const plan::Table &table = plan.tables(static_cast<int>(part.table()));
  if (merged.count(part.table()) == 0)
    return invalid("it is a part of rows of table '{}', which have not been "
                   "merged",
                   table.name());
  if (table.part() == 0)
    return invalid("table '{}' has no part", table.name());
  FLEET_RETURN_IF_ERROR(checkScalar(table, part.out()));
  return checkWritable(part.out());
}

Status
InstructionValidator::checkBroadcastRows(const plan::BroadcastRows &broadcast) {
  FLEET_RETURN_IF_ERROR(checkGroup(broadcast.group()));
  FLEET_RETURN_IF_ERROR(checkTable(broadcast.table()));
  const plan::Table &table = plan.tables(static_cast<int>(broadcast.table()));
  if (broadcast.component() > static_cast<uint32_t>(table.row_states_size()))
    return invalid("it gives component {} of table '{}', which has {}",
                   broadcast.component(), table.name(),
                   1 + table.row_states_size());
  if (broadcast.root() >= plan.trainers())
    return invalid("it gives the rows of rank {}, the job has {} trainers",
                   broadcast.root(), plan.trainers());
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

} // namespace

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
