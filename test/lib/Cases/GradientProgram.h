//===- GradientProgram.h - An operation and its gradient --------*- C++ -*-===//

#ifndef FLEET_TEST_LIB_CASES_GRADIENTPROGRAM_H
#define FLEET_TEST_LIB_CASES_GRADIENTPROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OwningOpRef.h"
#include "test/lib/Reference/Tensor.h"

#include <string>
#include <vector>

namespace fleet::test {

/// One operation, as text over the arguments %a, %b, %c, with their types. `?`
/// is 4 at run time. Float arguments take values between `low` and `high`, at
/// least 0.05 away from 0; integer arguments `numIntegers` different ones from
/// `lowInteger`.
struct GradientCase {
  std::string op;
  std::vector<std::string> types;
  double low = -1.5;
  double high = 1.5;
  int64_t lowInteger = 0;
  int64_t numIntegers = 3;
};

/// A module with the functions @forward(inputs) -> result and
/// @backward(inputs, result gradient) -> input gradients (of those inputs that
/// have one).
struct GradientProgram {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<reference::Tensor> inputs;
  /// Whether an input is of a float type, so that it has a derivative.
  std::vector<bool> isFloat;
  /// Whether @backward returns a gradient of the input.
  std::vector<bool> hasGradient;
};

/// Parses the operation and builds its gradient by DifferentiableOpInterface.
/// Fails, with a diagnostic, where either is not possible or does not verify.
mlir::FailureOr<GradientProgram> buildProgram(const GradientCase &test,
                                              mlir::MLIRContext &context);

/// A module with @forward alone. Null, with a diagnostic, where the operation
/// does not verify.
mlir::OwningOpRef<mlir::ModuleOp> buildForward(const GradientCase &test,
                                               mlir::MLIRContext &context);

/// Values between `low` and `high`, the same in every run.
void fill(reference::Tensor &tensor, double low, double high, unsigned seed);

/// What a case gets for an argument of type `type`, with `?` = `batch`.
reference::Tensor makeInput(mlir::RankedTensorType type,
                            const GradientCase &test, unsigned seed,
                            int64_t batch = 4);

} // namespace fleet::test

#endif // FLEET_TEST_LIB_CASES_GRADIENTPROGRAM_H
