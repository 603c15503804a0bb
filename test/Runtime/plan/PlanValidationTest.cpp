//===- PlanValidationTest.cpp --------------------------------------------===//
//
// Part of the Fleet project.
//
// The rules of what a plan declares: a good plan, one change, the message.
//
//===----------------------------------------------------------------------===//

#include "test/Runtime/plan/PlanChecks.h"

#include <limits>

using namespace fleet;
using namespace fleet::test;
using testing::HasSubstr;

namespace {

TEST(PlanValidation, AcceptsGoodPlans) {
  EXPECT_EQ(check(test::makeTrainerPlan()), "");
  EXPECT_EQ(check(test::makeServerPlan()), "");
}

TEST(PlanValidation, Role) {
  expectTrainerError([](plan::Plan &p) { p.set_role(plan::ROLE_UNSPECIFIED); },
                     "role 0 is none of");
}

TEST(PlanValidation, RoleAndMode) {
  expectTrainerError([](plan::Plan &p) { p.set_mode(plan::SINGLE); },
                     "role TRAINER does not exist in mode SINGLE");
}

TEST(PlanValidation, Mode) {
  expectTrainerError([](plan::Plan &p) { p.set_mode(plan::MODE_UNSPECIFIED); },
                     "mode 0 is none of");
}

TEST(PlanValidation, SyncMode) {
  expectTrainerError(
      [](plan::Plan &p) { p.set_sync_mode(plan::SYNC_MODE_UNSPECIFIED); },
      "sync mode 0 is none of SYNC, HALF_ASYNC, ASYNC and GEO");
}

/// The trainer's step without waiting.
void makeAsynchronous(plan::Plan &p) {
  p.set_sync_mode(plan::ASYNC);
  instruction(p, 4).mutable_submit()->set_queue(4);
  instruction(p, 4).mutable_submit()->set_merge(2);
  instruction(p, 6).mutable_fetch_latest();
}

TEST(PlanValidation, AsynchronousSteps) {
  plan::Plan plan = test::makeTrainerPlan();
  makeAsynchronous(plan);
  EXPECT_EQ(check(plan), "");
  expectTrainerError(
      [](plan::Plan &p) {
        makeAsynchronous(p);
        p.set_sync_mode(plan::HALF_ASYNC);
      },
      "only a step in mode ASYNC goes on without waiting");
  expectTrainerError(
      [](plan::Plan &p) {
        makeAsynchronous(p);
        instruction(p, 4).mutable_submit()->set_queue(0);
      },
      "a queue of 0 steps that merges 2");
  expectTrainerError(
      [](plan::Plan &p) {
        makeAsynchronous(p);
        instruction(p, 4).mutable_submit()->set_merge(0);
      },
      "a queue of 4 steps that merges 0");
  expectTrainerError(
      [](plan::Plan &p) {
        makeAsynchronous(p);
        instruction(p, 5).mutable_recv()->set_buffer(
            instruction(p, 3).send().buffer());
      },
      "is no state, it would hold nothing where no block has come");
}

TEST(PlanValidation, CompensationForDelay) {
  auto compensate = [](plan::Plan &p) {
    plan::Function &update = *p.mutable_functions(0);
    plan::Buffer then = update.buffers(0);
    then.set_name("then");
    then.mutable_input()->set_argument(1);
    *update.add_buffers() = then;
  };
  plan::Plan plan = test::makeServerPlan();
  compensate(plan);
  plan.set_sync_mode(plan::ASYNC);
  EXPECT_EQ(check(plan), "");
  expectServerError(compensate, "function 'update_w' compensates for delay, "
                                "but in mode SYNC no gradient is late");
  expectServerError(
      [&](plan::Plan &p) {
        compensate(p);
        p.set_sync_mode(plan::GEO);
      },
      "but in mode GEO no gradient is late");
}

TEST(PlanValidation, Exchanges) {
  auto makeGeo = [](plan::Plan &p) {
    p.set_sync_mode(plan::GEO);
    p.mutable_functions(1)->set_every(5);
    p.mutable_functions(1)->set_name("exchange");
  };
  plan::Plan plan = test::makeTrainerPlan();
  makeGeo(plan);
  EXPECT_EQ(check(plan), "");
  expectTrainerError(
      [&](plan::Plan &p) {
        makeGeo(p);
        p.mutable_functions(1)->set_every(0);
      },
      "no function 'exchange', which a trainer in mode GEO runs");
  expectTrainerError(
      [&](plan::Plan &p) {
        makeGeo(p);
        p.set_sync_mode(plan::SYNC);
      },
      "function 'exchange' runs every 5 steps; only 'exchange' of a trainer in "
      "mode GEO does so");
  expectTrainerError(
      [&](plan::Plan &p) {
        makeGeo(p);
        p.mutable_functions(0)->set_every(5);
      },
      "function 'main' runs every 5 steps");
}

TEST(PlanValidation, Trainers) {
  expectTrainerError([](plan::Plan &p) { p.set_trainers(0); },
                     "0 trainers, expected 1 to 65536");
}

TEST(PlanValidation, NoServers) {
  expectTrainerError([](plan::Plan &p) { p.clear_servers(); },
                     "without servers");
}

TEST(PlanValidation, NoMain) {
  expectTrainerError([](plan::Plan &p) { mainOf(p).set_name("other"); },
                     "no function 'main'");
}

TEST(PlanValidation, Endpoints) {
  for (const char *endpoint : {"", "localhost", ":6170", "host:", "host:0",
                               "host:65536", "host:12x", "a b:1", "h:123456"})
    expectTrainerError(
        [&](plan::Plan &p) { p.mutable_servers(0)->set_endpoint(endpoint); },
        "is not HOST:PORT");
}

TEST(PlanValidation, DuplicateEndpoints) {
  expectTrainerError([](plan::Plan &p) { *p.add_servers() = p.servers(0); },
                     "two servers have the endpoint 127.0.0.1:6170");
}

TEST(PlanValidation, DuplicateBlocks) {
  expectTrainerError(
      [](plan::Plan &p) { test::addBlock(p, 0, "w", tensor({1})); },
      "server 0: two blocks are named 'w'");
}

TEST(PlanValidation, DynamicBlock) {
  expectTrainerError(
      [](plan::Plan &p) { test::addBlock(p, 0, "v", tensor({kBatch})); },
      "block 'v': type batchxf32 is not static");
}

TEST(PlanValidation, DuplicateKernels) {
  expectTrainerError(
      [](plan::Plan &p) {
        test::addKernel(p, "k", 1);
        test::addKernel(p, "k", 1);
      },
      "two kernels are named 'k'");
}

TEST(PlanValidation, KernelsWithoutLibrary) {
  expectTrainerError([](plan::Plan &p) { test::addKernel(p, "k", 1); },
                     "1 kernels, but no kernel library");
}

TEST(PlanValidation, DuplicateFunctions) {
  expectTrainerError(
      [](plan::Plan &p) { p.mutable_functions(1)->set_name("main"); },
      "two functions are named 'main'");
}

TEST(PlanValidation, DuplicateSymbols) {
  expectTrainerError([](plan::Plan &p) { p.add_symbols("batch"); },
                     "two symbols are named 'batch'");
}

TEST(PlanValidation, DataType) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(0)->mutable_type()->set_dtype(
            static_cast<plan::DataType>(99));
      },
      "data type 99 does not exist");
}

