//===- Program.h - A plan with its memory -----------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_PROGRAM_H
#define FLEET_RUNTIME_EXECUTOR_PROGRAM_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Status.h"
#include "runtime/base/ThreadPool.h"
#include "runtime/device/cpu/KernelLibrary.h"
#include "runtime/executor/ProgramTables.h"
#include "runtime/executor/Step.h"
#include "runtime/plan/PlanLoader.h"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace fleet {

struct ProgramOptions {
  uint64_t seed = 0; ///< of the initial values
  /// Runs big kernels; not owned, outlives the program. Null: all in the
  /// calling thread.
  ThreadPool *pool = nullptr;
  /// Fills temporaries with NaN before each run, so that a test sees a read of
  /// what was never written.
  bool poison = false;
  /// The other trainers; not owned, outlives the program. For jobs of mode
  /// COLLECTIVE, whose ranks all make their programs from the same plan.
  Collective *collective = nullptr;
};

/// A loaded plan, its kernels and its state. States are allocated and
/// initialized once and live as long as the program. Not thread-safe, but
/// different steps may run at the same time as long as no state that one
/// writes is used by another.
class Program {
public:
  static StatusOr<std::unique_ptr<Program>> create(PlanPtr plan,
                                                   ProgramOptions options);

  const LoadedPlan &plan() const { return *loaded; }
  const PlanPtr &planPtr() const { return loaded; }
  /// The other trainers, or null.
  Collective *collective() const { return options.collective; }

  /// The function of this name, ready to run on batches of `batch` rows (the
  /// plan's symbol 0). Made at the first call for a size and kept; the pointer
  /// stays valid as long as the program.
  StatusOr<Step *> instantiate(std::string_view function, int64_t batch);
  StatusOr<Step *> instantiate(uint32_t function, int64_t batch);

  /// `state` is an index into Plan.states.
  void *stateData(uint32_t state) { return arena.data() + offsets[state]; }
  size_t stateBytes(uint32_t state) const { return sizes[state]; }

  /// The rows of tables that are here. Never null.
  ProgramTables *tables() { return rowTables.get(); }

private:
  friend class StepBuilder;
  Program(PlanPtr plan, ProgramOptions options)
      : loaded(std::move(plan)), options(options) {}
  Status allocateStates();
  Status initializeStates();
  Status allocateConstants();
  Status joinGroups();
  Status allocateBuckets();

  PlanPtr loaded;
  ProgramOptions options;
  std::shared_ptr<const KernelLibrary> library;
  AlignedBuffer arena; // all states, one after the other
  std::vector<int64_t> offsets;
  std::vector<size_t> sizes;
  AlignedBuffer constantArena;
  std::vector<std::vector<int64_t>> constantOffsets; // by function and buffer
  /// Of Plan.groups; the first one is not owned.
  std::vector<Collective *> groups;
  std::vector<std::unique_ptr<Collective>> splitGroups;
  std::vector<void *> buckets; // of the collective
  std::map<std::pair<uint32_t, int64_t>, std::unique_ptr<Step>> steps;
  std::unique_ptr<ProgramTables> rowTables; // uses steps
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_PROGRAM_H
