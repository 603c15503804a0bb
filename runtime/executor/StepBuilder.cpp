//===- StepBuilder.cpp - Instantiates a function of a plan ----------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/StepBuilder.h"

#include "runtime/executor/ArenaLayout.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>
#include <cmath>

using namespace fleet;

namespace {

/// What one core does in a nanosecond, for choosing how kernels are cut. Rough
/// on purpose: a cut must not depend on the machine.
constexpr double kFlopsPerNs = 8;
constexpr double kBytesPerNs = 24;
/// A kernel shorter than this runs in the calling thread: handing work over and
/// waiting for it costs a microsecond, more when a worker has to wake up.
constexpr double kSplitNs = 16000;
constexpr double kPieceNs = 4000;

/// Rows a piece, a multiple of 16 (a cache line of f32); 0: do not split.
/// Follows from the kernel and the row count alone, never from the number of
/// threads, so that the pieces are the same everywhere.
int64_t chooseGrain(const plan::Kernel &kernel, int64_t rows) {
  if (!kernel.splittable())
    return 0;
  double perRow =
      std::max(static_cast<double>(kernel.flops_per_row()) / kFlopsPerNs,
               static_cast<double>(kernel.bytes_per_row()) / kBytesPerNs);
  if (perRow * static_cast<double>(rows) < kSplitNs)
    return 0;
  double wanted = std::min(std::ceil(kPieceNs / perRow), 1e15);
  int64_t grain = (static_cast<int64_t>(wanted) + 15) / 16 * 16;
  return grain < rows ? grain : 0;
}

} // namespace

StatusOr<std::unique_ptr<Step>> StepBuilder::build(int64_t batch) {
  step->loaded = program.planPtr();
  step->functionIndex = index;
  step->pool = program.options.pool;
  if (step->pool && step->pool->threads() == 1)
    step->pool = nullptr;
  step->poison = program.options.poison;
  if (program.plan().proto.role() == plan::LOCAL ||
      program.plan().proto.mode() == plan::COLLECTIVE)
    step->ownRows = program.tables();
  FLEET_RETURN_IF_ERROR(bindSymbols(batch).withContext(program.plan().path));
  FLEET_RETURN_IF_ERROR(allocateArena().withContext(program.plan().path));
  FLEET_RETURN_IF_ERROR(allocateExamples());
  for (const plan::Buffer &buffer : function.buffers())
    step->inputCount += buffer.has_input();

  step->operations.reserve(static_cast<size_t>(function.instructions_size()));
  // Gemm pointers are taken while gemms are added.
  step->gemms.reserve(static_cast<size_t>(std::count_if(
      function.instructions().begin(), function.instructions().end(),
      [](const plan::Instruction &i) { return i.has_matmul(); })));
  for (int i = 0; i < function.instructions_size(); ++i)
    if (Status status = add(function.instructions(i)); !status.ok())
      return status.withContext(program.plan().path + ": " +
                                program.plan().describe(index, i));
  if (step->world)
    markOfBatch();
  for (const plan::Output &output : function.outputs()) {
    step->outputs.push_back(
        {static_cast<uint32_t>(step->operands.size()),
         function.buffers(static_cast<int>(output.buffer())).type().dtype()});
    appendOperand(output.buffer());
  }
  for (size_t i = 0; i < step->operations.size(); ++i)
    step->operations[i].operands = step->operands.data() + firstOperand[i];
  findPieces();
  return std::move(step);
}

/// One input, read as a whole by one kernel whose rows are independent.
void StepBuilder::findPieces() {
  if (step->inputCount != 1 || step->patches.size() != 1 ||
      step->patches[0].offset != 0)
    return;
  auto next = std::upper_bound(firstOperand.begin(), firstOperand.end(),
                               step->patches[0].operand);
  auto index = static_cast<int>(next - firstOperand.begin()) - 1;
  const Step::Operation &op = step->operations[static_cast<size_t>(index)];
  const plan::Instruction &instruction = function.instructions(index);
  if (op.kind != Step::Kind::Kernel || !instruction.has_launch())
    return;
  const plan::Kernel &kernel = program.plan().proto.kernels(
      static_cast<int>(instruction.launch().kernel()));
  for (int b = 0; b < function.buffers_size(); ++b) {
    const plan::Buffer &buffer = function.buffers(b);
    std::optional<int64_t> bytes = countBytes(buffer.type(), step->symbols);
    if (!buffer.has_input() || !kernel.splittable() || op.count < 1 || !bytes ||
        *bytes % op.count != 0)
      continue;
    step->pieceOperation = index;
    step->pieceRowBytes = *bytes / op.count;
  }
}

