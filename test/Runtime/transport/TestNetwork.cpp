//===- TestNetwork.cpp - Every transport, for tests -----------------------===//

#include "test/Runtime/transport/TestNetwork.h"

#include "runtime/transport/inproc/InprocTransport.h"
#include "runtime/transport/mpi/MpiModule.h"
#include "runtime/transport/sim/SimTransport.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <cstdio>
#include <cstdlib>

using namespace fleet;

namespace {

template <typename T> class RealNetwork final : public TestNetwork {
public:
  Transport &transport() override { return instance; }

private:
  T instance;
};

class SimNetwork final : public TestNetwork {
public:
  Transport &transport() override { return instance; }
  Status run(const std::function<void()> &body) override {
    return instance.run(body);
  }

private:
  static SimTransport::Options options() {
    SimTransport::Options options;
    options.maxDelay = std::chrono::milliseconds(2);
    return options;
  }
  SimTransport instance{options()};
};

/// MPI is had once a process.
class MpiNetwork final : public TestNetwork {
public:
  Transport &transport() override {
    static std::unique_ptr<Transport> instance = [] {
      MpiTransportOptions options;
      options.ranks = {{kEndpointOfRankOne, 1}};
      auto opened = openMpiTransport(options);
      if (!opened.ok()) {
        std::fprintf(stderr, "%s\n", opened.status().message().c_str());
        std::_Exit(1);
      }
      return std::move(*opened);
    }();
    return *instance;
  }
};

template <typename T> std::unique_ptr<TestNetwork> make() {
  return std::make_unique<T>();
}

} // namespace

const std::vector<TestBackend> &fleet::testBackends() {
  static const std::vector<TestBackend> backends = [] {
    // Under mpirun, which every rank of it was started by, that and no other.
    if (std::getenv("OMPI_COMM_WORLD_RANK"))
      return std::vector<TestBackend>{{"mpi", make<MpiNetwork>, true}};
    return std::vector<TestBackend>{
        {"inproc", make<RealNetwork<InprocTransport>>, true},
        {"tcp", make<RealNetwork<TcpTransport>>, true},
        {"sim", make<SimNetwork>, false},
    };
  }();
  return backends;
}