TEST(PlanValidation, NegativeExtent) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p)
            .mutable_buffers(3)
            ->mutable_type()
            ->mutable_dims(1)
            ->set_extent(-2);
      },
      "dimension 1 has the negative extent -2");
}

TEST(PlanValidation, DimensionWithoutKind) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(3)->mutable_type()->mutable_dims(1)->Clear();
      },
      "dimension 1 has neither an extent nor a symbol");
}

TEST(PlanValidation, SymbolOutOfRange) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p)
            .mutable_buffers(3)
            ->mutable_type()
            ->mutable_dims(1)
            ->set_symbol(7);
      },
      "dimension 1 is symbol 7, the plan has 1 symbols");
}

TEST(PlanValidation, ElementCountOverflow) {
  expectTrainerError(
      [](plan::Plan &p) {
        *mainOf(p).mutable_buffers(3)->mutable_type() =
            tensor({int64_t(1) << 40, int64_t(1) << 40});
      },
      "more than");
}

TEST(PlanValidation, ElementCountOverflowBehindZero) {
  expectTrainerError(
      [](plan::Plan &p) {
        *mainOf(p).mutable_buffers(3)->mutable_type() =
            tensor({0, int64_t(1) << 40, int64_t(1) << 40});
      },
      "more than");
}

TEST(PlanValidation, TooManyDimensions) {
  expectTrainerError(
      [](plan::Plan &p) {
        for (int i = 0; i < 20; ++i)
          mainOf(p).mutable_buffers(3)->mutable_type()->add_dims()->set_extent(
              1);
      },
      "22 dimensions, at most 16");
}

TEST(PlanValidation, InputBounds) {
  auto withBound = [](plan::DataType dtype, int64_t bound) {
    return [=](plan::Plan &p) {
      plan::Buffer &input = *mainOf(p).mutable_buffers(0);
      input.mutable_type()->set_dtype(dtype);
      input.mutable_input()->set_upper_bound(bound);
    };
  };
  expectTrainerError(withBound(plan::I64, -1), "the upper bound -1 for an");
  expectTrainerError(withBound(plan::F32, 7), "the upper bound 7 for an input");
}

TEST(PlanValidation, BufferWithoutStorage) {
  expectTrainerError(
      [](plan::Plan &p) { mainOf(p).mutable_buffers(3)->clear_temporary(); },
      "function 'main': buffer 3 't0': it has no storage");
}

