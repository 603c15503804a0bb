//===- Transport.h - Bytes between processes --------------------*- C++ -*-===//
//
// What a backend implements: byte streams between endpoints, and the threads
// and the clock that code on top of it uses (a simulated transport runs a whole
// job in virtual time, one thread at a time). Frames are made on top, once for
// all backends, by Connection.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TRANSPORT_TRANSPORT_H
#define FLEET_RUNTIME_TRANSPORT_TRANSPORT_H

#include "runtime/base/Clock.h"
#include "runtime/base/Status.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fleet {

struct ConstBuffer {
  const void *data;
  size_t size;
};
struct MutableBuffer {
  void *data;
  size_t size;
};

/// A reliable, ordered stream of bytes to one peer. One thread may read while
/// another writes; close() may be called from any thread and wakes both.
class Stream {
public:
  virtual ~Stream() = default;
  /// Sends all buffers, in order. One call is one message of the layer above.
  virtual Status write(const std::vector<ConstBuffer> &buffers,
                       TimePoint deadline) = 0;
  /// Fills all buffers, in order. Unavailable when the peer has closed.
  /// DeadlineExceeded means that nothing was read, so that it may be tried
  /// again; DataLoss that the peer stopped in the middle.
  virtual Status read(const std::vector<MutableBuffer> &buffers,
                      TimePoint deadline) = 0;
  virtual void close() = 0;
  /// The peer's address, for messages.
  virtual const std::string &peer() const = 0;
};

/// Accepts streams at one endpoint. close() may be called from any thread.
class Listener {
public:
  virtual ~Listener() = default;
  /// Aborted once the listener is closed.
  virtual StatusOr<std::unique_ptr<Stream>> accept(TimePoint deadline) = 0;
  /// Where it listens; the port that was chosen, if 0 was asked for.
  virtual const std::string &endpoint() const = 0;
  virtual void close() = 0;
};

/// A running thread of a Transport; destroying it joins.
class Thread {
public:
  virtual ~Thread() = default;
};

/// Thread-safe. Outlives its streams, listeners and threads.
class Transport {
public:
  virtual ~Transport() = default;
  /// Listens at `endpoint` (HOST:PORT; port 0: any). The error names it.
  virtual StatusOr<std::unique_ptr<Listener>>
  listen(const std::string &endpoint) = 0;
  /// Connects to `endpoint`, again and again until `deadline` if nobody listens
  /// yet. The error names the endpoint and the last reason.
  virtual StatusOr<std::unique_ptr<Stream>> connect(const std::string &endpoint,
                                                    TimePoint deadline) = 0;
  /// Starts a thread that may use this transport.
  virtual std::unique_ptr<Thread> spawn(std::function<void()> body);
  virtual Clock &clock() = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_TRANSPORT_H
