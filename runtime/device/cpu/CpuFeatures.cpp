//===- CpuFeatures.cpp - What this CPU can execute ------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/cpu/CpuFeatures.h"

using namespace fleet;

std::optional<bool> fleet::cpuHasFeature(std::string_view name) {
#if defined(__x86_64__)
  // Every x86-64 has these.
  for (std::string_view always :
       {"64bit", "cmov", "cx8", "fxsr", "mmx", "sse", "sse2", "x87"})
    if (name == always)
      return true;
  __builtin_cpu_init();
  // The builtin takes literals only. It asks the operating system too: a
  // register that is not saved does not count.
#define FLEET_FEATURE(NAME)                                                    \
  if (name == NAME)                                                            \
    return __builtin_cpu_supports(NAME) != 0;
  FLEET_FEATURE("sse3")
  FLEET_FEATURE("ssse3")
  FLEET_FEATURE("sse4.1")
  FLEET_FEATURE("sse4.2")
  FLEET_FEATURE("popcnt")
  FLEET_FEATURE("aes")
  FLEET_FEATURE("pclmul")
  FLEET_FEATURE("avx")
  FLEET_FEATURE("avx2")
  FLEET_FEATURE("fma")
  FLEET_FEATURE("f16c")
  FLEET_FEATURE("bmi")
  FLEET_FEATURE("bmi2")
  FLEET_FEATURE("lzcnt")
  FLEET_FEATURE("movbe")
  FLEET_FEATURE("adx")
  FLEET_FEATURE("gfni")
  FLEET_FEATURE("vaes")
  FLEET_FEATURE("vpclmulqdq")
  FLEET_FEATURE("avx512f")
  FLEET_FEATURE("avx512bw")
  FLEET_FEATURE("avx512cd")
  FLEET_FEATURE("avx512dq")
  FLEET_FEATURE("avx512vl")
  FLEET_FEATURE("avx512ifma")
  FLEET_FEATURE("avx512vbmi")
  FLEET_FEATURE("avx512vbmi2")
  FLEET_FEATURE("avx512vnni")
  FLEET_FEATURE("avx512bitalg")
  FLEET_FEATURE("avx512vpopcntdq")
  FLEET_FEATURE("avx512bf16")
#undef FLEET_FEATURE
#endif
  return std::nullopt;
}
