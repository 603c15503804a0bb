//===- ParameterServer.cpp - Serves parameters to trainers ----------------===//

#include "runtime/ps/ParameterServer.h"

#include "runtime/ps/handshake.pb.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <list>

using namespace fleet;

/// A peer that has not said who it is may send this much.
static constexpr uint64_t kMaxHelloBytes = 4096;

/// How long trainers get to read why the job failed.
static constexpr auto kFarewell = std::chrono::seconds(2);

/// How often a server that ends looks whether everybody has left.
static constexpr auto kNap = std::chrono::milliseconds(2);

/// Connections that are none of a trainer, at the same time.
static constexpr size_t kMaxStrangers = 64;

ParameterServer::ParameterServer(Options options, Transport &transport,
                                 std::unique_ptr<Listener> listener,
                                 std::unique_ptr<ParameterService> service,
                                 std::vector<ServedState> states)
    : options(std::move(options)), transport(transport),
      listener(std::move(listener)), states(std::move(states)),
      service(std::move(service)) {
  trainers.resize(this->options.job.trainers);
  for (const ServiceBlock &block : this->service->getBlocks())
    parameters.push_back({block.parameter, block.bytes});
}

ParameterServer::~ParameterServer() = default;

uint64_t ParameterServer::appliedSteps() {
  std::lock_guard<std::mutex> lock(mutex);
  return service->appliedSteps();
}

FrameHeader ParameterServer::makeHeader(FrameKind kind) const {
  FrameHeader header;
  header.kind = kind;
  header.job = options.job.frameId();
  header.role = plan::PSERVER;
  return header;
}

//===----------------------------------------------------------------------===//
// The life of a server
//===----------------------------------------------------------------------===//

namespace {

/// A connection and the thread that handles it.
struct Session {
  std::shared_ptr<Connection> connection;
  std::atomic<bool> done{false};
  std::unique_ptr<Thread> thread; ///< joined first
};

} // namespace

Status ParameterServer::serve() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    service->setLastProgress(transport.clock().now());
  }
  std::list<Session> sessions;
  Duration slice =
      std::clamp<Duration>(options.deadline / 8, std::chrono::milliseconds(5),
                           std::chrono::milliseconds(500));
  while (!hasEnded()) {
    auto stream = listener->accept(transport.clock().now() + slice);
    if (stream.ok()) {
      // Strangers come and go for as long as a job runs.
      sessions.remove_if(
          [](const Session &session) { return session.done.load(); });
      if (sessions.size() >= options.job.trainers + kMaxStrangers)
        continue; // hangs up
      Session &session = sessions.emplace_back();
      session.connection = std::make_shared<Connection>(std::move(*stream));
      session.thread = transport.spawn([this, &session] {
        handleConnection(session.connection);
        session.done = true;
      });
    } else if (stream.status().code() != StatusCode::DeadlineExceeded &&
               stream.status().code() != StatusCode::Aborted) {
      stop(stream.status());
    }
    if (Status silence = checkSilence(); !silence.ok())
      stop(silence);
  }
  listener->close();
  // Trainers read why the job failed and hang up. After a success nobody is
  // owed anything.
  TimePoint farewell = transport.clock().now() + kFarewell;
  auto someoneIsThere = [&] {
    std::lock_guard<std::mutex> lock(mutex);
    return !failure.ok() &&
           std::any_of(sessions.begin(), sessions.end(),
                       [](const Session &session) { return !session.done; });
  };
  while (someoneIsThere() && transport.clock().now() < farewell)
    transport.clock().sleepUntil(transport.clock().now() + kNap);
  for (Session &session : sessions)
    session.connection->close();
  sessions.clear();
  // Somebody else may still be in stop(), which has a deadline.
  for (;;) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (stopping == 0)
        return failure;
    }
    transport.clock().sleepUntil(transport.clock().now() + kNap);
  }
}

bool ParameterServer::hasEnded() {
  std::lock_guard<std::mutex> lock(mutex);
  return finished || !failure.ok();
}

void ParameterServer::stop(const Status &reason) {
  std::vector<std::shared_ptr<Connection>> peers;
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (finished || !failure.ok())
      return;
    failure = reason;
    ++stopping;
    for (Trainer &trainer : trainers)
      if (trainer.connection)
        peers.push_back(trainer.connection);
  }
  TimePoint deadline = transport.clock().now() + kFarewell;
  for (auto &peer : peers) // one that is gone cannot be told
    (void)peer->sendReason(makeHeader(FrameKind::Error), reason.message(),
                           deadline);
  listener->close();
  std::lock_guard<std::mutex> lock(mutex);
  --stopping;
}

