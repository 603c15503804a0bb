//===- TranslateToPlan.cpp - The plan dialect to plan.proto ---------------===//

#include "fleet/Target/Plan.h"

#include "dialects/Optim/IR/Optim.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::fleet;
namespace proto = ::fleet::plan;

std::string mlir::fleet::describeLocation(Location loc) {
  std::string result;
  loc->walk([&](Location part) {
    auto file = dyn_cast<FileLineColLoc>(part);
    if (!file)
      return WalkResult::advance();
    result = llvm::formatv("{0}:{1}:{2}", file.getFilename().getValue(),
                           file.getLine(), file.getColumn());
    return WalkResult::interrupt();
  });
  return result;
}

namespace {

class Translator {
public:
  explicit Translator(proto::Plan &plan) : plan(plan) {
    plan.add_locations(""); // 0: unknown
    plan.add_symbols("batch");
  }
  LogicalResult translate(plan::ProgramOp program);

private:
  LogicalResult translateType(Operation *op, Type type, proto::TensorType &out);
  LogicalResult translateState(plan::StateOp op);
  LogicalResult translateTable(plan::TableOp op);
  LogicalResult translateFunction(plan::FunctionOp op);
  LogicalResult translateBuffer(Operation *op, proto::Function &function);
  LogicalResult translateInstruction(Operation *op, proto::Function &function);
  LogicalResult translateService(plan::ServiceOp op);
  LogicalResult setConstant(plan::ConstantOp op, proto::Buffer &buffer);
  uint32_t locationOf(Operation *op);
  static void setDim(proto::Dim &dim, int64_t extent);

  proto::Plan &plan;
  llvm::StringMap<uint32_t> states, kernels, functions, groups, buckets,
      locations;
  llvm::DenseMap<Value, uint32_t> buffers;
};

} // namespace

void Translator::setDim(proto::Dim &dim, int64_t extent) {
  if (ShapedType::isDynamic(extent) || extent == -1)
    dim.set_symbol(0);
  else
    dim.set_extent(extent);
}

uint32_t Translator::locationOf(Operation *op) {
  std::string text = describeLocation(op->getLoc());
  if (text.empty())
    return 0;
  auto [it, isNew] = locations.try_emplace(text, plan.locations_size());
  if (isNew)
    plan.add_locations(text);
  return it->second;
}

/// Unspecified for what no plan can hold.
static proto::DataType toProto(Type element) {
  if (element.isF32())
    return proto::F32;
  if (element.isF64())
    return proto::F64;
  if (element.isF16())
    return proto::F16;
  if (element.isBF16())
    return proto::BF16;
  if (element.isInteger(1))
    return proto::I1;
  if (element.isInteger(8))
    return proto::I8;
  if (element.isInteger(32))
    return proto::I32;
  if (element.isInteger(64))
    return proto::I64;
  return proto::DATA_TYPE_UNSPECIFIED;
}

LogicalResult Translator::translateType(Operation *op, Type type,
                                        proto::TensorType &out) {
  auto memref = cast<MemRefType>(type);
  Type element = memref.getElementType();
  proto::DataType dtype = toProto(element);
  if (dtype == proto::DATA_TYPE_UNSPECIFIED)
    return op->emitOpError("has elements of type ")
           << element << ", which no plan can hold";
  out.set_dtype(dtype);
  for (auto [i, extent] : llvm::enumerate(memref.getShape())) {
    if (i > 0 && ShapedType::isDynamic(extent))
      return op->emitOpError("has type ")
             << memref << "; only the first dimension may be dynamic";
    setDim(*out.add_dims(), extent);
  }
  return success();
}

/// Writes a resolved initializer of `op`.
static LogicalResult translateInit(Operation *op, Attribute attr,
                                   proto::Initializer &init) {
  auto setNormal = [&](FloatAttr mean, FloatAttr stddev, bool truncated) {
    init.mutable_normal()->set_mean(mean.getValueAsDouble());
    init.mutable_normal()->set_stddev(stddev.getValueAsDouble());
    init.mutable_normal()->set_truncated(truncated);
    return success();
  };
  return llvm::TypeSwitch<Attribute, LogicalResult>(attr)
      .Case([&](optim::ConstantAttr attr) {
        init.mutable_constant()->set_value(attr.getValue().getValueAsDouble());
        return success();
      })
      .Case([&](optim::UniformAttr attr) {
        init.mutable_uniform()->set_low(attr.getLow().getValueAsDouble());
        init.mutable_uniform()->set_high(attr.getHigh().getValueAsDouble());
        return success();
      })
      .Case([&](optim::NormalAttr attr) {
        return setNormal(attr.getMean(), attr.getStddev(), false);
      })
      .Case([&](optim::TruncatedNormalAttr attr) {
        return setNormal(attr.getMean(), attr.getStddev(), true);
      })
      .Default([&](Attribute) {
        return op->emitOpError("has the initializer ")
               << attr << ", expected a resolved one";
      });
}

