//===- Trainer.cpp - A trainer, or a local job ----------------------------===//

#include "runtime/job/Processes.h"

#include "runtime/base/DataTypes.h"
#include "runtime/job/TrainLoop.h"
#include "runtime/plan/TensorTypes.h"

using namespace fleet;

JobIdentity fleet::identify(const plan::Plan &plan, const RunOptions &options) {
  JobIdentity job;
  job.name = plan.job();
  job.programHash = plan.program_hash();
  job.trainers = plan.trainers();
  job.seed = options.seed;
  return job;
}

namespace {

/// The executor's calls, to the client of the parameter service.
class ServerExchange final : public ParameterExchange {
public:
  explicit ServerExchange(ParameterClient &client) : client(client) {}
  Status enqueueSend(uint32_t server, uint32_t block, const void *data,
                     size_t bytes) override {
    return client.enqueueSend(server, block, data, bytes);
  }
  Status enqueueRecv(uint32_t server, uint32_t block, void *data,
                     size_t bytes) override {
    return client.enqueueRecv(server, block, data, bytes);
  }
  Status sendBarrier(int64_t examples) override {
    return client.sendBarrier(static_cast<uint64_t>(examples));
  }
  Status fetchBarrier() override { return client.fetchBarrier(); }

private:
  ParameterClient &client;
};

} // namespace

static StatusOr<std::unique_ptr<ParameterClient>>
connectToServers(const plan::Plan &plan, const RoleChoice &role,
                 const RunOptions &options, RunEnvironment &environment) {
  std::vector<ServerInfo> servers;
  for (const plan::Server &server : plan.servers()) {
    ServerInfo info;
    info.endpoint = server.endpoint();
    for (const plan::Block &block : server.blocks()) {
      info.blocks.push_back(block.name());
      std::vector<int64_t> shape;
      for (const plan::Dim &dim : block.type().dims())
        shape.push_back(dim.extent());
      FLEET_ASSIGN_OR_RETURN(int64_t bytes,
                             byteSize(block.type().dtype(), shape));
      info.blockBytes.push_back(static_cast<size_t>(bytes));
    }
    servers.push_back(std::move(info));
  }
  ParameterClient::Options settings;
  settings.job = identify(plan, options);
  settings.rank = role.rank;
  settings.incarnation =
      static_cast<uint64_t>(environment.clock.now().time_since_epoch().count());
  settings.deadline = options.deadline;
  settings.failpoints = environment.failpoints;
  return ParameterClient::connect(settings, environment.transport,
                                  std::move(servers));
}

/// Trains; on success also saves and reports. A client is told how it went.
static Status trainAndReport(Program &program, const RoleChoice &role,
                             const RunOptions &options,
                             RunEnvironment &environment, Dataset &data,
                             BatchReader &reader, ParameterClient *client) {
  std::unique_ptr<ServerExchange> exchange;
  if (client) {
    exchange = std::make_unique<ServerExchange>(*client);
    FLEET_ASSIGN_OR_RETURN(Step * startup, program.instantiate("startup", 1));
    if (startup->numInputs() != 0)
      return makeError(StatusCode::InvalidArgument,
                       "{}: function 'startup' reads data, it may only receive",
                       program.plan().path);
    StepArguments arguments;
    arguments.exchange = exchange.get();
    FLEET_RETURN_IF_ERROR(startup->run(arguments));
  }
  TrainResult result;
  Status trained = train(program, reader, options, role, environment,
                         exchange.get(), result);
  bool isStopped =
      environment.stop.stopRequested() && trained.code() == StatusCode::Aborted;
  // A local job that is told to stop keeps what it has.
  if (!trained.ok() && !(isStopped && !client))
    return trained;
  if (role.rank == 0 && !options.saveDirectory.empty()) {
    std::vector<RemoteState> remote;
    if (client) {
      FLEET_ASSIGN_OR_RETURN(remote, client->pullState());
    }
    CheckpointMetadata metadata{{"job", program.plan().proto.job()},
                                {"step", std::to_string(result.steps)},
                                {"epoch", std::to_string(result.epochs)},
                                {"seed", std::to_string(options.seed)}};
    FLEET_RETURN_IF_ERROR(
        environment.failpoints.hit(Failpoint::BeforeSave, environment.clock));
    FLEET_RETURN_IF_ERROR(saveStates(program, remote, environment.files,
                                     options.saveDirectory, metadata));
  }
  if (!trained.ok())
    return trained;
  if (client)
    FLEET_RETURN_IF_ERROR(client->complete());
  if (role.rank != 0)
    return Status();
  std::string values =
      fmt::format("loss {:.6g} (mean of the last epoch)", result.lastEpochLoss);
  if (program.plan().findFunction("evaluate")) {
    FLEET_ASSIGN_OR_RETURN(values, evaluate(program, data));
    values += fmt::format(" over {} examples", data.rows());
  }
  environment.print(fmt::format("final {} ({} epochs, {} steps, {:.2f} s)",
                                values, result.epochs, result.steps,
                                result.seconds));
  return Status();
}

Status fleet::runTrainer(Program &program, const RoleChoice &role,
                         const RunOptions &options,
                         RunEnvironment &environment) {
  const plan::Plan &proto = program.plan().proto;
  FLEET_ASSIGN_OR_RETURN(DataSpec spec, parseDataSpec(options.data));
  FLEET_ASSIGN_OR_RETURN(auto requests, inputRequests(program.plan(), "main"));
  FLEET_ASSIGN_OR_RETURN(Dataset data,
                         loadDataset(spec, requests, environment.files));
  BatchOptions batches;
  batches.batchSize = options.batchSize;
  batches.trainers = static_cast<int>(std::max(1u, proto.trainers()));
  batches.rank = static_cast<int>(role.rank);
  batches.shuffle = options.shuffle;
  batches.seed = options.seed;
  FLEET_ASSIGN_OR_RETURN(BatchReader reader,
                         BatchReader::create(data, batches));
  // Not after hours of training.
  if (role.rank == 0 && !options.saveDirectory.empty())
    FLEET_RETURN_IF_ERROR(
        environment.files.makeDirectories(options.saveDirectory)
            .withContext("--save"));
  if (role.role == plan::LOCAL)
    return trainAndReport(program, role, options, environment, data, reader,
                          nullptr);
  FLEET_ASSIGN_OR_RETURN(auto client,
                         connectToServers(proto, role, options, environment));
  Status status = trainAndReport(program, role, options, environment, data,
                                 reader, client.get());
  if (!status.ok())
    client->abort(status.message());
  return status;
}
