//===- MpiTransport.h - Streams over MPI ------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_MPI_MPITRANSPORT_H
#define FLEET_RUNTIME_TRANSPORT_MPI_MPITRANSPORT_H

#include "runtime/transport/mpi/MpiEngine.h"
#include "runtime/transport/mpi/MpiModule.h"

namespace fleet {

/// Streams between processes of one MPI job. Endpoints are names: which rank
/// serves one is given. A writer is at most kMpiWindowBytes ahead of its
/// reader.
class MpiTransport final : public Transport {
public:
  static StatusOr<std::unique_ptr<Transport>>
  create(const MpiTransportOptions &options);
  ~MpiTransport() override;

  StatusOr<std::unique_ptr<Listener>>
  listen(const std::string &endpoint) override;
  StatusOr<std::unique_ptr<Stream>> connect(const std::string &endpoint,
                                            TimePoint deadline) override;
  Clock &clock() override { return systemClock; }

private:
  struct Switchboard;
  class MpiStream;
  class MpiListener;
  explicit MpiTransport(const MpiTransportOptions &options)
      : options(options) {}

  MpiTransportOptions options;
  SystemClock systemClock;
  std::shared_ptr<Switchboard> board;
  std::unique_ptr<MpiEngine> engine; ///< ends first: it calls the switchboard
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_MPI_MPITRANSPORT_H
