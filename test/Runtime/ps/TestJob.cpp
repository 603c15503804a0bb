//===- TestJob.cpp - A small job for tests of the service -----------------===//

#include "test/Runtime/ps/TestJob.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace fleet;

TestServer::TestServer(ParameterServer::Options options, Transport &transport,
                       const std::string &endpoint,
                       std::vector<size_t> blockSizes, plan::SyncMode mode,
                       bool joint)
    : isJoint(joint) {
  auto listener = transport.listen(endpoint);
  EXPECT_TRUE(listener.ok()) << listener.status().message();
  for (size_t size : blockSizes) {
    parameters.emplace_back(size);
    std::iota(parameters.back().begin(), parameters.back().end(), 0.0f);
  }
  std::vector<ServiceBlock> blocks;
  std::vector<ServedState> states;
  for (size_t i = 0; i < blockSizes.size(); ++i) {
    std::string name = "w" + std::to_string(i);
    size_t bytes = blockSizes[i] * sizeof(float);
    blocks.push_back({name, plan::F32, bytes, parameters[i].data(), joint});
    ServedState state;
    state.origin = name;
    state.dtype = plan::F32;
    state.originShape = {static_cast<int64_t>(blockSizes[i]) + 2, 1};
    state.rowOffset = 1;
    state.data = parameters[i].data();
    state.bytes = bytes;
    states.push_back(std::move(state));
  }
  auto update = [this](size_t block, const void *merged, const void *sum) {
    auto *gradient = static_cast<const float *>(merged);
    float rate = isJoint ? 0.5f / *static_cast<const float *>(sum) : 0.5f;
    for (size_t i = 0; i < parameters[block].size(); ++i)
      parameters[block][i] -= rate * gradient[i];
    return Status();
  };
  auto part = [this](size_t block, const void *merged) -> StatusOr<double> {
    auto *gradient = static_cast<const float *>(merged);
    return std::accumulate(gradient, gradient + parameters[block].size(), 0.0f);
  };
  auto service = ParameterService::create(
      std::move(blocks), options.job.trainers, mode, update, part);
  EXPECT_TRUE(service.ok()) << service.status().message();
  server = std::make_unique<ParameterServer>(
      std::move(options), transport, std::move(*listener), std::move(*service),
      std::move(states));
}

ServerInfo TestServer::info() const {
  ServerInfo info;
  info.endpoint = server->endpoint();
  for (size_t i = 0; i < parameters.size(); ++i) {
    info.blocks.push_back("w" + std::to_string(i));
    info.blockBytes.push_back(parameters[i].size() * sizeof(float));
    if (isJoint)
      info.parts.push_back(static_cast<uint32_t>(i));
  }
  return info;
}

StatusOr<std::unique_ptr<TestTrainer>>
TestTrainer::start(ParameterClient::Options options, Transport &transport,
                   const std::vector<ServerInfo> &servers) {
  auto trainer = std::make_unique<TestTrainer>();
  trainer->rank = options.rank;
  for (const ServerInfo &server : servers) {
    for (uint32_t block : server.parts) {
      plan::Agree::Part &part = *trainer->parts.add_parts();
      part.set_server(static_cast<uint32_t>(trainer->parameters.size()));
      part.set_block(block);
    }
    trainer->parameters.emplace_back();
    for (size_t bytes : server.blockBytes)
      trainer->parameters.back().emplace_back(bytes / sizeof(float));
  }
  trainer->gradients = trainer->parameters;
  FLEET_ASSIGN_OR_RETURN(
      trainer->client,
      ParameterClient::connect(std::move(options), transport, servers));
  return trainer;
}

Status TestTrainer::fetch() {
  for (uint32_t s = 0; s < parameters.size(); ++s)
    for (uint32_t b = 0; b < parameters[s].size(); ++b)
      FLEET_RETURN_IF_ERROR(
          client->enqueueRecv(s, b, parameters[s][b].data(),
                              parameters[s][b].size() * sizeof(float)));
  return client->fetchBarrier();
}

Status TestTrainer::pull() { return fetch(); }

Status TestTrainer::step(uint64_t examples) {
  float share = static_cast<float>((rank + 1) * (client->step() + 1));
  for (uint32_t s = 0; examples > 0 && s < parameters.size(); ++s)
    for (uint32_t b = 0; b < parameters[s].size(); ++b) {
      std::vector<float> &gradient = gradients[s][b];
      for (size_t i = 0; i < gradient.size(); ++i)
        gradient[i] =
            0.25f * (parameters[s][b][i] - static_cast<float>(i)) + share;
      FLEET_RETURN_IF_ERROR(client->enqueueSend(
          s, b, gradient.data(), gradient.size() * sizeof(float)));
    }
  FLEET_RETURN_IF_ERROR(client->sendBarrier(examples));
  if (parts.parts_size() > 0 && examples > 0)
    FLEET_RETURN_IF_ERROR(client->agree(parts, /*isDouble=*/false));
  return fetch();
}

Status fleet::runTrainer(ParameterClient::Options options, Transport &transport,
                         const std::vector<ServerInfo> &servers, int steps,
                         uint64_t examples) {
  FLEET_ASSIGN_OR_RETURN(
      auto trainer, TestTrainer::start(std::move(options), transport, servers));
  Status status = trainer->pull();
  for (int i = 0; i < steps && status.ok(); ++i)
    status = trainer->step(examples);
  if (status.ok())
    status = trainer->getClient().complete();
  if (!status.ok())
    trainer->getClient().abort(status.message());
  return status;
}

JobIdentity fleet::testJob(uint32_t trainers) {
  JobIdentity job;
  job.name = "fit_a_line";
  job.programHash = "00112233445566778899aabbccddeeff";
  job.trainers = trainers;
  job.seed = 7;
  return job;
}

ParameterServer::Options fleet::serverOptions(uint32_t trainers,
                                              Duration deadline) {
  ParameterServer::Options options;
  options.job = testJob(trainers);
  options.deadline = deadline;
  return options;
}

ParameterClient::Options fleet::trainerOptions(uint32_t trainers, uint32_t rank,
                                               Duration deadline) {
  ParameterClient::Options options;
  options.job = testJob(trainers);
  options.rank = rank;
  options.deadline = deadline;
  return options;
}
