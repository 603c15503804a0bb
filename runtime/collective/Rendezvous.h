//===- Rendezvous.h - How ranks find and watch each other -------*- C++ -*-===//
//
// Rank 0 listens at the first endpoint of the job, all others connect to it and
// stay connected:
//
//   rank r             rank 0
//   Hello              Welcome once everybody is here, or Refused and why
//   Share (step k)     Shares: everybody's part of exchange k
//   Abort and why      Error to all others
//   Complete           Complete to all others, argument: the rank that is done
//
// A connection that ends without Complete is a rank that died; rank 0 tells the
// others. Error and Abort carry a StatusCode in their argument. What rides on a
// rendezvous (a backend of collectives) is called when something has happened.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_RENDEZVOUS_H
#define FLEET_RUNTIME_COLLECTIVE_RENDEZVOUS_H

#include "runtime/transport/Connection.h"
#include "runtime/transport/JobIdentity.h"

#include <list>
#include <map>
#include <optional>

namespace fleet {

/// What a rank may give to an exchange.
constexpr size_t kMaxShareBytes = size_t(16) << 10;

/// One rank's end. Thread-safe. Needs a transport in real time.
class Rendezvous {
public:
  struct Options {
    JobIdentity job; ///< `trainers` is the number of ranks
    uint32_t rank = 0;
    /// HOST:PORT of rank 0, which it listens at and all others connect to.
    std::string endpoint;
    /// With which rank 0 listens there; null: it makes one.
    std::shared_ptr<Listener> listener;
    Duration deadline{}; ///< of joining and of each exchange
  };

  /// Returns when all ranks are here. The error says which are not, or why this
  /// one is not let in. A group of one needs no endpoint.
  static StatusOr<std::shared_ptr<Rendezvous>> join(Options options,
                                                    Transport &transport);
  /// Tells the others that this rank is done, unless the job has failed. Rank 0
  /// stays until the others are done too, within the deadline.
  ~Rendezvous();

  uint32_t rank() const { return options.rank; }
  uint32_t size() const { return options.job.trainers; }
  Duration deadline() const { return options.deadline; }

  /// Gives `mine` and returns what all ranks gave, in their order. All ranks
  /// make the same exchanges, one at a time.
  StatusOr<std::vector<std::string>> exchange(const std::string &mine);

  /// Ends the job on all ranks, for good; the first failure counts.
  void fail(const Status &reason);
  /// Why the job ended, naming the rank; success as long as it runs.
  Status failure();
  /// Whether `rank` is done and will do no more.
  bool hasLeft(uint32_t rank);

  /// Calls `changed` whenever failure() or hasLeft() has changed, from another
  /// thread, until unwatch(), which waits for a call that is under way.
  uint64_t watch(std::function<void()> changed);
  void unwatch(uint64_t watcher);

private:
  /// A connection to somebody, at rank 0, and the thread that reads it.
  struct Session {
    std::shared_ptr<Connection> connection;
    std::atomic<bool> done{false};
    std::unique_ptr<Thread> thread; ///< joined first
  };

  Rendezvous(Options options, Transport &transport);
  FrameHeader makeHeader(FrameKind kind) const;
  TimePoint deadlineFromNow() const {
    return transport.clock().now() + options.deadline;
  }
  bool isHub() const { return options.rank == 0; }

  // Joining (RendezvousJoin.cpp).
  Status gather();
  Status shakeHands(Connection &connection, FrameHeader &hello);
  void handleStranger(Session &session);
  Status connect();

  // Reading.
  void readMember(uint32_t rank, Connection &connection);
  Status handleMember(uint32_t rank, Connection &connection,
                      const FrameHeader &header);
  void readHub();
  Status handleHub(const FrameHeader &header);
  /// What an Error or Abort frame says.
  Status receiveFailure(Connection &connection, const FrameHeader &header);

  void setFailure(const Status &reason, std::optional<uint32_t> notTo);
  void setLeft(uint32_t rank);
  void tellMembers(FrameHeader header, const std::string &text,
                   std::optional<uint32_t> notTo);
  void notify();
  void leave();
  StatusOr<std::vector<std::string>> collect(std::unique_lock<std::mutex> lock,
                                             const std::string &mine);

  Options options;
  Transport &transport;
  std::mutex mutex; ///< guards what follows
  std::condition_variable changed;
  Status failed;
  std::vector<bool> left;
  uint64_t round = 0; ///< exchanges begun
  uint64_t answered = 0;
  std::vector<std::string> answer; ///< to exchange number `answered`
  // Of rank 0.
  std::vector<std::shared_ptr<Connection>> members; ///< null: not here
  std::vector<std::optional<std::string>> shares;   ///< of the exchange at hand
  std::list<Session> sessions;
  // Of the others.
  std::unique_ptr<Connection> hub;
  std::unique_ptr<Thread> reader;

  std::mutex watching; ///< held while watchers are called
  std::map<uint64_t, std::function<void()>> watchers;
  uint64_t nextWatcher = 1;
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_RENDEZVOUS_H
