//===- StepBuilder.h - Instantiates a function of a plan --------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_STEPBUILDER_H
#define FLEET_RUNTIME_EXECUTOR_STEPBUILDER_H

#include "runtime/executor/Program.h"
#include "runtime/executor/Step.h"

#include <map>

namespace fleet {

/// Resolves the instructions of one function for one batch size. Used once.
class StepBuilder {
public:
  StepBuilder(Program &program, uint32_t function)
      : program(program),
        function(program.plan().proto.functions(static_cast<int>(function))),
        index(function), step(new Step) {}

  StatusOr<std::unique_ptr<Step>> build(int64_t batch);

private:
  Status bindSymbols(int64_t batch);
  void findPieces();
  Status allocateArena();
  Status add(const plan::Instruction &instruction);
  Status addLaunch(const plan::Launch &launch);
  Status addMatMul(const plan::MatMul &matmul);
  /// A plan.Send or plan.Recv.
  template <typename Transfer>
  void addTransfer(Step::Kind kind, const Transfer &transfer);
  void addPullRows(const plan::PullRows &pull);
  void addPushRows(const plan::PushRows &push);
  Status addMergeRows(const plan::MergeRows &merge);
  /// Of a plan.PushRows or plan.MergeRows.
  template <typename Push> void addGradients(RowItems &rows, const Push &push);
  /// An item of a plan.PullRows or plan.PushRows; `rows` is its other buffer.
  template <typename Item>
  void addRowItem(RowItems &table, const Item &item, uint32_t rows);
  // In StepCollectives.cpp.
  Status addCollective(const plan::Instruction &instruction);
  Step::Calls &addCalls(uint32_t bucket, uint32_t group);
  void addParts(const plan::Parts &parts, bool gathers);
  void addCopyPart(const plan::CopyPart &copy);
  Status useCollective();
  Status allocateExamples();
  void markOfBatch();
  /// Starts an operation; its operands follow.
  Step::Operation &append(Step::Kind kind);
  /// The address of the buffer's row `row`.
  void appendOperand(uint32_t buffer, int64_t row = 0);
  StatusOr<int64_t> bytesOf(uint32_t buffer) const;
  int64_t extentOf(const plan::Dim &dim) const;

  Program &program;
  const plan::Function &function;
  uint32_t index;
  std::unique_ptr<Step> step;
  std::vector<int64_t> slots;            // offsets in the arena
  std::vector<size_t> firstOperand;      // of each operation
  std::map<uint32_t, uint32_t> started;  // the call on each bucket
  std::map<uint32_t, RowMerge *> merged; // by table
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_STEPBUILDER_H
