//===- PushPull.cpp - Push and pull over TCP, against bare sockets --------===//
//
// Two processes on this machine exchange a payload and an answer of the same
// size, the way a step of a trainer does, in three ways: over blocking sockets
// without anything (the limit), over frames (header and checksums), and through
// the whole parameter service (which also merges the gradient). Rounds of the
// three are interleaved; the median round, and the median of the ratios within
// a round, count.
//
//===----------------------------------------------------------------------===//

#include "bench/transport/RawSocket.h"
#include "runtime/ps/ParameterClient.h"
#include "runtime/ps/ParameterServer.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace fleet;
using namespace fleet::bench;

static constexpr uint64_t kSizes[] = {1 << 10, 16 << 10, 64 << 10, 256 << 10,
                                      1 << 20, 16 << 20, 64 << 20};
static constexpr auto kDeadline = std::chrono::seconds(30);

static TimePoint soon() { return std::chrono::steady_clock::now() + kDeadline; }

static JobIdentity job() {
  return {"push-pull", std::string(64, 'a'), /*trainers=*/1, /*seed=*/1};
}

/// Floats that are neither zero nor all alike.
static void fill(void *data, size_t bytes, float first) {
  auto *values = static_cast<float *>(data);
  for (size_t i = 0; i < bytes / sizeof(float); ++i)
    values[i] = first + static_cast<float>(i % 1021);
}

/// Memory of one side of one contestant.
struct Memory {
  AlignedBuffer sent, received;

  static StatusOr<Memory> make(size_t size, float first) {
    Memory memory;
    FLEET_ASSIGN_OR_RETURN(memory.sent,
                           AlignedBuffer::allocate(size, "the benchmark"));
    FLEET_ASSIGN_OR_RETURN(memory.received,
                           AlignedBuffer::allocate(size, "the benchmark"));
    fill(memory.sent.data(), size, first);
    fill(memory.received.data(), size, 0); // has its pages
    return memory;
  }
};

//===----------------------------------------------------------------------===//
// The server process
//===----------------------------------------------------------------------===//

static void serveRaw(int listener, Memory &memory) {
  int socket = rawAccept(listener);
  for (uint64_t size;
       rawReceive(socket, &size, sizeof(size)) && size > 0 &&
       rawReceive(socket, memory.received.data(), size) &&
       rawSend(socket, size, memory.sent.data(), memory.sent.size());)
    ;
  ::close(socket);
}

static Status serveFrames(Listener &listener, Memory &memory) {
  FLEET_ASSIGN_OR_RETURN(auto stream, listener.accept(soon()));
  Connection connection(std::move(stream));
  for (;;) {
    FLEET_ASSIGN_OR_RETURN(FrameHeader header, connection.receive(soon()));
    if (header.kind == FrameKind::Complete)
      return Status();
    FLEET_RETURN_IF_ERROR(connection.receivePayload(
        header, {{memory.received.data(), memory.received.size()}}, soon()));
    header.kind = FrameKind::Parameters;
    FLEET_RETURN_IF_ERROR(connection.send(
        header, {{memory.sent.data(), memory.sent.size()}}, soon()));
  }
}

static Status runServer(size_t size, int report) {
  FLEET_ASSIGN_OR_RETURN(Memory raw, Memory::make(size, 2));
  FLEET_ASSIGN_OR_RETURN(Memory framed, Memory::make(size, 2));
  FLEET_ASSIGN_OR_RETURN(AlignedBuffer parameters,
                         AlignedBuffer::allocate(size, "the benchmark"));
  fill(parameters.data(), size, 2);
  uint16_t rawPort = 0;
  int rawListener = rawListen(rawPort);
  if (rawListener < 0)
    return makeError(StatusCode::Unavailable, "cannot listen at 127.0.0.1");
  TcpTransport transport;
  FLEET_ASSIGN_OR_RETURN(auto frames, transport.listen("127.0.0.1:0"));
  FLEET_ASSIGN_OR_RETURN(auto listener, transport.listen("127.0.0.1:0"));
  ServiceBlock block{"w", plan::F32, size, parameters.data()};
  FLEET_ASSIGN_OR_RETURN(
      auto service,
      ParameterService::create(
          {block}, 1, plan::SYNC,
          [](size_t, const void *, const void *) { return Status(); }));
  std::string ports = fmt::format("{} {} {}\n", rawPort, frames->endpoint(),
                                  listener->endpoint());
  if (::write(report, ports.data(), ports.size()) < 0)
    return makeError(StatusCode::Unavailable, "the client is gone");
  ParameterServer::Options options;
  options.job = job();
  options.deadline = kDeadline;
  ParameterServer server(options, transport, std::move(listener),
                         std::move(service), {});
  Status framesStatus;
  std::thread rawThread([&] { serveRaw(rawListener, raw); });
  std::thread framesThread(
      [&] { framesStatus = serveFrames(*frames, framed); });
  Status status = server.serve();
  framesThread.join();
  rawThread.join();
  ::close(rawListener);
  return status.ok() ? framesStatus : status;
}

