//===- TestTensors.h - What ranks bring to a test ---------------*- C++ -*-===//
//
// Every rank can work out what every other has, and so what a call has to give.
// Written apart from runtime/collective/Reduce.cpp, element by element.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TEST_RUNTIME_COLLECTIVE_TESTTENSORS_H
#define FLEET_TEST_RUNTIME_COLLECTIVE_TESTTENSORS_H

#include "runtime/collective/Collective.h"

#include <vector>

namespace fleet {

using TestBytes = std::vector<unsigned char>;

/// `count` elements of `rank`, of which `begin` is the first. Sums of floats
/// depend on the order; no element is alike on two ranks.
TestBytes testInput(plan::DataType dtype, uint32_t rank, size_t begin,
                    size_t count);

/// The same elements of all ranks, reduced in the order of ranks.
TestBytes testReduced(plan::DataType dtype, Reduction reduction, uint32_t ranks,
                      size_t begin, size_t count);

/// The largest difference of elements relative to their size (or to one);
/// infinite when the sizes differ. Zero only when the bits are the same.
double testDifference(plan::DataType dtype, const TestBytes &a,
                      const TestBytes &b);

} // namespace fleet

#endif // FLEET_TEST_RUNTIME_COLLECTIVE_TESTTENSORS_H
