//===- Trainer.cpp - A trainer, or a local job ----------------------------===//

#include "runtime/job/Processes.h"

#include "runtime/base/DataTypes.h"
#include "runtime/job/TrainLoop.h"
#include "runtime/plan/TensorTypes.h"
#include "runtime/ps/Communicator.h"

#include <algorithm>

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
  Status pullRows(const std::vector<RowSet> &sets) override {
    return client.pullRows(sets);
  }
  Status pushRows(const RowSet &set) override { return client.pushRows(set); }
  Status sendBarrier(int64_t examples) override {
    return client.sendBarrier(static_cast<uint64_t>(examples));
  }
  Status agree(const plan::Agree &agree, bool isDouble) override {
    return client.agree(agree, isDouble);
  }
  Status fetchBarrier() override { return client.fetchBarrier(); }
  Status submit(int64_t) override { return noCommunicator(); }
  Status fetchLatest() override { return noCommunicator(); }
  uint64_t bytesSent() const override { return client.bytesSent(); }

private:
  static Status noCommunicator() {
    return makeError(StatusCode::Internal, "this job waits for its servers");
  }

  ParameterClient &client;
};

/// The executor's calls, to the communicator of an asynchronous trainer.
class CommunicatorExchange final : public ParameterExchange {
public:
  explicit CommunicatorExchange(Communicator &communicator)
      : communicator(communicator) {}
  Status enqueueSend(uint32_t server, uint32_t block, const void *data,
                     size_t bytes) override {
    return communicator.enqueueSend(server, block, data, bytes);
  }
  Status enqueueRecv(uint32_t server, uint32_t block, void *data,
                     size_t bytes) override {
    return communicator.enqueueRecv(server, block, data, bytes);
  }
  Status pullRows(const std::vector<RowSet> &sets) override {
    return communicator.pullRows(sets);
  }
  Status pushRows(const RowSet &set) override {
    return communicator.pushRows(set);
  }
  Status sendBarrier(int64_t) override { return noBarrier(); }
  Status agree(const plan::Agree &, bool) override { return noBarrier(); }
  Status fetchBarrier() override { return noBarrier(); }
  Status submit(int64_t examples) override {
    return communicator.submit(static_cast<uint64_t>(examples));
  }
  Status fetchLatest() override { return communicator.fetchLatest(); }
  int64_t staleness() const override {
    return static_cast<int64_t>(communicator.staleness());
  }
  uint64_t bytesSent() const override { return communicator.bytesSent(); }

private:
  static Status noBarrier() {
    return makeError(StatusCode::Internal,
                     "an asynchronous step has no barrier");
  }

  Communicator &communicator;
};

} // namespace