LogicalResult Translator::translateState(plan::StateOp op) {
  states[op.getSymName()] = plan.states_size();
  proto::State &state = *plan.add_states();
  state.set_name(op.getSymName().str());
  if (failed(translateInit(op, op.getInit(), *state.mutable_initializer())))
    return failure();

  auto type = cast<MemRefType>(op.getType());
  // State of an optimizer goes by the name of its parameter and its slot.
  state.set_origin(op.getStateOf().value_or(op.getSymName()).str());
  for (int64_t extent : type.getShape())
    state.add_origin_shape(extent);
  if (auto origin = dyn_cast_or_null<optim::OriginAttr>(
          op.getOrigin().value_or(Attribute()))) {
    state.set_origin(origin.getName().str());
    state.clear_origin_shape();
    for (int64_t extent : origin.getShape().asArrayRef())
      state.add_origin_shape(extent);
    state.set_row_offset(origin.getRowOffset());
    state.set_shards(static_cast<uint32_t>(origin.getShards()));
  }
  if (auto parameter = op.getStateOf()) {
    state.set_state_of(parameter->str());
    state.set_slot(op.getSlot().value_or("").str());
  }
  state.set_transient(op.getTransient());
  return translateType(op, type, *state.mutable_type());
}

LogicalResult Translator::translateTable(plan::TableOp op) {
  proto::Table &table = *plan.add_tables();
  table.set_name(op.getName().str());
  table.set_placement(op.getPlacement() == "sparse"
                          ? proto::Table::SPARSE
                          : proto::Table::DISTRIBUTED);
  auto type = cast<MemRefType>(op.getType());
  table.set_dtype(toProto(type.getElementType()));
  table.set_rows(type.getDimSize(0));
  table.set_columns(type.getDimSize(1));
  if (failed(translateInit(op, op.getInit(), *table.mutable_initializer())))
    return failure();
  for (auto state : op.getBody().getOps<plan::RowStateOp>()) {
    proto::Table::RowState &out = *table.add_row_states();
    out.set_slot(state.getSlot().str());
    out.set_columns(state.getColumns());
    if (failed(
            translateInit(state, state.getInit(), *out.mutable_initializer())))
      return failure();
  }
  for (auto shard : op.getBody().getOps<plan::ShardOp>()) {
    proto::Table::Shard &out = *table.add_shards();
    out.set_server(shard.getServer());
    out.set_first_row(shard.getFirstRow());
    out.set_rows(shard.getRows());
  }
  // Functions are counted from 1; 0 is none.
  if (op.getPart())
    table.set_part(functions.lookup(*op.getPart()) + 1);
  if (op.getUpdate())
    table.set_update(functions.lookup(*op.getUpdate()) + 1);
  if (op.getAdvance())
    table.set_advance(functions.lookup(*op.getAdvance()) + 1);
  return success();
}

LogicalResult Translator::setConstant(plan::ConstantOp op,
                                      proto::Buffer &buffer) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError("holds ") << op.getValue() << ", expected dense<...>";
  std::string &data = *buffer.mutable_constant()->mutable_data();
  unsigned bits = elements.getElementType().getIntOrFloatBitWidth();
  if (bits == 1) { // packed in the attribute, a byte each in a plan
    for (bool value : elements.getValues<bool>()) {
      data.push_back(static_cast<char>(value));
      if (elements.isSplat())
        break;
    }
    return success();
  }
  ArrayRef<char> raw = elements.getRawData(); // one element of a splat
  data.assign(raw.begin(), raw.end());
  return success();
}

