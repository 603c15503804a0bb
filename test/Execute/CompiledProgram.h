//===- CompiledProgram.h - Functions of nn ops, compiled and run *- C++ -*-===//
//
// Takes functions of nn ops through the whole compiler, loads the kernels and
// executes the plan by the shortest interpreter that does: what tests hold
// against the reference interpreter is the generated code and nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TEST_EXECUTE_COMPILEDPROGRAM_H
#define FLEET_TEST_EXECUTE_COMPILEDPROGRAM_H

#include "fleet/Plan/plan.pb.h"
#include "mlir/IR/BuiltinOps.h"
#include "test/lib/Reference/Tensor.h"
#include "llvm/ADT/StringMap.h"

#include <memory>
#include <string>
#include <vector>

namespace fleet::test {

/// Kernels of a module, loaded, and the plan that launches them. Not
/// thread-safe: states belong to the program.
class CompiledProgram {
public:
  /// Compiles a module of functions, and of parameters if they need any, for
  /// this machine. Functions may return tensors of any shape. Null on failure;
  /// the diagnostics say why.
  static std::unique_ptr<CompiledProgram> compile(mlir::ModuleOp program);
  ~CompiledProgram();
  CompiledProgram(const CompiledProgram &) = delete;
  CompiledProgram &operator=(const CompiledProgram &) = delete;

  /// Where launches of splittable kernels are cut, as rows; none: one call.
  std::vector<int64_t> cuts;

  /// Executes a function, with `?` = `batch`, and returns what it returns.
  /// Temporaries start as not-a-number. Reports memory that was written but is
  /// not the function's to write as a test failure.
  std::vector<reference::Tensor>
  run(llvm::StringRef function, llvm::ArrayRef<reference::Tensor> arguments,
      int64_t batch);

  /// Parameters and state of optimizers by name. States start as
  /// not-a-number.
  reference::Tensor getState(llvm::StringRef name) const;
  void setState(llvm::StringRef name, const reference::Tensor &value);
  /// The bytes of a state.
  std::string getStateBytes(llvm::StringRef name) const;

  const plan::Plan &getPlan() const { return plan; }

private:
  CompiledProgram() = default;
  void launch(const plan::Launch &launch, llvm::ArrayRef<char *> buffers,
              int64_t batch);
  size_t findState(llvm::StringRef name) const;

  plan::Plan plan;
  void *library = nullptr;
  std::vector<std::string> states;
};

/// Rounds to the precision of an element type ("f32", "f64"; integers as they
/// are), so that both sides start from the same values.
void round(reference::Tensor &tensor, mlir::Type elementType);

} // namespace fleet::test

#endif // FLEET_TEST_EXECUTE_COMPILEDPROGRAM_H
