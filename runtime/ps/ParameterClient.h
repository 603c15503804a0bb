//===- ParameterClient.h - A trainer's side of the service ------*- C++ -*-===//

#ifndef FLEET_RUNTIME_PS_PARAMETERCLIENT_H
#define FLEET_RUNTIME_PS_PARAMETERCLIENT_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/Failpoints.h"
#include "runtime/ps/RemoteState.h"
#include "runtime/ps/RowFrames.h"
#include "runtime/table/RowBatch.h"
#include "runtime/transport/Connection.h"
#include "runtime/transport/JobIdentity.h"

#include <atomic>
#include <vector>

namespace fleet {

/// What a server is, as the trainer's plan tells it.
struct ServerInfo {
  std::string endpoint;
  std::vector<std::string> blocks; ///< names
  std::vector<size_t> blockBytes;
  /// Blocks with a part of a sum, by index, ascending.
  std::vector<uint32_t> parts{};
  /// The tables that it owns a shard of, in the order of the plan.
  struct Table {
    uint32_t table; ///< index into Plan.tables
    uint32_t shard;
    size_t rowBytes;
  };
  std::vector<Table> tables{};
};

/// Exchanges gradients for parameters with all servers of a job, one round trip
/// a server and step. Used by one thread; abort() may be called from another.
/// Every wait ends at the deadline, and every error names the server.
class ParameterClient {
public:
  struct Options {
    JobIdentity job;
    uint32_t rank = 0;
    uint64_t incarnation = 1; ///< grows each time this rank starts
    Duration deadline = std::chrono::seconds(60);
    Failpoints failpoints{};
  };

  /// Connects to all servers and shakes hands.
  static StatusOr<std::unique_ptr<ParameterClient>>
  connect(Options options, Transport &transport,
          std::vector<ServerInfo> servers);

  /// Notes a gradient block that leaves at the next sendBarrier(). The memory
  /// stays as it is until then.
  Status enqueueSend(uint32_t server, uint32_t block, const void *data,
                     size_t bytes);
  /// Notes where a parameter block goes by the end of the next fetchBarrier().
  Status enqueueRecv(uint32_t server, uint32_t block, void *data, size_t bytes);
  /// Looks rows up: one round trip to all servers that own some of them. Not
  /// between sendBarrier() and fetchBarrier().
  Status pullRows(const std::vector<RowSet> &sets);
  /// Notes gradients of rows that leave at the next sendBarrier(). The memory
  /// stays as it is until then.
  Status pushRows(const RowSet &set);

  /// Ends the sends of a step: one frame a server with all its blocks. With 0
  /// `examples` nothing was noted, and servers learn that this trainer has no
  /// share in the step.
  Status sendBarrier(uint64_t examples);
  /// Between sendBarrier() and fetchBarrier(): waits for the parts that servers
  /// have made of the merged gradients of these blocks, adds them in this
  /// order, as doubles or as floats, and notes the sum for all of them. Every
  /// block with a part has to be in one call.
  Status agree(const plan::Agree &agree, bool isDouble);
  /// Waits for the blocks: the answers to the push, or without one (start-up)
  /// the blocks as they are.
  Status fetchBarrier();

  /// Everything that the servers hold.
  StatusOr<std::vector<RemoteState>> pullState();

  /// Says that this trainer is done. Call once, last.
  Status complete();
  /// Says that this trainer failed, to whoever still listens.
  void abort(const std::string &reason);
  /// Ends all waits of other threads, which get an error; for good.
  void disconnect();

  uint64_t step() const { return currentStep; }
  /// Bytes sent so far, headers included.
  uint64_t bytesSent() const;

private:
  struct Server {
    ServerInfo info;
    std::unique_ptr<Connection> connection;
    std::vector<ConstBuffer> sends;    ///< one a block; null: not noted
    std::vector<MutableBuffer> recvs;  ///< one a block
    std::vector<AlignedBuffer> unused; ///< where unwanted blocks go
    size_t sendCount = 0, recvCount = 0;
    std::vector<double> parts, sums; ///< one for each of info.parts
    size_t agreed = 0;               ///< sums that are known
    std::vector<size_t> rowBytes;    ///< one a table
    std::vector<RowSpan> pushed;     ///< gradients of the step, one a table
    std::vector<RowSpan> pulled;     ///< what is looked up, one a table
    RowPayload rows;
    std::vector<ConstBuffer> payload;
  };

  ParameterClient(Options options, Transport &transport)
      : options(std::move(options)), transport(transport) {}
  Status join(ServerInfo info);
  Status shakeHands(Server &server);
  Status receiveParts();
  Status sendSums();
  Status checkIndex(uint32_t server, uint32_t block, size_t bytes) const;
  /// The rows of `set` that `server` owns, as its table number `table`.
  static RowSpan partOf(const RowSet &set, const Server &server, size_t table);
  Status receiveRows(Server &server);
  /// The next frame, which has to be of `kind`. What the server says instead
  /// (Error, Refused) becomes the error.
  StatusOr<FrameHeader> expect(Server &server, FrameKind kind);
  /// `status`, or if the server said why it left, that.
  Status explain(Server &server, const Status &status);
  FrameHeader makeHeader(FrameKind kind) const;
  Status reach(Failpoint point) {
    return options.failpoints.hit(point, transport.clock());
  }
  TimePoint deadlineFromNow() {
    return transport.clock().now() + options.deadline;
  }

  Options options;
  Transport &transport;
  std::vector<Server> servers;
  std::atomic<uint64_t> currentStep{0};
  bool pushed = false;   ///< answers to a push are due
  uint64_t examples = 0; ///< of that push
  bool hasParts = false; ///< parts of that push are here
};

} // namespace fleet

#endif // FLEET_RUNTIME_PS_PARAMETERCLIENT_H
