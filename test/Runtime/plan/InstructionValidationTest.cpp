//===- InstructionValidationTest.cpp -------------------------------------===//
//
// Part of the Fleet project.
//
// The rules of instructions and outputs: a good plan, one change, the message.
//
//===----------------------------------------------------------------------===//

#include "test/Runtime/plan/PlanChecks.h"

#include <limits>

using namespace fleet;
using namespace fleet::test;
using testing::HasSubstr;

namespace {

TEST(InstructionValidation, ErrorsNameTheInstructionAndItsSource) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 1).mutable_matmul()->set_a(77); },
      "a.plan: function 'main', instruction 1 (program.mlir:12:8): buffer 77, "
      "the function has 6 buffers");
}

TEST(InstructionValidation, LocationOutOfRange) {
  expectTrainerError([](plan::Plan &p) { instruction(p, 0).set_location(9); },
                     "instruction 0: location 9, the plan has 2 locations");
}

TEST(InstructionValidation, UnknownInstruction) {
  expectTrainerError([](plan::Plan &p) { mainOf(p).add_instructions(); },
                     "it is no instruction that this program knows");
}

TEST(InstructionValidation, MatMulShapes) {
  expectTrainerError(
      [](plan::Plan &p) {
        instruction(p, 0).mutable_matmul()->set_transpose_b(true);
      },
      "matmul of 'x' (batchx3xf32) and 'w' (3x2xf32) transposed into 't0' "
      "(batchx2xf32): the shapes do not fit");
}

TEST(InstructionValidation, MatMulDataTypes) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(0)->mutable_type()->set_dtype(plan::F64);
      },
      "all must be f32, or all f64");
}

TEST(InstructionValidation, MatMulRank) {
  expectTrainerError(
      [](plan::Plan &p) {
        *mainOf(p).mutable_buffers(0)->mutable_type() = tensor({3});
      },
      "all must have two dimensions");
}

TEST(InstructionValidation, MatMulInPlace) {
  expectTrainerError(
      [](plan::Plan &p) {
        mainOf(p).mutable_buffers(4)->mutable_temporary()->set_slot(0);
      },
      "the result lies over an operand");
}

TEST(InstructionValidation, WritesToInputsAndConstants) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 2).mutable_copy()->set_to(1); },
      "it writes to 'c', which is a constant");
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 0).mutable_matmul()->set_out(0); },
      "it writes to 'x', which is an input");
}

TEST(InstructionValidation, CopyTypes) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 2).mutable_copy()->set_from(0); },
      "copy of 'x' (batchx3xf32) to 't2' (1x1xf32) from row 0 on, where it "
      "does not fit");
}

TEST(InstructionValidation, LaunchKernelIndex) {
  expectTrainerError(
      [](plan::Plan &p) { instruction(p, 2).mutable_launch()->set_kernel(4); },
      "kernel 4, the plan has 0 kernels");
}

TEST(InstructionValidation, LaunchOperands) {
  expectTrainerError(
      [](plan::Plan &p) {
        p.set_library("x");
        test::addKernel(p, "k", 3);
        instruction(p, 2).mutable_launch()->add_buffers(0);
      },
      "1 buffers for kernel 'k', which has 3 operands");
}

TEST(InstructionValidation, LaunchBufferIndex) {
  expectTrainerError(
      [](plan::Plan &p) {
        p.set_library("x");
        test::addKernel(p, "k", 1);
        instruction(p, 2).mutable_launch()->add_buffers(6);
      },
      "buffer 6, the function has 6 buffers");
}

TEST(InstructionValidation, LaunchRows) {
  auto withRows = [](plan::Plan &p) -> plan::Dim & {
    p.set_library("x");
    test::addKernel(p, "k", 1);
    instruction(p, 2).mutable_launch()->add_buffers(0);
    return *instruction(p, 2).mutable_launch()->mutable_rows();
  };
  expectTrainerError([&](plan::Plan &p) { withRows(p); },
                     "a launch without rows");
  expectTrainerError([&](plan::Plan &p) { withRows(p).set_extent(-1); },
                     "-1 rows");
  expectTrainerError([&](plan::Plan &p) { withRows(p).set_symbol(1); },
                     "its rows are symbol 1");
}

TEST(InstructionValidation, OutputIsScalar) {
  expectTrainerError(
      [](plan::Plan &p) { mainOf(p).mutable_outputs(0)->set_buffer(4); },
      "output 'loss' is 't1' (3x2xf32), expected a scalar");
}

TEST(InstructionValidation, OutputBufferIndex) {
  expectTrainerError(
      [](plan::Plan &p) { mainOf(p).mutable_outputs(0)->set_buffer(40); },
      "output 'loss': buffer 40");
}

TEST(InstructionValidation, DuplicateOutputs) {
  expectTrainerError(
      [](plan::Plan &p) { *mainOf(p).add_outputs() = mainOf(p).outputs(0); },
      "two outputs are named 'loss'");
}

} // namespace
