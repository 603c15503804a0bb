//===- TcpTransport.h - Sockets ---------------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_TCP_TCPTRANSPORT_H
#define FLEET_RUNTIME_TRANSPORT_TCP_TCPTRANSPORT_H

#include "runtime/transport/Transport.h"

namespace fleet {

/// TCP over IPv4 and IPv6. Every wait ends at the caller's deadline. Small
/// messages leave at once (TCP_NODELAY). No proxy of the environment is ever
/// used.
class TcpTransport final : public Transport {
public:
  struct Options {
    /// Try this long without sleeping before a wait sleeps: a sleeping thread
    /// takes tens of microseconds to wake. Zero where processes share cores.
    Duration spin{0};
  };
  TcpTransport() = default;
  explicit TcpTransport(Options options) : options(options) {}

  StatusOr<std::unique_ptr<Listener>>
  listen(const std::string &endpoint) override;
  StatusOr<std::unique_ptr<Stream>> connect(const std::string &endpoint,
                                            TimePoint deadline) override;
  Clock &clock() override { return systemClock; }

private:
  Options options;
  SystemClock systemClock;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_TCP_TCPTRANSPORT_H
