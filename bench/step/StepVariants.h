//===- StepVariants.h - A collective step, rearranged -----------*- C++ -*-===//

#ifndef FLEET_BENCH_STEP_STEPVARIANTS_H
#define FLEET_BENCH_STEP_STEPVARIANTS_H

#include "runtime/base/Clock.h"
#include "runtime/plan/PlanLoader.h"

#include <vector>

namespace fleet {

/// What of a step is left, and when its collectives begin.
enum class Variant {
  Overlap, ///< as it was compiled: a call begins when its gradients are there
  Serial,  ///< all calls begin together, in front of the first wait
  Compute, ///< no calls
  Calls,   ///< nothing but calls
};

/// The plan with "main" rearranged, checked again.
StatusOr<PlanPtr> makeVariant(const LoadedPlan &plan, Variant variant);

/// A call of "main".
struct CallPlace {
  int instruction; ///< that it stands in front of in Variant::Compute
  size_t bytes;    ///< of its bucket
};

/// In the order of their starts.
std::vector<CallPlace> findCalls(const LoadedPlan &plan);

/// How long a step has to take on a link that carries one call after the other,
/// each as soon as its gradients are there: `compute` are the moments at which
/// the instructions of Variant::Compute ended, since the step began, and
/// `calls` is what Variant::Calls takes, which is shared out by bytes.
double boundStep(const std::vector<CallPlace> &places,
                 const std::vector<double> &compute, double calls);

} // namespace fleet

#endif // FLEET_BENCH_STEP_STEPVARIANTS_H
