//===- KernelLibrary.h - The generated code of a plan -----------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_DEVICE_CPU_KERNELLIBRARY_H
#define FLEET_RUNTIME_DEVICE_CPU_KERNELLIBRARY_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace fleet {

/// Handles rows [begin, end) of its iteration space. `buffers` holds one base
/// address an operand, `symbols` the values of the plan's symbols.
using KernelFunction = void (*)(void *const *buffers, const int64_t *symbols,
                                int64_t begin, int64_t end);

/// The shared object of a plan, loaded from memory; unloaded with the last
/// reference. Immutable, thread-safe.
class KernelLibrary {
public:
  /// Checks that this CPU can execute the library, loads it and resolves every
  /// kernel of the plan. `name` (the plan's path) begins every message. A plan
  /// is code: load it only from where you would run a program from.
  static StatusOr<std::shared_ptr<const KernelLibrary>>
  load(const plan::Plan &plan, const std::string &name);

  ~KernelLibrary();
  KernelLibrary(const KernelLibrary &) = delete;
  KernelLibrary &operator=(const KernelLibrary &) = delete;

  /// `kernel` is an index into Plan.kernels.
  KernelFunction function(uint32_t kernel) const { return functions[kernel]; }

private:
  KernelLibrary() = default;
  void *handle = nullptr; // null when the plan has no kernels
  int descriptor = -1;    // of the memory that the library was loaded from
  std::vector<KernelFunction> functions;
};

} // namespace fleet

#endif // FLEET_RUNTIME_DEVICE_CPU_KERNELLIBRARY_H
