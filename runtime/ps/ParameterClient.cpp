//===- ParameterClient.cpp - A trainer's side of the service --------------===//

#include "runtime/ps/ParameterClient.h"

#include "runtime/base/DataTypes.h"
#include "runtime/ps/handshake.pb.h"

#include <algorithm>

using namespace fleet;

/// A server that misses another trainer says so a moment after the deadline.
/// Wait for that, plus a quarter of the deadline: its error names the culprit.
static constexpr auto kPatience = std::chrono::seconds(1);

FrameHeader ParameterClient::makeHeader(FrameKind kind) const {
  FrameHeader header;
  header.kind = kind;
  header.job = options.job.frameId();
  header.role = plan::TRAINER;
  header.rank = options.rank;
  header.incarnation = options.incarnation;
  header.step = currentStep;
  return header;
}

StatusOr<std::unique_ptr<ParameterClient>>
ParameterClient::connect(Options options, Transport &transport,
                         std::vector<ServerInfo> servers) {
  std::unique_ptr<ParameterClient> client(
      new ParameterClient(std::move(options), transport));
  for (ServerInfo &info : servers)
    if (Status status = client->join(std::move(info)); !status.ok()) {
      // Servers that this trainer did reach learn why it leaves.
      client->abort(status.message());
      return status;
    }
  return client;
}

Status ParameterClient::join(ServerInfo info) {
  Server server;
  FLEET_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream,
                         transport.connect(info.endpoint, deadlineFromNow()));
  server.connection = std::make_unique<Connection>(std::move(stream));
  server.sends.resize(info.blocks.size(), {nullptr, 0});
  server.recvs.resize(info.blocks.size(), {nullptr, 0});
  server.unused.resize(info.blocks.size());
  server.parts.resize(info.parts.size());
  server.sums.resize(info.parts.size());
  for (const ServerInfo::Table &table : info.tables)
    server.rowBytes.push_back(table.rowBytes);
  server.pushed.resize(info.tables.size());
  server.pulled.resize(info.tables.size());
  server.info = std::move(info);
  servers.push_back(std::move(server));
  return shakeHands(servers.back());
}

Status ParameterClient::shakeHands(Server &server) {
  ps::Hello hello;
  hello.set_program_hash(options.job.programHash);
  hello.set_job(options.job.name);
  hello.set_trainers(options.job.trainers);
  hello.set_seed(options.job.seed);
  Status sent =
      server.connection->sendText(makeHeader(FrameKind::Hello),
                                  hello.SerializeAsString(), deadlineFromNow());
  if (!sent.ok())
    return explain(server, sent);
  return expect(server, FrameKind::Welcome).status();
}

StatusOr<FrameHeader> ParameterClient::expect(Server &server, FrameKind kind) {
  Duration patience = options.deadline + kPatience + options.deadline / 4;
  auto header = server.connection->receive(transport.clock().now() + patience);
  if (!header.ok()) {
    if (header.status().code() == StatusCode::DeadlineExceeded)
      return makeError(StatusCode::DeadlineExceeded,
                       "server {} did not answer at step {} within {} s",
                       server.info.endpoint, step(),
                       std::chrono::duration<double>(patience).count());
    return header.status().withContext(
        fmt::format("server {} at step {}", server.info.endpoint, step()));
  }
  if (header->kind == FrameKind::Error || header->kind == FrameKind::Refused) {
    FLEET_ASSIGN_OR_RETURN(std::string reason, server.connection->receiveReason(
                                                   *header, deadlineFromNow()));
    return makeError(header->kind == FrameKind::Error ? StatusCode::Aborted
                                                      : StatusCode::Refused,
                     "server {}: {}", server.info.endpoint, reason);
  }
  if (header->job != options.job.frameId() || header->role != plan::PSERVER)
    return makeError(StatusCode::Refused,
                     "server {} sent a frame of another sender",
                     server.info.endpoint);
  if (header->kind == kind)
    return header;
  return makeError(
      StatusCode::Refused, "server {} sent a {} frame, expected {}",
      server.info.endpoint, frameKindName(header->kind), frameKindName(kind));
}

Status ParameterClient::explain(Server &server, const Status &status) {
  // A server that ends a job says why before it hangs up.
  if (status.code() == StatusCode::Unavailable)
    if (Status said = expect(server, FrameKind::Error).status();
        said.code() == StatusCode::Aborted ||
        said.code() == StatusCode::Refused)
      return said;
  return status.withContext(
      fmt::format("server {} at step {}", server.info.endpoint, step()));
}

