//===- TableValidationTest.cpp --------------------------------------------===//
//
// Part of the Fleet project.
//
// One test a rule: a good plan, one change, the message.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanLoader.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

using namespace fleet;
using fleet::test::FunctionBuilder;
using fleet::test::kBatch;
using fleet::test::tensor;
using testing::HasSubstr;

namespace {

const std::vector<std::string> kEndpoints = {"127.0.0.1:6170",
                                             "127.0.0.1:6171"};

std::string check(plan::Plan plan) {
  if (plan.kernels_size() != 0)
    plan.set_library("not looked at");
  StatusOr<PlanPtr> loaded = checkPlan(std::move(plan), "a.plan");
  if (loaded.ok())
    return "";
  EXPECT_EQ(loaded.status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(loaded.status().message().find('\n'), std::string::npos);
  return loaded.status().message();
}

using Change = std::function<void(plan::Plan &)>;

void expectError(plan::Role role, plan::Table::Placement placement,
                 const Change &change, const std::string &message) {
  plan::Plan plan = test::makeTablePlan(
      role, placement, 10,
      role == plan::LOCAL ? std::vector<std::string>() : kEndpoints);
  change(plan);
  EXPECT_THAT(check(plan), HasSubstr(message));
}

void expectLocalError(const Change &change, const std::string &message) {
  expectError(plan::LOCAL, plan::Table::SPARSE, change, message);
}

void expectCollectiveError(const Change &change, const std::string &message) {
  plan::Plan plan = test::makeCollectiveTablePlan(10);
  change(plan);
  EXPECT_THAT(check(plan), HasSubstr(message));
}

plan::Table &tableOf(plan::Plan &plan) { return *plan.mutable_tables(0); }
plan::Function &update(plan::Plan &plan) { return *plan.mutable_functions(0); }
plan::Function &advance(plan::Plan &plan) { return *plan.mutable_functions(1); }
/// "main" of a local plan: pull, launch, push.
plan::Function &mainOf(plan::Plan &plan) { return *plan.mutable_functions(2); }
plan::PullRows::Item &pulled(plan::Plan &plan) {
  return *mainOf(plan)
              .mutable_instructions(0)
              ->mutable_pull_rows()
              ->mutable_items(0);
}
plan::PushRows &push(plan::Plan &plan) {
  return *mainOf(plan).mutable_instructions(2)->mutable_push_rows();
}

TEST(TableValidation, AcceptsGoodPlans) {
  for (auto placement : {plan::Table::SPARSE, plan::Table::DISTRIBUTED}) {
    EXPECT_EQ(check(test::makeTablePlan(plan::LOCAL, placement, 10)), "");
    EXPECT_EQ(
        check(test::makeTablePlan(plan::TRAINER, placement, 10, kEndpoints)),
        "");
    EXPECT_EQ(
        check(test::makeTablePlan(plan::PSERVER, placement, 10, kEndpoints, 1)),
        "");
  }
}

TEST(TableValidation, NamesAndShape) {
  expectLocalError([](plan::Plan &p) { tableOf(p).set_name(""); },
                   "table 0 has no name");
  expectLocalError([](plan::Plan &p) { *p.add_tables() = tableOf(p); },
                   "something else is named 'emb', too");
  expectLocalError(
      [](plan::Plan &p) { p.mutable_states(0)->set_slot("velocity"); },
      "something else is named 'emb/velocity', too");
  expectLocalError(
      [](plan::Plan &p) {
        tableOf(p).set_placement(plan::Table::PLACEMENT_UNSPECIFIED);
      },
      "table 'emb': placement 0 is neither");
  expectLocalError([](plan::Plan &p) { tableOf(p).set_dtype(plan::I32); },
                   "neither f32 nor f64");
  expectLocalError([](plan::Plan &p) { tableOf(p).set_rows(0); }, "0 rows");
  expectLocalError([](plan::Plan &p) { tableOf(p).set_columns(-1); },
                   "-1 columns");
  expectError(
      plan::LOCAL, plan::Table::DISTRIBUTED,
      [](plan::Plan &p) { tableOf(p).set_rows(INT64_MAX); },
      "more elements than can be numbered");
  expectLocalError([](plan::Plan &p) { tableOf(p).set_rows(int64_t(1) << 50); },
                   "cannot all exist; use a distributed table");
  expectLocalError([](plan::Plan &p) { tableOf(p).clear_initializer(); },
                   "it has no initializer");
}

TEST(TableValidation, RowStates) {
  auto slot = [](plan::Plan &p) -> plan::Table::RowState & {
    return *tableOf(p).mutable_row_states(0);
  };
  expectLocalError([&](plan::Plan &p) { slot(p).set_slot("ids"); },
                   "a row state cannot be named 'ids'");
  expectLocalError([&](plan::Plan &p) { slot(p).set_slot(""); },
                   "a row state cannot be named ''");
  expectLocalError(
      [&](plan::Plan &p) { *tableOf(p).add_row_states() = slot(p); },
      "two row states are named 'velocity'");
  expectLocalError([&](plan::Plan &p) { slot(p).set_columns(0); },
                   "row state 'velocity' has 0 columns");
  expectLocalError([&](plan::Plan &p) { slot(p).clear_initializer(); },
                   "row state 'velocity': it has no initializer");
}

TEST(TableValidation, Shards) {
  auto expectTrainerError = [](plan::Table::Placement placement,
                               const Change &change,
                               const std::string &message) {
    expectError(plan::TRAINER, placement, change, message);
  };
  auto shard = [](plan::Plan &p, int i) -> plan::Table::Shard & {
    return *tableOf(p).mutable_shards(i);
  };
  expectLocalError([](plan::Plan &p) { tableOf(p).clear_shards(); },
                   "nobody owns its rows");
  expectLocalError(
      [&](plan::Plan &p) { *tableOf(p).add_shards() = shard(p, 0); },
      "2 shards in a job where processes have whole tables");
  expectTrainerError(
      plan::Table::SPARSE, [&](plan::Plan &p) { shard(p, 1).set_server(2); },
      "shard 1 is of server 2, the job has 2 servers");
  expectTrainerError(
      plan::Table::SPARSE, [&](plan::Plan &p) { shard(p, 1).set_server(0); },
      "server 0 owns two shards");
  expectTrainerError(
      plan::Table::SPARSE, [&](plan::Plan &p) { shard(p, 1).set_first_row(4); },
      "shard 1 has 5 rows from 4 on, expected the rows from 5 on of 10");
  expectTrainerError(
      plan::Table::SPARSE,
      [&](plan::Plan &p) { shard(p, 1).set_rows(INT64_MAX); }, "shard 1 has");
  expectTrainerError(
      plan::Table::SPARSE, [&](plan::Plan &p) { shard(p, 1).set_rows(4); },
      "its shards have 9 of its 10 rows");
  expectTrainerError(
      plan::Table::DISTRIBUTED, [&](plan::Plan &p) { shard(p, 1).set_rows(4); },
      "shard 1 has a range of rows");
}

TEST(TableValidation, Functions) {
  expectError(
      plan::TRAINER, plan::Table::SPARSE,
      [](plan::Plan &p) { tableOf(p).set_update(1); },
      "a trainer updates no rows");
  expectLocalError([](plan::Plan &p) { tableOf(p).set_update(9); },
                   "function 9 (counted from 1), the plan has 4 functions");
  expectLocalError(
      [](plan::Plan &p) {
        tableOf(p).set_update(0);
        mainOf(p).mutable_instructions()->RemoveLast();
      },
      "advances its states, but none that updates rows");
  expectLocalError([](plan::Plan &p) { tableOf(p).clear_row_states(); },
                   "function 'update_emb': 3 inputs, expected 2: gradients, "
                   "values and 0 row states");
  expectLocalError(
      [](plan::Plan &p) { tableOf(p).mutable_row_states(0)->set_columns(1); },
      "input 2 is batchx2xf32, expected batchx1xf32");
  expectLocalError(
      [](plan::Plan &p) {
        auto &state = *tableOf(p).add_row_states();
        state = tableOf(p).row_states(0);
        state.set_slot("other");
      },
      "3 inputs, expected 4: gradients, values and 2 row states");
  expectLocalError(
      [](plan::Plan &p) {
        *update(p).add_instructions() = mainOf(p).instructions(0);
        auto &item = *update(p)
                          .mutable_instructions(1)
                          ->mutable_pull_rows()
                          ->mutable_items(0);
        update(p).mutable_buffers(0)->mutable_type()->set_dtype(plan::I64);
        item.set_ids(0);
      },
      "function 'update_emb'");
  expectLocalError(
      [](plan::Plan &p) {
        uint32_t w = test::addState(p, "w", tensor({2, 2}), 0);
        auto &buffer = *update(p).add_buffers();
        buffer.set_name("w");
        *buffer.mutable_type() = tensor({2, 2});
        buffer.mutable_state()->set_state(w);
      },
      "its state 'w' is 2x2xf32, expected a scalar");
  expectLocalError(
      [](plan::Plan &p) {
        auto &buffer = *update(p).add_buffers();
        buffer.set_name("c");
        *buffer.mutable_type() = tensor({});
        buffer.mutable_constant()->set_data("abcd");
        auto &copy = *update(p).add_instructions()->mutable_copy();
        copy.set_from(4);
        copy.set_to(3);
      },
      "it writes a state that is not of rows");
  expectLocalError(
      [](plan::Plan &p) {
        auto &buffer = *advance(p).add_buffers();
        buffer.set_name("x");
        *buffer.mutable_type() = tensor({kBatch, 2});
        buffer.mutable_input()->set_argument(0);
      },
      "function 'advance_emb': it has an input");
}

TEST(TableValidation, AnUpdateMayWriteWhatItIsGiven) {
  auto copy = [](uint32_t from, uint32_t to) {
    return [=](plan::Plan &p) {
      auto &copy = *update(p).add_instructions()->mutable_copy();
      copy.set_from(from);
      copy.set_to(to);
    };
  };
  plan::Plan plan = test::makeTablePlan(plan::LOCAL, plan::Table::SPARSE, 10);
  copy(1, 2)(plan);
  EXPECT_EQ(check(plan), "");
  expectLocalError(copy(1, 0), "it writes to 'gradient', which is an input");
}

TEST(TableValidation, PullRows) {
  expectLocalError(
      [](plan::Plan &p) {
        mainOf(p).mutable_instructions(0)->mutable_pull_rows()->clear_items();
      },
      "it pulls no rows");
  expectLocalError([](plan::Plan &p) { pulled(p).set_table(1); },
                   "function 'main', instruction 0: table 1, the plan has 1");
  expectLocalError([](plan::Plan &p) { pulled(p).set_ids(99); }, "buffer 99");
  expectLocalError([](plan::Plan &p) { pulled(p).set_out(99); }, "buffer 99");
  expectLocalError([](plan::Plan &p) { pulled(p).set_ids(1); },
                   "ids 'y' (batchx2x2xf32), expected an input of i32 or i64");
  expectLocalError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(0)->mutable_temporary()->set_slot(0);
        mainOf(p).mutable_buffers(1)->mutable_input()->set_argument(0);
      },
      "expected an input of i32 or i64");
  expectLocalError([](plan::Plan &p) { tableOf(p).set_columns(3); },
                   "expected batchx2x3xf32");
  expectLocalError([](plan::Plan &p) { pulled(p).set_out(1); },
                   "it writes to 'y', which is an input");
  expectLocalError([](plan::Plan &p) { pulled(p).set_padding_idx(10); },
                   "padding 10 is no row of table 'emb', which has 10");
  expectLocalError([](plan::Plan &p) { pulled(p).set_padding_idx(-1); },
                   "padding -1 is no row");
  expectError(
      plan::PSERVER, plan::Table::SPARSE,
      [](plan::Plan &p) {
        FunctionBuilder f(p, "f");
        uint32_t ids = f.input("ids", tensor({kBatch}, plan::I64));
        f.pullRows(0, ids, f.temporary(tensor({kBatch, 2})));
      },
      "a server looks no rows up, it has them");
}

