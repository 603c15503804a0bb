//===- SimTransport.cpp - A simulated network -----------------------------===//

#include "runtime/transport/sim/SimTransport.h"

#include "runtime/transport/Endpoint.h"
#include "runtime/transport/StreamErrors.h"
#include "runtime/transport/sim/Scheduler.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

using namespace fleet;
using fleet::sim::kNever;
using fleet::sim::kStart;

namespace {

struct Message {
  TimePoint arrival;
  std::vector<char> bytes;
};

/// One direction of a connection.
struct Pipe {
  std::deque<Message> messages;
  size_t consumed = 0; ///< bytes of the first message that were read
  TimePoint last = kStart;
  TimePoint end = kNever; ///< when the reader learns that the writer closed
  bool slow = false;
};

struct Link {
  uint64_t number = 0;
  Pipe pipes[2];
  bool closed[2] = {false, false}; ///< by its own side
  bool broken = false;
};

/// Streams that were connected and are not accepted yet.
struct Backlog {
  std::deque<std::pair<TimePoint, std::unique_ptr<Stream>>> waiting;
  bool closed = false;
};

class SimClock final : public Clock {
public:
  explicit SimClock(sim::Scheduler &scheduler) : scheduler(scheduler) {}
  TimePoint now() override { return scheduler.now(); }
  void sleepUntil(TimePoint time) override {
    scheduler.wait([&] { return time; }, time, "its sleep");
  }

private:
  sim::Scheduler &scheduler;
};

} // namespace

struct SimTransport::World {
  explicit World(Options given)
      : options(std::move(given)), scheduler(options.seed), clock(scheduler) {}

  Options options;
  sim::Scheduler scheduler;
  SimClock clock;
  std::map<std::string, std::shared_ptr<Backlog>> listeners;
  std::vector<std::weak_ptr<Link>> links;
  std::vector<std::string> events;
  uint16_t nextPort = 1024;

  template <typename... Args>
  void note(fmt::format_string<Args...> format, Args &&...args) {
    Duration since = scheduler.now() - kStart;
    events.push_back(
        fmt::format("{} ns, thread {}: ", since.count(), scheduler.current()) +
        fmt::format(format, std::forward<Args>(args)...));
  }

  TimePoint arrivalOn(Pipe &pipe) {
    Duration delay =
        scheduler.random().between(options.minDelay, options.maxDelay);
    if (pipe.slow)
      delay *= options.slowFactor;
    return pipe.last = std::max(pipe.last, scheduler.now() + delay);
  }

  void breakLink(Link &link) {
    if (link.broken)
      return;
    note("connection {} breaks", link.number);
    link.broken = true;
    for (Pipe &pipe : link.pipes)
      pipe.messages.clear();
  }
};

class SimTransport::SimStream final : public Stream {
public:
  SimStream(std::shared_ptr<World> world, std::shared_ptr<Link> link,
            unsigned side, std::string name)
      : world(std::move(world)), link(std::move(link)), side(side),
        name(std::move(name)) {}
  ~SimStream() override { close(); }

  Status write(const std::vector<ConstBuffer> &buffers, TimePoint) override {
    Pipe &out = link->pipes[side];
    if (world->scheduler.random().chance(world->options.resetProbability))
      world->breakLink(*link);
    if (link->broken)
      return lostError();
    if (link->closed[side] || link->pipes[1 - side].end <= now())
      return closedError(name);
    std::vector<char> bytes;
    for (const ConstBuffer &buffer : buffers) {
      auto data = static_cast<const char *>(buffer.data);
      bytes.insert(bytes.end(), data, data + buffer.size);
    }
    if (bytes.empty())
      return Status();
    const Options &options = world->options;
    bool twice = options.mayDuplicate &&
                 options.mayDuplicate({bytes.data(), bytes.size()}) &&
                 world->scheduler.random().chance(options.duplicateProbability);
    size_t size = bytes.size();
    if (twice)
      out.messages.push_back({world->arrivalOn(out), bytes});
    out.messages.push_back({world->arrivalOn(out), std::move(bytes)});
    world->note("sends {} bytes on connection {}{}", size, link->number,
                twice ? ", twice" : "");
    return Status();
  }

  Status read(const std::vector<MutableBuffer> &buffers,
              TimePoint deadline) override {
    Pipe &in = link->pipes[1 - side];
    bool any = false;
    size_t total = 0;
    for (const MutableBuffer &buffer : buffers) {
      auto data = static_cast<char *>(buffer.data);
      for (size_t done = 0; done < buffer.size;) {
        auto readyAt = [&] {
          if (link->broken || link->closed[side])
            return now();
          return in.messages.empty() ? in.end : in.messages.front().arrival;
        };
        if ((!any || readyAt() > now()) &&
            !world->scheduler.wait(readyAt, deadline, "bytes from " + name)) {
          if (world->scheduler.deadlocked()) // or callers would try again
            return lostError();
          world->note("gives up on connection {}", link->number);
          return deadlineError(name, "send", any);
        }
        if (link->broken)
          return lostError();
        if (link->closed[side] || in.messages.empty())
          return closedError(name);
        std::vector<char> &bytes = in.messages.front().bytes;
        size_t size = std::min(buffer.size - done, bytes.size() - in.consumed);
        std::memcpy(data + done, bytes.data() + in.consumed, size);
        done += size;
        total += size;
        any = true;
        in.consumed += size;
        if (in.consumed == bytes.size()) {
          in.messages.pop_front();
          in.consumed = 0;
        }
      }
    }
    world->note("reads {} bytes on connection {}", total, link->number);
    return Status();
  }