Status ParameterClient::checkIndex(uint32_t server, uint32_t block,
                                   size_t bytes) const {
  if (server >= servers.size() || block >= servers[server].info.blocks.size())
    return makeError(StatusCode::Internal, "there is no block {} of server {}",
                     block, server);
  if (bytes != servers[server].info.blockBytes[block])
    return makeError(StatusCode::Internal, "block '{}' has {} bytes, not {}",
                     servers[server].info.blocks[block],
                     servers[server].info.blockBytes[block], bytes);
  return Status();
}

Status ParameterClient::enqueueSend(uint32_t server, uint32_t block,
                                    const void *data, size_t bytes) {
  FLEET_RETURN_IF_ERROR(checkIndex(server, block, bytes));
  Server &to = servers[server];
  to.sendCount += to.sends[block].data == nullptr;
  to.sends[block] = {data, bytes};
  return Status();
}

Status ParameterClient::enqueueRecv(uint32_t server, uint32_t block, void *data,
                                    size_t bytes) {
  FLEET_RETURN_IF_ERROR(checkIndex(server, block, bytes));
  Server &from = servers[server];
  from.recvCount += from.recvs[block].data == nullptr;
  from.recvs[block] = {data, bytes};
  return Status();
}

RowSpan ParameterClient::partOf(const RowSet &set, const Server &server,
                                size_t table) {
  const ServerInfo::Table &owned = server.info.tables[table];
  int64_t begin = set.batch->shardBegin(owned.shard);
  return {set.batch->ids() + begin,
          set.batch->shardBegin(owned.shard + 1) - begin,
          static_cast<std::byte *>(set.rows) +
              static_cast<size_t>(begin) * owned.rowBytes};
}

Status ParameterClient::pullRows(const std::vector<RowSet> &sets) {
  if (pushed)
    return makeError(StatusCode::Internal,
                     "rows are looked up before the answers to step {}",
                     step());
  for (Server &server : servers) {
    uint64_t bytes = 0;
    int64_t rows = 0;
    for (size_t t = 0; t < server.info.tables.size(); ++t) {
      server.pulled[t] = {};
      for (const RowSet &set : sets)
        if (set.table == server.info.tables[t].table)
          server.pulled[t] = partOf(set, server, t);
      rows += server.pulled[t].count;
      bytes +=
          static_cast<uint64_t>(server.pulled[t].count) * server.rowBytes[t];
    }
    if (bytes > kMaxRowPayload)
      return makeError(StatusCode::InvalidArgument,
                       "a step looks up {} bytes of rows of server {}, at most "
                       "{} are possible; use smaller batches",
                       bytes, server.info.endpoint, kMaxRowPayload);
    if (rows == 0)
      continue;
    server.payload.clear();
    server.rows.append(server.pulled, nullptr, server.payload);
    Status sent = server.connection->send(makeHeader(FrameKind::PullRows),
                                          server.payload, deadlineFromNow());
    if (!sent.ok())
      return explain(server, sent);
  }
  for (Server &server : servers)
    FLEET_RETURN_IF_ERROR(receiveRows(server));
  return Status();
}

Status ParameterClient::receiveRows(Server &server) {
  char padding[8];
  std::vector<MutableBuffer> destination;
  int64_t rows = 0;
  for (size_t t = 0; t < server.pulled.size(); ++t) {
    const RowSpan &span = server.pulled[t];
    uint64_t bytes = static_cast<uint64_t>(span.count) * server.rowBytes[t];
    rows += span.count;
    if (bytes > 0)
      destination.push_back({const_cast<void *>(span.rows), bytes});
    if (uint64_t zeros = rowPadding(bytes); zeros > 0)
      destination.push_back({padding, zeros});
  }
  if (rows == 0) // nothing was asked for
    return Status();
  FLEET_ASSIGN_OR_RETURN(FrameHeader header, expect(server, FrameKind::Rows));
  Status received =
      server.connection->receivePayload(header, destination, deadlineFromNow());
  return received.ok() ? received : explain(server, received);
}

Status ParameterClient::pushRows(const RowSet &set) {
  for (Server &server : servers)
    for (size_t t = 0; t < server.info.tables.size(); ++t)
      if (server.info.tables[t].table == set.table)
        server.pushed[t] = partOf(set, server, t);
  return Status();
}