Status StepBuilder::bindSymbols(int64_t batch) {
  const plan::Plan &plan = program.plan().proto;
  if (batch < 0)
    return makeError(StatusCode::InvalidArgument, "a batch of {} rows", batch);
  if (plan.symbols_size() > 1)
    return makeError(StatusCode::InvalidArgument,
                     "the program has the dynamic dimension '{}', only the "
                     "first dimension (the batch) may be dynamic",
                     plan.symbols(1));
  step->symbols.assign(1, batch);
  return Status();
}

Status StepBuilder::allocateArena() {
  std::vector<int64_t> sizes(function.num_slots(), 0);
  for (int i = 0; i < function.buffers_size(); ++i) {
    // Also of buffers elsewhere, so that no kernel sees an impossible shape.
    FLEET_ASSIGN_OR_RETURN(int64_t bytes, bytesOf(static_cast<uint32_t>(i)));
    const plan::Buffer &buffer = function.buffers(i);
    if (buffer.has_temporary())
      sizes[buffer.temporary().slot()] =
          std::max(sizes[buffer.temporary().slot()], bytes);
  }
  ArenaLayout layout;
  for (int64_t bytes : sizes) {
    slots.push_back(layout.add(bytes));
    if (layout.size() > kMaxTensorBytes)
      return makeError(StatusCode::InvalidArgument,
                       "function '{}' needs more than {} bytes for a batch of "
                       "{} rows",
                       function.name(), kMaxTensorBytes, step->symbols[0]);
  }
  FLEET_ASSIGN_OR_RETURN(
      step->arena,
      AlignedBuffer::allocate(static_cast<size_t>(layout.size()),
                              "memory for the temporaries of a step"));
  return Status();
}

StatusOr<int64_t> StepBuilder::bytesOf(uint32_t buffer) const {
  const plan::TensorType &type =
      function.buffers(static_cast<int>(buffer)).type();
  std::optional<int64_t> bytes = countBytes(type, step->symbols);
  if (!bytes)
    return makeError(
        StatusCode::InvalidArgument,
        "function '{}': buffer '{}' ({}) is too large for a batch "
        "of {} rows",
        function.name(), function.buffers(static_cast<int>(buffer)).name(),
        formatType(type, program.plan().proto.symbols()), step->symbols[0]);
  return *bytes;
}

int64_t StepBuilder::extentOf(const plan::Dim &dim) const {
  return dim.kind_case() == plan::Dim::kSymbol ? step->symbols[dim.symbol()]
                                               : dim.extent();
}

Step::Operation &StepBuilder::append(Step::Kind kind) {
  firstOperand.push_back(step->operands.size());
  Step::Operation op{};
  op.kind = kind;
  step->operations.push_back(op);
  return step->operations.back();
}

void StepBuilder::appendOperand(uint32_t buffer, int64_t row) {
  const plan::Buffer &source = function.buffers(static_cast<int>(buffer));
  std::byte *address = nullptr;
  // Only static buffers are addressed by row, and the loader counted them.
  int64_t offset = 0;
  if (row != 0)
    offset = row * (*countBytes(source.type(), step->symbols) /
                    source.type().dims(0).extent());
  switch (source.storage_case()) {
  case plan::Buffer::kInput:
    step->patches.push_back({static_cast<uint32_t>(step->operands.size()),
                             source.input().argument(), offset});
    break;
  case plan::Buffer::kState:
    address =
        static_cast<std::byte *>(program.stateData(source.state().state()));
    break;
  case plan::Buffer::kTemporary:
    address = step->arena.data() + slots[source.temporary().slot()];
    break;
  case plan::Buffer::kInBucket:
    address =
        static_cast<std::byte *>(program.buckets[source.in_bucket().bucket()]) +
        source.in_bucket().offset() *
            static_cast<int64_t>(dataTypeSize(source.type().dtype()));
    if (uint32_t group = source.in_bucket().part_of())
      address += *countBytes(source.type(), step->symbols) *
                 program.groups[group - 1]->rank();
    break;
  case plan::Buffer::kExamples:
    address =
        step->examples.data() +
        Step::exampleOffset(source.examples().kind(), source.type().dtype());
    break;
  default:
    address =
        program.constantArena.data() + program.constantOffsets[index][buffer];
    break;
  }
  step->operands.push_back(address ? address + offset : nullptr);
}

