//===- RendezvousJoin.cpp - How ranks find each other ---------------------===//

#include "runtime/collective/CallSignature.h"
#include "runtime/collective/Rendezvous.h"
#include "runtime/collective/rendezvous.pb.h"

#include <algorithm>

using namespace fleet;

/// Somebody who has not said who it is may send this much, within this time.
static constexpr uint64_t kMaxHelloBytes = 4096;
static constexpr auto kHelloTime = std::chrono::seconds(5);

/// Connections of strangers, at the same time.
static constexpr size_t kMaxStrangers = 64;

/// How often rank 0 looks whether it still has to wait.
static constexpr auto kSlice = std::chrono::milliseconds(50);

/// Rank 0 says who is missing a moment after the deadline.
static constexpr auto kPatience = std::chrono::seconds(1);

StatusOr<std::shared_ptr<Rendezvous>> Rendezvous::join(Options options,
                                                       Transport &transport) {
  if (options.rank >= options.job.trainers)
    return makeError(StatusCode::InvalidArgument,
                     "there is no rank {} in a job of {}", options.rank,
                     options.job.trainers);
  std::shared_ptr<Rendezvous> rendezvous(
      new Rendezvous(std::move(options), transport));
  if (rendezvous->size() == 1)
    return rendezvous;
  FLEET_RETURN_IF_ERROR(rendezvous->isHub() ? rendezvous->gather()
                                            : rendezvous->connect());
  return rendezvous;
}

//===----------------------------------------------------------------------===//
// Rank 0
//===----------------------------------------------------------------------===//

Status Rendezvous::gather() {
  std::shared_ptr<Listener> &listener = options.listener;
  if (!listener) {
    FLEET_ASSIGN_OR_RETURN(listener, transport.listen(options.endpoint));
  }
  TimePoint deadline = deadlineFromNow();
  for (;;) {
    std::vector<uint32_t> missing;
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (!failed.ok())
        return failed;
      for (uint32_t r = 1; r < size(); ++r)
        if (!members[r])
          missing.push_back(r);
    }
    if (missing.empty())
      break;
    TimePoint now = transport.clock().now();
    if (now >= deadline) {
      fail(makeError(StatusCode::DeadlineExceeded,
                     "{} did not connect to {} within {} s",
                     describeRanks(missing), options.endpoint,
                     std::chrono::duration<double>(options.deadline).count()));
      return failure();
    }
    auto stream = listener->accept(std::min<TimePoint>(deadline, now + kSlice));
    if (!stream.ok()) {
      if (stream.status().code() != StatusCode::DeadlineExceeded) {
        fail(stream.status());
        return failure();
      }
      continue;
    }
    sessions.remove_if(
        [](const Session &session) { return session.done.load(); });
    if (sessions.size() >= size() + kMaxStrangers)
      continue; // hangs up
    Session &session = sessions.emplace_back();
    session.connection = std::make_shared<Connection>(std::move(*stream));
    session.thread = transport.spawn([this, &session] {
      handleStranger(session);
      session.done = true;
    });
  }
  listener->close();
  tellMembers(makeHeader(FrameKind::Welcome), "", std::nullopt);
  return failure();
}

Status Rendezvous::shakeHands(Connection &connection, FrameHeader &hello) {
  TimePoint deadline = transport.clock().now() +
                       std::min<Duration>(options.deadline, kHelloTime);
  FLEET_ASSIGN_OR_RETURN(hello, connection.receive(deadline));
  if (hello.kind != FrameKind::Hello)
    return makeError(StatusCode::Refused, "expected a hello, got a {} frame",
                     frameKindName(hello.kind));
  FLEET_ASSIGN_OR_RETURN(
      std::string text,
      connection.receiveText(hello, deadline, kMaxHelloBytes));
  collective::Hello message;
  if (!message.ParseFromString(text))
    return makeError(StatusCode::DataLoss, "the hello cannot be read");
  const JobIdentity &job = options.job;
  if (message.program_hash() != job.programHash)
    return makeError(
        StatusCode::Refused,
        "rank 0 runs job '{}' (program {:.12}), rank {} runs job '{}' (program "
        "{:.12}); transpile once and start all ranks from the same folder",
        job.name, job.programHash, hello.rank, message.job(),
        message.program_hash());
  if (message.ranks() != job.trainers)
    return makeError(StatusCode::Refused,
                     "rank {} expects {} ranks, rank 0 expects {}", hello.rank,
                     message.ranks(), job.trainers);
  if (hello.rank == 0 || hello.rank >= job.trainers)
    return makeError(StatusCode::Refused,
                     "rank {} cannot connect to rank 0; ranks 1 to {} do",
                     hello.rank, job.trainers - 1);
  if (message.seed() != job.seed)
    return makeError(StatusCode::Refused,
                     "rank {} has --seed={}, rank 0 has --seed={}; all "
                     "processes of a job need the same",
                     hello.rank, message.seed(), job.seed);
  return Status();
}

void Rendezvous::handleStranger(Session &session) {
  Connection &connection = *session.connection;
  FrameHeader hello;
  Status status = shakeHands(connection, hello);
  FrameHeader answer = makeHeader(FrameKind::Refused);
  if (status.ok()) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!failed.ok()) {
      answer.kind = FrameKind::Error;
      answer.argument = static_cast<uint64_t>(failed.code());
      status = failed;
    } else if (members[hello.rank]) {
      status =
          makeError(StatusCode::Refused, "rank {} is already connected from {}",
                    hello.rank, members[hello.rank]->peer());
    } else {
      members[hello.rank] = session.connection;
    }
  }
  if (status.ok())
    return readMember(hello.rank, connection);
  // A stranger does not end the job: it is told why, and that is all.
  (void)connection.sendReason(answer, status.message(),
                              transport.clock().now() + kHelloTime);
  connection.close();
}

//===----------------------------------------------------------------------===//
// The other ranks
//===----------------------------------------------------------------------===//

Status Rendezvous::connect() {
  auto stream = transport.connect(options.endpoint, deadlineFromNow());
  if (!stream.ok())
    return stream.status().withContext("rank 0");
  hub = std::make_unique<Connection>(std::move(*stream));
  collective::Hello hello;
  hello.set_program_hash(options.job.programHash);
  hello.set_job(options.job.name);
  hello.set_ranks(options.job.trainers);
  hello.set_seed(options.job.seed);
  Status sent = hub->sendText(makeHeader(FrameKind::Hello),
                              hello.SerializeAsString(), deadlineFromNow());
  auto header =
      hub->receive(deadlineFromNow() + kPatience + options.deadline / 4);
  if (!header.ok())
    return (sent.ok() ? header.status() : sent)
        .withContext(fmt::format("rank 0 ({})", options.endpoint));
  switch (header->kind) {
  case FrameKind::Refused: {
    FLEET_ASSIGN_OR_RETURN(std::string reason,
                           hub->receiveReason(*header, deadlineFromNow()));
    return makeError(StatusCode::Refused, "{}: {}", options.endpoint, reason);
  }
  case FrameKind::Error:
    return receiveFailure(*hub, *header);
  case FrameKind::Welcome:
    if (header->job == options.job.frameId() && header->rank == 0 &&
        header->length == 0)
      break;
    [[fallthrough]];
  default:
    return makeError(StatusCode::Refused,
                     "{} sent a {} frame of another job, expected a welcome",
                     options.endpoint, frameKindName(header->kind));
  }
  reader = transport.spawn([this] { readHub(); });
  return Status();
}
