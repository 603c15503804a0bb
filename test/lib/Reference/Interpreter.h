//===- Interpreter.h - What nn operations mean ------------------*- C++ -*-===//
//
// Evaluates functions of nn operations by loops over doubles: slow, and written
// without looking at the compiler's own scalar functions, decompositions and
// kernels, which tests hold against it.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TEST_LIB_REFERENCE_INTERPRETER_H
#define FLEET_TEST_LIB_REFERENCE_INTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "test/lib/Reference/Tensor.h"
#include "llvm/ADT/StringMap.h"

#include <functional>

namespace fleet::reference {

/// Knows how to evaluate operations with one result. Not thread-safe while
/// operations are added.
class Interpreter {
public:
  /// Knows the nn dialect.
  Interpreter();

  /// Adds an operation: `evaluate(op, operands)` returns its result.
  template <typename OpTy>
  void add(std::function<Tensor(OpTy, llvm::ArrayRef<Tensor>)> evaluate) {
    evaluators[OpTy::getOperationName()] =
        [evaluate = std::move(evaluate)](mlir::Operation *op,
                                         llvm::ArrayRef<Tensor> operands) {
          return evaluate(llvm::cast<OpTy>(op), operands);
        };
  }

  bool knows(llvm::StringRef opName) const {
    return evaluators.contains(opName);
  }

  /// Evaluates a function of one block; returns what it returns. Fails, with
  /// an error on the operation, where an operation is not known.
  mlir::FailureOr<std::vector<Tensor>>
  evaluate(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments) const;

private:
  llvm::StringMap<
      std::function<Tensor(mlir::Operation *, llvm::ArrayRef<Tensor>)>>
      evaluators;
};

/// The row of the table that each id names; a last extent of 1 of the ids goes.
Tensor chooseRows(const Tensor &table, const Tensor &ids);

/// What the constructor is made of.
void addElementwise(Interpreter &interpreter);
void addPrimitives(Interpreter &interpreter);
void addComposites(Interpreter &interpreter);

} // namespace fleet::reference

#endif // FLEET_TEST_LIB_REFERENCE_INTERPRETER_H
