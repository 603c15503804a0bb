//===- Options.h - The command line of fleet-transpile ----------*- C++ -*-===//

#ifndef FLEET_TOOLS_FLEET_TRANSPILE_OPTIONS_H
#define FLEET_TOOLS_FLEET_TRANSPILE_OPTIONS_H

#include "fleet/Pipelines/Distribute.h"

#include <string>

namespace mlir::fleet {

struct TranspileOptions {
  std::string input, output;
  std::string startup; ///< a program with initial values; empty: none
  DistributeOptions distribution;
  bool emitPrograms = true, emitPlans = true;
  bool explain = false;
  std::string role, endpoint, targetCpu;
};

/// Reads and checks the command line. On wrong usage prints one line that names
/// the flag and says what would be right, and exits with status 2.
TranspileOptions parseCommandLine(int argc, char **argv);

} // namespace mlir::fleet

#endif // FLEET_TOOLS_FLEET_TRANSPILE_OPTIONS_H