LogicalResult Translator::translateBuffer(Operation *op,
                                          proto::Function &function) {
  Value value = op->getResult(0);
  buffers[value] = function.buffers_size();
  proto::Buffer &buffer = *function.add_buffers();
  buffer.set_name("b" + std::to_string(function.buffers_size() - 1));
  if (failed(translateType(op, value.getType(), *buffer.mutable_type())))
    return failure();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](plan::InputOp input) {
        buffer.set_name(input.getName().str());
        buffer.mutable_input()->set_argument(input.getArgument());
        if (auto bound = input.getUpperBound())
          buffer.mutable_input()->set_upper_bound(*bound);
        return success();
      })
      .Case([&](plan::StateRefOp ref) {
        buffer.mutable_state()->set_state(states.lookup(ref.getState()));
        return success();
      })
      .Case([&](plan::TemporaryOp temporary) -> LogicalResult {
        if (!temporary.getSlot())
          return op->emitOpError("has no slot; run plan-assign-buffers first");
        buffer.mutable_temporary()->set_slot(*temporary.getSlot());
        return success();
      })
      .Case([&](plan::ConstantOp constant) {
        return setConstant(constant, buffer);
      })
      .Case([&](plan::InBucketOp part) {
        buffer.mutable_in_bucket()->set_bucket(
            buckets.lookup(part.getBucket()));
        buffer.mutable_in_bucket()->set_offset(part.getOffset());
        if (auto group = part.getPartOf())
          buffer.mutable_in_bucket()->set_part_of(groups.lookup(*group) + 1);
        return success();
      })
      .Case([&](plan::ExamplesOp examples) {
        buffer.mutable_examples()->set_kind(
            llvm::StringSwitch<proto::Buffer::Examples::Kind>(
                examples.getKind())
                .Case("own", proto::Buffer::Examples::OWN)
                .Case("all", proto::Buffer::Examples::ALL)
                .Default(proto::Buffer::Examples::SHARE));
        return success();
      })
      .Default([](Operation *) { return failure(); });
}

