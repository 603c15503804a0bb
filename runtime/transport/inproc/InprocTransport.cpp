//===- InprocTransport.cpp - Ranks as threads of one process --------------===//

#include "runtime/transport/inproc/InprocTransport.h"

#include "runtime/transport/Endpoint.h"
#include "runtime/transport/StreamErrors.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

using namespace fleet;

/// A writer waits while this much is not yet read, as a socket's would.
static constexpr size_t kMaxQueuedBytes = size_t(4) << 20;

namespace {

/// One direction of a stream: bytes in order.
struct Pipe {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::vector<char>> chunks;
  size_t consumed = 0; ///< bytes of the first chunk that were read
  size_t queued = 0;
  bool closed = false;

  void close() {
    std::lock_guard<std::mutex> lock(mutex);
    closed = true;
    changed.notify_all();
  }
};

class InprocStream final : public Stream {
public:
  InprocStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out,
               std::string name)
      : in(std::move(in)), out(std::move(out)), name(std::move(name)) {}
  ~InprocStream() override { close(); }

  Status write(const std::vector<ConstBuffer> &buffers,
               TimePoint deadline) override {
    bool any = false;
    std::unique_lock<std::mutex> lock(out->mutex);
    for (const ConstBuffer &buffer : buffers) {
      const char *data = static_cast<const char *>(buffer.data);
      for (size_t done = 0; done < buffer.size;) {
        if (!out->changed.wait_until(lock, deadline, [&] {
              return out->closed || out->queued < kMaxQueuedBytes;
            }))
          return deadlineError(name, "take", any);
        if (out->closed)
          return closedError(name);
        size_t size =
            std::min(buffer.size - done, kMaxQueuedBytes - out->queued);
        out->chunks.emplace_back(data + done, data + done + size);
        out->queued += size;
        done += size;
        any = true;
        out->changed.notify_all();
      }
    }
    return Status();
  }

  Status read(const std::vector<MutableBuffer> &buffers,
              TimePoint deadline) override {
    bool any = false;
    std::unique_lock<std::mutex> lock(in->mutex);
    for (const MutableBuffer &buffer : buffers) {
      char *data = static_cast<char *>(buffer.data);
      for (size_t done = 0; done < buffer.size;) {
        if (!in->changed.wait_until(
                lock, deadline, [&] { return in->queued > 0 || in->closed; }))
          return deadlineError(name, "send", any);
        if (in->queued == 0)
          return closedError(name);
        std::vector<char> &chunk = in->chunks.front();
        size_t size = std::min(buffer.size - done, chunk.size() - in->consumed);
        std::memcpy(data + done, chunk.data() + in->consumed, size);
        done += size;
        any = true;
        in->consumed += size;
        in->queued -= size;
        if (in->consumed == chunk.size()) {
          in->chunks.pop_front();
          in->consumed = 0;
        }
        in->changed.notify_all();
      }
    }
    return Status();
  }

  void close() override {
    in->close();
    out->close();
  }
  const std::string &peer() const override { return name; }

private:
  std::shared_ptr<Pipe> in, out;
  std::string name;
};

/// Streams that were connected and are not accepted yet.
struct Backlog {
  std::deque<std::unique_ptr<Stream>> waiting;
  bool closed = false;
};

} // namespace

struct InprocTransport::Registry {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::shared_ptr<Backlog>> listeners;
  uint64_t connections = 0;
  uint16_t nextPort = 1024;
};

class InprocTransport::InprocListener final : public Listener {
public:
  InprocListener(std::shared_ptr<Registry> registry,
                 std::shared_ptr<Backlog> backlog, std::string name)
      : registry(std::move(registry)), backlog(std::move(backlog)),
        name(std::move(name)) {}
  ~InprocListener() override { close(); }

  StatusOr<std::unique_ptr<Stream>> accept(TimePoint deadline) override {
    std::unique_lock<std::mutex> lock(registry->mutex);
    if (!registry->changed.wait_until(lock, deadline, [&] {
          return backlog->closed || !backlog->waiting.empty();
        }))
      return makeError(StatusCode::DeadlineExceeded,
                       "nobody connected to {} before the deadline", name);
    if (backlog->closed)
      return makeError(StatusCode::Aborted, "{} is closed", name);
    auto stream = std::move(backlog->waiting.front());
    backlog->waiting.pop_front();
    return stream;
  }
  const std::string &endpoint() const override { return name; }
  void close() override {
    std::lock_guard<std::mutex> lock(registry->mutex);
    if (backlog->closed)
      return;
    backlog->closed = true;
    backlog->waiting.clear();
    registry->listeners.erase(name);
    registry->changed.notify_all();
  }

private:
  std::shared_ptr<Registry> registry;
  std::shared_ptr<Backlog> backlog;
  std::string name;
};

InprocTransport::InprocTransport() : registry(std::make_shared<Registry>()) {}
InprocTransport::~InprocTransport() = default;

StatusOr<std::unique_ptr<Listener>>
InprocTransport::listen(const std::string &endpoint) {
  FLEET_ASSIGN_OR_RETURN(Endpoint parsed, parseEndpoint(endpoint));
  std::lock_guard<std::mutex> lock(registry->mutex);
  std::string name = endpoint;
  while (parsed.port == 0 &&
         (name == endpoint || registry->listeners.count(name)))
    name = fmt::format("{}:{}", parsed.host, registry->nextPort++);
  auto backlog = std::make_shared<Backlog>();
  if (!registry->listeners.emplace(name, backlog).second)
    return makeError(StatusCode::Unavailable,
                     "cannot listen at {}: the address is in use", name);
  registry->changed.notify_all();
  return std::unique_ptr<Listener>(
      std::make_unique<InprocListener>(registry, backlog, name));
}

StatusOr<std::unique_ptr<Stream>>
InprocTransport::connect(const std::string &endpoint, TimePoint deadline) {
  FLEET_RETURN_IF_ERROR(parseEndpoint(endpoint).status());
  std::unique_lock<std::mutex> lock(registry->mutex);
  auto listener = registry->listeners.end();
  if (!registry->changed.wait_until(lock, deadline, [&] {
        listener = registry->listeners.find(endpoint);
        return listener != registry->listeners.end();
      }))
    return makeError(StatusCode::Unavailable,
                     "cannot connect to {}: nobody listened there before the "
                     "deadline",
                     endpoint);
  auto there = std::make_shared<Pipe>(), back = std::make_shared<Pipe>();
  std::string client = fmt::format("inproc:{}", ++registry->connections);
  listener->second->waiting.push_back(
      std::make_unique<InprocStream>(there, back, client));
  registry->changed.notify_all();
  return std::unique_ptr<Stream>(
      std::make_unique<InprocStream>(back, there, endpoint));
}