/// Everybody owes something: first a connection, then a push a step.
Status ParameterServer::checkSilence() {
  std::lock_guard<std::mutex> lock(mutex);
  if (finished ||
      transport.clock().now() - service->lastProgress() < options.deadline)
    return Status();
  double seconds = std::chrono::duration<double>(options.deadline).count();
  std::vector<uint32_t> absent;
  for (uint32_t r = 0; r < trainers.size(); ++r)
    if (!trainers[r].connection && !service->isComplete(r))
      absent.push_back(r);
  if (!absent.empty())
    return makeError(StatusCode::DeadlineExceeded,
                     "trainer {} did not connect within {} s",
                     fmt::join(absent, ", "), seconds);
  std::vector<uint32_t> missing = service->missingRanks();
  if (missing.empty())
    return Status();
  return makeError(
      StatusCode::DeadlineExceeded, "trainer {} did not {} step {} within {} s",
      fmt::join(missing, ", "), service->waitsForSums() ? "agree on" : "push",
      service->nextStep(missing.front()), seconds);
}

//===----------------------------------------------------------------------===//
// One trainer
//===----------------------------------------------------------------------===//

Status ParameterServer::shakeHands(Connection &connection, FrameHeader &hello) {
  FLEET_ASSIGN_OR_RETURN(hello, connection.receive(deadlineFromNow()));
  if (hello.kind != FrameKind::Hello)
    return makeError(StatusCode::Refused, "expected a hello, got a {} frame",
                     frameKindName(hello.kind));
  FLEET_ASSIGN_OR_RETURN(
      std::string text,
      connection.receiveText(hello, deadlineFromNow(), kMaxHelloBytes));
  ps::Hello message;
  if (!message.ParseFromString(text))
    return makeError(StatusCode::DataLoss, "the hello cannot be read");
  const JobIdentity &job = options.job;
  if (message.program_hash() != job.programHash)
    return makeError(
        StatusCode::Refused,
        "this server runs job '{}' (program {:.12}), the trainer runs job '{}' "
        "(program {:.12}); transpile once and start both from the same folder",
        job.name, job.programHash, message.job(), message.program_hash());
  if (hello.role != plan::TRAINER)
    return makeError(StatusCode::Refused, "only trainers talk to this server");
  if (message.trainers() != job.trainers)
    return makeError(StatusCode::Refused,
                     "the trainer expects {} trainers, this server {}",
                     message.trainers(), job.trainers);
  if (hello.rank >= job.trainers)
    return makeError(StatusCode::Refused,
                     "there is no trainer {}; the job has trainers 0 to {}",
                     hello.rank, job.trainers - 1);
  if (message.seed() != job.seed)
    return makeError(StatusCode::Refused,
                     "trainer {} has --seed={}, this server --seed={}; all "
                     "processes of a job need the same",
                     hello.rank, message.seed(), job.seed);
  return Status();
}

void ParameterServer::handleConnection(std::shared_ptr<Connection> connection) {
  FrameHeader hello;
  Status status = shakeHands(*connection, hello);
  FrameKind answer = FrameKind::Refused;
  if (status.ok()) {
    std::lock_guard<std::mutex> lock(mutex);
    Trainer &trainer = trainers[hello.rank];
    if (!failure.ok()) {
      answer = FrameKind::Error;
      status = failure;
    } else if (trainer.connection || service->isComplete(hello.rank)) {
      status = makeError(StatusCode::Refused,
                         "trainer {} is already connected from {}", hello.rank,
                         trainer.connection ? trainer.connection->peer()
                                            : "elsewhere");
    } else {
      trainer.connection = connection;
      trainer.incarnation = hello.incarnation;
      service->setLastProgress(transport.clock().now());
    }
  }
  if (!status.ok()) {
    // A stranger does not end the job: it is told why, and that is all.
    (void)connection->sendReason(makeHeader(answer), status.message(),
                                 deadlineFromNow());
    connection->close();
    return;
  }
  uint32_t rank = hello.rank;
  FrameHeader welcome = makeHeader(FrameKind::Welcome);
  welcome.incarnation = hello.incarnation;
  {
    std::lock_guard<std::mutex> lock(mutex);
    welcome.argument = service->highWaterMark(rank);
  }
  status = connection->send(welcome, {}, deadlineFromNow());
  RowBuffers rows;
  while (status.ok()) {
    auto header = connection->receive(deadlineFromNow());
    if (!header.ok()) {
      // A trainer may compute for long; whether too long, checkSilence says.
      if (header.status().code() == StatusCode::DeadlineExceeded)
        continue;
      status = header.status();
      break;
    }
    if (header->rank != rank || header->incarnation != hello.incarnation ||
        header->job != options.job.frameId())
      status = makeError(StatusCode::Refused,
                         "a frame of another sender arrived on the connection "
                         "of trainer {}",
                         rank);
    else
      status = handleFrame(*connection, rank, *header, rows);
  }
  std::string failed;
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (service->isComplete(rank) || finished || !failure.ok())
      return;
    uint64_t step = service->nextStep(rank);
    if (status.code() == StatusCode::Unavailable)
      failed = fmt::format("trainer {} ({}) disconnected at step {} before it "
                           "was done",
                           rank, connection->peer(), step);
    else if (status.code() == StatusCode::Aborted)
      failed = status.message();
    else
      failed = fmt::format("trainer {} ({}) at step {}: {}", rank,
                           connection->peer(), step, status.message());
    if (status.code() == StatusCode::Unavailable)
      trainers[rank].connection.reset();
  }
  stop(Status(status.code() == StatusCode::Aborted ? StatusCode::Aborted
                                                   : StatusCode::Unavailable,
              failed));
}

