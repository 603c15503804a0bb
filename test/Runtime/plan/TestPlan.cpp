//===- TestPlan.cpp - Plans made by hand ----------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "test/Runtime/plan/TestPlan.h"

#include "runtime/plan/PlanFile.h"

#include <algorithm>
#include <utility>

using namespace fleet;
using namespace fleet::test;

plan::TensorType test::tensor(std::initializer_list<int64_t> shape,
                              plan::DataType dtype) {
  plan::TensorType type;
  type.set_dtype(dtype);
  for (int64_t extent : shape) {
    if (extent == kBatch)
      type.add_dims()->set_symbol(0);
    else
      type.add_dims()->set_extent(extent);
  }
  return type;
}

FunctionBuilder::FunctionBuilder(plan::Plan &plan, const std::string &name)
    : plan(plan), index(plan.functions_size()) {
  plan.add_functions()->set_name(name);
}

plan::Buffer &FunctionBuilder::add(const std::string &name,
                                   plan::TensorType type) {
  plan::Buffer &buffer = *get().add_buffers();
  buffer.set_name(name);
  *buffer.mutable_type() = std::move(type);
  return buffer;
}

uint32_t FunctionBuilder::input(const std::string &name,
                                plan::TensorType type) {
  uint32_t argument = 0;
  for (const plan::Buffer &buffer : get().buffers())
    argument += buffer.has_input();
  add(name, std::move(type)).mutable_input()->set_argument(argument);
  return static_cast<uint32_t>(get().buffers_size()) - 1;
}

uint32_t FunctionBuilder::state(uint32_t state) {
  const plan::State &declared = plan.states(static_cast<int>(state));
  add(declared.name(), declared.type()).mutable_state()->set_state(state);
  return static_cast<uint32_t>(get().buffers_size()) - 1;
}

uint32_t FunctionBuilder::inBucket(uint32_t bucket, int64_t offset,
                                   plan::TensorType type) {
  plan::Buffer &buffer = add("part", std::move(type));
  buffer.mutable_in_bucket()->set_bucket(bucket);
  buffer.mutable_in_bucket()->set_offset(offset);
  return static_cast<uint32_t>(get().buffers_size()) - 1;
}

uint32_t FunctionBuilder::examples(plan::Buffer::Examples::Kind kind) {
  add("examples", tensor({})).mutable_examples()->set_kind(kind);
  return static_cast<uint32_t>(get().buffers_size()) - 1;
}

uint32_t FunctionBuilder::temporary(plan::TensorType type) {
  uint32_t slot = get().num_slots();
  get().set_num_slots(slot + 1);
  add("t" + std::to_string(slot), std::move(type))
      .mutable_temporary()
      ->set_slot(slot);
  return static_cast<uint32_t>(get().buffers_size()) - 1;
}

uint32_t FunctionBuilder::constant(const std::vector<float> &values,
                                   plan::TensorType type) {
  add("c", std::move(type))
      .mutable_constant()
      ->set_data(values.data(), values.size() * sizeof(float));
  return static_cast<uint32_t>(get().buffers_size()) - 1;
}

plan::Instruction &FunctionBuilder::matmul(uint32_t a, uint32_t b, uint32_t out,
                                           bool transposeA, bool transposeB) {
  plan::Instruction &instruction = *get().add_instructions();
  plan::MatMul &matmul = *instruction.mutable_matmul();
  matmul.set_a(a);
  matmul.set_b(b);
  matmul.set_out(out);
  matmul.set_transpose_a(transposeA);
  matmul.set_transpose_b(transposeB);
  return instruction;
}

plan::Instruction &FunctionBuilder::copy(uint32_t from, uint32_t to) {
  plan::Instruction &instruction = *get().add_instructions();
  instruction.mutable_copy()->set_from(from);
  instruction.mutable_copy()->set_to(to);
  return instruction;
}

plan::Instruction &
FunctionBuilder::launch(uint32_t kernel,
                        std::initializer_list<uint32_t> buffers, int64_t rows) {
  plan::Instruction &instruction = *get().add_instructions();
  plan::Launch &launch = *instruction.mutable_launch();
  launch.set_kernel(kernel);
  for (uint32_t buffer : buffers)
    launch.add_buffers(buffer);
  if (rows == kBatch)
    launch.mutable_rows()->set_symbol(0);
  else
    launch.mutable_rows()->set_extent(rows);
  return instruction;
}

