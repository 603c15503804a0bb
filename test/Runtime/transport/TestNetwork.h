//===- TestNetwork.h - Every transport, for tests ---------------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_TRANSPORT_TESTNETWORK_H
#define FLEET_TEST_RUNTIME_TRANSPORT_TESTNETWORK_H

#include "runtime/transport/Transport.h"

#include <memory>
#include <ostream>
#include <vector>

namespace fleet {

/// A transport and how threads that use it are run.
class TestNetwork {
public:
  virtual ~TestNetwork() = default;
  virtual Transport &transport() = 0;
  /// Runs `body` on a thread that may use the transport.
  virtual Status run(const std::function<void()> &body) {
    body();
    return Status();
  }
};

struct TestBackend {
  const char *name;
  std::unique_ptr<TestNetwork> (*make)();
  bool writesWait; ///< for a reader that is behind
};

/// Under mpirun, what its rank 1 serves.
constexpr char kEndpointOfRankOne[] = "peer:1";

/// Add a backend here, in one line, and every test runs on it.
const std::vector<TestBackend> &testBackends();

inline std::string nameOf(const TestBackend &backend) { return backend.name; }

/// For failure messages of GoogleTest.
inline void PrintTo(const TestBackend &backend, std::ostream *out) {
  *out << backend.name;
}

} // namespace fleet

#endif // FLEET_TEST_RUNTIME_TRANSPORT_TESTNETWORK_H