Status ParameterServer::handleFrame(Connection &connection, uint32_t rank,
                                    const FrameHeader &header,
                                    RowBuffers &rows) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (service->isComplete(rank))
      return makeError(StatusCode::Refused,
                       "a {} frame of trainer {} came after it was done",
                       frameKindName(header.kind), rank);
  }
  switch (header.kind) {
  case FrameKind::Push:
    return handlePush(connection, rank, header);
  case FrameKind::Pull:
    if (service->isSynchronous()) // nothing changes before all have pulled
      return sendParameters(connection, header.step, parameters);
    {
      std::lock_guard<std::mutex> lock(mutex);
      service->remember(rank);
    }
    return answerTrainer(connection, rank, header.step);
  case FrameKind::PullRows:
    return handlePullRows(connection, rank, header, rows);
  case FrameKind::StateRequest:
    FLEET_RETURN_IF_ERROR(sendState(connection));
    {
      // Who writes a checkpoint pushes later.
      std::lock_guard<std::mutex> lock(mutex);
      service->setLastProgress(transport.clock().now());
    }
    return Status();
  case FrameKind::Sums:
    return handleSums(connection, rank, header);
  case FrameKind::Complete: {
    auto result = ParameterService::Push::Waiting;
    bool done = false;
    uint64_t step = 0;
    {
      std::scoped_lock lock(answering, mutex);
      step = service->appliedSteps() + 1;
      FLEET_ASSIGN_OR_RETURN(result,
                             service->complete(rank, transport.clock().now()));
      done = service->allComplete();
      finished |= done;
    }
    FLEET_RETURN_IF_ERROR(proceed(result, step));
    if (done)
      listener->close();
    return Status();
  }
  case FrameKind::Abort: {
    FLEET_ASSIGN_OR_RETURN(std::string reason,
                           connection.receiveReason(header, deadlineFromNow()));
    return makeError(StatusCode::Aborted, "trainer {} ({}) gave up: {}", rank,
                     connection.peer(), reason);
  }
  default:
    return makeError(StatusCode::Refused, "a {} frame is not for a server",
                     frameKindName(header.kind));
  }
}

