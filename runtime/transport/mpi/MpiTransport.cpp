//===- MpiTransport.cpp - Streams over MPI --------------------------------===//

#include "runtime/transport/mpi/MpiTransport.h"

#include "runtime/transport/Endpoint.h"
#include "runtime/transport/StreamErrors.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

using namespace fleet;

/// A writer waits while this much is not yet read, as a socket's would.
static constexpr size_t kMpiWindowBytes = size_t(4) << 20;

namespace {

/// One end of a stream.
struct End {
  std::mutex mutex;
  std::condition_variable changed;
  int peer = 0;         ///< rank
  uint64_t peerEnd = 0; ///< its number over there; 0: not accepted yet
  bool refused = false;
  bool closed = false, peerClosed = false;
  size_t credit = kMpiWindowBytes; ///< bytes that may be sent
  std::deque<MpiMessage> arrived;  ///< data
  size_t consumed = 0;             ///< of the first
  size_t owed = 0;                 ///< read, and the peer does not know yet
};

/// Ends that were connected to an endpoint and are not accepted yet.
struct Backlog {
  std::deque<uint64_t> waiting;
  bool closed = false;
};

} // namespace

/// Who is called what, in this process.
struct MpiTransport::Switchboard {
  std::mutex mutex; ///< guards all; taken before that of an End
  std::condition_variable changed;
  MpiEngine *engine = nullptr;
  std::unordered_map<uint64_t, std::shared_ptr<End>> ends;
  uint64_t nextEnd = 1;
  std::map<std::string, std::shared_ptr<Backlog>> listeners;
  uint32_t nextPort = 1024;

  std::pair<uint64_t, std::shared_ptr<End>> addEnd(int peer) {
    auto end = std::make_shared<End>();
    end->peer = peer;
    std::lock_guard<std::mutex> lock(mutex);
    ends.emplace(nextEnd, end);
    return {nextEnd++, end};
  }
  std::shared_ptr<End> find(uint64_t number) {
    std::lock_guard<std::mutex> lock(mutex);
    auto it = ends.find(number);
    return it == ends.end() ? nullptr : it->second;
  }
  void arrived(MpiMessage message);
  void opened(const MpiMessage &message);
  void close(uint64_t number, End &end);
};

void MpiTransport::Switchboard::opened(const MpiMessage &message) {
  std::string endpoint(message.data(), message.dataSize());
  auto [number, end] = addEnd(message.peer);
  end->peerEnd = message.head().stream;
  {
    std::lock_guard<std::mutex> lock(mutex);
    auto listener = listeners.find(endpoint);
    if (listener != listeners.end()) {
      listener->second->waiting.push_back(number);
      engine->send(MpiMessage::make(message.peer, MpiMessage::Accept,
                                    message.head().stream, number));
      changed.notify_all();
      return;
    }
    ends.erase(number);
  }
  engine->send(MpiMessage::make(message.peer, MpiMessage::Refuse,
                                message.head().stream, 0));
}

/// On the engine's thread.
void MpiTransport::Switchboard::arrived(MpiMessage message) {
  MpiMessage::Head head = message.head();
  if (head.kind == MpiMessage::Open)
    return opened(message);
  std::shared_ptr<End> end = find(head.stream);
  if (!end) {
    // It gave up waiting; nobody will read what is accepted.
    if (head.kind == MpiMessage::Accept)
      engine->send(
          MpiMessage::make(message.peer, MpiMessage::Close, head.value, 0));
    return;
  }
  std::lock_guard<std::mutex> lock(end->mutex);
  if (end->peer != message.peer)
    return; // not its stream
  switch (head.kind) {
  case MpiMessage::Accept:
    end->peerEnd = head.value;
    break;
  case MpiMessage::Refuse:
    end->refused = true;
    break;
  case MpiMessage::Data:
    if (message.dataSize() > 0)
      end->arrived.push_back(std::move(message));
    break;
  case MpiMessage::Credit:
    end->credit = std::min<uint64_t>(kMpiWindowBytes, end->credit + head.value);
    break;
  case MpiMessage::Close:
    end->peerClosed = true;
    break;
  default:
    break;
  }
  end->changed.notify_all();
}

void MpiTransport::Switchboard::close(uint64_t number, End &end) {
  {
    std::lock_guard<std::mutex> lock(end.mutex);
    if (end.closed)
      return;
    end.closed = true;
    end.changed.notify_all();
    if (end.peerEnd != 0 && !end.peerClosed)
      engine->send(
          MpiMessage::make(end.peer, MpiMessage::Close, end.peerEnd, 0));
  }
  std::lock_guard<std::mutex> lock(mutex);
  ends.erase(number);
}