TEST(TableValidation, ALastExtentOfOneGoesAway) {
  plan::Plan plan = test::makeTablePlan(plan::LOCAL, plan::Table::SPARSE, 10);
  FunctionBuilder f(plan, "f");
  uint32_t ids = f.input("ids", tensor({kBatch, 1}, plan::I32));
  f.pullRows(0, ids, f.temporary(tensor({kBatch, 2})));
  EXPECT_EQ(check(plan), "");
}

TEST(TableValidation, PushRows) {
  expectLocalError([](plan::Plan &p) { push(p).set_table(1); },
                   "function 'main', instruction 2: table 1, the plan has 1");
  expectLocalError([](plan::Plan &p) { push(p).clear_items(); },
                   "it pushes no rows");
  expectLocalError(
      [](plan::Plan &p) { push(p).mutable_items(0)->set_gradient(0); },
      "rows 'ids' (batchx2xi64) of table 'emb'");
  expectLocalError(
      [](plan::Plan &p) {
        *mainOf(p).add_instructions() = mainOf(p).instructions(2);
      },
      "rows of table 'emb' are pushed twice in a step");
  expectLocalError(
      [](plan::Plan &p) {
        tableOf(p).set_update(0);
        tableOf(p).set_advance(0);
      },
      "table 'emb' has no update function");
  expectError(
      plan::TRAINER, plan::Table::SPARSE,
      [](plan::Plan &p) {
        // Without its barriers.
        p.mutable_functions(0)->mutable_instructions()->RemoveLast();
        p.mutable_functions(0)->mutable_instructions()->RemoveLast();
      },
      "it pushes rows, but no send barrier follows");
}

