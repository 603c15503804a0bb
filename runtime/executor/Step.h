//===- Step.h - A function of a plan, ready to run --------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// Everything that can be decided before a step runs is decided when the Step is
// made: addresses, row counts, libraries, how kernels are cut. What is left is
// a walk over a flat list. Running allocates nothing, looks nothing up and
// reads no clock.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_STEP_H
#define FLEET_RUNTIME_EXECUTOR_STEP_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Clock.h"
#include "runtime/base/Status.h"
#include "runtime/base/ThreadPool.h"
#include "runtime/collective/Collective.h"
#include "runtime/device/cpu/Gemm.h"
#include "runtime/device/cpu/KernelLibrary.h"
#include "runtime/executor/CollectiveRows.h"
#include "runtime/executor/ParameterExchange.h"
#include "runtime/executor/RowTransfers.h"
#include "runtime/plan/PlanLoader.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fleet {

class ProgramTables;
class Step;

/// Is told when each instruction ran; for traces. Costs two clock reads an
/// instruction.
class StepObserver {
public:
  virtual ~StepObserver() = default;
  virtual TimePoint now() = 0;
  /// `instruction` is an index into the function's instructions.
  virtual void executed(const Step &step, int instruction, TimePoint begin,
                        TimePoint end) = 0;
};

/// What a run of a step needs.
struct StepArguments {
  /// One pointer an input of the function, in the order of its arguments;
  /// row major, valid during the run. A kernel may read them with whole vector
  /// registers but never beyond their end.
  const void *const *inputs = nullptr;
  /// For functions that send or receive; else null.
  ParameterExchange *exchange = nullptr;
  StepObserver *observer = nullptr;
  /// Rows of this process in the step, and of all; or in the steps since the
  /// function ran last. For functions that ask for them.
  int64_t ownExamples = 0, allExamples = 0;
};

class Step {
public:
  /// Runs all instructions, in order. An error comes from the exchange, from a
  /// collective, or from ids that name no row, and names the instruction;
  /// afterwards states may be half updated. One run at a time.
  Status run(const StepArguments &arguments);

  /// Takes part in the exchange of a step without having rows in its batch:
  /// sends nothing (and says so), receives everything, computes nothing. In a
  /// collective job it adds zeros, and does what does not depend on the batch.
  Status runEmpty(const StepArguments &arguments);

  /// As run(), of a function whose pieceRows() is not 0: its one input is asked
  /// for in pieces of `piece` rows. `input(begin, end)` returns where row
  /// `begin` lies, or null for an error of its own, which ends the run; the
  /// address less that of row 0 has to be a multiple of a cache line.
  Status
  runInPieces(const StepArguments &arguments, int64_t piece,
              const std::function<const void *(int64_t, int64_t)> &input);
  /// Rows of the one instruction that reads inputs, if that gives the same bits
  /// in pieces; else 0.
  int64_t pieceRows() const {
    return pieceOperation < 0
               ? 0
               : operations[static_cast<size_t>(pieceOperation)].count;
  }

  /// Inputs that StepArguments::inputs must have.
  uint32_t numInputs() const { return inputCount; }
  /// Bytes of temporaries.
  size_t arenaBytes() const { return arena.size(); }
  int64_t batch() const { return symbols[0]; }
  uint32_t function() const { return functionIndex; }
  const LoadedPlan &plan() const { return *loaded; }
  bool exchanges() const { return hasExchange; }

  /// An output of the last run; `output` is an index into Function.outputs.
  double output(uint32_t output) const;

private:
  friend class StepBuilder;

  enum class Kind : uint8_t {
    Kernel,
    SplitKernel,
    MatMul,
    SplitMatMul,
    Copy,
    Send,
    Recv,
    SendBarrier,
    Agree,
    FetchBarrier,
    Submit,
    FetchLatest,
    PullRows,
    PushRows,
    CopyPart,
    AllReduceStart,
    PartsStart,
    CollectiveWait,
    Broadcast,
    Connect,
    MergeRows,
    RowsPart,
    UpdateRows,
    BroadcastRows
  };

  struct Operation {
    Kind kind;
    bool ofBatch; // depends on the rows of the batch
    union {
      uint32_t call; // into Step::calls
      KernelFunction kernel;
      const Gemm *gemm;
      struct {
        uint32_t server, block;
      } peer;
      RowPull *pull;
      RowPush *push;
      RowMerge *merge;                      // of a RowsPart or UpdateRows, too
      const plan::BroadcastRows *broadcast; // of the plan
      struct {
        const plan::Agree *parts; // of the plan
        bool isDouble;
      } agree;
    };
    void **operands; // into Step::operands
    int64_t count;   // rows, or bytes
    int64_t grain;   // rows a piece; or bytes of zeros behind a copy
  };

  struct Patch {
    uint32_t operand; // index into Step::operands
    uint32_t input;
    int64_t offset; // in bytes
  };

  Step() = default;
  void bindInputs(const void *const *inputs) {
    for (const Patch &patch : patches)
      operands[patch.operand] = const_cast<std::byte *>(
          static_cast<const std::byte *>(inputs[patch.input]) + patch.offset);
  }
  Status execute(const Operation &operation, ParameterExchange *exchange);
  Status exchange(const Operation &operation, ParameterExchange *exchange);
  Status transferRows(const Operation &operation, ParameterExchange *exchange);
  Status collect(const Operation &operation);
  Status collectRows(const Operation &operation);
  Status runWithoutRows(const StepArguments &arguments);
  void countExamples(const StepArguments &arguments);
  Status failure(const Operation &operation, const Status &status) const;
  Status runObserved(const StepArguments &arguments);
  void prepare(const StepArguments &arguments);

  PlanPtr loaded;
  uint32_t functionIndex = 0;
  uint32_t inputCount = 0;
  int pieceOperation = -1;   ///< see pieceRows(); an index into operations
  int64_t pieceRowBytes = 0; ///< of a row of its input
  bool hasExchange = false;
  bool poison = false;
  ThreadPool *pool = nullptr;
  AlignedBuffer arena;
  std::vector<int64_t> symbols; // at least one
  std::vector<Operation> operations;
  std::vector<void *> operands;
  std::vector<Patch> patches;
  std::vector<Gemm> gemms;
  std::vector<std::unique_ptr<RowPull>> pulls;
  std::vector<std::unique_ptr<RowPush>> pushes;
  std::vector<std::unique_ptr<RowMerge>> merges;
  ProgramTables *ownRows = nullptr; ///< where all rows are here
  struct OutputRef {
    uint32_t operand; // index into Step::operands
    plan::DataType dtype;
  };
  std::vector<OutputRef> outputs;

  // Collective jobs only.
  Collective *world = nullptr; ///< all trainers; null if nothing is called
  /// What an instruction calls, one after the other in one group; the wait
  /// refers to the calls of its start.
  struct Calls {
    Collective *group = nullptr;
    std::vector<CollectiveCall> list;
    Collective::Ticket last = 0;
    void *bucket = nullptr; ///< what it works on, if it is one
    size_t bucketBytes = 0;
    /// What this process adds comes from the rows of its batch.
    bool addsOfBatch = false;
  };
  std::vector<Calls> calls;
  AlignedBuffer examples; ///< empty: nobody asks; see exampleOffset()
  static size_t exampleOffset(int kind, plan::DataType dtype) {
    return (static_cast<size_t>(kind) * 2 + (dtype == plan::F64)) * 64;
  }
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_STEP_H