LogicalResult Translator::translateInstruction(Operation *op,
                                               proto::Function &function) {
  auto index = [&](Value value) { return buffers.lookup(value); };
  // Of a push_rows or merge_rows.
  auto addGradients = [&](auto from, auto &out) {
    out.set_table(from.getTable());
    for (auto [i, padding] : llvm::enumerate(from.getPaddingIdx())) {
      proto::PushRows::Item &item = *out.add_items();
      item.set_ids(index(from.getIds()[i]));
      item.set_gradient(index(from.getGradients()[i]));
      if (padding >= 0)
        item.set_padding_idx(padding);
    }
  };
  if (auto output = dyn_cast<plan::OutputOp>(op)) {
    proto::Output &out = *function.add_outputs();
    out.set_name(output.getName().str());
    out.set_buffer(index(output.getBuffer()));
    return success();
  }
  proto::Instruction &instruction = *function.add_instructions();
  instruction.set_location(locationOf(op));
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](plan::LaunchOp launch) {
        proto::Launch &out = *instruction.mutable_launch();
        out.set_kernel(kernels.lookup(launch.getKernel()));
        for (Value buffer : launch.getBuffers())
          out.add_buffers(index(buffer));
        setDim(*out.mutable_rows(), launch.getRows());
        out.set_num_outputs(launch.getNumOutputs());
        out.mutable_inplace()->Assign(launch.getInplace().begin(),
                                      launch.getInplace().end());
        return success();
      })
      .Case([&](plan::MatMulOp matmul) {
        proto::MatMul &out = *instruction.mutable_matmul();
        out.set_a(index(matmul.getA()));
        out.set_b(index(matmul.getB()));
        out.set_out(index(matmul.getOut()));
        out.set_transpose_a(matmul.getTransposeA());
        out.set_transpose_b(matmul.getTransposeB());
        return success();
      })
      .Case([&](plan::CopyOp copy) {
        instruction.mutable_copy()->set_from(index(copy.getFrom()));
        instruction.mutable_copy()->set_to(index(copy.getTo()));
        instruction.mutable_copy()->set_row(copy.getRow());
        return success();
      })
      .Case([&](plan::SendOp send) {
        proto::Send &out = *instruction.mutable_send();
        out.set_buffer(index(send.getBuffer()));
        out.set_server(send.getServer());
        out.set_block(send.getBlock());
        out.set_row(send.getRow());
        return success();
      })
      .Case([&](plan::RecvOp recv) {
        proto::Recv &out = *instruction.mutable_recv();
        out.set_buffer(index(recv.getBuffer()));
        out.set_server(recv.getServer());
        out.set_block(recv.getBlock());
        out.set_row(recv.getRow());
        return success();
      })
      .Case([&](plan::AgreeOp agree) {
        proto::Agree &out = *instruction.mutable_agree();
        for (auto [server, block] :
             llvm::zip(agree.getServers(), agree.getBlocks())) {
          out.add_parts()->set_server(server);
          out.mutable_parts(out.parts_size() - 1)->set_block(block);
        }
        return success();
      })
      .Case([&](plan::SendBarrierOp) {
        instruction.mutable_send_barrier();
        return success();
      })
      .Case([&](plan::FetchBarrierOp) {
        instruction.mutable_fetch_barrier();
        return success();
      })
      .Case([&](plan::PullRowsOp pull) {
        proto::PullRows &out = *instruction.mutable_pull_rows();
        for (auto [i, table] : llvm::enumerate(pull.getTables())) {
          proto::PullRows::Item &item = *out.add_items();
          item.set_table(table);
          item.set_ids(index(pull.getIds()[i]));
          item.set_out(index(pull.getOuts()[i]));
          if (int64_t padding = pull.getPaddingIdx()[i]; padding >= 0)
            item.set_padding_idx(padding);
        }
        return success();
      })
      .Case([&](plan::PushRowsOp push) {
        addGradients(push, *instruction.mutable_push_rows());
        return success();
      })
      .Case([&](plan::MergeRowsOp merge) {
        addGradients(merge, *instruction.mutable_merge_rows());
        if (auto group = merge.getGroup())
          instruction.mutable_merge_rows()->set_group(groups.lookup(*group));
        return success();
      })
      .Case([&](plan::UpdateRowsOp update) {
        instruction.mutable_update_rows()->set_table(update.getTable());
        if (Value sum = update.getSum())
          instruction.mutable_update_rows()->set_sum(index(sum));
        return success();
      })
      .Case([&](plan::RowsPartOp part) {
        instruction.mutable_rows_part()->set_table(part.getTable());
        instruction.mutable_rows_part()->set_out(index(part.getOut()));
        return success();
      })
      .Case([&](plan::BroadcastRowsOp broadcast) {
        proto::BroadcastRows &out = *instruction.mutable_broadcast_rows();
        out.set_table(broadcast.getTable());
        out.set_component(broadcast.getComponent());
        out.set_root(broadcast.getRoot());
        out.set_group(groups.lookup(broadcast.getGroup()));
        return success();
      })
      .Case([&](plan::SubmitOp submit) {
        instruction.mutable_submit()->set_queue(submit.getQueue());
        instruction.mutable_submit()->set_merge(submit.getMerge());
        return success();
      })
      .Case([&](plan::FetchLatestOp) {
        instruction.mutable_fetch_latest();
        return success();
      })
      .Case([&](plan::ConnectOp connect) {
        instruction.mutable_connect()->set_group(
            groups.lookup(connect.getGroup()));
        return success();
      })
      .Case([&](plan::BroadcastOp broadcast) {
        proto::Broadcast &out = *instruction.mutable_broadcast();
        out.set_buffer(index(broadcast.getBuffer()));
        out.set_root(broadcast.getRoot());
        out.set_group(groups.lookup(broadcast.getGroup()));
        return success();
      })
      .Case([&](plan::AllReduceStartOp start) {
        proto::AllReduceStart &out = *instruction.mutable_all_reduce_start();
        out.set_bucket(buckets.lookup(start.getBucket()));
        out.set_group(groups.lookup(start.getGroup()));
        return success();
      })
      .Case<plan::ReduceScatterStartOp, plan::AllGatherStartOp>([&](auto
                                                                        start) {
        proto::Parts *out;
        if constexpr (std::is_same_v<decltype(start), plan::AllGatherStartOp>)
          out = instruction.mutable_all_gather_start()->mutable_parts();
        else
          out = instruction.mutable_reduce_scatter_start()->mutable_parts();
        out->set_bucket(buckets.lookup(start.getBucket()));
        out->set_group(groups.lookup(start.getGroup()));
        for (int64_t offset : start.getOffsets())
          out->add_offsets(offset);
        for (int64_t elements : start.getElements())
          out->add_elements(elements);
        return success();
      })
      .Case([&](plan::CopyPartOp copy) {
        proto::CopyPart &out = *instruction.mutable_copy_part();
        out.set_from(index(copy.getFrom()));
        out.set_to(index(copy.getTo()));
        out.set_group(groups.lookup(copy.getGroup()));
        return success();
      })
      .Case([&](plan::CollectiveWaitOp wait) {
        instruction.mutable_collective_wait()->set_bucket(
            buckets.lookup(wait.getBucket()));
        return success();
      })
      .Default([](Operation *unknown) {
        return unknown->emitOpError("is no instruction of plan.proto");
      });
}