TEST(TableValidation, GeoHasNoTables) {
  expectError(
      plan::PSERVER, plan::Table::SPARSE,
      [](plan::Plan &p) { p.set_sync_mode(plan::GEO); },
      "table 'emb' in mode GEO, where trainers have whole parameters");
}

TEST(TableValidation, TrainersWithoutServersHaveWholeTables) {
  EXPECT_EQ(check(test::makeCollectiveTablePlan(10)), "");
  expectCollectiveError(
      [](plan::Plan &p) {
        tableOf(p).set_placement(plan::Table::DISTRIBUTED);
        tableOf(p).mutable_shards(0)->clear_rows();
      },
      "placement DISTRIBUTED in mode COLLECTIVE, where every trainer has all "
      "rows; expected SPARSE");
  expectCollectiveError(
      [](plan::Plan &p) { *tableOf(p).add_shards() = tableOf(p).shards(0); },
      "2 shards in a job where processes have whole tables");
}

TEST(TableValidation, RowsOfAllTrainersAreMergedAndThenUpdated) {
  auto last = [](plan::Plan &p) -> plan::Instruction & {
    return *mainOf(p).mutable_instructions(mainOf(p).instructions_size() - 1);
  };
  auto merge = [](plan::Plan &p) -> plan::MergeRows & {
    return *mainOf(p)
                .mutable_instructions(mainOf(p).instructions_size() - 2)
                ->mutable_merge_rows();
  };
  expectCollectiveError([&](plan::Plan &p) { merge(p).set_table(1); },
                        "table 1, the plan has 1 tables");
  expectCollectiveError([&](plan::Plan &p) { merge(p).set_group(1); },
                        "group 1, the plan has 1 groups");
  expectCollectiveError([&](plan::Plan &p) { merge(p).clear_items(); },
                        "it merges no rows");
  expectCollectiveError(
      [&](plan::Plan &p) { merge(p).mutable_items(0)->set_gradient(0); },
      "of table 'emb' for ids");
  expectCollectiveError(
      [&](plan::Plan &p) {
        *last(p).mutable_merge_rows() = plan::MergeRows(merge(p));
      },
      "rows of table 'emb' are merged twice in a step");
  expectCollectiveError(
      [&](plan::Plan &p) { mainOf(p).mutable_instructions()->RemoveLast(); },
      "it merges rows of table 'emb', but does not update them");
  expectCollectiveError(
      [&](plan::Plan &p) {
        mainOf(p).add_instructions()->mutable_update_rows();
      },
      "it updates rows of table 'emb', which have not been merged");
  expectCollectiveError(
      [&](plan::Plan &p) {
        plan::PushRows push;
        *push.mutable_items() = merge(p).items();
        *last(p).mutable_push_rows() = push;
      },
      "a collective job has no servers to push rows to; trainers merge them");
  expectCollectiveError(
      [](plan::Plan &p) {
        tableOf(p).clear_update();
        tableOf(p).clear_advance();
      },
      "table 'emb' has no update function");
  expectLocalError(
      [](plan::Plan &p) {
        mainOf(p).add_instructions()->mutable_broadcast_rows();
      },
      "only a collective job calls collectives");
}

