//===- Reduce.h - Elements of several ranks become one ----------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_REDUCE_H
#define FLEET_RUNTIME_COLLECTIVE_REDUCE_H

#include "runtime/collective/Collective.h"

namespace fleet {

/// F16, BF16, F32, F64, I32 and I64 can be reduced.
bool canReduce(plan::DataType dtype);

/// Reduces `count` elements of `inputs` arrays, in their order, into each of
/// `outputs` arrays. Each of `out` may be one of `in`; otherwise they do not
/// overlap. F16 and BF16 are summed in float and rounded once, to nearest even;
/// integers wrap around; the maximum or minimum of a number and a NaN is the
/// former's or the latter's, whichever comes first. Needs canReduce(dtype),
/// inputs > 0 and outputs > 0.
void reduceElements(plan::DataType dtype, Reduction reduction,
                    const void *const *in, size_t inputs, void *const *out,
                    size_t outputs, size_t count);

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_REDUCE_H
