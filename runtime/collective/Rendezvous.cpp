//===- Rendezvous.cpp - How ranks watch each other ------------------------===//

#include "runtime/collective/Rendezvous.h"

#include "runtime/collective/CallSignature.h"
#include "runtime/collective/rendezvous.pb.h"

#include <algorithm>

using namespace fleet;

/// How long a peer gets to take a word that ends the job.
static constexpr auto kFarewell = std::chrono::seconds(2);

/// How often rank 0 looks whether the others have hung up.
static constexpr auto kNap = std::chrono::milliseconds(2);

Rendezvous::Rendezvous(Options options, Transport &transport)
    : options(std::move(options)), transport(transport), left(size()),
      members(size()), shares(size()) {}

Rendezvous::~Rendezvous() {
  leave();
  if (options.listener)
    options.listener->close();
  for (Session &session : sessions)
    session.connection->close();
  sessions.clear();
  if (hub)
    hub->close();
  reader.reset();
}

void Rendezvous::leave() {
  if (size() == 1)
    return;
  if (!isHub()) {
    if (failure().ok() && reader)
      (void)hub->send(makeHeader(FrameKind::Complete), {},
                      transport.clock().now() + kFarewell);
    return;
  }
  if (!failure().ok()) {
    // The others read why, and hang up.
    TimePoint farewell = transport.clock().now() + kFarewell;
    while (transport.clock().now() < farewell &&
           std::any_of(sessions.begin(), sessions.end(),
                       [](const Session &session) { return !session.done; }))
      transport.clock().sleepUntil(transport.clock().now() + kNap);
    return;
  }
  setLeft(0);
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait_until(lock, deadlineFromNow(), [&] {
    return !failed.ok() || std::count(left.begin(), left.end(), false) == 0;
  });
}

FrameHeader Rendezvous::makeHeader(FrameKind kind) const {
  FrameHeader header;
  header.kind = kind;
  header.job = options.job.frameId();
  header.role = plan::TRAINER;
  header.rank = options.rank;
  return header;
}

//===----------------------------------------------------------------------===//
// What has happened
//===----------------------------------------------------------------------===//

Status Rendezvous::failure() {
  std::lock_guard<std::mutex> lock(mutex);
  return failed;
}

bool Rendezvous::hasLeft(uint32_t rank) {
  std::lock_guard<std::mutex> lock(mutex);
  return left[rank];
}

uint64_t Rendezvous::watch(std::function<void()> changed) {
  std::lock_guard<std::mutex> lock(watching);
  watchers.emplace(nextWatcher, std::move(changed));
  return nextWatcher++;
}

void Rendezvous::unwatch(uint64_t watcher) {
  std::lock_guard<std::mutex> lock(watching);
  watchers.erase(watcher);
}

void Rendezvous::notify() {
  changed.notify_all();
  std::lock_guard<std::mutex> lock(watching);
  for (auto &watcher : watchers)
    watcher.second();
}

void Rendezvous::fail(const Status &reason) {
  setFailure(reason, std::nullopt);
}

void Rendezvous::setFailure(const Status &reason,
                            std::optional<uint32_t> notTo) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!failed.ok())
      return;
    failed = reason;
  }
  notify();
  FrameHeader header =
      makeHeader(isHub() ? FrameKind::Error : FrameKind::Abort);
  header.argument = static_cast<uint64_t>(reason.code());
  if (isHub())
    tellMembers(header, reason.message(), notTo);
  else if (reader && !notTo)
    (void)hub->sendReason(header, reason.message(),
                          transport.clock().now() + kFarewell);
}

void Rendezvous::setLeft(uint32_t rank) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    left[rank] = true;
  }
  notify();
  if (!isHub())
    return;
  FrameHeader header = makeHeader(FrameKind::Complete);
  header.argument = rank;
  tellMembers(header, "", rank);
}