LogicalResult Translator::translateFunction(plan::FunctionOp op) {
  buffers.clear();
  proto::Function &function = *plan.add_functions();
  function.set_name(op.getSymName().str());
  function.set_num_slots(op.getNumSlots());
  function.set_every(op.getEvery());
  function.set_begin(op.getBegin());
  for (Operation &inner : op.getBody().front().without_terminator()) {
    LogicalResult result = inner.getNumResults() == 1
                               ? translateBuffer(&inner, function)
                               : translateInstruction(&inner, function);
    if (failed(result))
      return failure();
  }
  return success();
}

LogicalResult Translator::translateService(plan::ServiceOp op) {
  proto::Service &service = *plan.mutable_service();
  service.set_server(op.getServer());
  for (auto handler : op.getBody().getOps<plan::HandlerOp>()) {
    proto::Service::Handler &out = *service.add_handlers();
    out.set_block(handler.getBlock());
    out.set_state(states.lookup(handler.getState()));
    out.set_function(functions.lookup(handler.getFunction()));
    if (auto part = handler.getPart())
      out.set_part(functions.lookup(*part) + 1);
  }
  return success();
}

LogicalResult Translator::translate(plan::ProgramOp program) {
  plan.set_role(llvm::StringSwitch<proto::Role>(program.getRole())
                    .Case("local", proto::LOCAL)
                    .Case("trainer", proto::TRAINER)
                    .Default(proto::PSERVER));
  Region &body = program.getBody();
  for (auto state : body.getOps<plan::StateOp>())
    if (failed(translateState(state)))
      return failure();
  for (auto server : body.getOps<plan::ServerOp>()) {
    proto::Server &out = *plan.add_servers();
    out.set_endpoint(server.getEndpoint().str());
    for (auto block : server.getBody().getOps<plan::BlockOp>()) {
      out.add_blocks()->set_name(block.getName().str());
      if (failed(translateType(
              block, block.getType(),
              *out.mutable_blocks(out.blocks_size() - 1)->mutable_type())))
        return failure();
    }
  }
  for (auto group : body.getOps<plan::GroupOp>()) {
    groups[group.getSymName()] = plan.groups_size();
    proto::Group &out = *plan.add_groups();
    out.set_name(group.getSymName().str());
    out.set_size(group.getSize());
    out.set_stride(group.getStride());
  }
  for (auto bucket : body.getOps<plan::BucketOp>()) {
    buckets[bucket.getSymName()] = plan.buckets_size();
    proto::Bucket &out = *plan.add_buckets();
    auto type = cast<MemRefType>(bucket.getType());
    proto::TensorType translated;
    if (failed(translateType(bucket, type, translated)))
      return failure();
    out.set_name(bucket.getSymName().str());
    out.set_dtype(translated.dtype());
    out.set_elements(type.getNumElements());
  }
  for (auto kernel : body.getOps<plan::KernelOp>()) {
    kernels[kernel.getSymName()] = plan.kernels_size();
    proto::Kernel &out = *plan.add_kernels();
    out.set_symbol(kernel.getSymName().str());
    out.set_num_operands(kernel.getNumOperands());
    out.set_splittable(kernel.getSplittable());
    out.set_flops_per_row(kernel.getFlops());
    out.set_bytes_per_row(kernel.getBytes());
  }
  for (auto function : body.getOps<plan::FunctionOp>()) {
    functions[function.getSymName()] = plan.functions_size();
    if (failed(translateFunction(function)))
      return failure();
  }
  for (auto table : body.getOps<plan::TableOp>())
    if (failed(translateTable(table)))
      return failure();
  for (auto service : body.getOps<plan::ServiceOp>())
    if (failed(translateService(service)))
      return failure();
  return success();
}

LogicalResult mlir::fleet::translateToPlan(plan::ProgramOp program,
                                           proto::Plan &out) {
  return Translator(out).translate(program);
}