Status ParameterServer::handlePush(Connection &connection, uint32_t rank,
                                   const FrameHeader &header) {
  bool isDuplicate;
  {
    std::lock_guard<std::mutex> lock(mutex);
    FLEET_ASSIGN_OR_RETURN(isDuplicate,
                           service->isDuplicate(rank, header.step));
  }
  std::vector<MutableBuffer> destination;
  AlignedBuffer scratch;
  uint64_t dense = payloadBytes(parameters), rowPayload = 0;
  bool hasRows = !service->getTables().empty() && header.argument > 0;
  if (isDuplicate) {
    // Its landing buffers may be being merged: receive it elsewhere.
    uint64_t most = dense + (hasRows ? kMaxRowPayload : 0);
    if (header.length > most)
      return makeError(StatusCode::DataLoss, "a push has {} bytes, expected {}",
                       header.length, most);
    FLEET_ASSIGN_OR_RETURN(
        scratch, AlignedBuffer::allocate(header.length, "a duplicate push"));
    destination.push_back({scratch.data(), header.length});
  } else if (header.argument > 0) {
    for (size_t i = 0; i < parameters.size(); ++i)
      destination.push_back({service->landing(rank, i), parameters[i].size});
    // Where there are too few bytes, receivePayload() says so.
    if (hasRows && header.length >= dense) {
      rowPayload = rowSectionBytes(dense, header.length);
      FLEET_ASSIGN_OR_RETURN(void *rows, service->rowLanding(rank, rowPayload));
      destination.push_back({rows, rowPayload});
    }
  }
  FLEET_RETURN_IF_ERROR(
      connection.receivePayload(header, destination, deadlineFromNow()));
  if (hasRows && !isDuplicate)
    FLEET_RETURN_IF_ERROR(service->takeRows(rank, rowPayload));
  FLEET_RETURN_IF_ERROR(reach(Failpoint::BeforeApply));
  auto applied = ParameterService::Push::Waiting;
  {
    std::scoped_lock lock(answering, mutex);
    if (!failure.ok())
      return Status();
    FLEET_ASSIGN_OR_RETURN(ParameterService::Push result,
                           service->push(rank, header.step, header.argument,
                                         transport.clock().now()));
    if (service->isSynchronous())
      applied = result;
    else if (result == ParameterService::Push::Applied)
      service->remember(rank);
    else
      return Status();
  }
  if (service->isSynchronous())
    return proceed(applied, header.step);
  FLEET_RETURN_IF_ERROR(reach(Failpoint::BeforeAnswer));
  return answerTrainer(connection, rank, header.step);
}

/// Rows are thread-safe by themselves: a look-up waits for no push of others
/// but the one that is being applied.
Status ParameterServer::handlePullRows(Connection &connection, uint32_t rank,
                                       const FrameHeader &header,
                                       RowBuffers &rows) {
  const std::vector<ServiceTable> &tables = service->getTables();
  auto reserve = [](AlignedBuffer &buffer, uint64_t bytes) {
    if (buffer.data() && buffer.size() >= bytes)
      return Status();
    FLEET_ASSIGN_OR_RETURN(
        buffer, AlignedBuffer::allocate(bytes + bytes / 4, "rows looked up"));
    return Status();
  };
  if (header.length > kMaxRowPayload)
    return makeError(StatusCode::DataLoss,
                     "{} bytes of rows to look up, more than {}", header.length,
                     kMaxRowPayload);
  FLEET_RETURN_IF_ERROR(reserve(rows.asked, header.length));
  FLEET_RETURN_IF_ERROR(connection.receivePayload(
      header, {{rows.asked.data(), header.length}}, deadlineFromNow()));
  FLEET_RETURN_IF_ERROR(parseRows(rows.asked.data(), header.length,
                                  tables.size(), nullptr, rows.spans));
  uint64_t bytes = 0; // counts are below 2^29, rows below 2^27 bytes
  for (size_t t = 0; t < tables.size(); ++t) {
    uint64_t size =
        static_cast<uint64_t>(rows.spans[t].count) * service->getRowBytes()[t];
    bytes += size + rowPadding(size);
  }
  if (bytes > kMaxRowPayload)
    return makeError(StatusCode::Refused,
                     "{} bytes of rows are looked up at once, more than {}; "
                     "use smaller batches",
                     bytes, kMaxRowPayload);
  FLEET_RETURN_IF_ERROR(reserve(rows.found, bytes));
  rows.answer.clear();
  std::byte *to = rows.found.data();
  for (size_t t = 0; t < tables.size(); ++t) {
    const RowSpan &span = rows.spans[t];
    FLEET_RETURN_IF_ERROR(tables[t].rows->gather(span.ids, span.count, to));
    uint64_t size =
        static_cast<uint64_t>(span.count) * service->getRowBytes()[t];
    if (size > 0)
      rows.answer.push_back({to, size});
    appendRowPadding(size, rows.answer);
    to += size;
  }
  {
    std::lock_guard<std::mutex> lock(mutex);
    service->hearFrom(rank, transport.clock().now());
  }
  FrameHeader answer = makeHeader(FrameKind::Rows);
  answer.step = header.step;
  return connection.send(answer, rows.answer, deadlineFromNow());
}

/// From the copy that is kept for this trainer, which only the thread of its
/// connection changes: others push while this one reads slowly.
Status ParameterServer::answerTrainer(Connection &connection, uint32_t rank,
                                      uint64_t step) {
  std::vector<ConstBuffer> blocks;
  for (size_t i = 0; i < parameters.size(); ++i)
    blocks.push_back({service->received(rank, i), parameters[i].size});
  return sendParameters(connection, step, blocks);
}

