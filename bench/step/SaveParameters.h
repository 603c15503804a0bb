//===- SaveParameters.h - What the peer starts from -------------*- C++ -*-===//

#ifndef FLEET_BENCH_STEP_SAVEPARAMETERS_H
#define FLEET_BENCH_STEP_SAVEPARAMETERS_H

#include "runtime/base/Files.h"
#include "runtime/executor/Program.h"

#include <string>

namespace fleet {

/// Writes a checkpoint of the parameters, without the state of optimizers.
Status saveParameters(Program &program, Files &files,
                      const std::string &directory);

} // namespace fleet

#endif // FLEET_BENCH_STEP_SAVEPARAMETERS_H
