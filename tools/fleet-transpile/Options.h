//===- Options.h - The command line of fleet-transpile ----------*- C++ -*-===//

#ifndef FLEET_TOOLS_FLEET_TRANSPILE_OPTIONS_H
#define FLEET_TOOLS_FLEET_TRANSPILE_OPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

namespace mlir::fleet {

enum class Mode { Local, ParameterServer };

struct TranspileOptions {
  std::string input, output;
  Mode mode = Mode::Local;
  int64_t trainers = 1;
  std::vector<std::string> pservers;
  bool emitPrograms = true, emitPlans = true;
  std::string role, endpoint, targetCpu;
};

/// Reads and checks the command line. On wrong usage prints one line that names
/// the flag and says what would be right, and exits with status 2.
TranspileOptions parseCommandLine(int argc, char **argv);

} // namespace mlir::fleet

#endif // FLEET_TOOLS_FLEET_TRANSPILE_OPTIONS_H
