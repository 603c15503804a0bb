//===- Strategy.h - The settings of a job, as a file ------------*- C++ -*-===//

#ifndef FLEET_STRATEGY_STRATEGY_H
#define FLEET_STRATEGY_STRATEGY_H

#include "fleet/Pipelines/Distribute.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::fleet {

/// Reads a strategy (strategy.proto, in text form) into options; what it does
/// not say keeps its default. The error is one line that names the file, and
/// the line in it where the text cannot be read, or the field and why it is
/// refused.
llvm::Expected<DistributeOptions> readStrategy(llvm::StringRef path);

/// The same for a text; `name` stands for the file, and `mode` is that of a text
/// that names none.
llvm::Expected<DistributeOptions> parseStrategy(llvm::StringRef text,
                                                llvm::StringRef name,
                                                DistributeOptions::Mode mode);

} // namespace mlir::fleet

#endif // FLEET_STRATEGY_STRATEGY_H
