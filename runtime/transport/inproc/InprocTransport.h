//===- InprocTransport.h - Ranks as threads of one process ------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_INPROC_INPROCTRANSPORT_H
#define FLEET_RUNTIME_TRANSPORT_INPROC_INPROCTRANSPORT_H

#include "runtime/transport/Transport.h"

namespace fleet {

/// Streams through queues in memory, between whoever shares this object.
/// Endpoints are names that live as long as their listener.
class InprocTransport final : public Transport {
public:
  InprocTransport();
  ~InprocTransport() override;
  StatusOr<std::unique_ptr<Listener>>
  listen(const std::string &endpoint) override;
  StatusOr<std::unique_ptr<Stream>> connect(const std::string &endpoint,
                                            TimePoint deadline) override;
  Clock &clock() override { return systemClock; }

private:
  struct Registry;
  class InprocListener;
  std::shared_ptr<Registry> registry;
  SystemClock systemClock;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_INPROC_INPROCTRANSPORT_H