static StatusOr<std::unique_ptr<ParameterClient>>
connectToServers(const plan::Plan &plan, const RoleChoice &role,
                 const RunOptions &options, RunEnvironment &environment) {
  if (!options.pservers.empty() &&
      options.pservers.size() != static_cast<size_t>(plan.servers_size()))
    return makeError(StatusCode::InvalidArgument,
                     "the plan has {} servers, the job {}; transpile again",
                     plan.servers_size(), options.pservers.size());
  std::vector<ServerInfo> servers;
  for (const plan::Server &server : plan.servers()) {
    ServerInfo info;
    info.endpoint = options.pservers.empty() ? server.endpoint()
                                             : options.pservers[servers.size()];
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
  for (const plan::Function &function : plan.functions())
    for (const plan::Instruction &instruction : function.instructions())
      for (const plan::Agree::Part &part : instruction.agree().parts())
        servers[part.server()].parts.push_back(part.block());
  for (ServerInfo &info : servers) {
    std::sort(info.parts.begin(), info.parts.end());
    info.parts.erase(std::unique(info.parts.begin(), info.parts.end()),
                     info.parts.end());
  }
  for (int t = 0; t < plan.tables_size(); ++t)
    for (int s = 0; s < plan.tables(t).shards_size(); ++s) {
      const plan::Table &table = plan.tables(t);
      servers[table.shards(s).server()].tables.push_back(
          {static_cast<uint32_t>(t), static_cast<uint32_t>(s),
           static_cast<size_t>(table.columns()) * dataTypeSize(table.dtype())});
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

/// The communicator that the steps of `plan` hand their gradients to; null if
/// they wait for the servers.
static StatusOr<std::unique_ptr<Communicator>>
startCommunicator(const plan::Plan &plan, const RunOptions &options,
                  RunEnvironment &environment, ParameterClient &client) {
  for (const plan::Function &function : plan.functions())
    for (const plan::Instruction &instruction : function.instructions()) {
      if (!instruction.has_submit())
        continue;
      std::vector<Communicator::Block> blocks;
      for (int s = 0; s < plan.servers_size(); ++s)
        for (int i = 0; i < plan.servers(s).blocks_size(); ++i) {
          const plan::TensorType &type = plan.servers(s).blocks(i).type();
          FLEET_ASSIGN_OR_RETURN(int64_t bytes,
                                 byteSize(type.dtype(), staticShape(type)));
          blocks.push_back({static_cast<uint32_t>(s), static_cast<uint32_t>(i),
                            type.dtype(), static_cast<size_t>(bytes)});
        }
      Communicator::Options settings;
      settings.queue = instruction.submit().queue();
      settings.merge = instruction.submit().merge();
      settings.deadline = options.deadline;
      return Communicator::create(client, environment.transport,
                                  std::move(blocks), settings,
                                  {plan.tables().begin(), plan.tables().end()});
    }
  return std::unique_ptr<Communicator>();
}

/// The initial parameters, or after asynchronous steps the final ones.
static Status receiveParameters(Program &program, ParameterClient &client) {
  FLEET_ASSIGN_OR_RETURN(Step * startup, program.instantiate("startup", 1));
  if (startup->numInputs() != 0)
    return makeError(StatusCode::InvalidArgument,
                     "{}: function 'startup' reads data, it may only receive",
                     program.plan().path);
  ServerExchange exchange(client);
  StepArguments arguments;
  arguments.exchange = &exchange;
  return startup->run(arguments);
}

/// How far an asynchronous trainer went beyond its servers.
static std::string describe(const Communicator::Staleness &staleness,
                            uint32_t bound) {
  return fmt::format("{} steps in {} pushes; parameters lacked {:.2g} own "
                     "steps on average, {} at most (bound {})",
                     staleness.steps, staleness.pushes, staleness.mean,
                     staleness.most, bound);
}

/// Trains; on success also saves and reports. A client is told how it went. The
/// communicator, if the job has one, lives on: until the servers know.
static Status trainAndReport(Program &program, const RoleChoice &role,
                             const RunOptions &options,
                             RunEnvironment &environment, Dataset &data,
                             BatchReader &reader, ParameterClient *client,
                             std::unique_ptr<Communicator> &communicator) {
  std::unique_ptr<ParameterExchange> exchange;
  if (client) {
    FLEET_RETURN_IF_ERROR(receiveParameters(program, *client));
    FLEET_ASSIGN_OR_RETURN(
        communicator,
        startCommunicator(program.plan().proto, options, environment, *client));
    if (communicator)
      exchange = std::make_unique<CommunicatorExchange>(*communicator);
    else
      exchange = std::make_unique<ServerExchange>(*client);
  }
  TrainResult result;
  Status trained = train(program, reader, options, role, environment,
                         exchange.get(), result);
  if (trained.ok() && communicator) {
    FLEET_RETURN_IF_ERROR(communicator->drain());
    FLEET_RETURN_IF_ERROR(receiveParameters(program, *client));
  }
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
  // Servers are not kept for what needs none.
  bool needsServers = client && evaluatesWithServers(program);
  std::string quality;
  if (role.rank == 0 && needsServers) {
    FLEET_ASSIGN_OR_RETURN(
        quality, rateParameters(program, data, result, exchange.get()));
  }
  if (client)
    FLEET_RETURN_IF_ERROR(client->complete());
  if (role.rank != 0)
    return Status();
  if (communicator)
    environment.print(describe(communicator->summary(), communicator->bound()));
  if (!needsServers) {
    FLEET_ASSIGN_OR_RETURN(
        quality, rateParameters(program, data, result, exchange.get()));
  }
  printResult(quality, result, environment);
  return Status();
}

Status fleet::runTrainer(Program &program, const RoleChoice &role,
                         const RunOptions &options,
                         RunEnvironment &environment) {
  const plan::Plan &proto = program.plan().proto;
  FLEET_ASSIGN_OR_RETURN(std::unique_ptr<TrainingData> data,
                         loadData(program, role, options, environment));
  // Not after hours of training.
  if (role.rank == 0 && !options.saveDirectory.empty())
    FLEET_RETURN_IF_ERROR(
        environment.files.makeDirectories(options.saveDirectory)
            .withContext("--save"));
  std::unique_ptr<ParameterClient> client;
  std::unique_ptr<Communicator> communicator; // ends before its client
  if (role.role == plan::LOCAL)
    return trainAndReport(program, role, options, environment, *data->rows,
                          data->batches, nullptr, communicator);
  FLEET_ASSIGN_OR_RETURN(client,
                         connectToServers(proto, role, options, environment));
  Status status =
      trainAndReport(program, role, options, environment, *data->rows,
                     data->batches, client.get(), communicator);
  if (!status.ok())
    client->abort(status.message());
  return status;
}