Status ParameterServer::proceed(ParameterService::Push result, uint64_t step) {
  if (result == ParameterService::Push::Applied)
    return answerStep(step);
  if (result != ParameterService::Push::Merged)
    return Status();
  {
    std::lock_guard<std::mutex> hold(answering);
    // Nobody changes them before a trainer has got them.
    const std::vector<double> &parts = service->parts();
    FLEET_RETURN_IF_ERROR(
        tellContributors(FrameKind::Parts, step,
                         {{parts.data(), parts.size() * sizeof(double)}}));
    std::lock_guard<std::mutex> lock(mutex);
    if (!service->isEmptyStep())
      return Status();
    service->skip(transport.clock().now());
  }
  return answerStep(step);
}

Status ParameterServer::handleSums(Connection &connection, uint32_t rank,
                                   const FrameHeader &header) {
  std::vector<double> sums(service->numParts());
  FLEET_RETURN_IF_ERROR(connection.receivePayload(
      header, {{sums.data(), sums.size() * sizeof(double)}},
      deadlineFromNow()));
  {
    std::scoped_lock lock(answering, mutex);
    if (!failure.ok())
      return Status();
    FLEET_ASSIGN_OR_RETURN(
        ParameterService::Push result,
        service->settle(rank, header.step, sums, transport.clock().now()));
    if (result != ParameterService::Push::Applied)
      return Status();
  }
  return answerStep(header.step);
}

/// Sends the new parameters to everybody who pushed `step`.
Status ParameterServer::answerStep(uint64_t step) {
  FLEET_RETURN_IF_ERROR(reach(Failpoint::BeforeAnswer));
  std::lock_guard<std::mutex> hold(answering);
  return tellContributors(FrameKind::Parameters, step, parameters);
}

Status
ParameterServer::tellContributors(FrameKind kind, uint64_t step,
                                  const std::vector<ConstBuffer> &payload) {
  FrameHeader header = makeHeader(kind);
  header.step = step;
  for (uint32_t r = 0; r < trainers.size(); ++r) {
    std::shared_ptr<Connection> connection;
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (service->highWaterMark(r) == step)
        connection = trainers[r].connection;
    }
    if (!connection)
      continue;
    // If this one is gone, its own thread notices and says so.
    Status sent = connection->send(header, payload, deadlineFromNow());
    if (!sent.ok() && sent.code() != StatusCode::Unavailable)
      return makeError(StatusCode::Aborted,
                       "trainer {} ({}) did not take the {} of step {}: {}", r,
                       connection->peer(), frameKindName(kind), step,
                       sent.message());
  }
  return Status();
}

Status ParameterServer::sendParameters(Connection &connection, uint64_t step,
                                       const std::vector<ConstBuffer> &blocks) {
  FrameHeader header = makeHeader(FrameKind::Parameters);
  header.step = step;
  return connection.send(header, blocks, deadlineFromNow());
}

Status ParameterServer::sendState(Connection &connection) {
  FLEET_RETURN_IF_ERROR(reach(Failpoint::BeforeState));
  // All of it as it was at one moment, whoever pushes meanwhile.
  std::lock_guard<std::mutex> hold(answering);
  ps::StateDirectory directory;
  std::vector<ConstBuffer> bytes;
  for (const ServedState &state : states) {
    auto &entry = *directory.add_entries();
    entry.set_origin(state.origin);
    entry.set_slot(state.slot);
    entry.set_dtype(state.dtype);
    for (int64_t extent : state.originShape)
      entry.add_origin_shape(extent);
    entry.set_row_offset(state.rowOffset);
    entry.set_bytes(state.bytes);
    bytes.push_back({state.data, state.bytes});
  }
  std::vector<RemoteState> ofTables;
  for (const ServiceTable &table : service->getTables())
    FLEET_RETURN_IF_ERROR(appendTableState(*table.rows, ofTables));
  for (const RemoteState &state : ofTables) {
    auto &entry = *directory.add_entries();
    entry.set_origin(state.origin);
    entry.set_slot(state.slot);
    entry.set_dtype(state.dtype);
    for (int64_t extent : state.originShape)
      entry.add_origin_shape(extent);
    entry.set_row_offset(state.rowOffset);
    entry.set_bytes(state.bytes);
    entry.set_by_id(state.isById);
    bytes.push_back({state.data.data(), state.bytes});
  }
  FLEET_RETURN_IF_ERROR(
      connection.sendText(makeHeader(FrameKind::StateDirectory),
                          directory.SerializeAsString(), deadlineFromNow()));
  return connection.send(makeHeader(FrameKind::State), bytes,
                         deadlineFromNow());
}