Status StepBuilder::add(const plan::Instruction &instruction) {
  switch (instruction.kind_case()) {
  case plan::Instruction::kLaunch:
    return addLaunch(instruction.launch());
  case plan::Instruction::kMatmul:
    return addMatMul(instruction.matmul());
  case plan::Instruction::kCopy: {
    const plan::Copy &copy = instruction.copy();
    FLEET_ASSIGN_OR_RETURN(int64_t bytes, bytesOf(copy.from()));
    append(Step::Kind::Copy).count = bytes;
    appendOperand(copy.from());
    appendOperand(copy.to(), copy.row());
    return Status();
  }
  case plan::Instruction::kSend:
    addTransfer(Step::Kind::Send, instruction.send());
    return Status();
  case plan::Instruction::kRecv:
    addTransfer(Step::Kind::Recv, instruction.recv());
    return Status();
  case plan::Instruction::kAllReduceStart:
  case plan::Instruction::kReduceScatterStart:
  case plan::Instruction::kAllGatherStart:
  case plan::Instruction::kCollectiveWait:
  case plan::Instruction::kBroadcast:
  case plan::Instruction::kConnect:
  case plan::Instruction::kBroadcastRows:
    return addCollective(instruction);
  case plan::Instruction::kCopyPart:
    addCopyPart(instruction.copy_part());
    return Status();
  case plan::Instruction::kMergeRows:
    return addMergeRows(instruction.merge_rows());
  // The loader has seen the merge of these.
  case plan::Instruction::kRowsPart: {
    const plan::RowsPart &part = instruction.rows_part();
    append(Step::Kind::RowsPart).merge = merged[part.table()];
    appendOperand(part.out());
    return Status();
  }
  case plan::Instruction::kUpdateRows: {
    const plan::UpdateRows &update = instruction.update_rows();
    Step::Operation &op = append(Step::Kind::UpdateRows);
    op.merge = merged[update.table()];
    op.count = update.has_sum();
    if (update.has_sum())
      appendOperand(update.sum());
    return Status();
  }
  case plan::Instruction::kSendBarrier:
    append(Step::Kind::SendBarrier);
    break;
  case plan::Instruction::kAgree: {
    const plan::Agree &agree = instruction.agree();
    const plan::Agree::Part &part = agree.parts(0);
    Step::Operation &op = append(Step::Kind::Agree);
    op.agree.parts = &agree;
    op.agree.isDouble = program.plan()
                            .proto.servers(int(part.server()))
                            .blocks(int(part.block()))
                            .type()
                            .dtype() == plan::F64;
    break;
  }
  case plan::Instruction::kSubmit:
    append(Step::Kind::Submit);
    break;
  case plan::Instruction::kFetchLatest:
    append(Step::Kind::FetchLatest);
    break;
  case plan::Instruction::kPullRows:
    addPullRows(instruction.pull_rows());
    return Status();
  case plan::Instruction::kPushRows:
    addPushRows(instruction.push_rows());
    return Status();
  default:
    append(Step::Kind::FetchBarrier);
    break;
  }
  step->hasExchange = true;
  return Status();
}

Status StepBuilder::addLaunch(const plan::Launch &launch) {
  const plan::Kernel &kernel =
      program.plan().proto.kernels(static_cast<int>(launch.kernel()));
  int64_t rows = extentOf(launch.rows());
  int64_t grain = step->pool ? chooseGrain(kernel, rows) : 0;
  Step::Operation &op =
      append(grain > 0 ? Step::Kind::SplitKernel : Step::Kind::Kernel);
  op.kernel = program.library->function(launch.kernel());
  op.count = rows;
  op.grain = grain;
  for (uint32_t buffer : launch.buffers())
    appendOperand(buffer);
  return Status();
}

