//===- Comparison.h - Generated code against the interpreter ----*- C++ -*-===//

#ifndef FLEET_TEST_EXECUTE_COMPARISON_H
#define FLEET_TEST_EXECUTE_COMPARISON_H

#include "mlir/IR/MLIRContext.h"
#include "test/Execute/CompiledProgram.h"
#include "test/lib/Cases/GradientProgram.h"
#include "test/lib/Reference/Interpreter.h"

#include <gtest/gtest.h>

namespace fleet::test {

/// What a function gets, and what its results are held to.
struct Conditions {
  GradientCase inputs; ///< ranges of values only
  /// Of float results, relative to `scale` or to the value where it is larger.
  double f32 = 1e-5;
  double f64 = 1e-12;
  double scale = 1;
};

/// Collects functions into one module, compiles it once and runs every function
/// for several batch sizes on both sides.
class Comparison {
public:
  explicit Comparison(mlir::MLIRContext &context);
  ~Comparison();

  /// Adds the functions of `module`, renamed to `name` + their name.
  void add(mlir::ModuleOp module, const std::string &name,
           const Conditions &conditions = {});
  /// Parses `text`, functions or a whole module, and adds them.
  void add(const std::string &text, const std::string &name,
           const Conditions &conditions = {});

  /// Compiles, and compares results for each batch size; where kernels may be
  /// cut into ranges, the bits of one call and of several as well.
  void compare(llvm::ArrayRef<int64_t> batches);

private:
  void compare(mlir::func::FuncOp function, int64_t batch);

  mlir::OwningOpRef<mlir::ModuleOp> program;
  llvm::StringMap<Conditions> conditionsOf;
  llvm::StringMap<std::string> sources;
  reference::Interpreter interpreter;
  std::unique_ptr<CompiledProgram> compiled;
};

/// A context with everything that a program may be made of.
class ExecuteTest : public ::testing::Test {
protected:
  ExecuteTest();
  mlir::MLIRContext context;
};

} // namespace fleet::test

#endif // FLEET_TEST_EXECUTE_COMPARISON_H