TEST(PlanValidation, StateOutOfRange) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(2)->mutable_state()->set_state(5);
      },
      "state 5, the plan has 1 states");
}

TEST(PlanValidation, SlotOutOfRange) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(3)->mutable_temporary()->set_slot(3);
      },
      "slot 3, the function has 3 slots");
}

TEST(PlanValidation, MoreSlotsThanBuffers) {
  expectTrainerError([](plan::Plan &p) { mainOf(p).set_num_slots(0xffffffff); },
                     "4294967295 slots for 6 buffers");
}

TEST(PlanValidation, ConstantOfWrongSize) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(1)->mutable_constant()->set_data("abc");
      },
      "3 bytes of data for a constant of type 1x1xf32 (4 bytes)");
}

TEST(PlanValidation, DynamicConstant) {
  expectTrainerError(
      [](plan::Plan &p) {
        *mainOf(p).mutable_buffers(1)->mutable_type() = tensor({kBatch});
      },
      "a constant of the dynamic type");
}

TEST(PlanValidation, StateTypeMismatch) {
  expectTrainerError(
      [](plan::Plan &p) {
        *mainOf(p).mutable_buffers(2)->mutable_type() = tensor({3, 3});
      },
      "state 'w' has type 3x3xf32 here and 3x2xf32 in its declaration");
}

TEST(PlanValidation, DuplicateInputArgument) {
  expectTrainerError(
      [](plan::Plan &p) { *mainOf(p).add_buffers() = mainOf(p).buffers(0); },
      "two buffers are input argument 0");
}

TEST(PlanValidation, DuplicateInputName) {
  expectTrainerError(
      [](plan::Plan &p) {
        plan::Buffer copy = mainOf(p).buffers(0);
        copy.mutable_input()->set_argument(1);
        *mainOf(p).add_buffers() = copy;
      },
      "two inputs are named 'x'");
}

TEST(PlanValidation, InputArgumentsHaveNoHoles) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(0)->mutable_input()->set_argument(1000000);
      },
      "none of them is argument 0");
}

TEST(PlanValidation, DuplicateStates) {
  expectTrainerError([](plan::Plan &p) { *p.add_states() = p.states(0); },
                     "two states are named 'w'");
}

TEST(PlanValidation, DynamicState) {
  expectTrainerError(
      [](plan::Plan &p) {
        *p.mutable_states(0)->mutable_type() = tensor({kBatch, 2});
      },
      "state 'w': type batchx2xf32 is not static");
}

TEST(PlanValidation, StateWithoutOrigin) {
  expectTrainerError([](plan::Plan &p) { p.mutable_states(0)->clear_origin(); },
                     "state 'w': it has no origin");
}

TEST(PlanValidation, StateOriginRank) {
  expectTrainerError(
      [](plan::Plan &p) { p.mutable_states(0)->add_origin_shape(1); },
      "has 2 dimensions, its origin 'w' has 3");
}

TEST(PlanValidation, StateOriginShape) {
  expectTrainerError(
      [](plan::Plan &p) { p.mutable_states(0)->set_origin_shape(1, 5); },
      "is not rows of its origin 3x5xf32");
}

TEST(PlanValidation, StateOriginOverflow) {
  expectTrainerError(
      [](plan::Plan &p) {
        p.mutable_states(0)->set_origin_shape(0, int64_t(1) << 62);
      },
      "of its origin is not possible");
}

TEST(PlanValidation, StateRowsOutsideOrigin) {
  expectTrainerError(
      [](plan::Plan &p) { p.mutable_states(0)->set_row_offset(1); },
      "rows 1..4 do not lie in its origin 'w' of 3 rows");
  expectTrainerError(
      [](plan::Plan &p) { p.mutable_states(0)->set_row_offset(-1); },
      "rows -1..2 do not lie");
}

TEST(PlanValidation, StateInitializer) {
  expectTrainerError(
      [](plan::Plan &p) { p.mutable_states(0)->clear_initializer(); },
      "state 'w': it has no initializer");
  expectTrainerError(
      [](plan::Plan &p) {
        auto &uniform =
            *p.mutable_states(0)->mutable_initializer()->mutable_uniform();
        uniform.set_low(1);
        uniform.set_high(-1);
      },
      "uniform initializer from 1 to -1");
  expectTrainerError(
      [](plan::Plan &p) {
        p.mutable_states(0)
            ->mutable_initializer()
            ->mutable_normal()
            ->set_stddev(std::numeric_limits<double>::infinity());
      },
      "standard deviation inf");
}

TEST(PlanValidation, SlotAndStateOfBelongTogether) {
  expectTrainerError(
      [](plan::Plan &p) { p.mutable_states(0)->set_slot("velocity"); },
      "state_of and slot must be given together");
}

} // namespace