//===----------------------------------------------------------------------===//
// The client process
//===----------------------------------------------------------------------===//

static double medianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Push and pull, over and over.
class Contestant {
public:
  explicit Contestant(Memory memory) : memory(std::move(memory)) {}
  virtual ~Contestant() = default;
  virtual Status exchange() = 0;
  virtual Status finish() = 0;

  Status measure(unsigned count) {
    auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < count; ++i)
      FLEET_RETURN_IF_ERROR(exchange());
    std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - begin;
    seconds.push_back(took.count() / count);
    return Status();
  }
  double median() const { return medianOf(seconds); }
  /// How fast this is beside `limit`: the median over rounds, in each of which
  /// both ran one after the other.
  double beside(const Contestant &limit) const {
    std::vector<double> ratios;
    for (size_t i = 0; i < seconds.size(); ++i)
      ratios.push_back(limit.seconds[i] / seconds[i]);
    return medianOf(ratios);
  }
  /// The first exchange, not timed, has to bring what the server has.
  Status warmUp(const void *expected) {
    FLEET_RETURN_IF_ERROR(exchange());
    if (std::memcmp(memory.received.data(), expected, memory.received.size()) !=
        0)
      return makeError(StatusCode::DataLoss, "other bytes came than were sent");
    return Status();
  }

protected:
  Memory memory;

private:
  std::vector<double> seconds;
};

namespace {

class Raw final : public Contestant {
public:
  Raw(Memory memory, int socket)
      : Contestant(std::move(memory)), socket(socket) {}
  ~Raw() override { ::close(socket); }
  Status exchange() override {
    uint64_t size;
    if (rawSend(socket, memory.sent.size(), memory.sent.data(),
                memory.sent.size()) &&
        rawReceive(socket, &size, sizeof(size)) &&
        rawReceive(socket, memory.received.data(), size))
      return Status();
    return makeError(StatusCode::Unavailable, "the raw connection is lost");
  }
  Status finish() override {
    rawSend(socket, 0, nullptr, 0);
    return Status();
  }

private:
  int socket;
};

class Framed final : public Contestant {
public:
  Framed(Memory memory, std::unique_ptr<Stream> stream)
      : Contestant(std::move(memory)), connection(std::move(stream)) {}
  Status exchange() override {
    FrameHeader header;
    header.kind = FrameKind::Push;
    FLEET_RETURN_IF_ERROR(connection.send(
        header, {{memory.sent.data(), memory.sent.size()}}, soon()));
    FLEET_ASSIGN_OR_RETURN(header, connection.receive(soon()));
    return connection.receivePayload(
        header, {{memory.received.data(), memory.received.size()}}, soon());
  }
  Status finish() override {
    FrameHeader header;
    header.kind = FrameKind::Complete;
    return connection.send(header, {}, soon());
  }

private:
  Connection connection;
};

class Served final : public Contestant {
public:
  Served(Memory memory, std::unique_ptr<ParameterClient> client)
      : Contestant(std::move(memory)), client(std::move(client)) {}
  Status exchange() override {
    FLEET_RETURN_IF_ERROR(
        client->enqueueSend(0, 0, memory.sent.data(), memory.sent.size()));
    FLEET_RETURN_IF_ERROR(client->sendBarrier(1));
    FLEET_RETURN_IF_ERROR(client->enqueueRecv(0, 0, memory.received.data(),
                                              memory.received.size()));
    return client->fetchBarrier();
  }
  Status finish() override { return client->complete(); }

private:
  std::unique_ptr<ParameterClient> client;
};

} // namespace

