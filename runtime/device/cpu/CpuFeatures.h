//===- CpuFeatures.h - What this CPU can execute ----------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_DEVICE_CPU_CPUFEATURES_H
#define FLEET_RUNTIME_DEVICE_CPU_CPUFEATURES_H

#include <optional>
#include <string_view>

namespace fleet {

/// Whether this CPU, under this operating system, has a feature by LLVM's name
/// ("avx512f"). Nothing when this runtime does not know the feature.
/// Thread-safe.
std::optional<bool> cpuHasFeature(std::string_view name);

} // namespace fleet

#endif // FLEET_RUNTIME_DEVICE_CPU_CPUFEATURES_H
