//===- TestPlan.h - Plans made by hand --------------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TEST_RUNTIME_PLAN_TESTPLAN_H
#define FLEET_TEST_RUNTIME_PLAN_TESTPLAN_H

#include "fleet/Plan/plan.pb.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace fleet::test {

/// The extent that stands for symbol 0 in the shapes below.
constexpr int64_t kBatch = -1;

plan::TensorType tensor(std::initializer_list<int64_t> shape,
                        plan::DataType dtype = plan::F32);

/// Adds the parts of a function; each returns the new index.
class FunctionBuilder {
public:
  FunctionBuilder(plan::Plan &plan, const std::string &name);

  uint32_t input(const std::string &name, plan::TensorType type);
  uint32_t state(uint32_t state);
  /// A temporary in a slot of its own.
  uint32_t temporary(plan::TensorType type);
  uint32_t constant(const std::vector<float> &values, plan::TensorType type);
  /// In a bucket, from element `offset` on.
  uint32_t inBucket(uint32_t bucket, int64_t offset, plan::TensorType type);
  uint32_t examples(plan::Buffer::Examples::Kind kind);

  /// One to be filled in.
  plan::Instruction &instruction() { return *get().add_instructions(); }

  plan::Instruction &matmul(uint32_t a, uint32_t b, uint32_t out,
                            bool transposeA = false, bool transposeB = false);
  plan::Instruction &copy(uint32_t from, uint32_t to);
  plan::Instruction &launch(uint32_t kernel,
                            std::initializer_list<uint32_t> buffers,
                            int64_t rows = kBatch);
  plan::Instruction &send(uint32_t buffer, uint32_t server, uint32_t block);
  plan::Instruction &recv(uint32_t buffer, uint32_t server, uint32_t block);
  plan::Instruction &sendBarrier();
  plan::Instruction &fetchBarrier();
  plan::Instruction &pullRows(uint32_t table, uint32_t ids, uint32_t out);
  plan::Instruction &pushRows(uint32_t table, uint32_t ids, uint32_t gradient);
  void output(const std::string &name, uint32_t buffer);

  plan::Function &get() { return *plan.mutable_functions(index); }

private:
  plan::Buffer &add(const std::string &name, plan::TensorType type);
  plan::Plan &plan;
  int index;
};

/// An empty plan that names a job of this kind; for parameter servers with two
/// trainers and the given servers.
plan::Plan makePlan(plan::Role role,
                    const std::vector<std::string> &endpoints = {});

uint32_t addState(plan::Plan &plan, const std::string &name,
                  plan::TensorType type, double value);

/// Adds a kernel without looking into the library.
uint32_t addKernel(plan::Plan &plan, const std::string &symbol,
                   uint32_t operands, bool splittable = false,
                   uint64_t flopsPerRow = 0, uint64_t bytesPerRow = 0);

/// Adds a block to a server.
uint32_t addBlock(plan::Plan &plan, int server, const std::string &name,
                  plan::TensorType type);

/// A valid trainer plan with every kind of instruction but launches: one server
/// with one 3x2 block, main: x.w -> h, send h^T.x, receive w.
plan::Plan makeTrainerPlan();

/// A valid server plan to go with it: an update sets the parameter to -0.5
/// times the gradient.
plan::Plan makeServerPlan();

/// A job of one table "emb" of `rows` rows with two columns, uniform in [-1,
/// 1), and a row state "velocity"; its rate starts as 0.5 and is halved every
/// step. Two ids an example are looked up; the loss is their rows' square
/// distance to "y" [batch, 2, 2]; kernels are those of test_kernels.c. For
/// parameter servers each of `endpoints` owns a shard, and `server` says which
/// of them a PSERVER is.
plan::Plan makeTablePlan(plan::Role role, plan::Table::Placement placement,
                         int64_t rows,
                         const std::vector<std::string> &endpoints = {},
                         uint32_t server = 0);

/// A valid plan of a collective job of two trainers: main puts x^T.(x.w) into a
/// bucket, adds it up and copies the sum to w, a 3x2 state of 0.5; startup
/// connects and broadcasts w.
plan::Plan makeCollectivePlan();

/// makeTablePlan for a collective job of two trainers: main merges rows and
/// updates them; startup connects and broadcasts values, velocity and rate.
plan::Plan makeCollectiveTablePlan(int64_t rows);

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_PLAN_TESTPLAN_H
