//===- TestNetwork.cpp - Every transport, for tests -----------------------===//

#include "test/Runtime/transport/TestNetwork.h"

#include "runtime/transport/inproc/InprocTransport.h"
#include "runtime/transport/sim/SimTransport.h"
#include "runtime/transport/tcp/TcpTransport.h"

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

template <typename T> std::unique_ptr<TestNetwork> make() {
  return std::make_unique<T>();
}

} // namespace

const std::vector<TestBackend> &fleet::testBackends() {
  static const std::vector<TestBackend> backends = {
      {"inproc", make<RealNetwork<InprocTransport>>, true},
      {"tcp", make<RealNetwork<TcpTransport>>, true},
      {"sim", make<SimNetwork>, false},
  };
  return backends;
}
