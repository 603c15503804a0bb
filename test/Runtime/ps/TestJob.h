//===- TestJob.h - A small job for tests of the service ---------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_PS_TESTJOB_H
#define FLEET_TEST_RUNTIME_PS_TESTJOB_H

#include "runtime/ps/ParameterClient.h"
#include "runtime/ps/ParameterServer.h"

namespace fleet {

/// A server whose update is parameter -= gradient / 2. Parameters start as
/// 0, 1, 2, ... in every block. Of a `joint` job every update also divides by
/// the sum of all gradients of both servers, and every block has that part.
class TestServer {
public:
  /// One block of so many f32 for each of `blockSizes`.
  TestServer(ParameterServer::Options options, Transport &transport,
             const std::string &endpoint, std::vector<size_t> blockSizes,
             plan::SyncMode mode = plan::SYNC, bool joint = false);

  Status serve() { return server->serve(); }
  ParameterServer &operator*() { return *server; }
  ParameterServer *operator->() { return server.get(); }
  /// What a trainer knows about it.
  ServerInfo info() const;
  const std::vector<std::vector<float>> &getParameters() const {
    return parameters;
  }

private:
  bool isJoint = false;
  std::vector<std::vector<float>> parameters;
  std::unique_ptr<ParameterServer> server;
};

/// A trainer that keeps its own copy of the parameters; they are also its
/// model: the gradient of element i at step s is (parameter - i) / 4 + (rank +
/// 1) * s.
class TestTrainer {
public:
  /// Connects.
  static StatusOr<std::unique_ptr<TestTrainer>>
  start(ParameterClient::Options options, Transport &transport,
        const std::vector<ServerInfo> &servers);

  /// Receives the initial parameters.
  Status pull();
  /// One step with so many examples.
  Status step(uint64_t examples);
  ParameterClient &getClient() { return *client; }
  /// By server, then block.
  const std::vector<std::vector<std::vector<float>>> &getParameters() const {
    return parameters;
  }

private:
  Status fetch();

  std::unique_ptr<ParameterClient> client;
  uint32_t rank = 0;
  std::vector<std::vector<std::vector<float>>> parameters, gradients;
  plan::Agree parts; ///< what it agrees on; of a joint job
};

/// A whole life: start, pull, `steps` steps, complete. A failure is told to the
/// servers, as fleet-run does.
Status runTrainer(ParameterClient::Options options, Transport &transport,
                  const std::vector<ServerInfo> &servers, int steps,
                  uint64_t examples = 1);

/// The job that all tests run, unless they want another.
JobIdentity testJob(uint32_t trainers);
ParameterServer::Options serverOptions(uint32_t trainers, Duration deadline);
ParameterClient::Options trainerOptions(uint32_t trainers, uint32_t rank,
                                        Duration deadline);

} // namespace fleet

#endif // FLEET_TEST_RUNTIME_PS_TESTJOB_H
