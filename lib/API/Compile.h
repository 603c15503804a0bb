//===- Compile.h - From a program to what a worker runs ---------*- C++ -*-===//
//
// The API's use of the compiler; nothing of MLIR shows.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_API_COMPILE_H
#define FLEET_LIB_API_COMPILE_H

#include "fleet/API/Optimizer.h"
#include "runtime/plan/PlanLoader.h"

#include <optional>

namespace fleet::api {

struct CompileRequest {
  Optimizer optimizer;
  DistributedStrategy strategy;
  uint32_t workers = 1;
  /// @main adds gradients up and @update updates; the learning rate can be set.
  bool splitsUpdate = false;
  /// With splitsUpdate: an update has the mean over rows, not the sum of means.
  bool averages = false;
};

struct CompiledProgram {
  PlanPtr plan;
  /// That the program says, if it can be set.
  std::optional<double> learningRate;
  std::string whyNoLearningRate; ///< if it cannot
  struct File {
    std::string name, contents;
  };
  std::vector<File> files; ///< of the job folder
};

/// Checks what can be checked without a program.
Status checkStrategy(const DistributedStrategy &strategy, uint32_t workers);

StatusOr<CompiledProgram> compileProgram(const Program &program,
                                         const CompileRequest &request);

/// Writes a job folder, each file under a temporary name first.
Status writeJobFolder(const std::string &directory,
                      const std::vector<CompiledProgram::File> &files);

} // namespace fleet::api

#endif // FLEET_LIB_API_COMPILE_H
