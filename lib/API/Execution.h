//===- Execution.h - A compiled program with its memory ---------*- C++ -*-===//

#ifndef FLEET_LIB_API_EXECUTION_H
#define FLEET_LIB_API_EXECUTION_H

#include "lib/API/Compile.h"
#include "lib/API/Session.h"
#include "runtime/base/ThreadPool.h"
#include "runtime/data/Dataset.h"
#include "runtime/executor/Program.h"

namespace fleet::api {

/// What TrainingJob and DistributedModel are made of.
class Execution {
public:
  /// Compiles `program`; all workers do, and find out whether it is the same.
  static StatusOr<std::unique_ptr<Execution>>
  create(std::shared_ptr<Session> session, const Program &program,
         const CompileRequest &request);

  Session &session() { return *shared; }
  ::fleet::Program &program() { return *loaded; }
  const CompiledProgram &compiled() const { return source; }

  /// Connects, and makes all workers have the states of worker 0.
  Status runStartup();
  /// A call of all workers where each has parts of states (sharding).
  StatusOr<StateDict> stateDict();
  /// Whether setStates() can take `states`.
  Status checkStates(const StateDict &states) const;
  /// A call of all workers, which get what worker 0 passes.
  Status setStates(const StateDict &states);
  /// Sets every element of the states `slot`, of parameters, to `value`.
  void fillSlot(std::string_view slot, double value);
  /// Worker 0 writes a checkpoint; all workers call it.
  Status save(const std::string &directory);

  // How a model goes on.
  std::vector<InputRequest> inputs, evaluateInputs; ///< by argument
  bool hasEvaluate = false;
  /// @main asks how many rows all workers have.
  bool countsRows = false;
  double learningRate = 0;
  int64_t ownRows = 0, allRows = 0, calls = 0; ///< since gradients were zero

private:
  Execution(std::shared_ptr<Session> session, CompiledProgram source)
      : shared(std::move(session)), source(std::move(source)),
        pool({shared->options().threads, std::chrono::nanoseconds(0)}) {}
  Status prepareModel();

  std::shared_ptr<Session> shared;
  CompiledProgram source;
  ThreadPool pool;
  std::unique_ptr<::fleet::Program> loaded; // uses all of the above
};

} // namespace fleet::api

#endif // FLEET_LIB_API_EXECUTION_H
