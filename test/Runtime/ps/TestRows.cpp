//===- TestRows.cpp - A small job with tables of rows ---------------------===//

#include "test/Runtime/ps/TestRows.h"

#include <gtest/gtest.h>

using namespace fleet;

std::vector<plan::Table> fleet::testTables(uint32_t shards) {
  std::vector<plan::Table> tables(2);
  tables[0].set_name("user");
  tables[0].set_placement(plan::Table::DISTRIBUTED);
  tables[0].set_dtype(plan::F32);
  tables[0].set_rows(100);
  tables[0].set_columns(3);
  tables[1].set_name("item");
  tables[1].set_placement(plan::Table::SPARSE);
  tables[1].set_dtype(plan::F64);
  tables[1].set_rows(40);
  tables[1].set_columns(1);
  for (plan::Table &table : tables) {
    table.mutable_initializer()->mutable_constant()->set_value(1);
    for (uint32_t s = 0; s < shards; ++s) {
      plan::Table::Shard &shard = *table.add_shards();
      shard.set_server(s);
      if (table.placement() == plan::Table::DISTRIBUTED)
        continue;
      shard.set_first_row(40 * s / shards);
      shard.set_rows(40 * (s + 1) / shards - 40 * s / shards);
    }
  }
  return tables;
}

ServiceTable fleet::testService(RowTable &rows, int &advances) {
  ServiceTable service;
  service.rows = &rows;
  auto updater = [&rows](void *const *inputs) {
    int64_t count = RowTable::kUpdateRows * rows.components()[0].columns;
    for (int64_t i = 0; i < count; ++i)
      if (rows.dtype() == plan::F64)
        static_cast<double *>(inputs[1])[i] -=
            0.5 * static_cast<const double *>(inputs[0])[i];
      else
        static_cast<float *>(inputs[1])[i] -=
            0.5f * static_cast<const float *>(inputs[0])[i];
    return Status();
  };
  service.update = [&rows, updater](const int64_t *ids, int64_t count,
                                    const void *gradients) {
    return rows.update(ids, count, gradients, updater);
  };
  service.advance = [&advances] {
    ++advances;
    return Status();
  };
  return service;
}

RowServer::RowServer(ParameterServer::Options options, Transport &transport,
                     const std::string &endpoint, uint32_t shard,
                     uint32_t shards, plan::SyncMode mode)
    : shard(shard) {
  auto listener = transport.listen(endpoint);
  EXPECT_TRUE(listener.ok()) << listener.status().message();
  std::vector<ServiceTable> services;
  for (const plan::Table &declared : testTables(shards)) {
    auto table = RowTable::create(declared, shard, {});
    EXPECT_TRUE(table.ok()) << table.status().message();
    services.push_back(testService(**table, advances[tables.size()]));
    tables.push_back(std::move(*table));
  }
  auto service = ParameterService::create(
      {{"w", plan::F32, sizeof(block), block}}, options.job.trainers, mode,
      [](size_t, const void *, const void *) { return Status(); }, {},
      std::move(services));
  EXPECT_TRUE(service.ok()) << service.status().message();
  server = std::make_unique<ParameterServer>(
      std::move(options), transport, std::move(*listener), std::move(*service),
      std::vector<ServedState>());
}

ServerInfo RowServer::info() const {
  ServerInfo info;
  info.endpoint = server->endpoint();
  info.blocks = {"w"};
  info.blockBytes = {sizeof(block)};
  for (size_t t = 0; t < tables.size(); ++t)
    info.tables.push_back(
        {static_cast<uint32_t>(t), shard, tables[t]->rowBytes()});
  return info;
}

std::vector<std::vector<double>> RowServer::values(size_t table) const {
  auto snapshot = tables[table]->snapshot();
  EXPECT_TRUE(snapshot.ok());
  std::vector<std::vector<double>> rows;
  int64_t columns = tables[table]->components()[0].columns;
  const std::byte *data = snapshot->components[0].data();
  for (int64_t i = 0; i < snapshot->rows; ++i) {
    rows.push_back({static_cast<double>(
        reinterpret_cast<const int64_t *>(snapshot->ids.data())[i])});
    for (int64_t c = i * columns; c < (i + 1) * columns; ++c)
      rows.back().push_back(table == 1
                                ? reinterpret_cast<const double *>(data)[c]
                                : reinterpret_cast<const float *>(data)[c]);
  }
  return rows;
}