plan::Instruction &FunctionBuilder::send(uint32_t buffer, uint32_t server,
                                         uint32_t block) {
  plan::Instruction &instruction = *get().add_instructions();
  instruction.mutable_send()->set_buffer(buffer);
  instruction.mutable_send()->set_server(server);
  instruction.mutable_send()->set_block(block);
  return instruction;
}

plan::Instruction &FunctionBuilder::recv(uint32_t buffer, uint32_t server,
                                         uint32_t block) {
  plan::Instruction &instruction = *get().add_instructions();
  instruction.mutable_recv()->set_buffer(buffer);
  instruction.mutable_recv()->set_server(server);
  instruction.mutable_recv()->set_block(block);
  return instruction;
}

plan::Instruction &FunctionBuilder::sendBarrier() {
  plan::Instruction &instruction = *get().add_instructions();
  instruction.mutable_send_barrier();
  return instruction;
}

plan::Instruction &FunctionBuilder::fetchBarrier() {
  plan::Instruction &instruction = *get().add_instructions();
  instruction.mutable_fetch_barrier();
  return instruction;
}

plan::Instruction &FunctionBuilder::pullRows(uint32_t table, uint32_t ids,
                                             uint32_t out) {
  plan::Instruction &instruction = *get().add_instructions();
  plan::PullRows::Item &item = *instruction.mutable_pull_rows()->add_items();
  item.set_table(table);
  item.set_ids(ids);
  item.set_out(out);
  return instruction;
}

plan::Instruction &FunctionBuilder::pushRows(uint32_t table, uint32_t ids,
                                             uint32_t gradient) {
  plan::Instruction &instruction = *get().add_instructions();
  instruction.mutable_push_rows()->set_table(table);
  plan::PushRows::Item &item = *instruction.mutable_push_rows()->add_items();
  item.set_ids(ids);
  item.set_gradient(gradient);
  return instruction;
}

void FunctionBuilder::output(const std::string &name, uint32_t buffer) {
  plan::Output &output = *get().add_outputs();
  output.set_name(name);
  output.set_buffer(buffer);
}

plan::Plan test::makePlan(plan::Role role,
                          const std::vector<std::string> &endpoints) {
  plan::Plan plan;
  plan.set_schema_version(kPlanSchemaVersion);
  plan.set_producer("test");
  plan.set_job("test_job");
  plan.set_program_hash(std::string(64, 'a'));
  plan.set_role(role);
  bool local = role == plan::LOCAL;
  plan.set_mode(local ? plan::SINGLE : plan::PARAMETER_SERVER);
  if (!local) {
    plan.set_sync_mode(plan::SYNC);
    plan.set_trainers(2);
  }
  for (const std::string &endpoint : endpoints)
    plan.add_servers()->set_endpoint(endpoint);
  plan.add_symbols("batch");
  plan.add_locations("");
  return plan;
}

uint32_t test::addState(plan::Plan &plan, const std::string &name,
                        plan::TensorType type, double value) {
  plan::State &state = *plan.add_states();
  state.set_name(name);
  state.set_origin(name);
  for (const plan::Dim &dim : type.dims())
    state.add_origin_shape(dim.extent());
  *state.mutable_type() = std::move(type);
  state.mutable_initializer()->mutable_constant()->set_value(value);
  return static_cast<uint32_t>(plan.states_size()) - 1;
}

uint32_t test::addKernel(plan::Plan &plan, const std::string &symbol,
                         uint32_t operands, bool splittable,
                         uint64_t flopsPerRow, uint64_t bytesPerRow) {
  plan::Kernel &kernel = *plan.add_kernels();
  kernel.set_symbol(symbol);
  kernel.set_num_operands(operands);
  kernel.set_splittable(splittable);
  kernel.set_flops_per_row(flopsPerRow);
  kernel.set_bytes_per_row(bytesPerRow);
  return static_cast<uint32_t>(plan.kernels_size()) - 1;
}

uint32_t test::addBlock(plan::Plan &plan, int server, const std::string &name,
                        plan::TensorType type) {
  plan::Block &block = *plan.mutable_servers(server)->add_blocks();
  block.set_name(name);
  *block.mutable_type() = std::move(type);
  return static_cast<uint32_t>(plan.servers(server).blocks_size()) - 1;
}