class MpiTransport::MpiStream final : public Stream {
public:
  MpiStream(std::shared_ptr<Switchboard> board, uint64_t number,
            std::shared_ptr<End> end, std::string name)
      : board(std::move(board)), number(number), end(std::move(end)),
        name(std::move(name)) {}
  ~MpiStream() override { close(); }

  Status write(const std::vector<ConstBuffer> &buffers,
               TimePoint deadline) override {
    bool any = false;
    std::unique_lock<std::mutex> lock(end->mutex);
    MpiMessage message; // gathers small buffers
    for (const ConstBuffer &buffer : buffers) {
      const char *data = static_cast<const char *>(buffer.data);
      for (size_t done = 0; done < buffer.size;) {
        if (end->credit == 0)
          flush(message);
        if (!end->changed.wait_until(lock, deadline, [&] {
              return end->closed || end->peerClosed || end->credit > 0;
            }))
          return deadlineError(name, "take", any);
        if (end->closed || end->peerClosed)
          return closedError(name);
        if (message.bytes.empty())
          message =
              MpiMessage::make(end->peer, MpiMessage::Data, end->peerEnd, 0);
        size_t size = std::min({buffer.size - done, end->credit,
                                kMaxDataBytes - message.dataSize()});
        end->credit -= size;
        // Nobody else writes: the copy is made without holding up arrivals.
        lock.unlock();
        message.bytes.insert(message.bytes.end(), data + done,
                             data + done + size);
        done += size;
        any = true;
        if (message.dataSize() == kMaxDataBytes)
          flush(message);
        lock.lock();
      }
    }
    if (end->closed || end->peerClosed)
      return closedError(name);
    flush(message);
    return Status();
  }

  Status read(const std::vector<MutableBuffer> &buffers,
              TimePoint deadline) override {
    bool any = false;
    std::unique_lock<std::mutex> lock(end->mutex);
    for (const MutableBuffer &buffer : buffers) {
      char *data = static_cast<char *>(buffer.data);
      for (size_t done = 0; done < buffer.size;) {
        if (!end->changed.wait_until(lock, deadline, [&] {
              return !end->arrived.empty() || end->closed || end->peerClosed;
            }))
          return deadlineError(name, "send", any);
        if (end->arrived.empty())
          return closedError(name);
        const MpiMessage &first = end->arrived.front();
        size_t size =
            std::min(buffer.size - done, first.dataSize() - end->consumed);
        const char *from = first.data() + end->consumed;
        lock.unlock(); // nobody else reads
        std::memcpy(data + done, from, size);
        lock.lock();
        done += size;
        any = true;
        end->consumed += size;
        end->owed += size;
        if (end->consumed == first.dataSize()) {
          end->arrived.pop_front();
          end->consumed = 0;
        }
        if (end->owed >= kMpiWindowBytes / 4 && !end->closed) {
          board->engine->send(MpiMessage::make(end->peer, MpiMessage::Credit,
                                               end->peerEnd, end->owed));
          end->owed = 0;
        }
      }
    }
    return Status();
  }

  void close() override { board->close(number, *end); }
  const std::string &peer() const override { return name; }

private:
  void flush(MpiMessage &message) {
    if (!message.bytes.empty())
      board->engine->send(std::move(message));
    message = MpiMessage();
  }

  std::shared_ptr<Switchboard> board;
  uint64_t number;
  std::shared_ptr<End> end;
  std::string name;
};

class MpiTransport::MpiListener final : public Listener {
public:
  MpiListener(std::shared_ptr<Switchboard> board,
              std::shared_ptr<Backlog> backlog, std::string name)
      : board(std::move(board)), backlog(std::move(backlog)),
        name(std::move(name)) {}
  ~MpiListener() override { close(); }

  StatusOr<std::unique_ptr<Stream>> accept(TimePoint deadline) override {
    std::unique_lock<std::mutex> lock(board->mutex);
    if (!board->changed.wait_until(lock, deadline, [&] {
          return backlog->closed || !backlog->waiting.empty();
        }))
      return makeError(StatusCode::DeadlineExceeded,
                       "nobody connected to {} before the deadline", name);
    if (backlog->closed)
      return makeError(StatusCode::Aborted, "{} is closed", name);
    uint64_t number = backlog->waiting.front();
    backlog->waiting.pop_front();
    std::shared_ptr<End> end = board->ends.at(number);
    return std::unique_ptr<Stream>(std::make_unique<MpiStream>(
        board, number, end, fmt::format("rank {}", end->peer)));
  }
  const std::string &endpoint() const override { return name; }
  void close() override {
    std::deque<std::pair<uint64_t, std::shared_ptr<End>>> dropped;
    {
      std::lock_guard<std::mutex> lock(board->mutex);
      if (backlog->closed)
        return;
      backlog->closed = true;
      for (uint64_t number : backlog->waiting)
        dropped.emplace_back(number, board->ends.at(number));
      backlog->waiting.clear();
      board->listeners.erase(name);
      board->changed.notify_all();
    }
    for (auto &[number, end] : dropped)
      board->close(number, *end);
  }

private:
  std::shared_ptr<Switchboard> board;
  std::shared_ptr<Backlog> backlog;
  std::string name;
};