StatusOr<std::unique_ptr<RowTrainer>>
RowTrainer::start(ParameterClient::Options options, Transport &transport,
                  const std::vector<ServerInfo> &servers) {
  std::unique_ptr<RowTrainer> trainer(new RowTrainer);
  trainer->rank = options.rank;
  for (const plan::Table &table :
       testTables(static_cast<uint32_t>(servers.size())))
    trainer->batches.emplace_back(table);
  trainer->blocks.resize(servers.size());
  FLEET_ASSIGN_OR_RETURN(
      trainer->client,
      ParameterClient::connect(std::move(options), transport, servers));
  FLEET_RETURN_IF_ERROR(trainer->fetch());
  return trainer;
}

Status RowTrainer::fetch() {
  for (uint32_t s = 0; s < blocks.size(); ++s)
    FLEET_RETURN_IF_ERROR(
        client->enqueueRecv(s, 0, blocks[s].data(), sizeof(blocks[s])));
  return client->fetchBarrier();
}

std::vector<int64_t> RowTrainer::idsOf(size_t table, uint64_t step) const {
  std::vector<int64_t> ids;
  int64_t limit = table == 0 ? 100 : 40;
  for (int64_t i = 0; i < 6; ++i)
    ids.push_back((i * i * 7 + static_cast<int64_t>(step) * 11 + rank * 5) %
                  limit);
  return ids;
}

Status RowTrainer::step(uint64_t examples) {
  std::vector<RowSet> sets;
  for (uint32_t t = 0; examples > 0 && t < batches.size(); ++t) {
    std::vector<int64_t> ids = idsOf(t, client->step() + 1);
    FLEET_RETURN_IF_ERROR(batches[t].build({{ids.data(), plan::I64, 6}}));
    FLEET_ASSIGN_OR_RETURN(void *room, batches[t].makeRoom());
    sets.push_back({t, &batches[t], room});
  }
  if (!sets.empty())
    FLEET_RETURN_IF_ERROR(client->pullRows(sets));
  for (uint32_t t = 0; t < sets.size(); ++t) {
    float floats[18];
    double doubles[6];
    void *data = t == 0 ? static_cast<void *>(floats) : doubles;
    batches[t].expand(0, sets[t].rows, data);
    for (float &element : floats)
      element = element / 4 + static_cast<float>(rank + 1);
    for (double &element : doubles)
      element = element / 4 + rank + 1;
    const void *gradients[] = {data};
    batches[t].sum(gradients, nullptr, sets[t].rows);
    FLEET_RETURN_IF_ERROR(client->pushRows(sets[t]));
  }
  for (uint32_t s = 0; examples > 0 && s < blocks.size(); ++s)
    FLEET_RETURN_IF_ERROR(
        client->enqueueSend(s, 0, blocks[s].data(), sizeof(blocks[s])));
  FLEET_RETURN_IF_ERROR(client->sendBarrier(examples));
  return fetch();
}

StatusOr<std::vector<float>> RowTrainer::look(const std::vector<int64_t> &ids) {
  FLEET_RETURN_IF_ERROR(batches[0].build(
      {{ids.data(), plan::I64, static_cast<int64_t>(ids.size())}}));
  FLEET_ASSIGN_OR_RETURN(void *room, batches[0].makeRoom());
  FLEET_RETURN_IF_ERROR(client->pullRows({{0, &batches[0], room}}));
  std::vector<float> out(3 * ids.size());
  batches[0].expand(0, room, out.data());
  return out;
}

Status fleet::runRowTrainer(ParameterClient::Options options,
                            Transport &transport,
                            const std::vector<ServerInfo> &servers, int steps,
                            uint64_t examples) {
  FLEET_ASSIGN_OR_RETURN(
      auto trainer, RowTrainer::start(std::move(options), transport, servers));
  Status status;
  for (int i = 0; i < steps && status.ok(); ++i)
    status = trainer->step(examples);
  if (status.ok())
    status = trainer->getClient().complete();
  if (!status.ok())
    trainer->getClient().abort(status.message());
  return status;
}
