//===- TestCollectives.h - Every backend, for tests -------------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_COLLECTIVE_TESTCOLLECTIVES_H
#define FLEET_TEST_RUNTIME_COLLECTIVE_TESTCOLLECTIVES_H

#include "runtime/base/Clock.h"
#include "runtime/collective/Collective.h"

#include <functional>
#include <memory>
#include <ostream>
#include <vector>

namespace fleet {

/// What one rank does; it may destroy its collective.
using RankBody = std::function<void(std::unique_ptr<Collective> &)>;

struct CollectiveBackend {
  const char *name;
  /// Ranks are threads of one process.
  bool oneProcess;
  /// Whether there can be a group of that size.
  bool (*hasSize)(uint32_t size);
  /// Runs `body` for each of `size` ranks at the same time, every wait with
  /// `deadline`; returns when all have returned.
  void (*run)(uint32_t size, Duration deadline, const RankBody &body);
};

/// What the test program is linked with: LocalBackends.cpp or MpiBackend.cpp.
/// Add a backend there, in one line, and every test runs on it.
const std::vector<CollectiveBackend> &collectiveBackends();

/// Runs `body(0)` ... `body(size - 1)`, each on a thread of its own.
void runRanks(uint32_t size, const std::function<void(uint32_t)> &body);

inline std::string nameOf(const CollectiveBackend &backend) {
  return backend.name;
}

/// For failure messages of GoogleTest.
inline void PrintTo(const CollectiveBackend &backend, std::ostream *out) {
  *out << backend.name;
}

} // namespace fleet

#endif // FLEET_TEST_RUNTIME_COLLECTIVE_TESTCOLLECTIVES_H