plan::Plan test::makeTrainerPlan() {
  plan::Plan plan = makePlan(plan::TRAINER, {"127.0.0.1:6170"});
  plan.add_locations("program.mlir:12:8");
  addBlock(plan, 0, "w", tensor({3, 2}));
  uint32_t w = addState(plan, "w", tensor({3, 2}), 0.5);

  FunctionBuilder main(plan, "main");
  uint32_t x = main.input("x", tensor({kBatch, 3}));
  uint32_t one = main.constant({1}, tensor({1, 1}));
  uint32_t weight = main.state(w);
  uint32_t h = main.temporary(tensor({kBatch, 2}));
  uint32_t dw = main.temporary(tensor({3, 2}));
  uint32_t loss = main.temporary(tensor({1, 1}));
  main.matmul(x, weight, h).set_location(1);
  main.matmul(x, h, dw, /*transposeA=*/true).set_location(1);
  main.copy(one, loss).set_location(1);
  main.send(dw, 0, 0).set_location(1);
  main.sendBarrier();
  main.recv(weight, 0, 0).set_location(1);
  main.fetchBarrier();
  main.output("loss", loss);

  FunctionBuilder startup(plan, "startup");
  uint32_t initial = startup.state(w);
  startup.recv(initial, 0, 0);
  startup.fetchBarrier();
  return plan;
}

plan::Plan test::makeServerPlan() {
  plan::Plan plan = makePlan(plan::PSERVER, {"127.0.0.1:6170"});
  addBlock(plan, 0, "w", tensor({3, 2}));
  uint32_t w = addState(plan, "w", tensor({3, 2}), 0.5);
  FunctionBuilder update(plan, "update_w");
  uint32_t gradient = update.input("gradient", tensor({3, 2}));
  uint32_t parameter = update.state(w);
  uint32_t scale = update.constant({-0.5, 0, 0, -0.5}, tensor({2, 2}));
  uint32_t scaled = update.temporary(tensor({3, 2}));
  update.matmul(gradient, scale, scaled);
  update.copy(scaled, parameter);
  plan::Service::Handler &handler = *plan.mutable_service()->add_handlers();
  handler.set_block(0);
  handler.set_state(w);
  handler.set_function(0);
  return plan;
}

plan::Plan test::makeTablePlan(plan::Role role,
                               plan::Table::Placement placement, int64_t rows,
                               const std::vector<std::string> &endpoints,
                               uint32_t server) {
  plan::Plan plan = makePlan(role, endpoints);
  plan::Table &table = *plan.add_tables();
  table.set_name("emb");
  table.set_placement(placement);
  table.set_dtype(plan::F32);
  table.set_rows(rows);
  table.set_columns(2);
  table.mutable_initializer()->mutable_uniform()->set_low(-1);
  table.mutable_initializer()->mutable_uniform()->set_high(1);
  plan::Table::RowState &velocity = *table.add_row_states();
  velocity.set_slot("velocity");
  velocity.set_columns(2);
  velocity.mutable_initializer()->mutable_constant()->set_value(0);
  auto shards = static_cast<int64_t>(std::max<size_t>(1, endpoints.size()));
  for (int64_t i = 0; i < shards; ++i) {
    plan::Table::Shard &shard = *table.add_shards();
    shard.set_server(static_cast<uint32_t>(i));
    if (placement == plan::Table::SPARSE) {
      shard.set_first_row(rows * i / shards);
      shard.set_rows(rows * (i + 1) / shards - rows * i / shards);
    }
  }

  if (role != plan::TRAINER) {
    uint32_t rate = addState(plan, "rate", tensor({}), 0.5);
    plan.mutable_states(0)->set_origin("emb");
    plan.mutable_states(0)->set_state_of("emb");
    plan.mutable_states(0)->set_slot("rate");
    uint32_t momentum = addKernel(plan, "momentum2", 4);
    uint32_t halve = addKernel(plan, "halve", 1);
    FunctionBuilder update(plan, "update_emb");
    uint32_t gradient = update.input("gradient", tensor({kBatch, 2}));
    uint32_t values = update.input("values", tensor({kBatch, 2}));
    uint32_t state = update.input("velocity", tensor({kBatch, 2}));
    update.launch(momentum, {gradient, values, state, update.state(rate)});
    table.set_update(static_cast<uint32_t>(plan.functions_size()));
    FunctionBuilder advance(plan, "advance_emb");
    advance.launch(halve, {advance.state(rate)}, 1);
    table.set_advance(static_cast<uint32_t>(plan.functions_size()));
  }
  if (role == plan::PSERVER) {
    plan.mutable_service()->set_server(server);
    return plan;
  }

  uint32_t error = addKernel(plan, "square_error4", 4);
  auto addForward = [&](FunctionBuilder &f) {
    uint32_t ids = f.input("ids", tensor({kBatch, 2}, plan::I64));
    uint32_t y = f.input("y", tensor({kBatch, 2, 2}));
    uint32_t looked = f.temporary(tensor({kBatch, 2, 2}));
    uint32_t difference = f.temporary(tensor({kBatch, 2, 2}));
    uint32_t loss = f.temporary(tensor({}));
    f.pullRows(0, ids, looked);
    f.launch(error, {looked, y, difference, loss});
    f.output("loss", loss);
    return std::pair(ids, difference);
  };
  FunctionBuilder main(plan, "main");
  auto [ids, difference] = addForward(main);
  main.pushRows(0, ids, difference);
  if (role == plan::TRAINER) {
    main.sendBarrier();
    main.fetchBarrier();
    FunctionBuilder startup(plan, "startup");
    startup.fetchBarrier();
  }
  FunctionBuilder evaluate(plan, "evaluate");
  addForward(evaluate);
  return plan;
}