StatusOr<std::unique_ptr<Transport>>
MpiTransport::create(const MpiTransportOptions &options) {
  std::unique_ptr<MpiTransport> transport(new MpiTransport(options));
  transport->board = std::make_shared<Switchboard>();
  // What arrives before the engine is known here waits for it.
  std::unique_lock<std::mutex> lock(transport->board->mutex);
  FLEET_ASSIGN_OR_RETURN(
      transport->engine,
      MpiEngine::create([board = transport->board](MpiMessage message) {
        { std::lock_guard<std::mutex> wait(board->mutex); }
        board->arrived(std::move(message));
      }));
  transport->board->engine = transport->engine.get();
  lock.unlock();
  const MpiEngine &engine = *transport->engine;
  if (options.size >= 0 && options.size != engine.size())
    return makeError(
        StatusCode::InvalidArgument,
        "--transport=mpi: the job has {} processes, and mpirun has "
        "started {}",
        options.size, engine.size());
  if (options.self >= 0 && options.self != engine.rank())
    return makeError(StatusCode::InvalidArgument,
                     "--transport=mpi: this process is rank {} of mpirun, and "
                     "its role belongs to rank {}; leave the role to mpirun",
                     engine.rank(), options.self);
  for (const auto &[endpoint, rank] : options.ranks)
    if (rank < 0 || rank >= engine.size())
      return makeError(StatusCode::InvalidArgument,
                       "{} is at rank {}, and mpirun has started {} processes",
                       endpoint, rank, engine.size());
  return std::unique_ptr<Transport>(std::move(transport));
}

MpiTransport::~MpiTransport() = default;

StatusOr<std::unique_ptr<Listener>>
MpiTransport::listen(const std::string &endpoint) {
  FLEET_ASSIGN_OR_RETURN(Endpoint parsed, parseEndpoint(endpoint));
  auto known = options.ranks.find(endpoint);
  if (known != options.ranks.end() && known->second != engine->rank())
    return makeError(StatusCode::InvalidArgument,
                     "cannot listen at {}: it is rank {}'s, this is rank {}",
                     endpoint, known->second, engine->rank());
  std::lock_guard<std::mutex> lock(board->mutex);
  std::string name = endpoint;
  while (parsed.port == 0 && (name == endpoint || board->listeners.count(name)))
    name = fmt::format("{}:{}", parsed.host, board->nextPort++);
  auto backlog = std::make_shared<Backlog>();
  if (!board->listeners.emplace(name, backlog).second)
    return makeError(StatusCode::Unavailable,
                     "cannot listen at {}: the address is in use", name);
  return std::unique_ptr<Listener>(
      std::make_unique<MpiListener>(board, backlog, name));
}

StatusOr<std::unique_ptr<Stream>>
MpiTransport::connect(const std::string &endpoint, TimePoint deadline) {
  FLEET_RETURN_IF_ERROR(parseEndpoint(endpoint).status());
  auto known = options.ranks.find(endpoint);
  int rank = known == options.ranks.end() ? engine->rank() : known->second;
  auto [number, end] = board->addEnd(rank);
  auto stream = std::make_unique<MpiStream>(board, number, end, endpoint);
  Duration pause = std::chrono::milliseconds(1);
  const char *why = "no answer";
  for (;;) {
    engine->send(MpiMessage::make(rank, MpiMessage::Open, number, 0,
                                  endpoint.data(), endpoint.size()));
    {
      std::unique_lock<std::mutex> lock(end->mutex);
      bool answered = end->changed.wait_until(lock, deadline, [&, end = end] {
        return end->refused || end->peerEnd != 0;
      });
      if (end->peerEnd != 0)
        return std::unique_ptr<Stream>(std::move(stream));
      if (answered)
        why = "nobody listens there";
      end->refused = false;
    }
    if (systemClock.now() + pause >= deadline)
      return makeError(StatusCode::Unavailable,
                       "cannot connect to {} (rank {}) before the deadline: {}",
                       endpoint, rank, why);
    systemClock.sleepUntil(systemClock.now() + pause);
    pause = std::min<Duration>(pause * 2, std::chrono::milliseconds(250));
  }
}

extern "C" void
fleetOpenMpiTransport(const MpiTransportOptions *options,
                      StatusOr<std::unique_ptr<Transport>> *result) {
  *result = MpiTransport::create(*options);
}