static Status runClient(size_t size, unsigned rounds, int report) {
  FILE *reader = ::fdopen(report, "r");
  unsigned rawPort = 0;
  char framesAt[64], serviceAt[64];
  if (!reader ||
      std::fscanf(reader, "%u %63s %63s", &rawPort, framesAt, serviceAt) != 3)
    return makeError(StatusCode::Unavailable, "the server did not start");
  std::fclose(reader);
  TcpTransport transport;
  FLEET_ASSIGN_OR_RETURN(Memory memory, Memory::make(size, 1));
  Raw raw(std::move(memory), rawConnect(static_cast<uint16_t>(rawPort)));
  FLEET_ASSIGN_OR_RETURN(memory, Memory::make(size, 1));
  FLEET_ASSIGN_OR_RETURN(auto stream, transport.connect(framesAt, soon()));
  Framed framed(std::move(memory), std::move(stream));
  FLEET_ASSIGN_OR_RETURN(memory, Memory::make(size, 1));
  ParameterClient::Options options;
  options.job = job();
  options.deadline = kDeadline;
  FLEET_ASSIGN_OR_RETURN(
      auto client, ParameterClient::connect(options, transport,
                                            {{serviceAt, {"w"}, {size}}}));
  Served served(std::move(memory), std::move(client));

  Contestant *all[] = {&raw, &framed, &served};
  FLEET_ASSIGN_OR_RETURN(AlignedBuffer expected,
                         AlignedBuffer::allocate(size, "the benchmark"));
  fill(expected.data(), size, 2);
  for (Contestant *contestant : all)
    FLEET_RETURN_IF_ERROR(contestant->warmUp(expected.data()));
  auto count = static_cast<unsigned>(
      std::clamp<uint64_t>((uint64_t(64) << 20) / size, 4, 500));
  for (unsigned round = 0; round < rounds; ++round)
    for (Contestant *contestant : all)
      FLEET_RETURN_IF_ERROR(contestant->measure(count));
  for (Contestant *contestant : all)
    FLEET_RETURN_IF_ERROR(contestant->finish());
  auto speed = [&](const Contestant &contestant) {
    return 2e-9 * static_cast<double>(size) / contestant.median();
  };
  fmt::print("{:>9} {:>9.1f} {:>9.1f} {:>9.1f} {:>7.2f} {:>7.2f} {:>7.2f} "
             "{:>7.2f} {:>7.2f}\n",
             size, raw.median() * 1e6, framed.median() * 1e6,
             served.median() * 1e6, speed(raw), speed(framed), speed(served),
             framed.beside(raw), served.beside(raw));
  std::fflush(stdout);
  return Status();
}

/// Keeps this process, with all threads that it will have, on the core number
/// `index` of `allowed`, if there are so many. Contestants that wander between
/// cores are measured by the scheduler's luck.
static void stayOnCore(const cpu_set_t &allowed, int index) {
  cpu_set_t one;
  if (CPU_COUNT(&allowed) < 2)
    return;
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &allowed) && index-- == 0)
      CPU_SET(core, &one);
  ::sched_setaffinity(0, sizeof(one), &one);
}

/// Both processes of one line of the table.
static Status runSize(size_t size, unsigned rounds, const cpu_set_t &allowed) {
  int ends[2];
  if (::pipe(ends) != 0)
    return makeError(StatusCode::Unavailable, "cannot make a pipe");
  pid_t child = ::fork();
  if (child < 0)
    return makeError(StatusCode::Unavailable, "cannot start a process");
  if (child == 0) {
    ::close(ends[0]);
    stayOnCore(allowed, 1);
    Status status = runServer(size, ends[1]);
    if (!status.ok())
      fmt::print(stderr, "server: {}\n", status.message());
    ::_exit(status.ok() ? 0 : 1);
  }
  ::close(ends[1]);
  Status status = runClient(size, rounds, ends[0]);
  if (!status.ok())
    ::kill(child, SIGKILL);
  int code = 0;
  ::waitpid(child, &code, 0);
  if (status.ok() && code != 0)
    return makeError(StatusCode::Internal, "the server process failed");
  return status;
}

int main(int argc, char **argv) {
  unsigned rounds = 25;
  if (argc > 1) {
    const char *end = argv[1] + std::strlen(argv[1]);
    auto [rest, error] = std::from_chars(argv[1], end, rounds);
    if (argc > 2 || error != std::errc() || rest != end || rounds == 0) {
      fmt::print(stderr, "usage: bench-push-pull [ROUNDS]\n");
      return 2;
    }
  }
  fmt::print("push and pull of the same size; median of {} rounds\n", rounds);
  fmt::print("{:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7}\n", "bytes",
             "raw us", "frame us", "serve us", "raw", "frames", "service",
             "f/raw", "s/raw");
  std::fflush(stdout); // a child must not print it again
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ::sched_getaffinity(0, sizeof(allowed), &allowed);
  stayOnCore(allowed, 0);
  for (uint64_t size : kSizes)
    if (Status status = runSize(size, rounds, allowed); !status.ok()) {
      fmt::print(stderr, "bench-push-pull: {} bytes: {}\n", size,
                 status.message());
      return 1;
    }
  return 0;
}
