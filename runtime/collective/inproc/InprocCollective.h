//===- InprocCollective.h - Ranks as threads of one process -----*- C++ -*-===//
//
// Ranks read and write each other's memory: each reduces its slice of
// everybody's input into everybody's output.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_INPROC_INPROCCOLLECTIVE_H
#define FLEET_RUNTIME_COLLECTIVE_INPROC_INPROCCOLLECTIVE_H

#include "runtime/base/Clock.h"
#include "runtime/collective/Collective.h"

#include <vector>

namespace fleet {

/// What the ranks of a group share. Thread-safe.
class InprocGroup : public std::enable_shared_from_this<InprocGroup> {
public:
  /// A group of `size` ranks, at least one, whose waits end after `deadline`.
  static std::shared_ptr<InprocGroup> create(uint32_t size, Duration deadline);
  ~InprocGroup();

  /// Rank `rank`'s part, once. What others wait for from it after it is gone is
  /// an error.
  StatusOr<std::unique_ptr<Collective>> join(uint32_t rank);

private:
  friend class InprocCollective;
  struct Family;
  struct Call;

  InprocGroup(std::shared_ptr<Family> family, std::vector<uint32_t> names);

  std::shared_ptr<Family> family;
  std::vector<uint32_t> names; ///< of the ranks, in messages
  // Guarded by the family's mutex.
  std::vector<bool> joined, left;
  std::vector<std::shared_ptr<Call>> calls; ///< number firstCall and on
  uint64_t firstCall = 1;
  /// Groups of a split that not all of their ranks have taken yet.
  std::vector<std::pair<std::vector<uint32_t>, std::weak_ptr<InprocGroup>>>
      splits;
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_INPROC_INPROCCOLLECTIVE_H
