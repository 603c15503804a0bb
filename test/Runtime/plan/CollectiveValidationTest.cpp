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
