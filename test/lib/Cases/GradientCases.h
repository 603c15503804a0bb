//===- GradientCases.h - Each differentiable operation, by itself *- C++
//-*-===//

#ifndef FLEET_TEST_LIB_CASES_GRADIENTCASES_H
#define FLEET_TEST_LIB_CASES_GRADIENTCASES_H

#include "test/lib/Cases/GradientProgram.h"
#include "llvm/ADT/ArrayRef.h"

namespace fleet::test {

/// At least one case an operation that implements DifferentiableOpInterface.
llvm::ArrayRef<GradientCase> getGradientCases();

} // namespace fleet::test

#endif // FLEET_TEST_LIB_CASES_GRADIENTCASES_H