/// makeCollectiveTablePlan, or a local plan, with a part of the sum of squares.
plan::Plan makePartPlan(bool isLocal) {
  plan::Plan plan = test::makeCollectiveTablePlan(10);
  if (isLocal) {
    plan.set_role(plan::LOCAL);
    plan.set_mode(plan::SINGLE);
    plan.clear_sync_mode();
    plan.clear_trainers();
    plan.clear_groups();
    plan.mutable_functions()->RemoveLast(); // startup
  }
  FunctionBuilder part(plan, "emb_part");
  uint32_t gradients = part.input("gradients", tensor({kBatch, 2}));
  uint32_t sum = part.temporary(tensor({}));
  part.launch(test::addKernel(plan, "sum", 2), {gradients, sum});
  part.output("part", sum);
  tableOf(plan).set_part(static_cast<uint32_t>(plan.functions_size()));
  plan::Buffer &total = *update(plan).add_buffers();
  total.set_name("sum");
  *total.mutable_type() = tensor({});
  total.mutable_input()->set_argument(3);
  plan::Function &main = mainOf(plan);
  plan::Buffer &buffer = *main.add_buffers();
  buffer.set_name("part");
  *buffer.mutable_type() = tensor({});
  buffer.mutable_temporary()->set_slot(main.num_slots());
  main.set_num_slots(main.num_slots() + 1);
  uint32_t out = static_cast<uint32_t>(main.buffers_size()) - 1;
  main.mutable_instructions()->RemoveLast(); // the update
  main.add_instructions()->mutable_rows_part()->set_out(out);
  main.add_instructions()->mutable_update_rows()->set_sum(out);
  if (isLocal)
    for (plan::Instruction &instruction : *main.mutable_instructions())
      if (instruction.has_merge_rows())
        instruction.mutable_merge_rows()->clear_group();
  return plan;
}

