//===- Session.h - This process among the workers of a job ------*- C++ -*-===//

#ifndef FLEET_LIB_API_SESSION_H
#define FLEET_LIB_API_SESSION_H

#include "fleet/API/Fleet.h"
#include "runtime/base/Clock.h"
#include "runtime/base/Files.h"
#include "runtime/base/Log.h"
#include "runtime/collective/Collective.h"
#include "runtime/transport/tcp/TcpTransport.h"

namespace fleet::api {

/// What a Fleet and what it has made share. It ends with the last of them.
class Session {
public:
  /// Checks `place`, and meets the other workers.
  static StatusOr<std::shared_ptr<Session>> open(const Place &place,
                                                 const FleetOptions &options);
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  const Place &place() const { return where; }
  const FleetOptions &options() const { return settings; }
  Collective &collective() { return *group; }
  Files &files() { return disk; }
  Clock &clock() { return time; }
  const Logger &log() const { return logger; }
  Transport &transport() { return sockets; }

  /// One value of each worker, by index.
  StatusOr<std::vector<int64_t>> gather(int64_t value);
  StatusOr<std::vector<double>> gather(double value);
  /// A call that all workers make with what each has got from the same work:
  /// success where all had it, else its own error, or that of `what` at another
  /// worker.
  Status agree(const Status &own, const char *what);

private:
  Session(Place place, const FleetOptions &options);

  Place where;
  FleetOptions settings;
  SystemFiles disk;
  SystemClock time;
  Logger logger;
  TcpTransport sockets;
  std::unique_ptr<Collective> group; // uses the sockets
};

} // namespace fleet::api

#endif // FLEET_LIB_API_SESSION_H