/// Members that cannot be told are found out by who reads from them.
void Rendezvous::tellMembers(FrameHeader header, const std::string &text,
                             std::optional<uint32_t> notTo) {
  std::vector<std::shared_ptr<Connection>> peers;
  {
    std::lock_guard<std::mutex> lock(mutex);
    for (uint32_t r = 1; r < size(); ++r)
      if (members[r] && !left[r] && r != notTo)
        peers.push_back(members[r]);
  }
  TimePoint deadline = transport.clock().now() + kFarewell;
  for (auto &peer : peers)
    (void)peer->sendReason(header, text, deadline);
}

Status Rendezvous::receiveFailure(Connection &connection,
                                  const FrameHeader &header) {
  FLEET_ASSIGN_OR_RETURN(std::string reason,
                         connection.receiveReason(header, deadlineFromNow()));
  bool known = header.argument > 0 &&
               header.argument <= static_cast<uint64_t>(StatusCode::Internal);
  return Status(known ? static_cast<StatusCode>(header.argument)
                      : StatusCode::Aborted,
                std::move(reason));
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

void Rendezvous::readMember(uint32_t rank, Connection &connection) {
  Status status;
  while (status.ok()) {
    auto header = connection.receive(deadlineFromNow());
    if (header.ok())
      status = handleMember(rank, connection, *header);
    else if (header.status().code() != StatusCode::DeadlineExceeded)
      status = header.status(); // a rank may have nothing to say for long
  }
  if (hasLeft(rank))
    return;
  std::string who = fmt::format("rank {} ({})", rank, connection.peer());
  if (status.code() == StatusCode::Unavailable)
    status = makeError(StatusCode::Unavailable, "{} ended without a word", who);
  else if (status.code() == StatusCode::Refused ||
           status.code() == StatusCode::DataLoss)
    status = status.withContext(who);
  setFailure(status, rank);
}

/// An error ends the job, with its text.
Status Rendezvous::handleMember(uint32_t rank, Connection &connection,
                                const FrameHeader &header) {
  if (header.rank != rank || header.job != options.job.frameId())
    return makeError(StatusCode::Refused, "sent a frame of another sender");
  switch (header.kind) {
  case FrameKind::Share: {
    FLEET_ASSIGN_OR_RETURN(
        std::string share,
        connection.receiveText(header, deadlineFromNow(), kMaxShareBytes));
    std::lock_guard<std::mutex> lock(mutex);
    if (shares[rank] || header.step != answered + 1)
      return makeError(StatusCode::Refused,
                       "sent a share of exchange {}, expected one of {}",
                       header.step, answered + 1);
    shares[rank] = std::move(share);
    changed.notify_all();
    return Status();
  }
  case FrameKind::Abort: {
    Status reason = receiveFailure(connection, header);
    setFailure(reason, rank); // as it is; what follows changes nothing
    return reason;
  }
  case FrameKind::Complete:
    if (header.length != 0)
      break;
    setLeft(rank);
    return Status();
  default:
    break;
  }
  return makeError(StatusCode::Refused, "sent a {} frame that does not fit",
                   frameKindName(header.kind));
}

void Rendezvous::readHub() {
  Status status;
  while (status.ok()) {
    auto header = hub->receive(deadlineFromNow());
    if (header.ok())
      status = handleHub(*header);
    else if (header.status().code() != StatusCode::DeadlineExceeded)
      status = header.status();
  }
  if (hasLeft(0))
    return;
  std::string who = fmt::format("rank 0 ({})", options.endpoint);
  if (status.code() == StatusCode::Unavailable)
    status = makeError(StatusCode::Unavailable, "{} ended without a word", who);
  else if (status.code() == StatusCode::Refused ||
           status.code() == StatusCode::DataLoss)
    status = status.withContext(who);
  setFailure(status, /*notTo=*/0);
  hub->close(); // rank 0 knows that this one has been told
}

Status Rendezvous::handleHub(const FrameHeader &header) {
  if (header.rank != 0 || header.job != options.job.frameId())
    return makeError(StatusCode::Refused, "sent a frame of another sender");
  switch (header.kind) {
  case FrameKind::Shares: {
    FLEET_ASSIGN_OR_RETURN(std::string text,
                           hub->receiveText(header, deadlineFromNow()));
    collective::Shares message;
    if (!message.ParseFromString(text) ||
        message.shares_size() != static_cast<int>(size()))
      return makeError(StatusCode::DataLoss,
                       "sent an exchange that cannot be read");
    std::lock_guard<std::mutex> lock(mutex);
    answered = header.step;
    answer.assign(message.shares().begin(), message.shares().end());
    changed.notify_all();
    return Status();
  }
  case FrameKind::Error: {
    Status reason = receiveFailure(*hub, header);
    setFailure(reason, /*notTo=*/0); // as it is; what follows changes nothing
    return reason;
  }
  case FrameKind::Complete:
    if (header.argument >= size() || header.length != 0)
      break;
    setLeft(static_cast<uint32_t>(header.argument));
    return Status();
  default:
    break;
  }
  return makeError(StatusCode::Refused, "sent a {} frame that does not fit",
                   frameKindName(header.kind));
}

//===----------------------------------------------------------------------===//
// Exchanges
//===----------------------------------------------------------------------===//

StatusOr<std::vector<std::string>>
Rendezvous::exchange(const std::string &mine) {
  if (mine.size() > kMaxShareBytes)
    return makeError(StatusCode::Internal, "a share of {} bytes is too long",
                     mine.size());
  if (size() == 1)
    return std::vector<std::string>{mine};
  std::unique_lock<std::mutex> lock(mutex);
  if (!failed.ok())
    return failed;
  uint64_t number = ++round;
  if (isHub())
    return collect(std::move(lock), mine);
  FrameHeader header = makeHeader(FrameKind::Share);
  header.step = number;
  lock.unlock();
  // A failure to send is one to read, which knows more.
  (void)hub->sendText(header, mine, deadlineFromNow());
  lock.lock();
  bool inTime = changed.wait_until(lock, deadlineFromNow() + kFarewell, [&] {
    return answered == number || !failed.ok();
  });
  if (inTime && answered == number)
    return answer;
  if (!failed.ok())
    return failed;
  lock.unlock();
  fail(makeError(StatusCode::DeadlineExceeded,
                 "rank {}: rank 0 did not answer exchange {} before the "
                 "deadline",
                 options.rank, number));
  return failure();
}

/// Rank 0's side of exchange number `round`.
StatusOr<std::vector<std::string>>
Rendezvous::collect(std::unique_lock<std::mutex> lock,
                    const std::string &mine) {
  shares[0] = mine;
  auto missing = [&](bool onlyLeft) {
    std::vector<uint32_t> ranks;
    for (uint32_t r = 0; r < size(); ++r)
      if (!shares[r] && (!onlyLeft || left[r]))
        ranks.push_back(r);
    return ranks;
  };
  bool inTime = changed.wait_until(lock, deadlineFromNow(), [&] {
    return !failed.ok() || missing(/*onlyLeft=*/false).empty() ||
           !missing(/*onlyLeft=*/true).empty();
  });
  if (!failed.ok())
    return failed;
  if (std::vector<uint32_t> absent = missing(/*onlyLeft=*/inTime);
      !absent.empty()) {
    lock.unlock();
    fail(makeError(inTime ? StatusCode::Unavailable
                          : StatusCode::DeadlineExceeded,
                   "{} {} exchange {}", describeRanks(absent),
                   inTime ? "left before" : "did not come in time to", round));
    return failure();
  }
  collective::Shares message;
  std::vector<std::string> all;
  for (std::optional<std::string> &share : shares) {
    message.add_shares(*share);
    all.push_back(std::move(*share));
    share.reset();
  }
  FrameHeader header = makeHeader(FrameKind::Shares);
  header.step = answered = round;
  std::vector<std::shared_ptr<Connection>> peers(members.begin() + 1,
                                                 members.end());
  lock.unlock();
  std::string text = message.SerializeAsString();
  for (auto &peer : peers)
    (void)peer->sendText(header, text, deadlineFromNow());
  return all;
}
