//===- TestRows.h - A small job with tables of rows -------------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_PS_TESTROWS_H
#define FLEET_TEST_RUNTIME_PS_TESTROWS_H

#include "runtime/table/RowBatch.h"
#include "test/Runtime/ps/TestJob.h"

#include <array>

namespace fleet {

/// Two tables on `shards` servers: "user", 100 rows of 3 f32, distributed, and
/// "item", 40 rows of 1 f64, sparse. All rows start as 1.
std::vector<plan::Table> testTables(uint32_t shards);

/// A table's update is row -= gradient / 2; the service of `rows` does it.
ServiceTable testService(RowTable &rows, int &advances);

/// Owns shard `shard` of the tables, and one block of two f32 that nothing
/// changes.
class RowServer {
public:
  RowServer(ParameterServer::Options options, Transport &transport,
            const std::string &endpoint, uint32_t shard, uint32_t shards,
            plan::SyncMode mode = plan::SYNC);
  Status serve() { return server->serve(); }
  ParameterServer &operator*() { return *server; }
  ServerInfo info() const;
  /// Values of all rows that exist, by id.
  std::vector<std::vector<double>> values(size_t table) const;
  int advances[2] = {};

private:
  std::vector<std::unique_ptr<RowTable>> tables;
  uint32_t shard;
  float block[2] = {1, 2};
  std::unique_ptr<ParameterServer> server;
};

/// A trainer that at step s looks rows of both tables up and pushes for each
/// occurrence the gradient row / 4 + rank + 1.
class RowTrainer {
public:
  static StatusOr<std::unique_ptr<RowTrainer>>
  start(ParameterClient::Options options, Transport &transport,
        const std::vector<ServerInfo> &servers);
  /// One step; the ids follow from rank and step.
  Status step(uint64_t examples);
  /// Looks some rows of "user" up.
  StatusOr<std::vector<float>> look(const std::vector<int64_t> &ids);
  ParameterClient &getClient() { return *client; }
  std::vector<int64_t> idsOf(size_t table, uint64_t step) const;

private:
  RowTrainer() = default;
  Status fetch();
  std::unique_ptr<ParameterClient> client;
  uint32_t rank = 0;
  std::vector<RowBatch> batches;
  std::vector<std::array<float, 2>> blocks; ///< one a server
};

/// A whole life: start, pull, `steps` steps, complete.
Status runRowTrainer(ParameterClient::Options options, Transport &transport,
                     const std::vector<ServerInfo> &servers, int steps,
                     uint64_t examples);

} // namespace fleet

#endif // FLEET_TEST_RUNTIME_PS_TESTROWS_H
