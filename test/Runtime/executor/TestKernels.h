//===- TestKernels.h - The library of test_kernels.c ------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TEST_RUNTIME_EXECUTOR_TESTKERNELS_H
#define FLEET_TEST_RUNTIME_EXECUTOR_TESTKERNELS_H

#include <fstream>
#include <iterator>
#include <string>

namespace fleet::test {

/// The bytes of the shared object, as a plan carries them.
inline std::string testKernels() {
  std::ifstream file(FLEET_TEST_KERNELS, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_EXECUTOR_TESTKERNELS_H