TEST(TableValidation, UpdatesByASumOverAllGradients) {
  EXPECT_EQ(check(makePartPlan(/*isLocal=*/true)), "");
  EXPECT_EQ(check(makePartPlan(/*isLocal=*/false)), "");
  auto expect = [](const Change &change, const std::string &message) {
    plan::Plan plan = makePartPlan(/*isLocal=*/true);
    change(plan);
    EXPECT_THAT(check(plan), HasSubstr(message));
  };
  auto last = [](plan::Plan &p, int back) -> plan::Instruction & {
    plan::Function &main = mainOf(p);
    return *main.mutable_instructions(main.instructions_size() - back);
  };
  expect([&](plan::Plan &p) { last(p, 1).mutable_update_rows()->clear_sum(); },
         "it updates rows of table 'emb' without a sum, but the table has a "
         "part");
  expect([&](plan::Plan &p) { last(p, 1).mutable_update_rows()->set_sum(0); },
         "for a sum over gradients of table 'emb', expected ");
  expect([&](plan::Plan &p) { last(p, 2).mutable_rows_part()->set_out(0); },
         "for a sum over gradients of table 'emb', expected ");
  expect([&](plan::Plan &p) { last(p, 2) = last(p, 3); },
         "rows of table 'emb' are merged twice in a step");
  expect([&](plan::Plan &p) { last(p, 3) = last(p, 2); },
         "it is a part of rows of table 'emb', which have not been merged");
  expect([&](plan::Plan &p) { last(p, 3).mutable_merge_rows()->set_group(0); },
         "it merges rows of a group in mode SINGLE");
  expect([](plan::Plan &p) { tableOf(p).set_part(1); },
         "function 'update_emb': 4 inputs, expected 1: gradients");
  expect([](plan::Plan &p) { tableOf(p).clear_part(); },
         "table 'emb' has no part");
}

TEST(TableValidation, BroadcastRowsExist) {
  auto broadcast = [](plan::Plan &p) -> plan::BroadcastRows & {
    plan::Function &startup = *p.mutable_functions(p.functions_size() - 1);
    return *startup.mutable_instructions(startup.instructions_size() - 1)
                ->mutable_broadcast_rows();
  };
  expectCollectiveError([&](plan::Plan &p) { broadcast(p).set_component(2); },
                        "it gives component 2 of table 'emb', which has 2");
  expectCollectiveError([&](plan::Plan &p) { broadcast(p).set_root(2); },
                        "the rows of rank 2, the job has 2 trainers");
  expectCollectiveError([&](plan::Plan &p) { broadcast(p).set_table(7); },
                        "table 7, the plan has 1 tables");
}

} // namespace
