//===- SimTransport.h - A simulated network ---------------------*- C++ -*-===//
//
// Whole jobs in one process and in virtual time, on a network that delays,
// duplicates and loses. A seed determines every event, so that a failing one
// replays exactly. One call of Stream::write is one message; it never blocks.
// Code on top must not block on anything but this transport, its clock and its
// threads while another thread needs to run.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TRANSPORT_SIM_SIMTRANSPORT_H
#define FLEET_RUNTIME_TRANSPORT_SIM_SIMTRANSPORT_H

#include "runtime/transport/Transport.h"

#include <string_view>

namespace fleet {

class SimTransport final : public Transport {
public:
  /// The connection that was made as the `connection`-th (from 0) breaks when
  /// the simulation has lasted `after`.
  struct Reset {
    uint64_t connection = 0;
    Duration after{0};
  };
  struct Options {
    uint64_t seed = 1;
    /// Every message takes a time drawn from these; order is kept.
    Duration minDelay{0};
    Duration maxDelay{0};
    /// So many of the directions of connections are slower by this factor.
    double slowShare = 0;
    unsigned slowFactor = 20;
    /// A write breaks the connection instead: both ends lose what is on its
    /// way.
    double resetProbability = 0;
    std::vector<Reset> resets;
    /// Messages that arrive twice, among those that `mayDuplicate` accepts.
    double duplicateProbability = 0;
    std::function<bool(std::string_view message)> mayDuplicate;
  };

  explicit SimTransport(Options options);
  ~SimTransport() override;

  /// Runs `main`, and what it spawns, to the end. Everything else is called by
  /// threads within. Internal, with what every thread waits for, when they all
  /// wait for each other; their waits then fail. Call once.
  Status run(const std::function<void()> &main);

  StatusOr<std::unique_ptr<Listener>>
  listen(const std::string &endpoint) override;
  StatusOr<std::unique_ptr<Stream>> connect(const std::string &endpoint,
                                            TimePoint deadline) override;
  std::unique_ptr<Thread> spawn(std::function<void()> body) override;
  Clock &clock() override;

  /// All that happened, in order, with virtual times. After run().
  const std::vector<std::string> &log() const;
  /// How long the simulation lasted so far.
  Duration elapsed() const;

private:
  struct World;
  class SimStream;
  class SimListener;
  class SimThread;
  std::shared_ptr<World> world;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_SIM_SIMTRANSPORT_H
