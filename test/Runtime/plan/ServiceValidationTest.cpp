//===- ServiceValidationTest.cpp -----------------------------------------===//
//
// Part of the Fleet project.
//
// The rules of transfers, and of servers: a good plan, one change, the message.
//
//===----------------------------------------------------------------------===//

#include "test/Runtime/plan/PlanChecks.h"

#include <limits>

using namespace fleet;
using namespace fleet::test;
using testing::HasSubstr;

namespace {

TEST(ServiceValidation, SendServerAndBlockIndices) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 3).mutable_send()->set_server(1); },
      "server 1, the job has 1 servers");
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 3).mutable_send()->set_block(1); },
      "block 1, server 0 has 1 blocks");
}

TEST(ServiceValidation, SendType) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 3).mutable_send()->set_buffer(0); },
      "buffer 'x' (batchx3xf32) for block 'w' of server 0, which is 3x2xf32");
}

TEST(ServiceValidation, RecvType) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 5).mutable_recv()->set_buffer(5); },
      "buffer 't2' (1x1xf32) for block 'w'");
}

TEST(ServiceValidation, SentTwice) {
  expectTrainerError(
      [](plan::Plan &p) {
        *instruction(p, 4).mutable_send() = instruction(p, 3).send();
      },
      "block 0 of server 0 is sent twice before a barrier");
}

TEST(ServiceValidation, ReceivedTwice) {
  expectTrainerError(
      [](plan::Plan &p) {
        *instruction(p, 6).mutable_recv() = instruction(p, 5).recv();
      },
      "block 0 of server 0 is received twice before a barrier");
}

TEST(ServiceValidation, NoBarrierAfterSend) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 4).mutable_fetch_barrier(); },
      "it sends blocks, but no send barrier follows");
}

TEST(ServiceValidation, NoBarrierAfterRecv) {
  expectTrainerError(
      [](plan::Plan &p) { mainOf(p).mutable_instructions()->RemoveLast(); },
      "it receives blocks, but no fetch barrier follows");
}

TEST(ServiceValidation, BlockNotSent) {
  expectTrainerError(
      [](plan::Plan &p) { test::addBlock(p, 0, "b", tensor({2})); },
      "block 'b' of server 0 was not sent before this barrier");
}

TEST(ServiceValidation, ExchangeOnAServer) {
  expectServerError(
      [](plan::Plan &p) { instruction(p, 0).mutable_send_barrier(); },
      "only a trainer exchanges parameters, this plan's role is PSERVER");
}

/// A trainer that agrees on its block where its receive was.
static plan::Agree &agreeOf(plan::Plan &p) {
  plan::Agree &agree = *instruction(p, 5).mutable_agree();
  agree.add_parts();
  return agree;
}

TEST(ServiceValidation, AgreeNamesBlocksThatWereSent) {
  expectTrainerError([](plan::Plan &p) { instruction(p, 5).mutable_agree(); },
                     "trainers agree on a sum of nothing");
  expectTrainerError(
      [](plan::Plan &p) { agreeOf(p).mutable_parts(0)->set_server(1); },
      "server 1, the job has 1 servers");
  expectTrainerError(
      [](plan::Plan &p) { agreeOf(p).mutable_parts(0)->set_block(1); },
      "block 1, server 0 has 1 blocks");
  expectTrainerError([](plan::Plan &p) { agreeOf(p).add_parts(); },
                     "block 'w' of server 0 is added twice");
  expectTrainerError(
      [](plan::Plan &p) { *instruction(p, 2).mutable_agree() = agreeOf(p); },
      "trainers agree on what was sent, but no send barrier comes before");
  expectTrainerError(
      [](plan::Plan &p) {
        agreeOf(p);
        p.set_sync_mode(plan::HALF_ASYNC);
      },
      "trainers agree in mode SYNC only, this plan has HALF_ASYNC");
}