Status ParameterClient::sendBarrier(uint64_t examples) {
  FLEET_RETURN_IF_ERROR(reach(Failpoint::BeforePush));
  ++currentStep;
  this->examples = examples;
  hasParts = false;
  for (Server &server : servers) {
    if (examples > 0 && server.sendCount != server.sends.size())
      return makeError(StatusCode::Internal,
                       "step {} sends {} of the {} blocks of server {}", step(),
                       server.sendCount, server.sends.size(),
                       server.info.endpoint);
    FrameHeader header = makeHeader(FrameKind::Push);
    header.argument = examples;
    server.payload.clear();
    if (examples > 0) {
      server.payload = server.sends;
      server.rows.append(server.pushed, &server.rowBytes, server.payload);
    }
    Status sent =
        server.connection->send(header, server.payload, deadlineFromNow());
    if (!sent.ok())
      return explain(server, sent);
    for (ConstBuffer &buffer : server.sends)
      buffer = {nullptr, 0};
    server.pushed.assign(server.pushed.size(), {});
    server.sendCount = 0;
  }
  pushed = true;
  return reach(Failpoint::AfterPush);
}

Status ParameterClient::receiveParts() {
  if (hasParts)
    return Status();
  hasParts = true;
  for (Server &server : servers) {
    server.agreed = 0;
    if (server.parts.empty())
      continue;
    FLEET_ASSIGN_OR_RETURN(FrameHeader header,
                           expect(server, FrameKind::Parts));
    if (header.step != currentStep)
      return makeError(StatusCode::Refused,
                       "server {} sent parts of step {}, expected step {}",
                       server.info.endpoint, header.step, step());
    Status received = server.connection->receivePayload(
        header, {{server.parts.data(), server.parts.size() * sizeof(double)}},
        deadlineFromNow());
    if (!received.ok())
      return explain(server, received);
  }
  return Status();
}

Status ParameterClient::agree(const plan::Agree &agree, bool isDouble) {
  if (!pushed)
    return makeError(StatusCode::Internal, "trainers agree on nothing before "
                                           "they have sent something");
  FLEET_RETURN_IF_ERROR(receiveParts());
  double sum = 0;
  std::vector<double *> sums;
  for (const plan::Agree::Part &part : agree.parts()) {
    static const std::vector<uint32_t> none;
    const std::vector<uint32_t> &known = part.server() < servers.size()
                                             ? servers[part.server()].info.parts
                                             : none;
    auto found = std::lower_bound(known.begin(), known.end(), part.block());
    if (found == known.end() || *found != part.block())
      return makeError(StatusCode::Internal,
                       "block {} of server {} has no part of a sum",
                       part.block(), part.server());
    auto i = static_cast<size_t>(found - known.begin());
    Server &server = servers[part.server()];
    // Additions as a program does them that has all gradients.
    if (sums.empty())
      sum = server.parts[i];
    else if (isDouble)
      sum += server.parts[i];
    else
      sum = static_cast<float>(sum) + static_cast<float>(server.parts[i]);
    sums.push_back(&server.sums[i]);
    ++server.agreed;
  }
  for (double *each : sums)
    *each = sum;
  return Status();
}

/// Tells servers the sums; who had no examples leaves that to others.
Status ParameterClient::sendSums() {
  FLEET_RETURN_IF_ERROR(receiveParts());
  if (examples == 0)
    return Status();
  bool isFirst = true;
  for (Server &server : servers) {
    if (server.sums.empty())
      continue;
    if (server.agreed != server.sums.size())
      return makeError(StatusCode::Internal,
                       "step {} agrees on {} of the {} parts of server {}",
                       step(), server.agreed, server.sums.size(),
                       server.info.endpoint);
    if (isFirst)
      FLEET_RETURN_IF_ERROR(reach(Failpoint::BeforeAgree));
    isFirst = false;
    Status sent = server.connection->send(
        makeHeader(FrameKind::Sums),
        {{server.sums.data(), server.sums.size() * sizeof(double)}},
        deadlineFromNow());
    if (!sent.ok())
      return explain(server, sent);
  }
  return Status();
}

