//===- TcpTransport.cpp - Sockets -----------------------------------------===//
//
// asio makes, names and closes the sockets; reading and writing are plain
// scatter/gather calls on them, since asio's blocking operations know no
// deadline and its composed ones move at most 64 KB a call.
//
//===----------------------------------------------------------------------===//

#include "runtime/transport/tcp/TcpTransport.h"

#include "runtime/transport/Endpoint.h"
#include "runtime/transport/StreamErrors.h"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

using namespace fleet;
using asio::ip::tcp;

/// Gather and scatter lists are cut into pieces of this many (IOV_MAX is 1024).
static constexpr size_t kMaxPieces = 64;

/// The kernel waits for so long in one call before the deadline is looked at.
static constexpr auto kSlice = std::chrono::milliseconds(100);

/// Milliseconds for poll until `deadline`, rounded up; 0 when it has passed.
static int pollTimeout(TimePoint now, TimePoint deadline) {
  if (deadline <= now)
    return 0;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
  return static_cast<int>(std::min<int64_t>(left.count(), 1000 * 3600));
}

/// Waits until `fd` is ready for `events`; false when `deadline` has passed.
static bool waitFor(int fd, short events, Clock &clock, TimePoint deadline) {
  for (;;) {
    pollfd entry{fd, events, 0};
    int timeout = pollTimeout(clock.now(), deadline);
    int ready = ::poll(&entry, 1, timeout);
    if (ready > 0 || (ready < 0 && errno != EINTR))
      return true; // an error shows in the call that follows
    if (ready == 0 && timeout == 0)
      return false;
  }
}

static std::string describe(const tcp::endpoint &endpoint) {
  asio::error_code ignored;
  std::string address = endpoint.address().to_string(ignored);
  return endpoint.address().is_v6()
             ? fmt::format("[{}]:{}", address, endpoint.port())
             : fmt::format("{}:{}", address, endpoint.port());
}

namespace {

class TcpStream final : public Stream {
public:
  TcpStream(std::shared_ptr<asio::io_context> context, tcp::socket socket,
            std::string name, Clock &clock, Duration spin)
      : context(std::move(context)), socket(std::move(socket)),
        name(std::move(name)), clock(clock), spin(spin) {
    asio::error_code ignored;
    this->socket.native_non_blocking(false, ignored);
    this->socket.set_option(tcp::no_delay(true), ignored);
    fd = this->socket.native_handle();
    timeval slice{0, std::chrono::microseconds(kSlice).count()};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice));
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof(slice));
  }

  Status write(const std::vector<ConstBuffer> &buffers,
               TimePoint deadline) override {
    return transfer(buffers, deadline, POLLOUT);
  }
  Status read(const std::vector<MutableBuffer> &buffers,
              TimePoint deadline) override {
    return transfer(buffers, deadline, POLLIN);
  }
  // The descriptor stays until nobody can be using it any more.
  void close() override { ::shutdown(fd, SHUT_RDWR); }
  const std::string &peer() const override { return name; }

private:
  template <typename Buffer>
  Status transfer(const std::vector<Buffer> &buffers, TimePoint deadline,
                  short events) {
    size_t index = 0, offset = 0;
    bool any = false;
    TimePoint spinUntil{};
    for (;;) {
      iovec pieces[kMaxPieces];
      size_t count = 0;
      for (size_t i = index; i < buffers.size() && count < kMaxPieces; ++i) {
        size_t skip = i == index ? offset : 0;
        if (buffers[i].size > skip)
          pieces[count++] = {
              const_cast<char *>(static_cast<const char *>(buffers[i].data)) +
                  skip,
              buffers[i].size - skip};
      }
      if (count == 0)
        return Status();
      msghdr message{};
      message.msg_iov = pieces;
      message.msg_iovlen = count;
      // Far from the deadline the kernel waits, which saves a call that finds
      // nothing and a poll a message; near it, poll does.
      bool kernelWaits =
          spin.count() == 0 && deadline - clock.now() > 2 * kSlice;
      int flags = MSG_NOSIGNAL | (kernelWaits ? MSG_WAITALL : MSG_DONTWAIT);
      ssize_t moved = events == POLLOUT ? ::sendmsg(fd, &message, flags)
                                        : ::recvmsg(fd, &message, flags);
      if (moved > 0) {
        any = true;
        offset += static_cast<size_t>(moved);
        while (index < buffers.size() && offset >= buffers[index].size)
          offset -= buffers[index++].size;
        spinUntil = TimePoint{};
        continue;
      }
      if (moved == 0 && events == POLLIN)
        return makeError(StatusCode::Unavailable, "{} closed the connection",
                         name);
      if (errno == EINTR)
        continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        return makeError(
            StatusCode::Unavailable, "connection to {} lost: {}", name,
            std::error_code(errno, std::system_category()).message());
      if (kernelWaits)
        continue;
      if (spin.count() > 0) {
        TimePoint now = clock.now();
        if (spinUntil == TimePoint{})
          spinUntil = now + spin;
        if (now < spinUntil)
          continue;
      }
      if (!waitFor(fd, events, clock, deadline))
        return deadlineError(name, events == POLLOUT ? "take" : "send", any);
    }
  }

  std::shared_ptr<asio::io_context> context;
  tcp::socket socket;
  std::string name;
  Clock &clock;
  Duration spin;
  int fd;
};

class TcpListener final : public Listener {
public:
  TcpListener(std::shared_ptr<asio::io_context> context, tcp::acceptor acceptor,
              std::string name, Clock &clock, Duration spin)
      : context(std::move(context)), acceptor(std::move(acceptor)),
        name(std::move(name)), clock(clock), spin(spin),
        fd(this->acceptor.native_handle()) {}

