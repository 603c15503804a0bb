//===- KernelCases.h - Operations as kernels meet them ----------*- C++ -*-===//

#ifndef FLEET_TEST_EXECUTE_KERNELCASES_H
#define FLEET_TEST_EXECUTE_KERNELCASES_H

#include "test/lib/Cases/GradientProgram.h"

namespace fleet::test {

/// Single operations, beside those of getGradientCases(): every element type,
/// broadcast, set of reduced dimensions and class of sizes that kernels treat
/// in a way of its own.
std::vector<GradientCase> getElementwiseCases();
std::vector<GradientCase> getBroadcastCases();
std::vector<GradientCase> getReductionCases();
std::vector<GradientCase> getLabelCases();
std::vector<GradientCase> getMatmulCases();
std::vector<GradientCase> getMovementCases();

} // namespace fleet::test

#endif // FLEET_TEST_EXECUTE_KERNELCASES_H