Status ParameterClient::fetchBarrier() {
  if (pushed)
    FLEET_RETURN_IF_ERROR(sendSums());
  if (!pushed)
    for (Server &server : servers)
      if (server.recvCount > 0)
        if (Status sent = server.connection->send(makeHeader(FrameKind::Pull),
                                                  {}, deadlineFromNow());
            !sent.ok())
          return explain(server, sent);
  for (Server &server : servers) {
    if (!pushed && server.recvCount == 0)
      continue;
    FLEET_ASSIGN_OR_RETURN(FrameHeader header,
                           expect(server, FrameKind::Parameters));
    if (header.step != currentStep)
      return makeError(StatusCode::Refused,
                       "server {} sent parameters of step {}, expected step {}",
                       server.info.endpoint, header.step, step());
    for (size_t i = 0; i < server.recvs.size(); ++i) {
      if (server.recvs[i].data)
        continue;
      size_t bytes = server.info.blockBytes[i];
      if (server.unused[i].size() != bytes) {
        FLEET_ASSIGN_OR_RETURN(server.unused[i],
                               AlignedBuffer::allocate(bytes, "unused block"));
      }
      server.recvs[i] = {server.unused[i].data(), bytes};
    }
    Status received = server.connection->receivePayload(header, server.recvs,
                                                        deadlineFromNow());
    if (!received.ok())
      return explain(server, received);
    for (MutableBuffer &buffer : server.recvs)
      buffer = {nullptr, 0};
    server.recvCount = 0;
  }
  pushed = false;
  return reach(Failpoint::AfterFetch);
}

StatusOr<std::vector<RemoteState>> ParameterClient::pullState() {
  std::vector<RemoteState> result;
  for (Server &server : servers) {
    Status sent = server.connection->send(makeHeader(FrameKind::StateRequest),
                                          {}, deadlineFromNow());
    if (!sent.ok())
      return explain(server, sent);
    FLEET_ASSIGN_OR_RETURN(FrameHeader header,
                           expect(server, FrameKind::StateDirectory));
    FLEET_ASSIGN_OR_RETURN(std::string text, server.connection->receiveText(
                                                 header, deadlineFromNow()));
    ps::StateDirectory directory;
    if (!directory.ParseFromString(text))
      return makeError(StatusCode::DataLoss,
                       "server {}: the directory of its state cannot be read",
                       server.info.endpoint);
    std::vector<MutableBuffer> destination;
    for (const auto &entry : directory.entries()) {
      RemoteState state;
      state.origin = entry.origin();
      state.slot = entry.slot();
      state.dtype = static_cast<plan::DataType>(entry.dtype());
      state.originShape.assign(entry.origin_shape().begin(),
                               entry.origin_shape().end());
      state.rowOffset = entry.row_offset();
      state.bytes = entry.bytes();
      state.isById = entry.by_id();
      // Rows of the origin, all of them within it.
      auto whole = byteSize(state.dtype, state.originShape);
      int64_t rows = state.originShape.empty() ? 1 : state.originShape.front();
      uint64_t row =
          whole.ok() && rows > 0 ? static_cast<uint64_t>(*whole / rows) : 0;
      bool isEmpty = state.isById && rows == 0 && entry.bytes() == 0;
      if (!isEmpty &&
          (row == 0 || entry.bytes() % row != 0 || state.rowOffset < 0 ||
           state.rowOffset > rows ||
           entry.bytes() / row > static_cast<uint64_t>(rows - state.rowOffset)))
        return makeError(StatusCode::DataLoss,
                         "server {}: its state '{}' ({} bytes from row {} on) "
                         "is no rows of the whole tensor",
                         server.info.endpoint, state.origin, entry.bytes(),
                         state.rowOffset);
      FLEET_ASSIGN_OR_RETURN(
          state.data, AlignedBuffer::allocate(state.bytes, "a pulled state"));
      destination.push_back({state.data.data(), state.bytes});
      result.push_back(std::move(state));
    }
    FLEET_ASSIGN_OR_RETURN(header, expect(server, FrameKind::State));
    Status received = server.connection->receivePayload(header, destination,
                                                        deadlineFromNow());
    if (!received.ok())
      return explain(server, received);
  }
  return result;
}

Status ParameterClient::complete() {
  FLEET_RETURN_IF_ERROR(reach(Failpoint::BeforeComplete));
  for (Server &server : servers)
    if (Status sent = server.connection->send(makeHeader(FrameKind::Complete),
                                              {}, deadlineFromNow());
        !sent.ok())
      return explain(server, sent);
  return Status();
}

void ParameterClient::abort(const std::string &reason) {
  TimePoint deadline = transport.clock().now() + std::chrono::seconds(1);
  for (Server &server : servers)
    (void)server.connection->sendReason(makeHeader(FrameKind::Abort), reason,
                                        deadline);
}

void ParameterClient::disconnect() {
  for (Server &server : servers)
    server.connection->close();
}

uint64_t ParameterClient::bytesSent() const {
  uint64_t bytes = 0;
  for (const Server &server : servers)
    bytes += server.connection->bytesSent();
  return bytes;
}