plan::Plan test::makeCollectivePlan() {
  plan::Plan plan = makePlan(plan::TRAINER);
  plan.set_mode(plan::COLLECTIVE);
  plan.set_sync_mode(plan::SYNC);
  plan.set_trainers(2);
  plan.add_locations("program.mlir:12:8");
  plan::Group &group = *plan.add_groups();
  group.set_name("world");
  group.set_size(2);
  plan::Bucket &bucket = *plan.add_buckets();
  bucket.set_name("bucket_0");
  bucket.set_dtype(plan::F32);
  bucket.set_elements(16);
  uint32_t w = addState(plan, "w", tensor({3, 2}), 0.5);

  FunctionBuilder main(plan, "main");
  uint32_t x = main.input("x", tensor({kBatch, 3}));
  uint32_t weight = main.state(w);
  uint32_t h = main.temporary(tensor({kBatch, 2}));
  uint32_t dw = main.inBucket(0, 4, tensor({3, 2}));
  main.matmul(x, weight, h);
  main.matmul(x, h, dw, /*transposeA=*/true);
  main.instruction().mutable_all_reduce_start()->set_bucket(0);
  plan::Instruction &wait = main.instruction();
  wait.mutable_collective_wait()->set_bucket(0);
  wait.set_location(1);
  main.copy(dw, weight);
  main.output("share", main.examples(plan::Buffer::Examples::SHARE));
  main.output("own", main.examples(plan::Buffer::Examples::OWN));
  main.output("all", main.examples(plan::Buffer::Examples::ALL));

  FunctionBuilder startup(plan, "startup");
  uint32_t initial = startup.state(w);
  startup.instruction().mutable_connect()->set_group(0);
  startup.instruction().mutable_broadcast()->set_buffer(initial);
  return plan;
}

plan::Plan test::makeCollectiveTablePlan(int64_t rows) {
  plan::Plan plan = makeTablePlan(plan::LOCAL, plan::Table::SPARSE, rows);
  plan.set_role(plan::TRAINER);
  plan.set_mode(plan::COLLECTIVE);
  plan.set_sync_mode(plan::SYNC);
  plan.set_trainers(2);
  plan::Group &group = *plan.add_groups();
  group.set_name("world");
  group.set_size(2);
  for (plan::Function &function : *plan.mutable_functions())
    for (plan::Instruction &instruction : *function.mutable_instructions())
      if (instruction.has_push_rows()) {
        plan::PushRows push = instruction.push_rows();
        plan::MergeRows &merge = *instruction.mutable_merge_rows();
        merge.set_table(push.table());
        merge.set_group(0);
        *merge.mutable_items() = push.items();
        function.add_instructions()->mutable_update_rows()->set_table(
            push.table());
        break; // it was the last one
      }
  FunctionBuilder startup(plan, "startup");
  uint32_t rate = startup.state(0);
  startup.instruction().mutable_connect()->set_group(0);
  startup.instruction().mutable_broadcast()->set_buffer(rate);
  for (uint32_t component : {0u, 1u})
    startup.instruction().mutable_broadcast_rows()->set_component(component);
  return plan;
}