  void close() override {
    if (link->closed[side])
      return;
    link->closed[side] = true;
    Pipe &out = link->pipes[side];
    out.end = world->arrivalOn(out);
    world->note("closes connection {}", link->number);
  }
  const std::string &peer() const override { return name; }

private:
  TimePoint now() const { return world->scheduler.now(); }
  Status lostError() const {
    return makeError(StatusCode::Unavailable,
                     "connection to {} lost: the simulation broke it", name);
  }

  std::shared_ptr<World> world;
  std::shared_ptr<Link> link;
  unsigned side; ///< writes pipes[side], reads the other
  std::string name;
};

class SimTransport::SimListener final : public Listener {
public:
  SimListener(std::shared_ptr<World> world, std::shared_ptr<Backlog> backlog,
              std::string name)
      : world(std::move(world)), backlog(std::move(backlog)),
        name(std::move(name)) {}
  ~SimListener() override { close(); }

  StatusOr<std::unique_ptr<Stream>> accept(TimePoint deadline) override {
    auto readyAt = [&] {
      if (backlog->closed)
        return world->scheduler.now();
      return backlog->waiting.empty() ? kNever : backlog->waiting.front().first;
    };
    if (!world->scheduler.wait(readyAt, deadline, "connections to " + name)) {
      // Nobody can come any more: callers that try again until then would do
      // so for ever.
      if (world->scheduler.deadlocked())
        close();
      else
        return makeError(StatusCode::DeadlineExceeded,
                         "nobody connected to {} before the deadline", name);
    }
    if (backlog->closed)
      return makeError(StatusCode::Aborted, "{} is closed", name);
    auto stream = std::move(backlog->waiting.front().second);
    backlog->waiting.pop_front();
    world->note("accepts {} at {}", stream->peer(), name);
    return stream;
  }
  const std::string &endpoint() const override { return name; }
  void close() override {
    if (backlog->closed)
      return;
    backlog->closed = true;
    backlog->waiting.clear();
    world->listeners.erase(name);
    world->note("stops listening at {}", name);
  }

private:
  std::shared_ptr<World> world;
  std::shared_ptr<Backlog> backlog;
  std::string name;
};

class SimTransport::SimThread final : public Thread {
public:
  SimThread(std::shared_ptr<World> world, size_t number)
      : world(std::move(world)), number(number) {}
  ~SimThread() override { world->scheduler.join(number); }

private:
  std::shared_ptr<World> world;
  size_t number;
};

SimTransport::SimTransport(Options options)
    : world(std::make_shared<World>(std::move(options))) {}
SimTransport::~SimTransport() = default;

Clock &SimTransport::clock() { return world->clock; }
const std::vector<std::string> &SimTransport::log() const {
  return world->events;
}
Duration SimTransport::elapsed() const {
  return world->scheduler.now() - kStart;
}

Status SimTransport::run(const std::function<void()> &main) {
  for (const Reset &reset : world->options.resets)
    world->scheduler.at(kStart + reset.after, [this, reset] {
      if (reset.connection >= world->links.size())
        return;
      if (auto link = world->links[reset.connection].lock())
        world->breakLink(*link);
    });
  return world->scheduler.run(main);
}

std::unique_ptr<Thread> SimTransport::spawn(std::function<void()> body) {
  size_t number = world->scheduler.spawn(std::move(body));
  world->note("starts thread {}", number);
  return std::make_unique<SimThread>(world, number);
}

StatusOr<std::unique_ptr<Listener>>
SimTransport::listen(const std::string &endpoint) {
  FLEET_ASSIGN_OR_RETURN(Endpoint parsed, parseEndpoint(endpoint));
  std::string name = endpoint;
  while (parsed.port == 0 && (name == endpoint || world->listeners.count(name)))
    name = fmt::format("{}:{}", parsed.host, world->nextPort++);
  auto backlog = std::make_shared<Backlog>();
  if (!world->listeners.emplace(name, backlog).second)
    return makeError(StatusCode::Unavailable,
                     "cannot listen at {}: the address is in use", name);
  world->note("listens at {}", name);
  return std::unique_ptr<Listener>(
      std::make_unique<SimListener>(world, backlog, name));
}

StatusOr<std::unique_ptr<Stream>>
SimTransport::connect(const std::string &endpoint, TimePoint deadline) {
  FLEET_RETURN_IF_ERROR(parseEndpoint(endpoint).status());
  auto readyAt = [&] {
    return world->listeners.count(endpoint) ? world->scheduler.now() : kNever;
  };
  if (!world->scheduler.wait(readyAt, deadline, "a listener at " + endpoint))
    return makeError(StatusCode::Unavailable,
                     "cannot connect to {}: nobody listened there before the "
                     "deadline",
                     endpoint);
  auto link = std::make_shared<Link>();
  link->number = world->links.size();
  world->links.push_back(link);
  sim::Dice &dice = world->scheduler.random();
  for (Pipe &pipe : link->pipes)
    pipe.slow = dice.chance(world->options.slowShare);
  world->note("connects to {} as connection {}", endpoint, link->number);
  world->listeners[endpoint]->waiting.emplace_back(
      world->arrivalOn(link->pipes[0]),
      std::make_unique<SimStream>(world, link, 1,
                                  fmt::format("sim:{}", link->number)));
  return std::unique_ptr<Stream>(
      std::make_unique<SimStream>(world, link, 0, endpoint));
}