TEST(ServiceValidation, HandlerWithAPart) {
  auto part = [](plan::Plan &p, plan::TensorType made, plan::TensorType sum) {
    FunctionBuilder part(p, "part");
    part.input("g", tensor({3, 2}));
    part.output("part", part.temporary(made));
    FunctionBuilder update(p, "update");
    update.input("g", tensor({3, 2}));
    update.input("sum", sum);
    p.mutable_service()->mutable_handlers(0)->set_function(2);
    p.mutable_service()->mutable_handlers(0)->set_part(2);
  };
  plan::Plan good = test::makeServerPlan();
  part(good, tensor({}), tensor({}));
  Status accepted = checkPlan(good, "a.plan").status();
  EXPECT_TRUE(accepted.ok()) << accepted.message();
  expectServerError(
      [&](plan::Plan &p) { part(p, tensor({1}), tensor({})); },
      "function 'part' is no function from block 'w' (3x2xf32) to its part");
  expectServerError(
      [&](plan::Plan &p) { part(p, tensor({}), tensor({}, plan::F64)); },
      "function 'update' does not take block 'w' (3x2xf32) and a sum");
  expectServerError(
      [&](plan::Plan &p) {
        part(p, tensor({}), tensor({}));
        p.mutable_service()->mutable_handlers(0)->set_part(7);
      },
      "function 6, the plan has 3 functions");
  expectServerError(
      [&](plan::Plan &p) {
        part(p, tensor({}), tensor({}));
        p.set_sync_mode(plan::HALF_ASYNC);
      },
      "block 'w' has a part of a sum, on which trainers agree in mode SYNC");
}

TEST(ServiceValidation, ServiceOnATrainer) {
  expectTrainerError([](plan::Plan &p) { p.mutable_service(); },
                     "a service in the plan of a TRAINER");
}

TEST(ServiceValidation, ServerWithoutService) {
  expectServerError([](plan::Plan &p) { p.clear_service(); },
                    "without a service");
}

TEST(ServiceValidation, ServiceServerIndex) {
  expectServerError([](plan::Plan &p) { p.mutable_service()->set_server(1); },
                    "service of server 1, the job has 1 servers");
}

TEST(ServiceValidation, BlockWithoutHandler) {
  expectServerError(
      [](plan::Plan &p) { test::addBlock(p, 0, "b", tensor({2})); },
      "1 handlers for the 2 blocks of server 0");
}

TEST(ServiceValidation, HandlerIndices) {
  auto handler = [](plan::Plan &p) -> plan::Service::Handler & {
    return *p.mutable_service()->mutable_handlers(0);
  };
  expectServerError([&](plan::Plan &p) { handler(p).set_block(1); },
                    "handler 0: block 1, the server has 1 blocks");
  expectServerError([&](plan::Plan &p) { handler(p).set_state(1); },
                    "handler 0: state 1, the plan has 1 states");
  expectServerError([&](plan::Plan &p) { handler(p).set_function(1); },
                    "handler 0: function 1, the plan has 1 functions");
}

TEST(ServiceValidation, BlockWithTwoHandlers) {
  expectServerError(
      [](plan::Plan &p) {
        test::addBlock(p, 0, "b", tensor({3, 2}));
        *p.mutable_service()->add_handlers() = p.service().handlers(0);
      },
      "block 0 has two handlers");
}

TEST(ServiceValidation, HandlerTakesTheGradient) {
  expectServerError(
      [](plan::Plan &p) {
        *p.mutable_servers(0)->mutable_blocks(0)->mutable_type() =
            tensor({2, 3});
      },
      "state 'w' has type 2x3xf32 here");
  expectServerError(
      [](plan::Plan &p) {
        FunctionBuilder(p, "nothing");
        p.mutable_service()->mutable_handlers(0)->set_function(1);
      },
      "function 'nothing' has 0 inputs");
  expectServerError(
      [](plan::Plan &p) {
        FunctionBuilder wrong(p, "wrong");
        wrong.input("g", tensor({6}));
        p.mutable_service()->mutable_handlers(0)->set_function(1);
      },
      "function 'wrong' takes 6xf32, block 'w' is 3x2xf32");
}

} // namespace