  StatusOr<std::unique_ptr<Stream>> accept(TimePoint deadline) override {
    for (;;) {
      if (closed)
        return makeError(StatusCode::Aborted, "{} is closed", name);
      if (!waitFor(fd, POLLIN, clock, deadline))
        return makeError(StatusCode::DeadlineExceeded,
                         "nobody connected to {} before the deadline", name);
      if (closed)
        continue;
      auto own = std::make_shared<asio::io_context>();
      tcp::socket socket(*own);
      tcp::endpoint remote;
      asio::error_code error;
      acceptor.accept(socket, remote, error);
      if (!error)
        return std::unique_ptr<Stream>(std::make_unique<TcpStream>(
            own, std::move(socket), describe(remote), clock, spin));
      // Somebody hung up before being accepted, or a signal came.
      if (error != asio::error::would_block &&
          error != asio::error::connection_aborted &&
          error != asio::error::interrupted && !closed)
        return makeError(StatusCode::Unavailable, "cannot accept at {}: {}",
                         name, error.message());
    }
  }
  const std::string &endpoint() const override { return name; }
  void close() override {
    closed = true;
    ::shutdown(fd, SHUT_RDWR); // wakes accept
  }

private:
  std::shared_ptr<asio::io_context> context;
  tcp::acceptor acceptor;
  std::string name;
  Clock &clock;
  Duration spin;
  int fd;
  std::atomic<bool> closed{false};
};

} // namespace

static StatusOr<std::vector<tcp::endpoint>> resolve(asio::io_context &context,
                                                    const std::string &text) {
  FLEET_ASSIGN_OR_RETURN(Endpoint endpoint, parseEndpoint(text));
  asio::error_code error;
  auto results = tcp::resolver(context).resolve(
      endpoint.host, std::to_string(endpoint.port),
      tcp::resolver::numeric_service, error);
  if (error || results.empty())
    return makeError(StatusCode::Unavailable,
                     "the host of {} cannot be resolved: {}", text,
                     error.message());
  std::vector<tcp::endpoint> endpoints;
  for (const auto &result : results)
    endpoints.push_back(result.endpoint());
  return endpoints;
}

StatusOr<std::unique_ptr<Listener>>
TcpTransport::listen(const std::string &endpoint) {
  auto context = std::make_shared<asio::io_context>();
  FLEET_ASSIGN_OR_RETURN(auto addresses, resolve(*context, endpoint));
  tcp::acceptor acceptor(*context);
  asio::error_code error;
  auto step = [&](auto &&call) {
    if (!error)
      call();
  };
  step([&] { acceptor.open(addresses.front().protocol(), error); });
  step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), error); });
  step([&] { acceptor.bind(addresses.front(), error); });
  step([&] { acceptor.listen(tcp::acceptor::max_listen_connections, error); });
  step([&] { acceptor.native_non_blocking(true, error); });
  tcp::endpoint local;
  step([&] { local = acceptor.local_endpoint(error); });
  if (error)
    return makeError(StatusCode::Unavailable, "cannot listen at {}: {}",
                     endpoint,
                     error == asio::error::address_in_use
                         ? "the address is in use by another process"
                         : error.message());
  FLEET_ASSIGN_OR_RETURN(Endpoint parsed, parseEndpoint(endpoint));
  std::string name = parsed.port == 0 ? describe(local) : endpoint;
  return std::unique_ptr<Listener>(std::make_unique<TcpListener>(
      context, std::move(acceptor), name, systemClock, options.spin));
}

/// One attempt at one address; the error says why not.
static std::string tryConnect(tcp::socket &socket, const tcp::endpoint &to,
                              Clock &clock, TimePoint deadline) {
  asio::error_code error;
  socket.open(to.protocol(), error);
  if (!error)
    socket.native_non_blocking(true, error);
  if (error)
    return error.message();
  int fd = socket.native_handle();
  if (::connect(fd, to.data(), static_cast<socklen_t>(to.size())) != 0) {
    if (errno != EINPROGRESS && errno != EINTR)
      return std::error_code(errno, std::system_category()).message();
    if (!waitFor(fd, POLLOUT, clock, deadline))
      return "no answer";
    int result = 0;
    socklen_t size = sizeof(result);
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size);
    if (result != 0)
      return std::error_code(result, std::system_category()).message();
  }
  // A connect to a free port of the ephemeral range can meet itself.
  if (socket.local_endpoint(error) == to)
    return "nobody listens there";
  return "";
}

StatusOr<std::unique_ptr<Stream>>
TcpTransport::connect(const std::string &endpoint, TimePoint deadline) {
  auto context = std::make_shared<asio::io_context>();
  FLEET_ASSIGN_OR_RETURN(auto addresses, resolve(*context, endpoint));
  Duration pause = std::chrono::milliseconds(1);
  for (;;) {
    std::string why;
    for (const tcp::endpoint &address : addresses) {
      tcp::socket socket(*context);
      why = tryConnect(socket, address, systemClock, deadline);
      if (why.empty())
        return std::unique_ptr<Stream>(std::make_unique<TcpStream>(
            context, std::move(socket), endpoint, systemClock, options.spin));
    }
    if (systemClock.now() + pause >= deadline)
      return makeError(StatusCode::Unavailable,
                       "cannot connect to {} before the deadline: {}", endpoint,
                       why);
    systemClock.sleepUntil(systemClock.now() + pause);
    pause = std::min<Duration>(pause * 2, std::chrono::milliseconds(250));
  }
}
