//===- CollectiveValidationTest.cpp ---------------------------------------===//
//
// Part of the Fleet project.
//
// The rules of collective jobs: a good plan, one change, the message.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanLoader.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

using namespace fleet;
using fleet::test::tensor;
using testing::HasSubstr;

namespace {

void expectError(const std::function<void(plan::Plan &)> &change,
                 const std::string &message) {
  plan::Plan plan = test::makeCollectivePlan();
  change(plan);
  StatusOr<PlanPtr> loaded = checkPlan(std::move(plan), "a.plan");
  ASSERT_FALSE(loaded.ok()) << message;
  EXPECT_EQ(loaded.status().code(), StatusCode::InvalidArgument);
  EXPECT_THAT(loaded.status().message(), HasSubstr(message));
}

std::string check(plan::Plan plan) {
  StatusOr<PlanPtr> loaded = checkPlan(std::move(plan), "a.plan");
  return loaded.ok() ? "" : loaded.status().message();
}

plan::Function &mainOf(plan::Plan &plan) { return *plan.mutable_functions(0); }
plan::Function &startupOf(plan::Plan &plan) {
  return *plan.mutable_functions(1);
}
plan::Instruction &instruction(plan::Plan &plan, int index) {
  return *mainOf(plan).mutable_instructions(index);
}
plan::Buffer &part(plan::Plan &plan) {
  return *mainOf(plan).mutable_buffers(3);
}

TEST(CollectiveValidation, AcceptsAGoodPlan) {
  StatusOr<PlanPtr> loaded = checkPlan(test::makeCollectivePlan(), "a.plan");
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
}

TEST(CollectiveValidation, EveryProcessIsATrainer) {
  expectError([](plan::Plan &p) { p.set_role(plan::PSERVER); },
              "role PSERVER does not exist in mode COLLECTIVE");
  expectError([](plan::Plan &p) { p.add_servers()->set_endpoint("h:1"); },
              "a collective job with servers");
  expectError([](plan::Plan &p) { p.set_sync_mode(plan::ASYNC); },
              "a collective job is in step");
}

TEST(CollectiveValidation, OtherModesHaveNone) {
  expectError(
      [](plan::Plan &p) {
        p.set_mode(plan::SINGLE);
        p.set_role(plan::LOCAL);
      },
      "groups or buckets in mode SINGLE");
  expectError(
      [](plan::Plan &p) {
        p.set_mode(plan::SINGLE);
        p.set_role(plan::LOCAL);
        p.clear_groups();
        p.clear_buckets();
        part(p).mutable_temporary()->set_slot(1);
        mainOf(p).set_num_slots(2);
      },
      "only a collective job calls collectives, this plan's mode is SINGLE");
  expectError([](plan::Plan &p) { instruction(p, 2).mutable_send_barrier(); },
              "a collective job has no servers to exchange with");
}

TEST(CollectiveValidation, Groups) {
  expectError([](plan::Plan &p) { p.mutable_groups(0)->set_size(3); },
              "group 'world' has 3 members, the job has 2 trainers");
  expectError(
      [](plan::Plan &p) {
        startupOf(p).mutable_instructions(0)->mutable_connect()->set_group(1);
      },
      "group 1, the plan has 1 groups");
  expectError(
      [](plan::Plan &p) {
        instruction(p, 2).mutable_all_reduce_start()->set_group(7);
      },
      "group 7, the plan has 1 groups");
}

TEST(CollectiveValidation, GroupsThatCutAllTrainers) {
  auto add = [](plan::Plan &p, uint32_t size, uint32_t stride) {
    plan::Group &group = *p.add_groups();
    group.set_name("some");
    group.set_size(size);
    group.set_stride(stride);
  };
  plan::Plan plan = test::makeCollectivePlan();
  add(plan, 2, 1);
  EXPECT_EQ(check(plan), "");
  expectError([&](plan::Plan &p) { add(p, 3, 1); },
              "groups 'some' of 3 members, 1 ranks apart, do not divide 2 "
              "trainers");
  expectError([&](plan::Plan &p) { add(p, 0, 1); }, "do not divide 2 trainers");
  expectError([&](plan::Plan &p) { add(p, 0xffffffff, 0xffffffff); },
              "do not divide 2 trainers");
  expectError([&](plan::Plan &p) { p.mutable_groups(0)->set_stride(1); },
              "the first group, 'world', is not of all trainers");
}

/// The all-reduce of the good plan as another call, of tensors at `offsets`
/// with parts of `elements`.
void setParts(plan::Plan &p, std::vector<int64_t> offsets,
              std::vector<int64_t> elements) {
  plan::Parts &parts =
      *instruction(p, 2).mutable_reduce_scatter_start()->mutable_parts();
  for (int64_t offset : offsets)
    parts.add_offsets(offset);
  for (int64_t part : elements)
    parts.add_elements(part);
}

TEST(CollectiveValidation, Parts) {
  plan::Plan plan = test::makeCollectivePlan();
  setParts(plan, {0, 4}, {2, 6});
  EXPECT_EQ(check(plan), "");
  expectError([](plan::Plan &p) { setParts(p, {}, {}); },
              "0 offsets of 0 tensors");
  expectError(
      [](plan::Plan &p) {
        setParts(p, {0}, {2, 2});
      },
      "1 offsets of 2 tensors");
  for (auto [offset, elements] : {std::pair<int64_t, int64_t>(4, 7),
                                  {-1, 2},
                                  {17, 1},
                                  {0, 0},
                                  {INT64_MAX, 1},
                                  {0, INT64_MAX},
                                  {0, -3}})
    expectError(
        [&, o = offset, e = elements](plan::Plan &p) { setParts(p, {o}, {e}); },
        "overlap others or do not lie in a bucket of 16 elements");
  expectError(
      [](plan::Plan &p) {
        setParts(p, {0, 3}, {2, 2});
      },
      "2 parts of 2 elements from 3 on overlap others");
  expectError(
      [](plan::Plan &p) {
        setParts(p, {0}, {8});
        instruction(p, 2)
            .mutable_reduce_scatter_start()
            ->mutable_parts()
            ->set_group(4);
      },
      "group 4, the plan has 1 groups");
  expectError(
      [](plan::Plan &p) { part(p).mutable_in_bucket()->set_part_of(2); },
      "part of group 2, the plan has 1 groups");
  // Six elements a rank from the fourth on, for two ranks.
  plan::Plan fits = test::makeCollectivePlan();
  part(fits).mutable_in_bucket()->set_part_of(1);
  EXPECT_EQ(check(fits), "");
  expectError(
      [](plan::Plan &p) {
        part(p).mutable_in_bucket()->set_part_of(1);
        part(p).mutable_in_bucket()->set_offset(5);
      },
      "does not lie in bucket 'bucket_0'");
}

TEST(CollectiveValidation, StatesOfWhichEachHasAPart) {
  auto shard = [](plan::Plan &p, int64_t elements, uint32_t shards) {
    uint32_t w = test::addState(p, "w.part", tensor({elements}), 0);
    plan::State &state = *p.mutable_states(static_cast<int>(w));
    state.set_origin("w");
    state.clear_origin_shape();
    state.add_origin_shape(3);
    state.add_origin_shape(5);
    state.set_shards(shards);
  };
  plan::Plan plan = test::makeCollectivePlan();
  shard(plan, 8, 2);
  EXPECT_EQ(check(plan), "");
  expectError([&](plan::Plan &p) { shard(p, 7, 2); },
              "is none of 2 equal parts of its origin");
  expectError([&](plan::Plan &p) { shard(p, 5, 3); },
              "one of 3 parts, the job has 2 trainers");
  expectError(
      [&](plan::Plan &p) {
        shard(p, 8, 2);
        p.mutable_states(1)->set_origin_shape(0, INT64_MAX);
      },
      "of its origin is not possible");
  expectError(
      [&](plan::Plan &p) {
        shard(p, 8, 2);
        p.mutable_states(1)->mutable_initializer()->mutable_uniform();
      },
      "needs a constant initial value");
}

TEST(CollectiveValidation, Buckets) {
  expectError([](plan::Plan &p) { p.mutable_buckets(0)->set_dtype(plan::I32); },
              "expected floats");
  expectError([](plan::Plan &p) { p.mutable_buckets(0)->set_elements(0); },
              "bucket 'bucket_0' has 0 elements");
  expectError(
      [](plan::Plan &p) { p.mutable_buckets(0)->set_elements(INT64_MAX); },
      "bucket 'bucket_0' has 9223372036854775807 elements");
  expectError([](plan::Plan &p) { part(p).mutable_in_bucket()->set_bucket(1); },
              "bucket 1, the plan has 1 buckets");
  for (int64_t offset : {int64_t(-1), int64_t(11), INT64_MAX})
    expectError(
        [&](plan::Plan &p) { part(p).mutable_in_bucket()->set_offset(offset); },
        "does not lie in bucket 'bucket_0' of 16 elements of f32");
  expectError([](plan::Plan &p) { p.mutable_buckets(0)->set_dtype(plan::F16); },
              "does not lie in bucket");
}

TEST(CollectiveValidation, Examples) {
  auto share = [](plan::Plan &p) {
    return mainOf(p).mutable_buffers(
        static_cast<int>(mainOf(p).outputs(0).buffer()));
  };
  expectError([&](plan::Plan &p) { *share(p)->mutable_type() = tensor({2}); },
              "a number of examples of type");
  expectError(
      [&](plan::Plan &p) { *share(p)->mutable_type() = tensor({}, plan::I64); },
      "expected a scalar of f32 or f64");
  expectError(
      [&](plan::Plan &p) {
        share(p)->mutable_examples()->set_kind(
            static_cast<plan::Buffer::Examples::Kind>(9));
      },
      "kind 9 of examples does not exist");
  expectError(
      [&](plan::Plan &p) {
        instruction(p, 4).mutable_copy()->set_to(mainOf(p).outputs(0).buffer());
      },
      "which is a number of examples");
}

TEST(CollectiveValidation, CallsEndInTheirOrder) {
  expectError([](plan::Plan &p) { instruction(p, 3) = instruction(p, 2); },
              "a collective works on bucket 'bucket_0' already");
  expectError([](plan::Plan &p) { instruction(p, 2) = instruction(p, 3); },
              "it waits for bucket 'bucket_0', but nothing is under way");
  expectError([](plan::Plan &p) { instruction(p, 3) = instruction(p, 0); },
              "it touches 'part', which lies in a bucket that a collective "
              "works on");
  expectError(
      [](plan::Plan &p) {
        mainOf(p).mutable_instructions()->DeleteSubrange(3, 2);
      },
      "nothing waits for the collective on bucket 'bucket_0'");
  expectError(
      [](plan::Plan &p) {
        *p.add_buckets() = p.buckets(0);
        p.mutable_buckets(1)->set_name("bucket_1");
        plan::Instruction second = instruction(p, 2);
        second.mutable_all_reduce_start()->set_bucket(1);
        *mainOf(p).add_instructions() = instruction(p, 4);
        instruction(p, 4) = instruction(p, 3);
        instruction(p, 4).mutable_collective_wait()->set_bucket(0);
        instruction(p, 3).mutable_collective_wait()->set_bucket(1);
        *mainOf(p).add_instructions() = instruction(p, 5);
        instruction(p, 5) = instruction(p, 4);
        instruction(p, 4) = instruction(p, 3);
        instruction(p, 3) = second;
      },
      "it waits for bucket 'bucket_1', but bucket 'bucket_0' comes first");
}

TEST(CollectiveValidation, Broadcasts) {
  auto broadcast = [](plan::Plan &p) {
    return startupOf(p).mutable_instructions(1)->mutable_broadcast();
  };
  expectError([&](plan::Plan &p) { broadcast(p)->set_root(2); },
              "it gives the state of rank 2, the job has 2 trainers");
  expectError(
      [&](plan::Plan &p) {
        startupOf(p).mutable_buffers(0)->mutable_temporary()->set_slot(0);
        startupOf(p).set_num_slots(1);
      },
      "which is no state");
  expectError([&](plan::Plan &p) { broadcast(p)->set_buffer(5); },
              "buffer 5, the function has 1 buffers");
}

TEST(CollectiveValidation, WhatRunsBetweenSteps) {
  plan::Plan plan = test::makeCollectivePlan();
  startupOf(plan).set_name("average");
  startupOf(plan).set_every(4);
  EXPECT_TRUE(checkPlan(plan, "a.plan").ok());
  expectError([](plan::Plan &p) { startupOf(p).set_every(4); },
              "function 'startup' runs every 4 steps");
  expectError(
      [](plan::Plan &p) {
        mainOf(p).set_name("average");
        mainOf(p).set_every(4);
        startupOf(p).set_name("main");
      },
      "function 'average' reads data, but runs between steps");
}

TEST(CollectiveValidation, WhatALaunchWrites) {
  auto launch = [](plan::Plan &p) {
    test::addKernel(p, "k", 2);
    p.set_library("x");
    plan::Launch &result = *instruction(p, 0).mutable_launch();
    result.add_buffers(1);
    result.add_buffers(1);
    result.mutable_rows()->set_extent(1);
    return &result;
  };
  expectError([&](plan::Plan &p) { launch(p)->set_num_outputs(3); },
              "3 outputs among 2 buffers");
  expectError(
      [&](plan::Plan &p) {
        plan::Launch *l = launch(p);
        l->set_num_outputs(1);
        l->add_inplace(1);
      },
      "it overwrites input 1, but has 1");
}

} // namespace
