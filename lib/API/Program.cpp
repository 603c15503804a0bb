//===- Program.cpp - A training program for one machine -------------------===//

#include "fleet/API/Program.h"

#include "fleet/Ingest/Program.h"
#include "fleet/InitAll.h"
#include "fleet/Target/Plan.h"
#include "lib/API/ProgramSource.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace fleet;
using namespace fleet::api;

static mlir::DialectRegistry makeRegistry() {
  mlir::DialectRegistry registry;
  mlir::fleet::registerAllFleetDialects(registry);
  return registry;
}

Program::Implementation::Implementation() : context(makeRegistry()) {
  context.printOpOnDiagnostic(false);
}

static std::string describe(mlir::Diagnostic &diagnostic) {
  std::string where = mlir::fleet::describeLocation(diagnostic.getLocation());
  std::string text = diagnostic.str();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return where.empty() ? text : where + ": " + text;
}

FirstDiagnostic::FirstDiagnostic(mlir::MLIRContext &context)
    : handler(&context, [this](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error ||
            !text.empty())
          return mlir::success();
        text = describe(diagnostic);
        for (mlir::Diagnostic &note : diagnostic.getNotes())
          text += "; " + describe(note);
        return mlir::success();
      }) {}

Status FirstDiagnostic::status() const {
  if (text.empty())
    return Status(StatusCode::Internal,
                  "the compiler failed and did not say why");
  return Status(StatusCode::InvalidArgument, text);
}

template <typename Read>
static StatusOr<std::shared_ptr<Program::Implementation>> load(Read read) {
  auto program = std::make_shared<Program::Implementation>();
  FirstDiagnostic diagnostic(program->context);
  program->module = read(program->context);
  if (!program->module)
    return diagnostic.status();
  return program;
}

StatusOr<Program> Program::readFile(const std::string &path) {
  FLEET_ASSIGN_OR_RETURN(auto program, load([&](mlir::MLIRContext &context) {
                           return mlir::fleet::readProgram(path, context);
                         }));
  return Program(std::move(program));
}

StatusOr<Program> Program::parse(const std::string &text,
                                 const std::string &name) {
  FLEET_ASSIGN_OR_RETURN(auto program, load([&](mlir::MLIRContext &context) {
                           return mlir::fleet::parseProgram(text, name,
                                                            context);
                         }));
  return Program(std::move(program));
}

std::string Program::text() const {
  std::lock_guard<std::mutex> lock(shared->mutex);
  std::string text;
  llvm::raw_string_ostream os(text);
  shared->module->print(os);
  return text;
}
