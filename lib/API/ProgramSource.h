//===- ProgramSource.h - The module behind a Program ------------*- C++ -*-===//

#ifndef FLEET_LIB_API_PROGRAMSOURCE_H
#define FLEET_LIB_API_PROGRAMSOURCE_H

#include "fleet/API/Program.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <mutex>

struct fleet::api::Program::Implementation {
  Implementation();

  /// One compilation at a time: diagnostics are the context's.
  std::mutex mutex;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

namespace fleet::api {

/// Keeps the first error of a context, and its notes, while it lives.
class FirstDiagnostic {
public:
  explicit FirstDiagnostic(mlir::MLIRContext &context);
  /// What was wrong, on one line.
  Status status() const;

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace fleet::api

#endif // FLEET_LIB_API_PROGRAMSOURCE_H