Status StepBuilder::addMatMul(const plan::MatMul &matmul) {
  const plan::TensorType &a =
      function.buffers(static_cast<int>(matmul.a())).type();
  const plan::TensorType &out =
      function.buffers(static_cast<int>(matmul.out())).type();
  GemmShape shape;
  shape.dtype = a.dtype();
  shape.transposeA = matmul.transpose_a();
  shape.transposeB = matmul.transpose_b();
  shape.m = extentOf(out.dims(0));
  shape.n = extentOf(out.dims(1));
  shape.k = extentOf(a.dims(matmul.transpose_a() ? 0 : 1));
  FLEET_ASSIGN_OR_RETURN(Gemm gemm, Gemm::create(shape));
  step->gemms.push_back(gemm);
  Step::Operation &op =
      append(step->pool && gemm.tiles() > 1 ? Step::Kind::SplitMatMul
                                            : Step::Kind::MatMul);
  op.gemm = &step->gemms.back();
  for (uint32_t buffer : {matmul.a(), matmul.b(), matmul.out()})
    appendOperand(buffer);
  return Status();
}

template <typename Transfer>
void StepBuilder::addTransfer(Step::Kind kind, const Transfer &transfer) {
  step->hasExchange = true;
  const plan::Block &block = program.plan()
                                 .proto.servers(int(transfer.server()))
                                 .blocks(int(transfer.block()));
  Step::Operation &op = append(kind);
  op.peer.server = transfer.server();
  op.peer.block = transfer.block();
  // Blocks have static types, which the loader counted.
  op.count = *countBytes(block.type(), step->symbols);
  appendOperand(transfer.buffer(), transfer.row());
}

template <typename Item>
void StepBuilder::addRowItem(RowItems &table, const Item &item, uint32_t rows) {
  RowItems::Item &added = table.items.emplace_back();
  const plan::TensorType &type =
      function.buffers(static_cast<int>(item.ids())).type();
  added.dtype = type.dtype();
  added.count = *countElements(type, step->symbols); // counted by allocateArena
  if (item.has_padding_idx())
    added.padding = item.padding_idx();
  added.idsBuffer = item.ids();
  size_t first = firstOperand.back();
  added.ids = step->operands.size() - first;
  appendOperand(item.ids());
  added.rows = step->operands.size() - first;
  appendOperand(rows);
}

void StepBuilder::addPullRows(const plan::PullRows &pull) {
  step->hasExchange |= step->ownRows == nullptr;
  RowPull &rows = *step->pulls.emplace_back(std::make_unique<RowPull>());
  append(Step::Kind::PullRows).pull = &rows;
  for (const plan::PullRows::Item &item : pull.items()) {
    auto table = std::find_if(
        rows.tables.begin(), rows.tables.end(),
        [&](const RowItems &items) { return items.table == item.table(); });
    if (table == rows.tables.end()) {
      table = rows.tables.emplace(table);
      table->table = item.table();
      table->batch = std::make_shared<RowBatch>(
          program.plan().proto.tables(static_cast<int>(item.table())));
    }
    addRowItem(*table, item, item.out());
  }
}

template <typename Push>
void StepBuilder::addGradients(RowItems &rows, const Push &push) {
  rows.table = push.table();
  for (const plan::PushRows::Item &item : push.items())
    addRowItem(rows, item, item.gradient());
  // What the step looked up before is built; inputs do not change in a step.
  for (const auto &pull : step->pulls)
    for (const RowItems &table : pull->tables)
      if (table.sameIds(rows)) {
        rows.batch = table.batch;
        rows.isBuilt = true;
      }
  if (!rows.batch)
    rows.batch = std::make_shared<RowBatch>(
        program.plan().proto.tables(static_cast<int>(push.table())));
}

void StepBuilder::addPushRows(const plan::PushRows &push) {
  step->hasExchange |= step->ownRows == nullptr;
  RowPush &rows = *step->pushes.emplace_back(std::make_unique<RowPush>());
  append(Step::Kind::PushRows).push = &rows;
  addGradients(rows.table, push);
}

Status StepBuilder::addMergeRows(const plan::MergeRows &merge) {
  if (merge.has_group())
    FLEET_RETURN_IF_ERROR(useCollective());
  const plan::Table &table =
      program.plan().proto.tables(static_cast<int>(merge.table()));
  RowMerge &rows = *step->merges.emplace_back(std::make_unique<RowMerge>(
      table, merge.has_group() ? program.groups[merge.group()] : nullptr));
  append(Step::Kind::MergeRows).merge = &rows;
  merged[merge.table()] = &rows;
  addGradients(rows.own, merge);
  return Status();
}
